/* One disk of a guest, as the user asked for it. */
#pragma once

#include "xenner/config/device_backend.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum disk_cache {
    DISK_CACHE_WRITEBACK,    /* the host's page cache; a flush reaches the disk */
    DISK_CACHE_NONE,         /* O_DIRECT; a flush reaches the disk */
    DISK_CACHE_WRITETHROUGH, /* the host's page cache; every write reaches the disk */
    DISK_CACHE_DIRECTSYNC,   /* O_DIRECT; every write reaches the disk */
    DISK_CACHE_UNSAFE,       /* the host's page cache; flushes are ignored */
};
enum disk_aio { DISK_AIO_AUTO, DISK_AIO_THREADS, DISK_AIO_URING };
enum disk_zeroes { DISK_ZEROES_OFF, DISK_ZEROES_ON, DISK_ZEROES_UNMAP };

/* All, reads, writes: as QEMU's bps-total, bps-read, bps-write, and the same for requests. */
enum disk_limit {
    LIMIT_BPS_TOTAL, LIMIT_BPS_READ, LIMIT_BPS_WRITE,
    LIMIT_IOPS_TOTAL, LIMIT_IOPS_READ, LIMIT_IOPS_WRITE,
    NR_LIMITS
};
struct disk_limits {
    uint64_t avg[NR_LIMITS]; /* a second; 0: no limit */
    uint64_t max[NR_LIMITS]; /* in a burst; 0: a tenth of avg */
    uint64_t max_length[NR_LIMITS]; /* seconds that a burst may last; 0: one */
    uint64_t iops_size;      /* larger requests count as several; 0: each is one */
};

/* What is done when the image fails; AUTO: what QEMU does unless told, ENOSPC for writes, REPORT for reads. */
enum disk_on_error {
    DISK_ERROR_AUTO,
    DISK_ERROR_REPORT, /* the guest is told */
    DISK_ERROR_IGNORE, /* the guest is told that all is well */
    DISK_ERROR_ENOSPC, /* writes: the VM is stopped when there is no room, else the guest is told */
    DISK_ERROR_STOP,   /* the VM is stopped; the request is repeated when it goes on */
};

struct disk_config {
    char *origin;  /* "-drive file=x", for errors */
    char *id;      /* never NULL once validated */
    char *path;    /* file, block device, or URL; never NULL */
    char *format;  /* "raw", "qcow2"...; NULL: look at the image */
    struct disk_config *backing; /* what is not in the image itself; NULL: as the image says. Owned */
    bool no_backing; /* nothing, whatever the image says */
    /* the guest's device that has it: */
    char *vdev;    /* canonical: "xvda"; NULL: none */
    char *device;  /* its id: "virtio-disk0", or NULL */
    char *model;   /* -device's name of it: "virtio-blk-pci", or NULL */
    char *serial;  /* or NULL */
    unsigned boot_order; /* bootindex= and one; 0: none */
    bool cdrom;
    bool empty;    /* a drive for media, without one: no path */
    bool placed;   /* vdev is the next that was free, not one that was asked for */
    bool emulated; /* an HVM guest's device model has the image, too, and locks it */

    bool readonly, snapshot;
    bool discard;  /* the guest's discards are passed on */
    enum disk_cache cache;
    enum disk_aio aio;
    enum disk_zeroes zeroes;
    enum disk_on_error on_read_error, on_write_error;
    enum device_backend backend;
    struct disk_limits limits;
    char *group;    /* whose limits those are; NULL: its own */
    char **filters; /* throttle groups of -blockdev's nodes, or NULL */
};

/* One-line errors in QEMU's words. */
bool disk_limits_check(const struct disk_limits *limits, GError **error);

/* Whether there is one. */
bool disk_limits_any(const struct disk_limits *limits);
/* Accepts NULL; a GDestroyNotify. */
void disk_config_free(void *disk);
struct disk_config *disk_config_copy(const struct disk_config *disk);
/* Rules for one disk; one-line errors that begin with its origin. */
bool disk_config_check(const struct disk_config *disk, GError **error);
/*
 * Gives disk the device's part of what `device` says, which is left without; its cache says whether
 * writes go through. The place (vdev) is the next free of disks when it brings none.
 */
void disk_config_plug(struct disk_config *disk, struct disk_config *device, const GPtrArray *disks);
/* Whether one of disks is there, or (hda for xvda) where Linux calls it the same. */
bool disk_place_taken(const GPtrArray *disks, const char *vdev);
/* Gives the device's part of `from` to another disk; from keeps none. */
void disk_config_move_device(struct disk_config *from, struct disk_config *to);
/*
 * Why the kernel of a Xen host can't serve the disk as it is asked for (a clause for the user: "it is a CD"), or
 * NULL: as far as the configuration says, it can. block_device: that is what it is on.
 */
const char *disk_config_not_for_kernel(const struct disk_config *disk, bool block_device);
/* Takes the device's part from it. */
void disk_config_unplug(struct disk_config *disk);
/* Rules for all disks (struct disk_config *) of a guest; one-line errors. */
bool disk_configs_check(const GPtrArray *disks, GError **error);
/*
 * For g_ptr_array_sort() of a list of them: in the order in which a boot loader is to see them. Those with a bootindex
 * are first, then the others by their numbers (vdev).
 */
gint disk_config_by_boot_order(gconstpointer a, gconstpointer b);
/* bootindex= as text (NULL: none) to a boot_order, in QEMU's words. */
bool boot_order_parse(const char *text, unsigned *ret, GError **error);
