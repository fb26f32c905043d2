/* A raw image, between opening it (image_raw_open.c) and using it (image_raw.c). */
#pragma once

#include "xenner/backend/disk_image.h"

struct raw {
    struct disk_image base;
    int fd;
    int buffered_fd;    /* for what O_DIRECT can't do with fd, or -1 */
    unsigned align;     /* of what goes to fd; 1 without O_DIRECT */
    bool write_through; /* what bypasses write() must be synced at once as well */
    bool no_flush;
    bool guard_start;   /* nobody said that it is raw: it must not become another format */
    bool sync_failed;
    int zero_mode;      /* fallocate's for zeroes; 0: write them */
};

extern const struct image_ops raw_ops;
