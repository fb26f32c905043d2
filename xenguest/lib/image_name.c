/* Which names and links an image may have, and how they are shown. */
#include "xenguest/lib/image_priv.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

static bool shows(const char *name)
{
    if (!g_utf8_validate(name, -1, NULL))
        return false;
    for (const char *p = name; *p; p = g_utf8_next_char(p)) {
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return false;
    }
    return true;
}

char *xg_printable(const char *name)
{
    return shows(name) ? g_strdup(name) : g_strescape(name, NULL);
}

bool xg_refuse(GError **error, const char *name, const char *fmt, ...)
{
    g_autofree char *safe = xg_printable(name);
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *safe_what = xg_printable(what); /* it may quote the image too */
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: %s", safe, safe_what);
    return false;
}

bool xg_failed(GError **error, const char *name, const char *verb)
{
    int err = errno;
    g_autofree char *safe = xg_printable(name);

    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(err), "%s: could not %s: %s", safe,
                verb, g_strerror(err));
    return false;
}

bool xg_name_normalise(const char *name, char **ret, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned depth = 0;

    if (!shows(name))
        return xg_refuse(error, name, "a name that is no text");
    if (name[0] == '/')
        return xg_refuse(error, name, "an absolute name");
    for (char **p = parts; *p; p++) {
        if (!strcmp(*p, ".."))
            return xg_refuse(error, name, "a name with ..");
        if (!**p || !strcmp(*p, "."))
            continue;
        if (strlen(*p) > 255 || ++depth > XG_DEPTH_MAX)
            return xg_refuse(error, name, "too long or too deep a name");
        g_string_append_printf(text, "%s%s", text->len ? "/" : "", *p);
    }
    if (text->len > XG_NAME_MAX)
        return xg_refuse(error, name, "too long or too deep a name");
    *ret = g_string_free(g_steal_pointer(&text), FALSE);
    return true;
}

/*
 * The directories above a member are directories (xg_index_check()), so leading ".."s do what they
 * seem to; behind a name they may not, as that could be a link itself.
 */
bool xg_target_check(const char *name, const char *target, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(target, "/", -1);
    unsigned up = 0, depth = 0;
    bool down = false;

    for (const char *p = name; *p; p++)
        depth += *p == '/';
    if (!shows(target) || !*target || strlen(target) > XG_NAME_MAX)
        return xg_refuse(error, name, "a symbolic link to what is no name");
    if (target[0] == '/')
        return xg_refuse(error, name, "a symbolic link that leads out of the image, to %s", target);
    for (char **p = parts; *p; p++) {
        if (!**p || !strcmp(*p, "."))
            continue;
        if (strcmp(*p, "..")) {
            down = true;
            continue;
        }
        if (down || ++up > depth)
            return xg_refuse(error, name, "a symbolic link that leads out of the image, to %s",
                             target);
    }
    return true;
}
