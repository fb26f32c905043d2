/*
 * What goes into a partition: images (.img) as they are, and archives (.tar), each plain or
 * compressed. The bytes are never trusted: libarchive unpacks them, sizes are those of the
 * partition, and names only mean something inside the file system that is being filled.
 */
#pragma once

#include "xenguest/disk/fs_writer.h"
#include "xenguest/disk/run.h"

enum content_kind { CONTENT_UNKNOWN, CONTENT_IMAGE, CONTENT_TAR };

/* By the name's suffix: .img, .img.gz, .img.bz2, .tar, .tar.gz, .tar.bz2, .tar.xz. */
enum content_kind content_kind(const char *name);

struct content {
    const char *name;  /* for the suffix and for errors; borrowed */
    run_input_fn read; /* its bytes */
    void *opaque;
};

/*
 * Writes an unpacked image to fd from offset on, at most bytes of it. sparse: fd reads as zeroes
 * there, so zeroes need not be written.
 */
bool content_write_image(const struct content *c, int fd, uint64_t offset, uint64_t bytes,
                         bool sparse, GError **error);
/* Puts each member of the archive into the file system. Errors name the member. */
bool content_write_tar(const struct content *c, struct fs_writer *fs, GError **error);
