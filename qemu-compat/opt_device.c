/* -device: the PV devices that are named one by one, as QEMU names them. */
#include "qemu-compat/device_props.h"
#include "qemu-compat/optlist.h"

#include <string.h>

/* QEMU's xen-console: the next hvc, on a chardev. */
static bool device_console(struct option_state *s, const char *value, struct keyval *kv,
                           GError **error)
{
    const char *chardev = keyval_get(kv, "chardev");

    keyval_get(kv, "id"); /* nothing can ask for it yet */
    if (!chardev || !*chardev)
        return opt_error(error, "'chardev' is missing");
    if (!keyval_check_unused(kv, error))
        return false;
    opt_add_console(s, "-device", value, chardev);
    return true;
}

/* A PV guest has no such bus or device; libvirt adds them by itself, and nobody misses them. */
static bool device_nothing(struct option_state *s, const char *value, struct keyval *kv,
                           GError **error)
{
    return true;
}

/* Every guest has Xen's balloon; by this name statistics are asked for. */
static bool device_balloon(struct option_state *s, const char *value, struct keyval *kv,
                           GError **error)
{
    g_free(s->cfg->balloon);
    s->cfg->balloon = g_strdup(keyval_get(kv, "id"));
    return true;
}

/* libvirt's names for a console: the next hvc. */
static bool device_serial(struct option_state *s, const char *value, struct keyval *kv,
                          GError **error)
{
    static const char *const places[] = {"index", "bus", "addr", "nr", "name", "iobase", "irq"};

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++)
        keyval_get(kv, places[i]);
    return device_console(s, value, kv, error);
}

static const struct {
    const char *name, *help;
    device_fn *add;
} drivers[] = {
    {"ahci", "accepted, without effect", device_nothing},
    {"cirrus-vga", "a framebuffer (vfb) and a keyboard (vkbd)", device_framebuffer},
    {"e1000", "a network card (vif) on a netdev", opt_device_nic},
    {"ich9-usb-ehci1", "accepted, without effect", device_nothing},
    {"ich9-usb-uhci1", "accepted, without effect", device_nothing},
    {"ich9-usb-uhci2", "accepted, without effect", device_nothing},
    {"ich9-usb-uhci3", "accepted, without effect", device_nothing},
    {"ide-cd", "a CD drive (vbd)", opt_device_disk},
    {"ide-hd", "a disk (vbd)", opt_device_disk},
    {"isa-serial", "a console (hvc) on a chardev", device_serial},
    {"lsi", "accepted, without effect", device_nothing},
    {"netfront", "a network card (vif) on a netdev", opt_device_nic},
    {"pci-bridge", "accepted, without effect", device_nothing},
    {"piix3-usb-uhci", "accepted, without effect", device_nothing},
    {"qemu-xhci", "accepted, without effect", device_nothing},
    {"qxl-vga", "a framebuffer (vfb) and a keyboard (vkbd)", device_framebuffer},
    {"rtl8139", "a network card (vif) on a netdev", opt_device_nic},
    {"scsi-cd", "a CD drive (vbd)", opt_device_disk},
    {"scsi-hd", "a disk (vbd)", opt_device_disk},
    {"usb-kbd", "a keyboard and pointer (vkbd)", device_input},
    {"usb-mouse", "a keyboard and pointer (vkbd), with a relative pointer", device_input},
    {"usb-storage", "a disk (vbd)", opt_device_disk},
    {"usb-tablet", "a keyboard and pointer (vkbd), with an absolute pointer", device_input},
    {"VGA", "a framebuffer (vfb) and a keyboard (vkbd)", device_framebuffer},
    {"virtconsole", "a console (hvc) on a chardev", device_serial},
    {"virtio-balloon-pci", "a name for the balloon, which every guest has", device_balloon},
    {"virtio-blk-pci", "a disk (vbd), of -drive if=none or -blockdev", opt_device_disk},
    {"virtio-gpu-pci", "a framebuffer (vfb) and a keyboard (vkbd)", device_framebuffer},
    {"virtio-keyboard-pci", "a keyboard and pointer (vkbd)", device_input},
    {"virtio-mouse-pci", "a keyboard and pointer (vkbd), with a relative pointer", device_input},
    {"virtio-net-pci", "a network card (vif) on a netdev", opt_device_nic},
    {"virtio-rng-pci", "accepted, without effect", device_nothing},
    {"virtio-scsi-pci", "accepted, without effect", device_nothing},
    {"virtio-serial-pci", "accepted, without effect", device_nothing},
    {"virtio-tablet-pci", "a keyboard and pointer (vkbd), with an absolute pointer", device_input},
    {"virtio-vga", "a framebuffer (vfb) and a keyboard (vkbd)", device_framebuffer},
    {"vmware-svga", "a framebuffer (vfb) and a keyboard (vkbd)", device_framebuffer},
    {"xen-cdrom", "a CD drive (vbd)", opt_device_disk},
    {"xen-console", "a further console (hvc) on a chardev", device_console},
    {"xen-disk", "a disk (vbd), of -drive if=none or -blockdev", opt_device_disk},
    {"xen-net-device", "a network card (vif) on a netdev", opt_device_nic},
    {"xenfb", "a framebuffer (vfb) and a keyboard (vkbd)", device_framebuffer},
    {"xenkbd", "a keyboard and pointer (vkbd)", device_input},
};

/* -device DRIVER,help */
static bool driver_help(struct option_state *s, const char *value, GError **error)
{
    g_autofree char *driver = g_strndup(value, strcspn(value, ","));
    const char *properties = device_properties(driver);
    GString *text;

    if (!properties)
        return opt_error(error, "'%s' is not a valid device model name", driver);
    g_auto(GStrv) all = g_strsplit(properties, " ", -1);
    text = g_string_new(NULL);
    g_string_append_printf(text, "%s options:\n", driver);
    for (unsigned i = 0; all[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(all[i], ":", 2);
        g_string_append_printf(text, "  %s=<%s>\n", pair[0], pair[1]);
    }
    return opt_help_text(s, g_string_free(text, FALSE));
}

bool opt_device(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};

    if (strcmp(value, "help") == 0 || strcmp(value, "?") == 0) {
        s->req->help = s->req->help ? s->req->help : HELP_DEVICE;
        return true;
    }
    if (g_str_has_suffix(value, ",help") || g_str_has_suffix(value, ",?"))
        return driver_help(s, value, error);
    bool ok = keyval_parse(value, "driver", &kv, error);
    if (ok) {
        const char *driver = keyval_get(&kv, "driver");
        unsigned i = 0;
        while (i < G_N_ELEMENTS(drivers) && g_strcmp0(driver, drivers[i].name) != 0)
            i++;
        ok = i < G_N_ELEMENTS(drivers)
                 ? drivers[i].add(s, value, &kv, error)
                 : opt_error(error, "'%s' is not a valid device model name", driver ? driver : "");
    }
    keyval_clear(&kv);
    return ok;
}

void qemu_devices_help(FILE *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++)
        fprintf(out, "name \"%s\", bus \"xen-bus\", desc \"%s\"\n", drivers[i].name,
                drivers[i].help);
}
