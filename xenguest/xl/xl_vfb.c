/* vfb = [...]: a framebuffer and a keyboard, seen over VNC. */
#include "xenguest/xl/xl_priv.h"

#include <string.h>

#define FIRST_PORT_OFFSET 99u /* vncunused: how far displays are tried */

static bool set_key(const struct xl_out *o, const struct xlcfg_value *v, struct xl_vnc *vfb,
                    const char *key, const char *value, GError **error)
{
    static const char *const ignored[] = {"type", "xauthority", "display", "opengl", NULL};

    if (strcmp(key, "vnc") == 0)
        vfb->vnc = strcmp(value, "0") != 0;
    else if (strcmp(key, "vnclisten") == 0)
        vfb->listen = value;
    else if (strcmp(key, "vncdisplay") == 0)
        vfb->display = value;
    else if (strcmp(key, "vncunused") == 0)
        vfb->unused = strcmp(value, "0") != 0;
    else if (strcmp(key, "vncpasswd") == 0)
        vfb->password = value;
    else if (strcmp(key, "keymap") == 0)
        vfb->keymap = value;
    else if (strcmp(key, "sdl") == 0 && strcmp(value, "0") == 0)
        return true;
    else if (g_strv_contains(ignored, key) || strcmp(key, "sdl") == 0)
        xl_warn(o, v, "vfb: '%s' is without effect", key);
    else
        return xl_fail(o, v, error, "vfb: '%s' is not possible here", key);
    return true;
}

static bool parse(const struct xl_out *o, const struct xlcfg_value *v, char **words,
                  struct xl_vnc *vfb, GError **error)
{
    for (unsigned i = 0; words[i]; i++) {
        char *word = g_strstrip(words[i]), *equals = strchr(word, '=');
        if (!*word)
            continue;
        if (!equals)
            return xl_fail(o, v, error, "vfb: what is '%s'?", word);
        *equals = '\0';
        if (!set_key(o, v, vfb, word, equals + 1, error))
            return false;
    }
    return true;
}

/* "127.0.0.1:2" as vnclisten has a display too. */
static char *vnc_address(const struct xl_vnc *vfb)
{
    const char *listen = vfb->listen && *vfb->listen ? vfb->listen : "127.0.0.1";
    const char *colon = strrchr(listen, ':');

    if (colon && g_ascii_isdigit(colon[1]))
        return g_strdup(listen);
    return g_strdup_printf("%s:%s", listen, vfb->display ? vfb->display : "0");
}

void xl_add_vnc(struct xl_out *o, const struct xl_vnc *vfb)
{
    g_autofree char *address = vnc_address(vfb);
    g_autoptr(GString) vnc = g_string_new(vfb->vnc ? address : "none");

    if (vfb->vnc && vfb->unused) {
        const char *display = strrchr(address, ':') + 1;
        g_string_append_printf(vnc, ",to=%u",
                               (unsigned)strtoul(display, NULL, 10) + FIRST_PORT_OFFSET);
    }
    if (vfb->vnc && vfb->password && *vfb->password) { /* not where every user can read it */
        g_string_append(vnc, ",password=on");
        o->cmd->vnc_password = g_strdup(vfb->password);
    }
    xl_add(o, "-vnc", vnc->str);
    if (vfb->keymap)
        xl_add(o, "-k", vfb->keymap);
}

bool xl_vfb(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    g_auto(GStrv) words = g_strsplit(v->string, ",", -1);
    struct xl_vnc vfb = {.vnc = true, .unused = true};

    if (!parse(o, v, words, &vfb, error))
        return false;
    xl_add_vnc(o, &vfb);
    return true;
}
