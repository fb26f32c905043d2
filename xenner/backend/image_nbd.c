#include "xenner/backend/image_nbd.h"
#include "xenner/util/lazy_library.h"

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
    struct nbd_handle *handle; /* after open: the I/O thread's; NULL: there is no server */
    GSource *source;
    bool suspended;            /* the I/O thread's, as waiting */
    GQueue waiting;            /* struct image_request * */
    unsigned under_way;        /* below lock */
    GMutex lock;
    GCond idle;                /* under_way is 0 */
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

static void count(struct nbd *nbd, int change)
{
    g_mutex_lock(&nbd->lock);
    nbd->under_way += (unsigned)change;
    if (!nbd->under_way)
        g_cond_signal(&nbd->idle);
    g_mutex_unlock(&nbd->lock);
}

static int on_complete(void *user_data, int *error)
{
    struct image_request *r = user_data;
    struct nbd *nbd = (struct nbd *)r->img;

    finish(r, *error ? -*error : 0);
    count(nbd, -1);
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
    if (nbd->suspended) {
        g_queue_push_tail(&nbd->waiting, r);
        return;
    }
    if (r->op == IMAGE_FLUSH && (nbd->config.no_flush || img->readonly)) {
        finish(r, 0);
        return;
    }
    count(nbd, 1);
    if (!nbd->handle || start(nbd, r) < 0) {
        finish(r, -EIO);
        count(nbd, -1);
    }
}

static void detach(void *opaque)
{
    struct nbd *nbd = opaque;

    g_source_destroy(nbd->source);
    g_source_unref(nbd->source);
}

static void close_connection(struct nbd *nbd)
{
    if (!nbd->handle)
        return;
    blk_io_call(nbd->base.io, detach, nbd);
    if (!nbd->base.readonly && !nbd->config.no_flush && nbd_flush(nbd->handle, 0) < 0)
        g_warning("a disk's last data did not reach it: %s", nbd_get_error());
    nbd_shutdown(nbd->handle, 0);
    nbd_close(g_steal_pointer(&nbd->handle));
}

static void nbd_free(struct disk_image *img)
{
    struct nbd *nbd = (struct nbd *)img;

    close_connection(nbd);
    if (nbd->config.closed)
        nbd->config.closed(nbd->config.opaque);
    g_mutex_clear(&nbd->lock);
    g_cond_clear(&nbd->idle);
    g_free(nbd);
}

static bool nbd_resize(struct disk_image *img, uint64_t bytes, GError **error)
{
    struct nbd *nbd = (struct nbd *)img;

    return nbd->config.resize(nbd->config.opaque, img, bytes, error);
}

static const struct image_ops nbd_ops = {
    .format = "nbd", .submit = nbd_submit, .free = nbd_free, .resize = nbd_resize};

static void attach(struct nbd *nbd, struct blk_io *io)
{
    struct nbd_source *s;

    nbd->source = g_source_new(&nbd_source_funcs, sizeof(*s));
    s = (struct nbd_source *)nbd->source;
    s->nbd = nbd;
    s->events = G_IO_IN;
    s->tag = g_source_add_unix_fd(nbd->source, nbd_aio_get_fd(nbd->handle), G_IO_IN);
    g_source_set_can_recurse(nbd->source, TRUE); /* for the reason in fd_source.h */
    g_source_attach(nbd->source, blk_io_context(io));
}

extern struct lazy_library lazy_libnbd; /* libnbd_calls.S */

bool image_nbd_prepare(GError **error)
{
    return lazy_library_load(&lazy_libnbd, error);
}

/* NULL with an error; fd is taken. */
static struct nbd_handle *shake_hands(int fd, int64_t *ret_size, GError **error)
{
    if (!image_nbd_prepare(error)) {
        close(fd);
        return NULL;
    }
    struct nbd_handle *h = nbd_create();
    int64_t size = -1;

    if (!h)
        close(fd);
    if (h && nbd_set_export_name(h, "disk") == 0 && nbd_connect_socket(h, fd) == 0)
        size = nbd_get_size(h);
    if (size < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the NBD server does not answer: %s",
                    nbd_get_error());
        nbd_close(h);
        return NULL;
    }
    *ret_size = size;
    return h;
}

struct disk_image *image_nbd_open(const struct nbd_config *config, struct blk_io *io, GError **error)
{
    int64_t size = 0;
    struct nbd_handle *h = shake_hands(config->fd, &size, error);

    if (!h)
        return NULL;
    struct nbd *nbd = g_new0(struct nbd, 1);
    nbd->base = (struct disk_image){
        .ops = &nbd_ops, .io = io, .bytes = (uint64_t)size / IMAGE_SECTOR * IMAGE_SECTOR,
        .physical = IMAGE_SECTOR, .discard_granularity = 65536,
        .readonly = config->readonly || nbd_is_read_only(h) == 1,
        .can_discard = config->discard && nbd_can_trim(h) == 1};
    nbd->config = *config;
    nbd->handle = h;
    g_queue_init(&nbd->waiting);
    g_mutex_init(&nbd->lock);
    g_cond_init(&nbd->idle);
    attach(nbd, io);
    return &nbd->base;
}

static void suspend(void *opaque)
{
    ((struct nbd *)opaque)->suspended = true;
}

void image_nbd_suspend(struct disk_image *img)
{
    struct nbd *nbd = (struct nbd *)img;

    blk_io_call(img->io, suspend, nbd);
    g_mutex_lock(&nbd->lock);
    while (nbd->under_way)
        g_cond_wait(&nbd->idle, &nbd->lock);
    g_mutex_unlock(&nbd->lock);
    close_connection(nbd);
}

static void resume(void *opaque)
{
    struct nbd *nbd = opaque;
    struct image_request *r;

    nbd->suspended = false;
    while ((r = g_queue_pop_head(&nbd->waiting)))
        nbd_submit(&nbd->base, r);
}

bool image_nbd_resume(struct disk_image *img, int fd, GError **error)
{
    struct nbd *nbd = (struct nbd *)img;
    int64_t size = 0;

    if (fd >= 0 && (nbd->handle = shake_hands(fd, &size, error)))
        attach(nbd, img->io);
    blk_io_call(img->io, resume, nbd);
    return nbd->handle;
}
