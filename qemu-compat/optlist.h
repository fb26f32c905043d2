/* Between the option table (options.c) and the files that understand one group of options each. */
#pragma once

#include "qemu-compat/keyval.h"
#include "qemu-compat/options.h"

struct option_state {
    struct vm_config *cfg;
    struct front_request *req;
    GPtrArray *accels;      /* char * */
    bool nographic, nodefaults, explicit_serial;
    bool explicit_vga, tablet, mouse;
    unsigned hub_nics, hub_netdevs; /* what -net plugs together */
    bool snapshot;           /* -snapshot */
    GPtrArray *disk_devices; /* struct disk_config *: what -device says of each, id is the drive */
};

/* value is NULL for options without one. */
typedef bool option_fn(struct option_state *s, const char *value, GError **error);

struct option {
    const char *name, *arg, *help; /* arg: its placeholder in -help, NULL when there is none */
    option_fn *set;
};

option_fn opt_accel, opt_machine, opt_cpu, opt_smp, opt_memory, opt_name, opt_uuid, opt_action;
option_fn opt_chardev, opt_serial, opt_device;
option_fn opt_vnc, opt_display, opt_vga, opt_keyboard;
/* -device of these kinds. */
typedef bool device_fn(struct option_state *s, const char *value, struct keyval *kv, GError **error);
device_fn device_framebuffer, device_input;
/* After the last option: the framebuffer that a display brings, and the pointer's kind. */
void opt_display_finish(struct option_state *s);
option_fn opt_mon, opt_qmp, opt_qmp_pretty, opt_monitor, opt_object, opt_sandbox, opt_runas, opt_chroot, opt_overcommit,
    opt_audiodev, opt_add_fd;
/* "help" or "?" */
bool opt_is_help(const char *value);
/* Instead of a guest, the user gets this text; takes it. Returns true. */
bool opt_help_text(struct option_state *s, char *text);
option_fn opt_echr;
option_fn opt_global, opt_enable_kvm, opt_usbdevice, opt_readconfig;
/* An option of QEMU's that is not in the table; has_next: another word follows it. */
enum foreign_option { FOREIGN_UNKNOWN, FOREIGN_ERROR, FOREIGN_ALONE, FOREIGN_WITH_ARG };
enum foreign_option opt_foreign(struct option_state *s, const char *name, bool has_next, GError **error);
option_fn opt_net, opt_netdev, opt_nic;
option_fn opt_blockdev, opt_drive, opt_hda, opt_hdb, opt_hdc, opt_hdd, opt_cdrom, opt_snapshot;
bool opt_device_disk(struct option_state *s, const char *value, struct keyval *kv, GError **error);
/* Nobody said where the console should be. */
bool opt_chardev_default(const struct option_state *s);
/* After the last option: drives and devices find each other. */
bool opt_drive_finish(struct option_state *s, GError **error);
/* One more console for the guest, on the chardev of that id; option and value are its origin. */
void opt_add_console(struct option_state *s, const char *option, const char *value,
                     const char *chardev);
/* Nobody said where the console should be. */
bool opt_chardev_default(const struct option_state *s);
/* After the last option: what follows from -nographic and from no -serial. */
bool opt_chardev_finish(struct option_state *s, GError **error);
/* -device xen-net-device */
bool opt_device_nic(struct option_state *s, const char *value, struct keyval *kv, GError **error);
/* Nobody said where the console should be. */
bool opt_chardev_default(const struct option_state *s);
/* After the last option: MAC addresses. */
bool opt_net_finish(struct option_state *s, GError **error);
#define OPT_NET_HUB "#hub" /* id of the netdev that -net makes */
/*
 * A path that is one of -add-fd's sets (/dev/fdset/N) as one that open() knows; others as they are.
 * NULL gives NULL; also, with error, a set that is not there.
 */
char *opt_path(const struct option_state *s, const char *path, GError **error);
struct chardev_config *opt_new_chardev(struct option_state *s, const char *option, const char *value,
                                       const char *id);
/* The forms without keys: stdio, pty, unix:PATH,... */
bool opt_chardev_short(struct option_state *s, const char *value, struct chardev_config *c,
                       GError **error);
bool opt_error(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
