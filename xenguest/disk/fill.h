/*
 * Puts on a guest's disk what disk.cfg says: the partition table, file systems, contents. The disk
 * is a raw file or a block device, never mounted, and read by nobody else meanwhile.
 */
#pragma once

#include "xenguest/lib/diskcfg.h"

#include <glib.h>
#include <stdbool.h>

/* The bytes that the disk must have: those of DISK_SIZE, or more when table and partitions need it.
 */
uint64_t disk_bytes(const struct diskcfg *cfg);

struct disk_source {
    /* A content of that name, open for reading from its start; the caller closes. -1 with error
     * set. */
    int (*open)(void *opaque, const char *content, GError **error);
    void *opaque;
};

/*
 * sparse: what is at path reads as zeroes. Without any partition in cfg nothing is written. On
 * errors the disk is half filled: the caller removes it.
 */
bool disk_fill(const char *path, const struct diskcfg *cfg, bool sparse,
               const struct disk_source *source, GError **error);
