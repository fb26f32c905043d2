/*
 * Files of an ext2, ext3 or ext4 file system that is not mounted, through libext2fs. For a confined
 * process: the file system is not checked before. The journal is not replayed, as GRUB doesn't either.
 */
#pragma once

#include "xenner/bootdisk/disk_reader.h"

struct ext_files;

/* As GRUB's command "search" has them; empty: there is none. */
struct ext_identity {
    char uuid[37];
    char label[17];
};

/* NULL: it is no such file system. part is borrowed until the end. */
struct ext_files *ext_files_open(const struct disk_reader *part);
/* Accepts NULL. */
void ext_files_free(struct ext_files *e);
void ext_files_identify(const struct ext_files *e, struct ext_identity *ret);
/* The first bytes of a regular file, at most max; links are followed. -1: there is none. */
int ext_files_read(struct ext_files *e, const char *path, void *buf, unsigned max);
/*
 * Writes a regular file to fd, where that stands. Its bytes, or -1: there is none, it is larger than max, or
 * can't be read or written.
 */
int64_t ext_files_copy(struct ext_files *e, const char *path, int fd, uint64_t max);
/* Calls found for the names in a directory until it says false. */
void ext_files_list(struct ext_files *e, const char *path, bool (*found)(void *opaque, const char *name),
                    void *opaque);
