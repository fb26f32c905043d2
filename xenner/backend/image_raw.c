/* Requests to raw files and block devices. */
#include "xenner/backend/image_raw.h"
#include "xenner/backend/image_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BOUNCE_ALIGN = 4096 };

/* Steps of one request, in image_request.phase. */
enum { DATA, ZERO, SYNC };

static void start(struct image_request *r);

static struct raw *raw_of(struct image_request *r)
{
    return (struct raw *)r->img;
}

static void finish(struct image_request *r, int rc)
{
    free(g_steal_pointer(&r->bounce));
    r->done(r, rc);
}

/* n bytes of the data are done. */
static void advance(struct image_request *r, size_t n)
{
    r->offset += n;
    r->left -= n;
    while (r->iovcnt && n >= r->iov->iov_len) {
        n -= r->iov->iov_len;
        r->iov++;
        r->iovcnt--;
    }
    if (n) {
        r->iov->iov_base = (char *)r->iov->iov_base + n;
        r->iov->iov_len -= n;
    }
}

static void zero_rest(struct image_request *r)
{
    for (; r->iovcnt; r->iov++, r->iovcnt--)
        memset(r->iov->iov_base, 0, r->iov->iov_len);
    r->left = 0;
}

static void data_done(struct image_request *r, int rc)
{
    if (rc < 0) {
        finish(r, rc);
        return;
    }
    /* Behind the end: the file's last sector may be short, and somebody may have cut it. */
    if (rc == 0 && r->op == IMAGE_READ)
        zero_rest(r);
    else if (rc == 0)
        finish(r, -ENOSPC);
    else
        advance(r, MIN((size_t)rc, r->left));
    if (rc == 0 && r->op != IMAGE_READ)
        return;
    if (r->left)
        start(r);
    else
        finish(r, 0);
}

static void sync_done(struct image_request *r, int rc)
{
    struct raw *raw = raw_of(r);

    /*
     * The kernel says once that it lost data, and forgets the pages: a later sync that succeeds would
     * be a lie.
     */
    if (rc < 0)
        raw->sync_failed = true;
    finish(r, raw->sync_failed ? -EIO : 0);
}

static void on_job(struct io_job *job, int rc)
{
    struct image_request *r = (struct image_request *)((char *)job -
                                                       offsetof(struct image_request, job));
    struct raw *raw = raw_of(r);

    if (r->phase == ZERO && rc < 0 && r->op == IMAGE_WRITE) {
        raw->zero_mode = 0; /* this file system can't */
        r->phase = DATA;
        start(r);
    } else if (r->phase == ZERO && rc >= 0 && raw->write_through) {
        r->phase = SYNC;
        start(r);
    } else if (r->phase == ZERO) {
        finish(r, rc);
    } else if (r->phase == SYNC) {
        sync_done(r, rc);
    } else {
        data_done(r, rc);
    }
}

static bool fits_direct(const struct raw *raw, const struct image_request *r)
{
    if (r->offset % raw->align)
        return false;
    for (unsigned i = 0; i < r->iovcnt; i++) {
        if (((uintptr_t)r->iov[i].iov_base | r->iov[i].iov_len) % raw->align)
            return false;
    }
    return true;
}

/* The next step of r, from what is left of it. */
static void start(struct image_request *r)
{
    struct raw *raw = raw_of(r);
    struct io_job *job = &r->job;

    *job = (struct io_job){.fd = raw->fd, .offset = r->offset, .done = on_job};
    switch (r->phase) {
    case DATA:
        job->op = r->op == IMAGE_READ ? IO_READ : IO_WRITE;
        job->iov = r->iov;
        job->iovcnt = r->iovcnt;
        if (raw->buffered_fd >= 0 && !fits_direct(raw, r))
            job->fd = raw->buffered_fd;
        break;
    case ZERO:
        job->op = IO_FALLOCATE;
        job->mode = r->op == IMAGE_DISCARD ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
                                           : raw->zero_mode;
        job->bytes = r->bytes;
        break;
    case SYNC:
        job->op = IO_SYNC;
        break;
    }
    io_submit(raw->base.io, job);
}

static bool all_zero(const struct image_request *r)
{
    for (unsigned i = 0; i < r->iovcnt; i++) {
        const char *p = r->iov[i].iov_base;
        size_t n = r->iov[i].iov_len;
        if (p[0] || memcmp(p, p + 1, n - 1))
            return false;
    }
    return true;
}

/* One buffer instead of the guest's memory, which could change after a look at it. */
static bool bounce_write(struct image_request *r)
{
    char *to;

    if (posix_memalign(&r->bounce, BOUNCE_ALIGN, r->bytes)) {
        r->bounce = NULL;
        return false;
    }
    to = r->bounce;
    for (unsigned i = 0; i < r->iovcnt; i++) {
        memcpy(to, r->iov[i].iov_base, r->iov[i].iov_len);
        to += r->iov[i].iov_len;
    }
    r->iov[0] = (struct iovec){r->bounce, r->bytes};
    r->iovcnt = 1;
    return true;
}

static void start_write(struct raw *raw, struct image_request *r)
{
    if (raw->guard_start && r->offset < IMAGE_PROBE_BYTES) {
        if (!bounce_write(r)) {
            finish(r, -ENOMEM);
            return;
        }
        if (strcmp(image_probe(r->bounce, r->bytes), "raw") != 0) {
            finish(r, -EPERM);
            return;
        }
    }
    r->phase = raw->zero_mode && all_zero(r) ? ZERO : DATA;
    start(r);
}

static void raw_submit(struct disk_image *img, struct image_request *r)
{
    struct raw *raw = (struct raw *)img;

    r->img = img;
    r->left = r->bytes;
    r->bounce = NULL;
    switch (r->op) {
    case IMAGE_READ:
        r->phase = DATA;
        start(r);
        break;
    case IMAGE_WRITE:
        start_write(raw, r);
        break;
    case IMAGE_FLUSH:
        if (raw->no_flush || img->readonly || raw->sync_failed) {
            finish(r, raw->sync_failed ? -EIO : 0);
            break;
        }
        r->phase = SYNC;
        start(r);
        break;
    case IMAGE_DISCARD:
        r->phase = ZERO;
        start(r);
        break;
    }
}

static void raw_free(struct disk_image *img)
{
    struct raw *raw = (struct raw *)img;

    if (!img->readonly && !raw->no_flush && fdatasync(raw->fd) < 0)
        g_warning("a disk's last data did not reach it: %s", g_strerror(errno));
    if (raw->fd >= 0)
        close(raw->fd);
    if (raw->buffered_fd >= 0)
        close(raw->buffered_fd);
    g_free(raw);
}

static bool raw_resize(struct disk_image *img, uint64_t bytes, GError **error)
{
    struct raw *raw = (struct raw *)img;
    struct stat st;

    if (img->readonly)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_READ_ONLY, "Cannot resize a read-only image");
    else if (fstat(raw->fd, &st) == 0 && !S_ISREG(st.st_mode))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "Cannot resize a block device");
    else if (ftruncate(raw->fd, (off_t)bytes) == 0)
        return true;
    else
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "Failed to resize the file: %s", g_strerror(errno));
    return false;
}

const struct image_ops raw_ops = {
    .format = "raw", .submit = raw_submit, .free = raw_free, .resize = raw_resize};
