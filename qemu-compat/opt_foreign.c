/*
 * QEMU's options that mean nothing here. One that changes nothing that a PV guest could see is
 * accepted with one warning; one that would give a guest something is refused, so that nobody relies on
 * what is not there.
 */
#include "qemu-compat/optlist.h"

#include <string.h>

enum { WARN, REFUSE };

static const struct foreign {
    const char *name;
    bool arg;
    int what;
    const char *why;
} foreign[] = {
    /* the host's affair, or of how QEMU emulates */
    {"L", true, WARN, "there are no files to be found"},
    {"async-teardown", false, WARN, "a guest's memory is one file, which goes at once"},
    {"audio-help", false, WARN, "a PV guest has no sound"},
    {"compat", true, WARN, "nothing deprecated is offered"},
    {"dfilter", true, WARN, "-d lists what can be logged"},
    {"enable-sync-profile", false, WARN, "there is no such profile"},
    {"mem-path", true, WARN, "a guest's memory is anonymous"},
    {"mem-prealloc", false, WARN, "memory is taken as the guest uses it"},
    {"only-migratable", false, WARN, "every device is like that"},
    {"seed", true, WARN, "nothing is drawn by lot"},
    {"singlestep", false, WARN, "that is an affair of the accelerator's"},
    {"trace", true, WARN, "-d lists what can be logged"},
    /* a PC's, not a PV guest's: there is nothing that it could be seen by */
    {"full-screen", false, WARN, "there is no window"},
    {"no-fd-bootchk", false, WARN, "a PV guest has no BIOS"},
    {"portrait", false, WARN, "there is no such screen"},
    {"rotate", true, WARN, "there is no such screen"},
    {"usb", false, WARN, "a PV guest has no USB; its keyboard and pointer are vkbd"},
    {"watchdog-action", true, WARN, "there is no watchdog"},
    {"win2k-hack", false, WARN, "there is no IDE"},
    /* what a guest would see or do */
    {"acpitable", true, REFUSE, "a PV guest has no ACPI"},
    {"audio", true, REFUSE, "a PV guest has no sound"},
    {"debugcon", true, REFUSE, "a PV guest has no I/O ports; its debug console is with -d guest"},
    {"dtb", true, REFUSE, "a PV guest has no device tree"},
    {"dump-vmstate", true, REFUSE, "there is no migration yet"},
    {"fda", true, REFUSE, "a PV guest has no floppy disks"},
    {"fdb", true, REFUSE, "a PV guest has no floppy disks"},
    {"fsdev", true, REFUSE, "not supported yet"},
    {"fw_cfg", true, REFUSE, "a PV guest has no firmware"},
    {"gdb", true, REFUSE, "not supported yet"},
    {"icount", true, REFUSE, "a PV guest's clock is the host's"},
    {"incoming", true, REFUSE, "not supported yet"},
    {"iscsi", true, REFUSE, "not supported: log in with open-iscsi, and use the block device"},
    {"loadvm", true, REFUSE, "not supported yet"},
    {"mtdblock", true, REFUSE, "a PV guest has no flash memory"},
    {"numa", true, REFUSE, "a PV guest sees no NUMA nodes"},
    {"option-rom", true, REFUSE, "a PV guest has no firmware"},
    {"pflash", true, REFUSE, "a PV guest has no flash memory"},
    {"plugin", true, REFUSE, "not supported"},
    {"s", false, REFUSE, "not supported yet"},
    {"sd", true, REFUSE, "a PV guest has no SD cards"},
    {"set", true, REFUSE, "not supported: say it where the item is made"},
    {"smbios", true, REFUSE, "a PV guest has no SMBIOS"},
    {"spice", true, REFUSE, "not supported: -vnc is what there is"},
    {"tpmdev", true, REFUSE, "not supported"},
    {"virtfs", true, REFUSE, "not supported yet"},
    {"watchdog", true, REFUSE, "there is no watchdog"},
    {"writeconfig", true, REFUSE, "QEMU has none any more either"},
    {"xen-attach", false, REFUSE, "that is for a Xen host's own tools"},
    {"xen-domid", true, REFUSE, "that is for a Xen host's own tools"},
    {"xen-domid-restrict", false, REFUSE, "that is for a Xen host's own tools"},
};

static void warn_once(struct option_state *s, char *text)
{
    for (guint i = 0; i < s->req->warnings->len; i++) {
        if (strcmp(g_ptr_array_index(s->req->warnings, i), text) == 0) {
            g_free(text);
            return;
        }
    }
    g_ptr_array_add(s->req->warnings, text);
}

enum foreign_option opt_foreign(struct option_state *s, const char *name, bool has_next, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(foreign); i++) {
        const struct foreign *f = &foreign[i];
        if (strcmp(f->name, name) != 0)
            continue;
        if (f->what == REFUSE) {
            opt_error(error, "-%s: %s", name, f->why);
            return FOREIGN_ERROR;
        }
        if (f->arg && !has_next) {
            opt_error(error, "-%s: requires an argument", name);
            return FOREIGN_ERROR;
        }
        warn_once(s, g_strdup_printf("-%s: without effect: %s", name, f->why));
        return f->arg ? FOREIGN_WITH_ARG : FOREIGN_ALONE;
    }
    return FOREIGN_UNKNOWN;
}

/* Defaults for devices that a PV guest has not got; one for those that it has would be missed. */
bool opt_global(struct option_state *s, const char *value, GError **error)
{
    static const char *const ours[] = {"xen", "virtio-blk", "virtio-net", "ide-hd", "ide-cd", "scsi-hd",
                                       "scsi-cd", "VGA"};
    struct keyval kv = {0};
    g_autofree char *driver = g_strndup(value, strcspn(value, "."));

    if (g_str_has_prefix(value, "driver=")) {
        if (!keyval_parse(value, NULL, &kv, error))
            return false;
        g_free(driver);
        driver = g_strdup(keyval_get(&kv, "driver"));
        keyval_clear(&kv);
    } else if (!strchr(value, '.') || !strchr(value, '=')) {
        return opt_error(error, "neither DRIVER.PROPERTY=VALUE nor driver=,property=,value=");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ours); i++) {
        if (g_str_has_prefix(driver, ours[i]))
            return opt_error(error, "not supported: say it with -device");
    }
    warn_once(s, g_strdup_printf("-global %s: without effect: a PV guest has no such device", driver));
    return true;
}

bool opt_enable_kvm(struct option_state *s, const char *value, GError **error)
{
    g_ptr_array_add(s->accels, g_strdup("kvm"));
    return true;
}

/* What QEMU had before -device: the pointer and the keyboard. */
bool opt_usbdevice(struct option_state *s, const char *value, GError **error)
{
    static const char *const names[][2] = {{"tablet", "usb-tablet"}, {"mouse", "usb-mouse"},
                                           {"keyboard", "usb-kbd"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(value, names[i][0]) == 0)
            return opt_device(s, names[i][1], error);
    }
    return opt_error(error, "a PV guest has no USB: 'tablet', 'mouse' and 'keyboard' are what there is");
}
