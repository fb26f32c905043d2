/* The parameters of xl.cfg(5) that only HVM guests have: firmware, boot order, VGA and its VNC, the device model. */
#include "xenguest/xl/xl_priv.h"

#include <string.h>

static bool want_text(struct xl_out *o, const struct xlcfg_value *v, const char *name, const char *const *good,
                      GError **error)
{
    if (v->type == XLCFG_STRING && g_strv_contains(good, v->string))
        return true;
    return xl_fail(o, v, error, "%s = '%s' is not possible here", name, v->type == XLCFG_STRING ? v->string : "");
}

static bool do_firmware(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const known[] = {"bios", "seabios", "uefi", "ovmf", NULL}, *const uefi[] = {"uefi", "ovmf", NULL};

    if (!want_text(o, v, "firmware", known, error))
        return false;
    if (g_strv_contains(uefi, v->string))
        xl_add(o, "-machine", "firmware=uefi");
    return true;
}

static bool do_device_model(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const known[] = {"qemu-xen", NULL};

    return want_text(o, v, "device_model_version", known, error);
}

static bool do_boot(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    if (v->type != XLCFG_STRING)
        return xl_fail(o, v, error, "boot is not a string");
    xl_add(o, "-boot", v->string);
    return true;
}

static bool do_vga(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const known[] = {"stdvga", "cirrus", "none", NULL};

    if (!want_text(o, v, "vga", known, error))
        return false;
    xl_add(o, "-vga", strcmp(v->string, "stdvga") == 0 ? "std" : v->string);
    return true;
}

static bool do_usbdevice(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    static const char *const known[] = {"tablet", NULL};

    if (!want_text(o, v, "usbdevice", known, error))
        return false;
    xl_add(o, "-usbdevice", v->string);
    return true;
}

/* console 0 is the serial port */
static bool do_serial(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    if (v->type != XLCFG_STRING || strcmp(v->string, "pty") != 0)
        xl_warn(o, v, "serial: the guest's console is its serial port, whatever this says");
    return true;
}

static bool refuse_vfb(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    return (v->type == XLCFG_LIST && v->list->len == 0) ||
           xl_fail(o, v, error, "vfb: an HVM guest has VGA: vnc, vnclisten and so on are for it");
}

static bool refuse_password(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    return (v->type == XLCFG_STRING && !*v->string) ||
           xl_fail(o, v, error, "vncpasswd is not possible for an HVM guest");
}

/* What xl_hvm_screen() looks at. */
static bool do_nothing(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    return true;
}

static const struct xl_param params[] = {
    {"firmware", do_firmware},
    {"device_model_version", do_device_model},
    {"boot", do_boot},
    {"vga", do_vga},
    {"usbdevice", do_usbdevice},
    {"serial", do_serial},
    {"vfb", refuse_vfb},
    {"vncpasswd", refuse_password},
    {"vnc", do_nothing},
    {"vnclisten", do_nothing},
    {"vncdisplay", do_nothing},
    {"vncunused", do_nothing},
    {"keymap", do_nothing},
    {NULL},
};

const struct xl_param *xl_hvm_find_param(const char *name)
{
    for (const struct xl_param *p = params; p->name; p++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

/* As xl has it: on unless it is off, on the first display that is free. */
static bool add_screen(struct xl_out *o, GError **error)
{
    int64_t on = 1, unused = 1, display = 0;
    struct xl_vnc vnc = {0};

    if (!xlcfg_get_number(o->cfg, "vnc", &on, error) || !xlcfg_get_number(o->cfg, "vncunused", &unused, error) ||
        !xlcfg_get_number(o->cfg, "vncdisplay", &display, error) ||
        !xlcfg_get_string(o->cfg, "vnclisten", &vnc.listen, error) ||
        !xlcfg_get_string(o->cfg, "keymap", &vnc.keymap, error))
        return false;
    if (!on)
        return true;
    g_autofree char *number = g_strdup_printf("%u", (unsigned)CLAMP(display, 0, G_MAXUINT16));
    vnc.vnc = true;
    vnc.unused = unused != 0;
    vnc.display = number;
    xl_add_vnc(o, &vnc);
    return true;
}

bool xl_hvm(struct xl_out *o, GError **error)
{
    for (const struct xl_param *p = params; p->name; p++) {
        const struct xlcfg_value *v = xlcfg_get(o->cfg, p->name);
        if (v && !p->translate(o, v, error))
            return false;
    }
    return add_screen(o, error);
}
