/* Between the files of the disks: vm_disks.c, vm_disk_*.c, vm_media.c. */
#pragma once

#include "xenner/vm/vm_disks.h"
#include "xenner/backend/blk.h"
#include "xenner/backend/throttle_group.h"

struct vm_disk {
    struct vm_disks *all;
    struct disk_config *config; /* owned */
    struct disk_image *image;   /* owned; NULL: no medium */
    struct disk_image *core;    /* image without the limits in front of it; its */
    struct throttle_group *group; /* whose limits hold; of all->groups; NULL: none */
    struct blk_backend *backend; /* the guest's vbd, when it is ours */
    struct kernel_device *kernel; /* when it is the kernel's; both NULL: the guest has none */
    bool leaving;               /* the device was asked to go */
    bool opening, tray_open;    /* CD: the guest was asked to let go of the medium; it has */
    bool change;                /* CD: when it has, medium comes (NULL: none) and the tray closes */
    struct vm_disk *medium;
    enum vm_disk_status status;
};

struct vm_disks {
    GPtrArray *nodes; /* struct block_node *, owned */
    GPtrArray *disks; /* struct vm_disk *, owned */
    GPtrArray *groups; /* vm_throttle.c's, owned */
    struct blk_io *io; /* NULL until there is an image */
    struct xen_host *host; /* NULL: no guest */
    enum device_backend backend; /* of disks that don't say */
    struct vm_disk_errors *errors;
    const struct vm_disks_events *events;
    void *opaque;
    unsigned next_empty; /* for names */
};

/* Opens what disk->config says, with its limits. */
bool vm_disk_open_image(struct vm_disk *disk, GError **error);
/* Opens config's image (unless it is empty); takes config. Not in the list yet. */
struct vm_disk *vm_disk_new(struct vm_disks *d, struct disk_config *config, GError **error);
void vm_disk_free(void *disk);
/* By the id of the device, or of the drive or node; the last two also as the only name of an image. */
struct vm_disk *vm_disks_find(const struct vm_disks *d, const char *name);
/* The one of that device, NULL with QEMU's error. */
struct vm_disk *vm_disks_need(const struct vm_disks *d, const char *name, GError **error);
/* vm_disk_nodes.c: the image of the node, in the list from now on. */
struct vm_disk *vm_disk_open_node(struct vm_disks *d, const char *name, GError **error);
/* Sets error. Returns false. */
bool vm_disk_refuse(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Offers it to the guest when there is one, and a medium. */
bool vm_disk_offer(struct vm_disk *disk, GError **error);
/*
 * vm_disk_kernel.c: the same by the host's kernel, if it can and is to: *ret_done. False: it was to, and can't. And for
 * vbds of both kinds: whether there is one, its end, and asking the guest for it (blk.h).
 */
bool vm_disk_offer_kernel(struct vm_disk *disk, bool *ret_done, GError **error);
bool vm_disk_offered(const struct vm_disk *disk);
void vm_disk_withdraw(struct vm_disk *disk);
void vm_disk_ask_back(struct vm_disk *disk, bool force, void (*gone)(void *opaque), void *opaque);
/* Of a vbd of the kernel's: its image learns what the guest did, and the guest learns the image's new size. */
void vm_disk_kernel_stats(struct vm_disk *disk);
bool vm_disk_kernel_resized(struct vm_disk *disk, GError **error);
/*
 * vm_throttle.c: puts limits in front of a new image; false: it names a group that is not there. And other limits, of
 * that group (NULL: the disk's own), which are right.
 */
bool vm_disk_throttle(struct vm_disk *disk, GError **error);
void vm_disk_use_limits(struct vm_disk *disk, const struct disk_limits *limits, const char *group);
void vm_group_free(void *group);
/* vm_disk_errors.c: what the disk's image makes of errors is told to the VM from now on. */
void vm_disk_watch_errors(struct vm_disk *disk);
struct vm_disk_errors *vm_disk_errors_new(struct vm_disks *d);
void vm_disk_errors_free(struct vm_disk_errors *errors);
/* vm_disk_plug.c: gives the device of `from` to the image of `to`, both in the list; `from` goes when nothing is left. */
void vm_disk_move_device(struct vm_disk *from, struct vm_disk *to);
/* An empty drive, in the list, for the device of `from` to move to. */
struct vm_disk *vm_disk_new_empty(struct vm_disks *d);
/* vm_disk_plug.c: the device is gone for good. */
void vm_disk_left(struct vm_disk *disk);
/* The guest has let go of the medium, or never had it. */
void vm_media_opened(struct vm_disk *disk);
