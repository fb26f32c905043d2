#include "xenner/backend/image_nbd.h"

#include <errno.h>
#include <gio/gio.h>
#include <libnbd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct nbd {
    struct disk_image base;
    struct nbd_config config;
    struct nbd_handle *handle; /* after open: the I/O thread's */
    GSource *source;
};

/* Watches the connection, for writing only while there is something to be written. */
struct nbd_source {
    GSource source;
    struct nbd *nbd;
    gpointer tag;
    int events; /* that are waited for */
};

static gboolean nbd_prepare(GSource *source, gint *timeout)
{
    struct nbd_source *s = (struct nbd_source *)source;
    unsigned direction = nbd_aio_get_direction(s->nbd->handle);
    int events = 0;

    if (direction & LIBNBD_AIO_DIRECTION_READ)
        events |= G_IO_IN;
    if (direction & LIBNBD_AIO_DIRECTION_WRITE)
        events |= G_IO_OUT;
    /* only when it is new: GLib wakes the thread for it, which would never sleep */
    if (events != s->events)
        g_source_modify_unix_fd(source, s->tag, events);
    s->events = events;
    *timeout = -1;
    return FALSE;
}

static gboolean nbd_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct nbd_source *s = (struct nbd_source *)source;
    struct nbd_handle *h = s->nbd->handle;
    GIOCondition ready = g_source_query_unix_fd(source, s->tag);

    /* Errors here are the end of the connection; the requests hear of it one by one. */
    if (ready & (G_IO_IN | G_IO_HUP | G_IO_ERR) &&
        nbd_aio_get_direction(h) & LIBNBD_AIO_DIRECTION_READ)
        nbd_aio_notify_read(h);
    else if (ready & G_IO_OUT && nbd_aio_get_direction(h) & LIBNBD_AIO_DIRECTION_WRITE)
        nbd_aio_notify_write(h);
    if (nbd_aio_is_dead(h) || nbd_aio_is_closed(h)) {
        g_source_remove_unix_fd(source, s->tag);
        g_source_destroy(source);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs nbd_source_funcs = {.prepare = nbd_prepare, .dispatch = nbd_dispatch};

static void copy(struct image_request *r, bool to_bounce)
{
    char *at = r->bounce;

    for (unsigned i = 0; i < r->iovcnt; i++) {
        if (to_bounce)
            memcpy(at, r->iov[i].iov_base, r->iov[i].iov_len);
        else
            memcpy(r->iov[i].iov_base, at, r->iov[i].iov_len);
        at += r->iov[i].iov_len;
    }
}

static void finish(struct image_request *r, int rc)
{
    if (r->bounce && !rc && r->op == IMAGE_READ)
        copy(r, false);
    free(g_steal_pointer(&r->bounce));
    r->done(r, rc);
}

static int on_complete(void *user_data, int *error)
{
    finish(user_data, *error ? -*error : 0);
    return 1; /* libnbd forgets the command */
}

static int64_t start(struct nbd *nbd, struct image_request *r)
{
    nbd_completion_callback done = {.callback = on_complete, .user_data = r};
    uint32_t fua = nbd->config.write_through ? LIBNBD_CMD_FLAG_FUA : 0;
    void *buf = NULL;

    if (r->op == IMAGE_READ || r->op == IMAGE_WRITE) {
        /* NBD has one buffer a request, the guest has pages */
        r->bounce = r->iovcnt > 1 ? malloc(r->bytes) : NULL;
        buf = r->iovcnt > 1 ? r->bounce : r->iov[0].iov_base;
        if (!buf)
            return -1;
    }
    if (r->bounce && r->op == IMAGE_WRITE)
        copy(r, true);
    switch (r->op) {
    case IMAGE_READ:
        return nbd_aio_pread(nbd->handle, buf, r->bytes, r->offset, done, 0);
    case IMAGE_WRITE:
        return nbd_aio_pwrite(nbd->handle, buf, r->bytes, r->offset, done, fua);
    case IMAGE_FLUSH:
        return nbd_aio_flush(nbd->handle, done, 0);
    case IMAGE_DISCARD:
        return nbd_aio_trim(nbd->handle, r->bytes, r->offset, done, 0);
    }
    return -1;
}

static void nbd_submit(struct disk_image *img, struct image_request *r)
{
    struct nbd *nbd = (struct nbd *)img;

    r->img = img;
    r->bounce = NULL;
    if (r->op == IMAGE_FLUSH && (nbd->config.no_flush || img->readonly))
        finish(r, 0);
    else if (start(nbd, r) < 0)
        finish(r, -EIO);
}

static void detach(void *opaque)
{
    struct nbd *nbd = opaque;

    g_source_destroy(nbd->source);
    g_source_unref(nbd->source);
}

static void nbd_free(struct disk_image *img)
{
    struct nbd *nbd = (struct nbd *)img;

    blk_io_call(img->io, detach, nbd);
    if (!img->readonly && !nbd->config.no_flush && nbd_flush(nbd->handle, 0) < 0)
        g_warning("a disk's last data did not reach it: %s", nbd_get_error());
    nbd_shutdown(nbd->handle, 0);
    nbd_close(nbd->handle);
    if (nbd->config.closed)
        nbd->config.closed(nbd->config.opaque);
    g_free(nbd);
}

static const struct image_ops nbd_ops = {"nbd", nbd_submit, nbd_free};

static void attach(struct nbd *nbd, struct blk_io *io)
{
    struct nbd_source *s;

    nbd->source = g_source_new(&nbd_source_funcs, sizeof(*s));
    s = (struct nbd_source *)nbd->source;
    s->nbd = nbd;
    s->events = G_IO_IN;
    s->tag = g_source_add_unix_fd(nbd->source, nbd_aio_get_fd(nbd->handle), G_IO_IN);
    g_source_attach(nbd->source, blk_io_context(io));
}

struct disk_image *image_nbd_open(const struct nbd_config *config, struct blk_io *io, GError **error)
{
    struct nbd_handle *h = nbd_create();
    int64_t size = -1;

    if (!h)
        close(config->fd);
    if (h && nbd_set_export_name(h, "disk") == 0 && nbd_connect_socket(h, config->fd) == 0)
        size = nbd_get_size(h);
    if (size < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the NBD server does not answer: %s",
                    nbd_get_error());
        nbd_close(h);
        return NULL;
    }
    struct nbd *nbd = g_new0(struct nbd, 1);
    nbd->base = (struct disk_image){
        .ops = &nbd_ops, .io = io, .bytes = (uint64_t)size / IMAGE_SECTOR * IMAGE_SECTOR,
        .physical = IMAGE_SECTOR, .discard_granularity = 65536,
        .readonly = config->readonly || nbd_is_read_only(h) == 1,
        .can_discard = config->discard && nbd_can_trim(h) == 1};
    nbd->config = *config;
    nbd->handle = h;
    attach(nbd, io);
    return &nbd->base;
}
