/*
 * A guest's disks and network cards that are not ours to serve: the kernel of a Xen host does it (xen-blkback,
 * xen-netback), and the toolstack sets them up. Part of a struct xen_host, where there is such a kernel.
 *
 * Threads: the main loop's. Adding waits for the host's hotplug scripts.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct xen_kernel {
    const struct xen_kernel_ops *ops;
};

struct kernel_device; /* a disk or a card that the guest was given */

struct kernel_disk {
    const char *path; /* a block device, or a raw file of whole sectors */
    const char *vdev; /* canonical */
    bool readonly, discard;
};

struct kernel_nic {
    unsigned devid;
    uint8_t mac[6];
    const char *bridge;
};

/* What the guest did on a disk since its frontend connected. */
struct kernel_disk_stats {
    uint64_t reads, read_bytes, writes, written_bytes, flushes, discards;
};

struct xen_kernel_ops {
    /* Whether the driver for "vbd" or "vif" is there. */
    bool (*serves)(struct xen_kernel *k, const char *type);
    /* The arguments are not used later. */
    struct kernel_device *(*add_disk)(struct xen_kernel *k, const struct kernel_disk *disk, GError **error);
    /* A disk that the domain was made with (an HVM guest's); NULL: there is none in that place. */
    struct kernel_device *(*adopt_disk)(struct xen_kernel *k, const char *vdev);
    struct kernel_device *(*add_nic)(struct xen_kernel *k, const struct kernel_nic *nic, GError **error);
    /* Asks the guest to let go; gone is called from the main loop once it has. Once a device. */
    void (*unplug)(struct kernel_device *d, void (*gone)(void *opaque), void *opaque);
    /* Disks only. False: the kernel does not tell (no frontend yet). */
    bool (*stats)(struct kernel_device *d, struct kernel_disk_stats *ret);
    /* Disks only: its file or device has that size now. The guest is told. */
    bool (*resized)(struct kernel_device *d, uint64_t bytes, GError **error);
    /* Cards only. */
    bool (*set_link)(struct kernel_device *d, bool up, GError **error);
    /* Forgets it; gone is not called any more. The device itself goes with the domain. Accepts NULL. */
    void (*forget)(struct kernel_device *d);
};
