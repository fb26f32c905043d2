#include "xenner/bootdisk/disk_reader.h"

#include <errno.h>
#include <glib.h>
#include <unistd.h>

bool disk_read(const struct disk_reader *r, uint64_t offset, void *buf, size_t len)
{
    char *at = buf;

    if (offset > r->bytes || len > r->bytes - offset)
        return false;
    while (len) {
        ssize_t n = pread(r->fd, at, len, (off_t)(r->start + offset));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

bool disk_part(const struct disk_reader *r, uint64_t start, uint64_t bytes, struct disk_reader *ret)
{
    if (start >= r->bytes)
        return false;
    *ret = (struct disk_reader){r->fd, r->start + start, MIN(bytes, r->bytes - start)};
    return true;
}
