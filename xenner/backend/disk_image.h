/*
 * What a disk's bytes are in: an interface over raw files and block devices (image_raw.c) and over all
 * other formats (image_qsd.c). Images outlive the guest's reboots.
 *
 * Threads: open, free and the fields in the main loop's; submit in the I/O thread, where done is
 * called as well, maybe from inside submit.
 */
#pragma once

#include "xenner/backend/blk_io.h"
#include "xenner/config/disk_config.h"
#include "xenner/util/guest_mem.h"

#define IMAGE_SECTOR 512u

enum image_op { IMAGE_READ, IMAGE_WRITE, IMAGE_FLUSH, IMAGE_DISCARD };

/* The caller's until done. */
struct image_request {
    enum image_op op;
    uint64_t offset, bytes; /* whole sectors inside the image */
    struct iovec *iov;      /* read, write: bytes in all; its contents may be changed */
    unsigned iovcnt;        /* at most IOV_MAX */
    void (*done)(struct image_request *r, int rc); /* 0 or -errno */
    /* the image's */
    struct io_job job;
    struct disk_image *img;
    uint64_t left;
    int phase;
    void *bounce;           /* a copy of the data, or NULL; freed with free() */
};

/* What a guest's requests came to, by image_op; written by the I/O thread. */
struct image_stats {
    struct {
        uint64_t ops, failed, bytes, ns;
    } of[IMAGE_DISCARD + 1];
    uint64_t highest; /* byte behind the last that was written */
};

/* What became of a request that failed. */
enum image_action { IMAGE_REPORTED, IMAGE_IGNORED, IMAGE_STOPPED /* it is held until disk_image_retry() */ };

/* What is done with errors. failed (or NULL: nothing is held) is called in the I/O thread; rc is -errno. */
struct image_policy {
    enum disk_on_error read, write;
    void (*failed)(void *opaque, enum image_op op, int rc, enum image_action action);
    void *opaque;
};

struct disk_image;
struct image_ops {
    const char *format;
    void (*submit)(struct disk_image *img, struct image_request *r);
    void (*free)(struct disk_image *img);
    void (*hurry)(struct disk_image *img, bool hurry); /* optional */
    /* The medium gets another size; the caller updates bytes. Main loop's thread. Optional. */
    bool (*resize)(struct disk_image *img, uint64_t bytes, GError **error);
    /* Optional. The I/O thread's. */
    void (*set_policy)(struct disk_image *img, const struct image_policy *policy);
    void (*retry)(struct disk_image *img);
    void (*set_memory)(struct disk_image *img, const struct guest_mem *mem); /* optional; main loop's thread */
};

struct disk_image {
    const struct image_ops *ops;
    struct blk_io *io;
    uint64_t bytes;       /* whole sectors */
    unsigned physical;    /* bytes that the medium writes at once: 512 or 4096 */
    bool readonly;
    bool can_discard;
    unsigned discard_granularity;
    struct image_stats stats; /* of the image that the guest's device has */
};

/*
 * Opens and locks what config says; one-line errors in QEMU's words, without config's origin. io is
 * borrowed.
 */
struct disk_image *disk_image_open(const struct disk_config *config, struct blk_io *io, GError **error);
/* The format that a file seems to have; NULL with an error when it can't be read. */
const char *disk_image_probe(const char *path, GError **error);
/*
 * Of an image that disk_image_open() returned: requests wait from now on, and what was under way is done. Another
 * image, of so many bytes, can then take the place of what is open; if that fails there is none, and requests fail.
 * They go on. Main loop's thread.
 */
void disk_image_hold(struct disk_image *img);
bool disk_image_reopen(struct disk_image *img, const struct disk_config *config, uint64_t bytes,
                       GError **error);
void disk_image_go_on(struct disk_image *img);
/* What was written is on the disk, or will be as far as `cache` says. Accepts NULL. */
void disk_image_free(struct disk_image *img);
void disk_image_submit(struct disk_image *img, struct image_request *r);
/* Whether requests that limits hold back go at once: somebody waits for them. The I/O thread's. */
void disk_image_hurry(struct disk_image *img, bool hurry);

/* The medium gets that size (whole sectors). Main loop's thread. */
bool disk_image_resize(struct disk_image *img, uint64_t bytes, GError **error);
/* From now on; and once more what is held. Main loop's thread. */
void disk_image_set_policy(struct disk_image *img, const struct image_policy *policy);
void disk_image_retry(struct disk_image *img);
/*
 * Where requests' data will be, mostly; for those who can do more with memory that they know beforehand. Borrowed
 * until the next call (NULL: there is none). Main loop's thread, with no request under way.
 */
void disk_image_set_memory(struct disk_image *img, const struct guest_mem *mem);

/* For disk_image_open(). */
struct disk_image *image_raw_open(const struct disk_config *config, struct blk_io *io, bool probed,
                             GError **error);
struct disk_image *image_qsd_open(const struct disk_config *config, const char *format,
                                  struct blk_io *io, GError **error);
/* An image in front of below, which it owns. */
struct disk_image *image_on_error(struct disk_image *below);
/* Frees what is below, and puts another one there (taken; NULL: none) while requests wait. */
void image_on_error_exchange(struct disk_image *img, struct disk_image *below);

/*
 * An image in front of below, which it owns, with the limits of a group (throttle_group.h; NULL: none). Main loop's
 * thread, as is a change of it.
 */
struct throttle_group;
struct disk_image *image_throttle(struct disk_image *below, struct throttle_group *group);
void image_throttle_set_group(struct disk_image *img, struct throttle_group *group);
