#include "qemu-compat/optlist.h"
#include "xenner/config/hvm_config.h"
#include "xenner/util/printable.h"

#include <gio/gio.h>
#include <string.h>

bool opt_error(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (error)
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, fmt, ap);
    va_end(ap);
    return false;
}

static bool set_text(char **to, const char *value)
{
    g_free(*to);
    *to = g_strdup(value);
    return true;
}

static bool set_help(struct option_state *s, enum front_help help)
{
    if (!s->req->help)
        s->req->help = help;
    return true;
}

bool opt_help_text(struct option_state *s, char *text)
{
    if (s->req->help) {
        g_free(text);
        return true;
    }
    s->req->help = HELP_TEXT;
    s->req->help_text = text;
    return true;
}

bool opt_is_help(const char *value)
{
    return strcmp(value, "help") == 0 || strcmp(value, "?") == 0;
}

static bool opt_kernel(struct option_state *s, const char *value, GError **error)
{
    return set_text(&s->cfg->boot.kernel, value);
}

static bool opt_initrd(struct option_state *s, const char *value, GError **error)
{
    return set_text(&s->cfg->boot.initrd, value);
}

static bool opt_append(struct option_state *s, const char *value, GError **error)
{
    return set_text(&s->cfg->boot.cmdline, value);
}

static bool opt_bios(struct option_state *s, const char *value, GError **error)
{
    return set_text(&s->cfg->boot.loader, value);
}

/* A PV guest's order of devices and menu are in the boot loader's own configuration, on its disk. */
static bool opt_boot(struct option_state *s, const char *value, GError **error)
{
    static const char *const keys[] = {"order", "once", "menu", "strict", "reboot-timeout",
                                       "splash", "splash-time"};
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "order", &kv, error);

    const char *order = ok ? keyval_get(&kv, "order") : NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
        keyval_get(&kv, keys[i]);
    ok = ok && keyval_check_unused(&kv, error);
    if (ok && order)
        set_text(&s->cfg->boot.order, order);
    keyval_clear(&kv);
    return ok;
}

static bool opt_pidfile(struct option_state *s, const char *value, GError **error)
{
    return set_text(&s->cfg->pidfile, value);
}

static bool opt_d(struct option_state *s, const char *value, GError **error)
{
    if (strcmp(value, "help") == 0)
        return set_help(s, HELP_DEBUG);
    return set_text(&s->cfg->debug, value);
}

static bool opt_log_file(struct option_state *s, const char *value, GError **error)
{
    return set_text(&s->cfg->debug_file, value);
}

static bool opt_nographic(struct option_state *s, const char *value, GError **error)
{
    return s->nographic = true;
}

static bool opt_nodefaults(struct option_state *s, const char *value, GError **error)
{
    return s->nodefaults = true;
}

static bool opt_stopped(struct option_state *s, const char *value, GError **error)
{
    return s->cfg->start_paused = true;
}

static bool opt_no_reboot(struct option_state *s, const char *value, GError **error)
{
    s->cfg->on.reboot = ACT_POWEROFF;
    return true;
}

static bool opt_no_shutdown(struct option_state *s, const char *value, GError **error)
{
    s->cfg->on.poweroff = ACT_PAUSE;
    return true;
}

static bool opt_daemonize(struct option_state *s, const char *value, GError **error)
{
    return s->req->daemonize = true;
}

static bool opt_msg(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool ok = keyval_parse(value, NULL, &kv, error);

    if (ok) {
        ok = keyval_get_switch(&kv, "timestamp", &s->req->timestamps, error);
        keyval_get(&kv, "guest-name");
        ok = ok && keyval_check_unused(&kv, error);
    }
    keyval_clear(&kv);
    return ok;
}

/* Options for which "none" is the only thing there is yet. */
static bool opt_only_none(struct option_state *s, const char *value, GError **error)
{
    return strcmp(value, "none") == 0 || opt_error(error, "only 'none' is supported yet");
}

static bool opt_nothing(struct option_state *s, const char *value, GError **error)
{
    return true;
}

static bool opt_help(struct option_state *s, const char *value, GError **error)
{
    return set_help(s, HELP_OPTIONS);
}

static bool opt_version(struct option_state *s, const char *value, GError **error)
{
    return set_help(s, HELP_VERSION);
}

/* Sorted by name; -help, the man page's check and the completion come from here. */
static const struct option options[] = {
    {"D", "FILE", "write messages to FILE", opt_log_file},
    {"S", NULL, "do not start the guest", opt_stopped},
    {"accel", "NAME[:NAME...]", "accelerators to try, in this order ('help' tests each)", opt_accel},
    {"action", "EVENT=ACTION,...", "what to do on reboot=, shutdown= and panic=", opt_action},
    {"add-fd", "fd=FD,set=N,opaque=TEXT", "an inherited descriptor as the file /dev/fdset/N", opt_add_fd},
    {"append", "TEXT", "the kernel's command line", opt_append},
    {"audiodev", "[driver=]none,id=ID", "accepted: a PV guest has no sound", opt_audiodev},
    {"bios", "FILE", "the boot loader, a PV kernel itself, when there is no -kernel", opt_bios},
    {"blockdev", "[driver=]DRIVER,node-name=NAME,...", "an image for -device: raw, qcow2... over file, host_device, nbd",
     opt_blockdev},
    {"boot", "[order=]LETTERS,menu=on|off", "of xenfv; else accepted: the boot loader's configuration decides", opt_boot},
    {"cdrom", "FILE", "a CD-ROM: -drive file=FILE,index=2,media=cdrom", opt_cdrom},
    {"chardev", "BACKEND,id=ID,...", "a character device ('help' lists backends)", opt_chardev},
    {"chroot", "DIR", "DIR is the root once the guest's files are open", opt_chroot},
    {"cpu", "MODEL", "accepted: the guest sees the accelerator's CPU", opt_cpu},
    {"d", "LIST", "log these domains ('help' lists them)", opt_d},
    {"daemonize", NULL, "go into the background once the guest is ready", opt_daemonize},
    {"device", "DRIVER,...", "a device: xen-console,chardev=ID or xen-disk,drive=ID ('help' lists them)", opt_device},
    {"display", "none|vnc=...", "the same as -vnc; without: no display", opt_display},
    {"drive", "file=FILE,format=raw,...", "a disk (xvda, xvdb...)", opt_drive},
    {"echr", "CODE", "the key of the terminal's escapes, instead of 1 (Ctrl-a)", opt_echr},
    {"enable-kvm", NULL, "the same as -accel kvm", opt_enable_kvm},
    {"global", "DRIVER.PROPERTY=VALUE", "accepted for devices that a PV guest has not got", opt_global},
    {"h", NULL, "this help", opt_help},
    {"hda", "FILE", "the first disk: -drive file=FILE,index=0", opt_hda},
    {"hdb", "FILE", "the second disk", opt_hdb},
    {"hdc", "FILE", "the third disk", opt_hdc},
    {"hdd", "FILE", "the fourth disk", opt_hdd},
    {"help", NULL, "this help", opt_help},
    {"initrd", "FILE", "initial ramdisk", opt_initrd},
    {"k", "LAYOUT", "keyboard layout of VNC clients: us (default), de", opt_keyboard},
    {"kernel", "FILE", "the guest's kernel: bzImage or ELF with Xen PV notes", opt_kernel},
    {"m", "[size=]SIZE", "memory, in MiB unless a suffix says otherwise (default 128)", opt_memory},
    {"machine", "[type=]xenpv|xenpvh|xenfv,...", "kernel-ring=auto|1|3, user-tables=auto|shared|split, bootloader=auto|direct|x86_64|i386|FILE, "
     "soft-quit=off|on|S, disk-backend=, net-backend=auto|kernel|xenner, firmware=bios|uefi, accel=",
     opt_machine},
    {"mon", "[chardev=]ID,mode=readline|control,pretty=on|off", "a monitor on a chardev", opt_mon},
    {"monitor", "DEV", "commands for people on: stdio, pty, unix:F,server=on, chardev:ID, none",
     opt_monitor},
    {"msg", "timestamp=on|off", "timestamps on messages", opt_msg},
    {"name", "NAME", "the guest's name", opt_name},
    {"net", "nic|TYPE,...", "a NIC, or the network for it: the older form of -nic", opt_net},
    {"netdev", "TYPE,id=ID,...", "a network for -device xen-net-device ('help' lists types)", opt_netdev},
    {"nic", "TYPE,...|none", "a NIC and its network: user, tap, bridge, socket... ('help')", opt_nic},
    {"no-acpi", NULL, "accepted: a PV guest has no ACPI", opt_nothing},
    {"no-hpet", NULL, "accepted: a PV guest has no HPET", opt_nothing},
    {"no-reboot", NULL, "exit instead of rebooting", opt_no_reboot},
    {"no-shutdown", NULL, "stop instead of exiting when the guest powers off", opt_no_shutdown},
    {"no-user-config", NULL, "accepted: there is no user configuration", opt_nothing},
    {"nodefaults", NULL, "no default console, no framebuffer without -vga or -device",
     opt_nodefaults},
    {"nographic", NULL, "the console is this terminal, with QEMU's escape keys", opt_nographic},
    {"object", "TYPE,id=ID,...", "accepted: memory-backend-ram, memory-backend-memfd, secret, ...",
     opt_object},
    {"overcommit", "mem-lock=on|off,cpu-pm=on|off", "accepted", opt_overcommit},
    {"parallel", "DEV", "only 'none': a PV guest has no parallel port", opt_only_none},
    {"pidfile", "FILE", "write the process id to FILE", opt_pidfile},
    {"qmp", "DEV", "QMP on: stdio, pty, unix:F,server=on, chardev:ID", opt_qmp},
    {"qmp-pretty", "DEV", "the same, indented", opt_qmp_pretty},
    {"readconfig", "FILE", "options from FILE: [group \"id\"], key = \"value\"", opt_readconfig},
    {"rtc", "ARG", "accepted: the guest's clock is UTC", opt_nothing},
    {"runas", "USER|UID:GID", "goes on as that user once the guest's files are open", opt_runas},
    {"sandbox", "off|on,obsolete=allow|deny,...",
     "a seccomp filter: elevateprivileges=allow|deny|children, spawn=, resourcecontrol=", opt_sandbox},
    {"serial", "DEV",
     "a console (hvc0, hvc1...): stdio, mon:stdio, pty, file:F, unix:F, null, none, chardev:ID",
     opt_serial},
    {"smp", "[cpus=]N[,maxcpus=N]...", "vCPUs, 1 to 32", opt_smp},
    {"snapshot", NULL, "changes of the disks are thrown away at the end", opt_snapshot},
    {"usbdevice", "tablet|mouse|keyboard", "the same as -device usb-tablet...", opt_usbdevice},
    {"uuid", "UUID", "the guest's UUID", opt_uuid},
    {"version", NULL, "the version", opt_version},
    {"vga", "TYPE", "none, or std (and others): the guest has a framebuffer and a keyboard", opt_vga},
    {"vnc", "HOST:N|unix:PATH|none,...", "a VNC server: to=, password=, share=, lossy=", opt_vnc},
};

static const struct option *find_option(const char *name)
{
    if (strcmp(name, "M") == 0)
        name = "machine";
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    }
    return NULL;
}

static bool other_option(struct option_state *s, const char *name, const char *arg, int argc, int *i,
                         GError **error)
{
    switch (opt_foreign(s, name, *i + 1 < argc, error)) {
    case FOREIGN_UNKNOWN:
        return opt_error(error, "%s: invalid option", arg);
    case FOREIGN_ERROR:
        return false;
    case FOREIGN_WITH_ARG:
        (*i)++;
        return true;
    case FOREIGN_ALONE:
        return true;
    }
    g_assert_not_reached();
}

/* One option; *i moves over its argument. */
static bool parse_one(struct option_state *s, int argc, char *const argv[], int *i, GError **error)
{
    const char *arg = argv[*i], *name = arg + 1, *value = NULL;

    if (arg[0] != '-')
        return opt_hda(s, arg, error); /* QEMU's first disk */
    if (*name == '-')
        name++;
    const struct option *o = find_option(name);
    if (!o)
        return other_option(s, name, arg, argc, i, error);
    if (o->arg) {
        if (*i + 1 >= argc)
            return opt_error(error, "%s: requires an argument", arg);
        value = argv[++*i];
    }
    if (o->set(s, value, error))
        return true;
    g_prefix_error(error, "-%s %s: ", o->name, value ? value : "");
    return false;
}

static bool parse_all(struct option_state *s, int argc, char *const argv[], GError **error)
{
    /* -nographic changes what other options mean, wherever it stands */
    for (int i = 1; i < argc; i++)
        s->nographic |= strcmp(argv[i], "-nographic") == 0 || strcmp(argv[i], "--nographic") == 0;
    for (int i = 1; i < argc; i++) {
        if (!parse_one(s, argc, argv, &i, error))
            return false;
        if (s->req->help)
            return true;
    }
    /* where it does nothing, because nothing is left to be put on the terminal, it may stand */
    if (s->req->daemonize && s->nographic && opt_chardev_default(s))
        return opt_error(error, "-nographic cannot be used with -daemonize");
    if (!opt_chardev_finish(s, error) || !opt_drive_finish(s, error) || !opt_net_finish(s, error))
        return false;
    opt_display_finish(s);
    if (s->cfg->type == GUEST_HVM)
        hvm_config_finish(s->cfg, s->req->warnings);
    if (s->accels->len) {
        g_ptr_array_add(s->accels, NULL);
        s->cfg->accels = (char **)g_ptr_array_steal(s->accels, NULL);
    }
    return vm_config_validate(s->cfg, error);
}

bool qemu_options_parse(int argc, char *const argv[], struct vm_config **ret_cfg,
                        struct front_request *ret_req, GError **error)
{
    struct front_request req = {.warnings = g_ptr_array_new_with_free_func(g_free)};
    struct option_state s = {.cfg = vm_config_new(), .req = &req,
                             .accels = g_ptr_array_new_with_free_func(g_free),
                             .disk_devices = g_ptr_array_new_with_free_func(disk_config_free)};
    bool ok = parse_all(&s, argc, argv, error);

    g_ptr_array_unref(s.accels);
    g_ptr_array_unref(s.disk_devices);
    if (!ok) {
        if (error)
            error_make_printable(*error);
        vm_config_free(s.cfg);
        front_request_clear(&req);
        return false;
    }
    *ret_cfg = s.cfg;
    *ret_req = req;
    return true;
}

void front_request_clear(struct front_request *req)
{
    g_clear_pointer(&req->warnings, g_ptr_array_unref);
    g_clear_pointer(&req->help_text, g_free);
}

void qemu_options_help(FILE *out)
{
    fputs("usage: xenner [options]\n\nRuns Xen PV guests. Options are QEMU's:\n\n", out);
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autofree char *left = g_strdup_printf("-%s %s", options[i].name,
                                                options[i].arg ? options[i].arg : "");
        fprintf(out, "%-30s %s\n", left, options[i].help);
    }
    fputs("\nDuring emulation with -nographic: C-a h for help, C-a x to exit.\n", out);
}
