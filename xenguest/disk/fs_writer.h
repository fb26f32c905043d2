/*
 * A file system that is being filled, in its partition, without a mount: ext2 to ext4 by libext2fs,
 * vfat by mtools. Paths are relative, normal ("a/b"), without "." and ".."; "" is the root
 * directory.
 */
#pragma once

#include "xenguest/disk/run.h"

#include <stdint.h>
#include <sys/types.h>

struct fs_xattr {
    const char *name;
    const void *value;
    size_t len;
};

/* All borrowed. */
struct fs_attr {
    mode_t mode; /* with the file's type */
    uint32_t uid, gid;
    int64_t mtime; /* seconds since 1970 */
    const struct fs_xattr *xattrs;
    unsigned nr_xattrs;
};

struct fs_writer;

/* Errors do not name the path: the caller does. An entry may be NULL: this file system has no such
 * thing. */
struct fs_writer_ops {
    const char *name;
    /* Missing parents are made. A directory may be there already, and gets these attributes. */
    bool (*dir)(struct fs_writer *w, const char *path, const struct fs_attr *attr, GError **error);
    /* Zeroes need no room where the file system has holes. */
    bool (*file)(struct fs_writer *w, const char *path, const struct fs_attr *attr,
                 run_input_fn data, void *opaque, GError **error);
    bool (*symlink)(struct fs_writer *w, const char *path, const char *target,
                    const struct fs_attr *attr, GError **error);
    bool (*link)(struct fs_writer *w, const char *path, const char *existing, GError **error);
    /* Devices, fifos, sockets. */
    bool (*node)(struct fs_writer *w, const char *path, unsigned dev_major, unsigned dev_minor,
                 const struct fs_attr *attr, GError **error);
    /* Writes out what is not yet written, and frees w, in any case. */
    bool (*close)(struct fs_writer *w, GError **error);
};

/* The first member of what implements it. */
struct fs_writer {
    const struct fs_writer_ops *ops;
};

/*
 * Make a new file system of that size at that offset of the file or device, and open it. fs:
 * "ext2", "ext3", "ext4".
 */
struct fs_writer *fs_ext_make(const char *path, const char *fs, uint64_t offset, uint64_t bytes,
                              GError **error);
struct fs_writer *fs_vfat_make(const char *path, uint64_t offset, uint64_t bytes, GError **error);
