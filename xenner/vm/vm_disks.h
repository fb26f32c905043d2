/*
 * A guest's disks: images, which are open for as long as the VM lives or until they are removed, and the
 * guest's devices on them, which come and go with the domain and by hot plug.
 *
 * A disk is an image, a device, or an image with the device that has it; a CD drive without a
 * medium is a device without an image.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/backend/disk_image.h"
#include "xenner/config/vm_config.h"
#include "xenner/host/xen_host.h"

struct vm_disks;

/* Opens the images. cfg is not used later. */
struct vm_disks *vm_disks_new(const struct vm_config *cfg, GError **error);
/* Offers them to the guest; host is used until detach. */
bool vm_disks_attach(struct vm_disks *disks, struct xen_host *host, GError **error);
/* Before the domain goes: devices that were to leave have left. Both accept NULL. */
void vm_disks_detach(struct vm_disks *disks);
void vm_disks_free(struct vm_disks *disks);

/* A request of the guest's that failed. */
struct vm_disk_error {
    const struct disk_config *config;
    bool node; /* its id is a node's */
    bool read;
    int code;  /* errno */
    enum image_action action;
};

enum vm_disk_status { VM_DISK_OK, VM_DISK_FAILED, VM_DISK_NO_SPACE };

struct vm_disks_events {
    /* A device is gone for good. */
    void (*deleted)(void *opaque, const char *device);
    /* A CD drive's medium can be changed now (open), or it can be used. */
    void (*tray)(void *opaque, const char *device, bool open);
    /* IMAGE_STOPPED: the VM is to be stopped; vm_disks_retry() when it goes on. */
    void (*failed)(void *opaque, const struct vm_disk_error *error);
};
/* events is borrowed. */
void vm_disks_set_events(struct vm_disks *disks, const struct vm_disks_events *events, void *opaque);

/* What failed and was held is tried again. */
void vm_disks_retry(struct vm_disks *disks);

/* What is to be known of a disk, valid until something changes. */
struct vm_disk_info {
    const struct disk_config *config;
    const struct disk_image *image; /* NULL: none */
    bool connected;                 /* the guest has a vbd of it */
    bool leaving, tray_open;
    enum vm_disk_status status;     /* not OK: requests wait for vm_disks_retry() */
    const struct disk_limits *limits; /* that are in force */
    const char *group;              /* whose they are; NULL: there are none */
};
/* The thread in which disks move; 0: there is none yet. */
int vm_disks_tid(struct vm_disks *disks);
unsigned vm_disks_count(const struct vm_disks *disks);
struct vm_disk_info vm_disks_info(const struct vm_disks *disks, unsigned i);

/* The nodes (struct block_node *): new ones are appended, then vm_disks_open_nodes() is called. */
GPtrArray *vm_disks_nodes(struct vm_disks *disks);
/* Opens what is behind the nodes from index `first` on, or removes them again. */
bool vm_disks_open_nodes(struct vm_disks *disks, unsigned first, GError **error);
bool vm_disks_close_node(struct vm_disks *disks, const char *name, GError **error);

/* An image that is no node's (-drive), config is taken; and its end, when no device has it. */
bool vm_disks_add_drive(struct vm_disks *disks, struct disk_config *config, GError **error);
bool vm_disks_del_drive(struct vm_disks *disks, const char *id, GError **error);

/* device (what -device says, id is the node or drive) is taken. */
bool vm_disks_plug(struct vm_disks *disks, struct disk_config *device, GError **error);
/* Whether there is a device of that id. */
bool vm_disks_has(const struct vm_disks *disks, const char *device);
/* Asks the guest to let go; `deleted` is called when it has. */
bool vm_disks_unplug(struct vm_disks *disks, const char *device, GError **error);

/*
 * CD drives. name: the device's or the drive's id. open: the guest is asked to let go (force: not
 * asked), `tray` is called when it has. remove and insert need an open tray. eject and change do all of
 * that; change takes medium, NULL for none.
 */
bool vm_disks_open_tray(struct vm_disks *disks, const char *name, bool force, GError **error);
bool vm_disks_close_tray(struct vm_disks *disks, const char *name, GError **error);
bool vm_disks_remove_medium(struct vm_disks *disks, const char *name, GError **error);
bool vm_disks_insert_medium(struct vm_disks *disks, const char *name, const char *node,
                            GError **error);
bool vm_disks_change(struct vm_disks *disks, const char *name, struct disk_config *medium, bool force,
                     GError **error);

/* name: device, drive or node. */
bool vm_disks_resize(struct vm_disks *disks, const char *name, uint64_t bytes, GError **error);
/* group: whose limits they become, too; NULL: the disk's own, or those of the group that it is in. */
bool vm_disks_set_limits(struct vm_disks *disks, const char *name, const struct disk_limits *limits,
                         const char *group, GError **error);
/* Groups that are objects. QEMU's words. limits: NULL when there is none of that name. */
bool vm_disks_add_group(struct vm_disks *disks, const char *name, const struct disk_limits *limits,
                        GError **error);
bool vm_disks_del_group(struct vm_disks *disks, const char *name, GError **error);
const struct disk_limits *vm_disks_group_limits(const struct vm_disks *disks, const char *name);
bool vm_disks_set_group_limits(struct vm_disks *disks, const char *name, const struct disk_limits *limits,
                               GError **error);
