/*
 * What the user asked for: the one description of a guest. Plain data, no handles. Every front end
 * (QEMU options now) is a translator into it. Const after vm_config_validate().
 */
#pragma once

#include "xenner/config/block_node.h"
#include "xenner/config/disk_config.h"
#include "xenner/config/fdset_config.h"
#include "xenner/config/net_config.h"
#include "xenner/config/object_config.h"
#include "xenner/util/privileges.h"
#include "xenner/util/sandbox.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define VM_CONFIG_MAX_VCPUS 32

/* GRUB as PV kernel, by the name that -machine bootloader= has for it: x86_64, i386. */
#define VM_CONFIG_GRUB(arch) "/usr/lib/grub-xen/grub-" arch "-xen.bin"
#define VM_CONFIG_GRUB_PVH "/usr/lib/grub-xen/grub-i386-xen_pvh.bin"

/* Where a value came from, so that errors speak the user's format: "-drive file=x.img". */
struct cfg_origin {
    char *text;
};

/* What a guest is to Xen. Emulated domains are PV; a Xen host runs all. */
enum guest_type {
    GUEST_PV,
    GUEST_PVH, /* hardware virtualisation, and PV devices only */
    GUEST_HVM, /* a PC: firmware, and a device model that libxl starts */
};

enum vm_action { ACT_POWEROFF, ACT_RESET, ACT_PAUSE, ACT_NONE };
enum kernel_ring { KERNEL_RING_AUTO, KERNEL_RING_1, KERNEL_RING_3 };
enum user_tables { USER_TABLES_AUTO, USER_TABLES_SHARED, USER_TABLES_SPLIT };

enum chardev_kind {
    CHARDEV_NULL,
    CHARDEV_STDIO,
    CHARDEV_PTY,
    CHARDEV_FILE,
    CHARDEV_SOCKET, /* Unix sockets */
};

struct chardev_config {
    struct cfg_origin origin;
    char *id;
    enum chardev_kind kind;
    char *path;      /* file: output file; socket: path; pty: link to make, or NULL */
    char *log;       /* logfile=, or NULL */
    bool append;     /* file */
    bool log_append; /* logappend= */
    bool server;     /* socket: listen instead of connect */
    bool wait;       /* socket server: wait for the first client before the guest starts */
    int fd;          /* socket: inherited, instead of path; 0: none */
    int reconnect;   /* socket client: seconds between tries; 0: don't */
    bool signal;     /* stdio: ^C is a signal (true) or input for the guest (false) */
    bool mux;        /* stdio: QEMU's escape keys */
    uint8_t escape_key; /* that begins them; 0: Ctrl-a */
};

#define VM_CONFIG_MAX_CONSOLES 10 /* Linux's driver takes one digit for their number */

/* console 0 is the one of start_info; the others are offered through xenstore. */
struct console_config {
    struct cfg_origin origin;
    char *chardev; /* id */
};

enum vnc_share { VNC_SHARE_ALLOW_EXCLUSIVE, VNC_SHARE_FORCE_SHARED, VNC_SHARE_IGNORE };

/* A VNC server: on a TCP port, on a Unix socket (path), or only for connections that are added. */
struct vnc_config {
    struct cfg_origin origin;
    char *id;
    char *host;       /* NULL or empty: the loopback address */
    char *path;       /* or NULL */
    bool none;        /* does not listen */
    unsigned display; /* port 5900 + display */
    unsigned to;      /* last display to try when it is taken; below display: no other */
    bool password;    /* asks for one; until one is set nobody comes in */
    char *secret;     /* the first password (QMP may set others), or NULL */
    bool lossy;       /* JPEG, if the client wants it */
    enum vnc_share share;
};

#define VM_CONFIG_MAX_SCREEN 16384 /* pixels a side */

enum vga_card { VGA_AUTO, VGA_NONE, VGA_STD, VGA_CIRRUS };

/* What the guest shows, and what one types. */
struct screen_config {
    enum vga_card vga;      /* of an HVM guest, which has no vfb */
    bool tablet;            /* an HVM guest has one on USB */
    bool framebuffer;       /* a vfb */
    bool keyboard;          /* a vkbd */
    bool relative;          /* its pointer can only move relatively */
    unsigned width, height; /* range of the absolute pointer */
    char *id, *driver;      /* of the -device that brought the framebuffer, or NULL */
    unsigned memory_mb;     /* vgamem_mb=, which programs read back; without effect */
    char *layout;           /* -k; never NULL */
};

/* -mon, -qmp, -monitor: somebody who commands the machine. */
struct monitor_config {
    struct cfg_origin origin;
    char *chardev; /* id */
    bool control;  /* QMP; else for people */
    bool pretty;   /* QMP with line feeds and indentation */
};

struct vm_config {
    bool none;       /* -machine none: no guest, only monitors that ask what there is */
    char *machine;   /* as -machine named it; never NULL */
    enum guest_type type;
    char *name;
    char *uuid;      /* canonical text or NULL */
    char **accels;   /* in order of preference; NULL means the default list */
    struct {
        uint64_t bytes;
        int tmpfs_fd; /* huge_tmpfs_open() of before privileges were dropped; 0: a memfd will do */
    } memory;
    struct {
        unsigned count, max;
    } vcpus;
    struct {
        char *kernel;  /* path; NULL: the loader runs */
        bool direct;   /* what the guest's boot menu starts is started without the loader, if that can be */
        char *loader;  /* path of a boot loader that is a PV kernel itself; NULL: what the disks hold decides */
        char *initrd;  /* path or NULL */
        char *cmdline; /* never NULL */
        char *order;   /* -boot's letters, or NULL; of HVM guests only */
        bool uefi;     /* an HVM guest's firmware is OVMF, not SeaBIOS */
        int kernel_fd; /* the kernel or the loader, opened before the paths were out of reach; 0: not */
        int initrd_fd;
    } boot;
    struct {
        struct sandbox_config sandbox;
        struct privileges user; /* -runas, when runas is set */
        bool runas;
        char *root;             /* -chroot, or NULL */
    } confine;                  /* once all is open */
    struct {
        enum vm_action poweroff; /* ACT_POWEROFF, or ACT_PAUSE (-no-shutdown) */
        enum vm_action reboot;   /* ACT_RESET, or ACT_POWEROFF (-no-reboot) */
        enum vm_action panic;    /* ACT_POWEROFF, ACT_PAUSE, ACT_RESET or ACT_NONE */
    } on;
    struct {
        bool on;          /* the first signal asks the guest to power off */
        unsigned seconds; /* that it has for that; 0: as long as it takes */
    } soft_quit;
    enum kernel_ring kernel_ring;
    enum user_tables user_tables;
    struct {
        enum device_backend disk, net; /* of those that don't say */
    } backends;
    char *balloon;       /* id of the balloon's device, or NULL: it is there in any case */
    uint8_t escape_key;  /* of all chardevs; 0: Ctrl-a */
    bool start_paused;   /* -S */
    char *pidfile;
    GPtrArray *chardevs; /* struct chardev_config *, owned */
    GPtrArray *consoles; /* struct console_config *, owned */
    struct screen_config screen;
    GPtrArray *vncs;     /* struct vnc_config *, owned */
    GPtrArray *monitors; /* struct monitor_config *, owned */
    GPtrArray *objects;  /* struct object_config *, owned */
    GArray *fdsets;      /* struct fdset_fd: inherited descriptors, in sets that paths name; owned, but not they */
    GPtrArray *nodes;    /* struct block_node *, owned: what disks were made of */
    GPtrArray *disks;    /* struct disk_config *, owned */
    GPtrArray *netdevs;  /* struct netdev_config *, owned */
    GPtrArray *nics;     /* struct nic_config *, owned; vif 0, 1... */
    char *debug;         /* -d: log domains, or NULL */
    char *debug_file;    /* -D, or NULL */
};

/* All defaults filled in, no kernel. Owned by the caller. */
struct vm_config *vm_config_new(void);
/* Accepts NULL. */
void vm_config_free(struct vm_config *cfg);
/* The only place for rules that concern more than one field, and for limits. One-line errors. */
bool vm_config_validate(const struct vm_config *cfg, GError **error);
/*
 * What the guest starts with: its kernel, or the boot loader that finds one on a disk; NULL when that is
 * not there. Borrowed. Not for HVM guests without a kernel, which have firmware.
 */
const char *vm_config_first_image(const struct vm_config *cfg, GError **error);
