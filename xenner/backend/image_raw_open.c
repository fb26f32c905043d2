#include "xenner/backend/image_lock.h"
#include "xenner/backend/image_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

static bool could_not_open(const char *path, int err, GError **error)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(err), "Could not open '%s': %s", path,
                g_strerror(err));
    return false;
}

static bool is_direct(const struct disk_config *c)
{
    return c->cache == DISK_CACHE_NONE || c->cache == DISK_CACHE_DIRECTSYNC;
}

static int open_flags(const struct disk_config *c)
{
    bool through = c->cache == DISK_CACHE_WRITETHROUGH || c->cache == DISK_CACHE_DIRECTSYNC;

    return O_CLOEXEC | (c->readonly ? O_RDONLY : O_RDWR) | (through ? O_DSYNC : 0);
}

static bool open_file(struct raw *raw, const struct disk_config *c, struct stat *st, GError **error)
{
    /* Before open(): a fifo would wait, and opening a device may do things. */
    if (stat(c->path, st) < 0)
        return could_not_open(c->path, errno, error);
    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                    "'file' driver requires '%s' to be a regular file", c->path);
        return false;
    }
    raw->fd = open(c->path, open_flags(c) | (is_direct(c) ? O_DIRECT : 0));
    if (raw->fd < 0 && errno == EINVAL && is_direct(c)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "Could not open '%s': filesystem does not support O_DIRECT", c->path);
        return false;
    }
    if (raw->fd < 0)
        return could_not_open(c->path, errno, error);
    if (fstat(raw->fd, st) < 0) /* again: the one above may be of another file */
        return could_not_open(c->path, errno, error);
    return true;
}

static bool find_size(struct raw *raw, const char *path, const struct stat *st, GError **error)
{
    uint64_t bytes = (uint64_t)st->st_size;

    if (S_ISBLK(st->st_mode) && ioctl(raw->fd, BLKGETSIZE64, &bytes) < 0)
        return could_not_open(path, errno, error);
    raw->base.bytes = (bytes + IMAGE_SECTOR - 1) / IMAGE_SECTOR * IMAGE_SECTOR;
    return true;
}

/* What the kernel demands of O_DIRECT can only be tried. */
static unsigned find_alignment(int fd)
{
    void *buf;
    unsigned n = IMAGE_SECTOR;

    if (posix_memalign(&buf, PAGE, PAGE))
        return PAGE;
    while (n < PAGE && pread(fd, buf, n, 0) < 0 && errno == EINVAL)
        n *= 2;
    free(buf);
    return n;
}

/*
 * The guest's sectors have 512 bytes whatever the medium has. What O_DIRECT does not take goes through
 * the page cache; the kernel keeps both views of a file together.
 */
static bool prepare_direct(struct raw *raw, const struct disk_config *c, GError **error)
{
    raw->align = find_alignment(raw->fd);
    raw->base.physical = raw->align;
    if (raw->align == IMAGE_SECTOR)
        return true;
    raw->buffered_fd = open(c->path, open_flags(c));
    return raw->buffered_fd >= 0 || could_not_open(c->path, errno, error);
}

static void choose_behaviour(struct raw *raw, const struct disk_config *c, const struct stat *st)
{
    raw->no_flush = c->cache == DISK_CACHE_UNSAFE;
    raw->write_through = c->cache == DISK_CACHE_WRITETHROUGH || c->cache == DISK_CACHE_DIRECTSYNC;
    raw->base.readonly = c->readonly;
    raw->base.can_discard = c->discard && !c->readonly;
    raw->base.discard_granularity = S_ISREG(st->st_mode) ? (unsigned)st->st_blksize : PAGE;
    if (c->zeroes == DISK_ZEROES_ON)
        raw->zero_mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
    else if (c->zeroes == DISK_ZEROES_UNMAP)
        raw->zero_mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
}

static bool lock_image(struct raw *raw, const struct disk_config *config, GError **error)
{
    if (!image_lock(raw->fd, !config->readonly, config->path, error))
        return false;
    if (config->emulated)
        image_unlock(raw->fd);
    return true;
}

struct disk_image *image_raw_open(const struct disk_config *config, struct blk_io *io, bool probed,
                             GError **error)
{
    struct raw *raw = g_new0(struct raw, 1);
    struct stat st;

    raw->base = (struct disk_image){.ops = &raw_ops, .io = io, .physical = IMAGE_SECTOR};
    raw->fd = raw->buffered_fd = -1;
    raw->align = 1;
    raw->guard_start = probed;
    if (!open_file(raw, config, &st, error) || !find_size(raw, config->path, &st, error) ||
        !lock_image(raw, config, error) ||
        (is_direct(config) && !prepare_direct(raw, config, error))) {
        raw->base.readonly = true; /* nothing to bring to the disk */
        disk_image_free(&raw->base);
        return NULL;
    }
    choose_behaviour(raw, config, &st);
    return &raw->base;
}
