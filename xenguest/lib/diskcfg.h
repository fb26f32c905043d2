/*
 * disk.cfg: the disk that the manager makes for a guest.
 *
 *     DISK_SIZE="1000M"         a bare number is GB; 1 GB is 1000 MB; 0 or nothing: no disk
 *     DISK_DEVICE=""            the device to take instead of the manager's own
 *     DISK_PART<1-4>="SIZE:FS:CONTENT"
 */
#pragma once

#include "xenguest/lib/assign.h"

#include <stdint.h>

#define DISKCFG_PARTS 4
#define DISKCFG_MB    1000000ull /* bytes */

enum diskcfg_fs {
    DISKCFG_FS_NONE,
    DISKCFG_FS_EXT2,
    DISKCFG_FS_EXT3,
    DISKCFG_FS_EXT4,
    DISKCFG_FS_VFAT,
    DISKCFG_FS_SWAP,
};

/* What the suffix of a content's name says. */
enum diskcfg_content {
    DISKCFG_CONTENT_NONE,
    DISKCFG_CONTENT_IMG,
    DISKCFG_CONTENT_IMG_GZ,
    DISKCFG_CONTENT_IMG_BZ2,
    DISKCFG_CONTENT_TAR,
    DISKCFG_CONTENT_TAR_GZ,
    DISKCFG_CONTENT_TAR_BZ2,
    DISKCFG_CONTENT_TAR_XZ,
    DISKCFG_CONTENT_UNKNOWN,
};

struct diskcfg_part {
    uint64_t mb; /* 0: there is no such partition */
    enum diskcfg_fs fs;
    char *content; /* a name under disk/ or disk-files/; NULL: none */
};

struct diskcfg {
    uint64_t mb;                              /* 0: no disk */
    char *device;                             /* NULL: none is asked for */
    struct diskcfg_part parts[DISKCFG_PARTS]; /* parts[0] is DISK_PART1 */
};

/*
 * Reads and checks all of it: numbers over 4, sizes, file systems, contents, the same content
 * twice, partitions that are larger than the disk; messages have the numbers. *ret is to be cleared
 * either way.
 */
bool diskcfg_read(const struct assign *a, struct diskcfg *ret, GError **error);
void diskcfg_clear(struct diskcfg *cfg);

/* "4", "4G", "1000M" to MB. */
bool diskcfg_size_parse(const char *text, uint64_t *ret_mb, GError **error);
/* "SIZE:FS:CONTENT"; the two last may be empty or missing. ret->content is the caller's to free. */
bool diskcfg_part_parse(const char *text, struct diskcfg_part *ret, GError **error);
enum diskcfg_content diskcfg_content_type(const char *name);
/* "ext4"; "" for DISKCFG_FS_NONE. */
const char *diskcfg_fs_name(enum diskcfg_fs fs);
