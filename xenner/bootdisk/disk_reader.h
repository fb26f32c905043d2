/* The bytes of a disk that nobody trusts, and of a part of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_reader {
    int fd;         /* borrowed; a file or block device, open for reading */
    uint64_t start; /* bytes */
    uint64_t bytes;
};

/* All of offset to offset + len, or false: an error, or more than there is. */
bool disk_read(const struct disk_reader *r, uint64_t offset, void *buf, size_t len);
/* The part of r, cut off at r's end; false: it begins behind that. */
bool disk_part(const struct disk_reader *r, uint64_t start, uint64_t bytes, struct disk_reader *ret);
