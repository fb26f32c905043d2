/* -vnc, -display, -vga, -k, and the -device names of graphics cards, tablets, mice, keyboards. */
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"

#include <string.h>

#define MAX_DISPLAY 59635 /* port 5900 + this is 65535 */

static bool display_number(const char *text, unsigned *ret, GError **error)
{
    uint64_t n;

    if (!number_parse(text, MAX_DISPLAY, &n, error))
        return false;
    *ret = (unsigned)n;
    return true;
}

/* none, unix:PATH, HOST:DISPLAY, :DISPLAY, [ADDRESS]:DISPLAY */
static bool vnc_address(const char *text, struct vnc_config *c, GError **error)
{
    const char *colon = strrchr(text, ':');

    if (strcmp(text, "none") == 0)
        return c->none = true;
    if (g_str_has_prefix(text, "unix:")) {
        c->path = g_strdup(text + 5);
        return *c->path || opt_error(error, "the path is missing");
    }
    if (!colon)
        return opt_error(error, "neither none, unix:PATH nor HOST:DISPLAY");
    if (text[0] == '[' && colon > text + 1 && colon[-1] == ']')
        c->host = g_strndup(text + 1, (gsize)(colon - text - 2));
    else
        c->host = g_strndup(text, (gsize)(colon - text));
    return display_number(colon + 1, &c->display, error);
}

static bool vnc_share(const char *text, enum vnc_share *ret, GError **error)
{
    static const char *const names[] = {"allow-exclusive", "force-shared", "ignore"};

    for (unsigned i = 0; text && i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], text) == 0) {
            *ret = (enum vnc_share)i;
            return true;
        }
    }
    return !text || opt_error(error, "share=%s: allow-exclusive, force-shared or ignore", text);
}

static bool vnc_keys(struct keyval *kv, struct vnc_config *c, GError **error)
{
    /* about encodings and sound: what a client can do without is not promised */
    static const char *const harmless[] = {"non-adaptive", "audiodev", "key-delay-ms", "power-control",
                                           "lock-key-sync", "display", "head"};
    static const char *const refused[] = {"websocket", "reverse", "sasl", "tls-creds", "tls-authz",
                                          "sasl-authz", "password-secret"};
    bool on = false;
    const char *to = keyval_get(kv, "to"), *id = keyval_get(kv, "id");

    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        const char *text = keyval_get(kv, refused[i]);
        if (text && strcmp(text, "off") != 0)
            return opt_error(error, "'%s' is not supported", refused[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(harmless); i++)
        keyval_get(kv, harmless[i]);
    c->id = g_strdup(id ? id : "default");
    if (!keyval_get_switch(kv, "ipv4", &on, error) || !keyval_get_switch(kv, "ipv6", &on, error))
        return false;
    return (!to || display_number(to, &c->to, error)) &&
           keyval_get_switch(kv, "password", &c->password, error) &&
           keyval_get_switch(kv, "lossy", &c->lossy, error) &&
           vnc_share(keyval_get(kv, "share"), &c->share, error);
}

bool opt_vnc(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    struct vnc_config *c = g_new0(struct vnc_config, 1);

    c->origin.text = g_strdup_printf("-vnc %s", value);
    g_ptr_array_add(s->cfg->vncs, c);
    bool ok = keyval_parse(value, "vnc", &kv, error);
    if (ok) {
        const char *address = keyval_get(&kv, "vnc");
        ok = vnc_address(address ? address : "", c, error) && vnc_keys(&kv, c, error) &&
             keyval_check_unused(&kv, error);
    }
    keyval_clear(&kv);
    return ok;
}

bool opt_display(struct option_state *s, const char *value, GError **error)
{
    if (opt_is_help(value))
        return opt_help_text(s, g_strdup("Available display backend types:\nnone\nvnc\n"));
    if (strcmp(value, "none") == 0)
        return true;
    if (g_str_has_prefix(value, "vnc="))
        return opt_vnc(s, value + 4, error);
    return opt_error(error, "'none' and 'vnc=...' are what there is");
}

bool opt_vga(struct option_state *s, const char *value, GError **error)
{
    static const char *const cards[] = {"std", "cirrus", "vmware", "virtio", "qxl", "xenfb"};

    if (opt_is_help(value))
        return opt_help_text(s, g_strconcat("none       no framebuffer\n", "std        a framebuffer (vfb) and "
                                            "a keyboard (vkbd); so are:\ncirrus\nqxl\nvirtio\nvmware\n"
                                            "xenfb\n", NULL));
    s->explicit_vga = true;
    s->cfg->screen.framebuffer = s->cfg->screen.keyboard = false;
    s->cfg->screen.vga = strcmp(value, "none") == 0     ? VGA_NONE
                         : strcmp(value, "cirrus") == 0 ? VGA_CIRRUS
                                                        : VGA_STD;
    if (strcmp(value, "none") == 0)
        return true;
    for (unsigned i = 0; i < G_N_ELEMENTS(cards); i++)
        s->cfg->screen.framebuffer |= strcmp(value, cards[i]) == 0;
    s->cfg->screen.keyboard = s->cfg->screen.framebuffer;
    return s->cfg->screen.framebuffer || opt_error(error, "there is no such card");
}

bool opt_keyboard(struct option_state *s, const char *value, GError **error)
{
    g_free(s->cfg->screen.layout);
    s->cfg->screen.layout = g_strdup(value);
    return true;
}

static bool side(struct keyval *kv, const char *key, unsigned *ret, GError **error)
{
    const char *text = keyval_get(kv, key);
    uint64_t n;

    if (!text)
        return true;
    if (!number_parse(text, VM_CONFIG_MAX_SCREEN, &n, error)) {
        g_prefix_error(error, "%s=", key);
        return false;
    }
    *ret = n ? (unsigned)n : *ret;
    return true;
}

/* A graphics card is a vfb, with the keyboard that QEMU's PC has anyway. */
bool device_framebuffer(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    static const char *const harmless[] = {"bus", "addr", "ram_size", "vram_size",
        "vram64_size_mb", "max_outputs", "edid", "multifunction", "xmax", "ymax", "blob", "hostmem"};

    for (unsigned i = 0; i < G_N_ELEMENTS(harmless); i++)
        keyval_get(kv, harmless[i]);
    const char *id = keyval_get(kv, "id");
    if (id) {
        g_free(s->cfg->screen.id);
        s->cfg->screen.id = g_strdup(id);
    }
    g_free(s->cfg->screen.driver);
    s->cfg->screen.driver = g_strdup(keyval_get(kv, "driver"));
    s->explicit_vga = s->cfg->screen.framebuffer = s->cfg->screen.keyboard = true;
    return side(kv, "vgamem_mb", &s->cfg->screen.memory_mb, error) &&
           side(kv, "xres", &s->cfg->screen.width, error) &&
           side(kv, "yres", &s->cfg->screen.height, error) && keyval_check_unused(kv, error);
}

/* One vkbd is keyboard, mouse and tablet; only a mouse alone makes it relative. */
bool device_input(struct option_state *s, const char *value, struct keyval *kv, GError **error)
{
    static const char *const harmless[] = {"id", "bus", "addr", "port", "usb_version", "display",
                                           "head", "wheel-axis", "serial"};
    const char *driver = keyval_get(kv, "driver");

    for (unsigned i = 0; i < G_N_ELEMENTS(harmless); i++)
        keyval_get(kv, harmless[i]);
    s->cfg->screen.keyboard = true;
    s->tablet |= strstr(driver, "tablet") != NULL || strcmp(driver, "xenkbd") == 0;
    s->mouse |= strstr(driver, "mouse") != NULL;
    return keyval_check_unused(kv, error);
}

void opt_display_finish(struct option_state *s)
{
    if (!s->explicit_vga && s->cfg->vncs->len && !s->nodefaults)
        s->cfg->screen.framebuffer = s->cfg->screen.keyboard = true;
    s->cfg->screen.relative = s->mouse && !s->tablet;
    s->cfg->screen.tablet = s->tablet;
}
