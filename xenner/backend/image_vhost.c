#include "xenner/backend/image_vhost.h"
#include "xenner/backend/vhost_slots.h"
#include "xenner/backend/virtqueue.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What must be there: the rest of our code counts on it. */
#define FEATURES (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_SEG_MAX | \
                  1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX)

struct vhost {
    struct disk_image base;
    struct disk_image *below; /* owned */
    bool no_flush;
    struct vhost_user *server; /* the main loop's, as what is below; NULL: all goes below */
    struct vhost_slots *slots;
    struct virtqueue *vq;
    struct vhost_user_region guest; /* of no bytes: none */
    int kick, call;
    GSource *call_source, *end_source;
    bool open;                 /* the I/O thread's from here on: requests go this way */
    bool broken;               /* never again with this server */
    struct image_request *requests[VHOST_ENTRIES];
    struct io_batch batch;
    bool idle;                 /* below lock: not open, and nothing is under way */
    GMutex lock;
    GCond became_idle;
};

static void look_idle(struct vhost *v)
{
    if (v->open || v->batch.queued || (!v->broken && virtqueue_under_way(v->vq)))
        return;
    g_mutex_lock(&v->lock);
    v->idle = true;
    g_cond_signal(&v->became_idle);
    g_mutex_unlock(&v->lock);
}

static struct image_request *take_request(struct vhost *v, unsigned entry)
{
    return g_steal_pointer(&v->requests[entry]);
}

/* The server can't be counted on any more; what it has of ours is lost. */
static void give_up(struct vhost *v, const char *why)
{
    if (v->broken)
        return;
    g_log("blk", G_LOG_LEVEL_DEBUG, "the vhost-user server %s", why);
    v->open = false;
    v->broken = true;
    g_source_destroy(v->end_source);
    g_source_destroy(v->call_source);
    for (unsigned i = 0; i < VHOST_ENTRIES; i++) {
        struct image_request *r = take_request(v, i);
        if (r)
            r->done(r, -EIO);
    }
}

static void end_request(struct vhost *v, unsigned entry)
{
    struct image_request *r = take_request(v, entry);

    if (vhost_slots_end(v->slots, entry, r))
        r->done(r, 0);
    else
        disk_image_submit(v->below, r); /* which knows what kind of error it is */
}

static void reap(struct vhost *v)
{
    while (!v->broken) {
        int entry = virtqueue_take(v->vq);
        if (entry >= 0)
            end_request(v, (unsigned)entry);
        else if (entry == -2)
            give_up(v, "answers what it was not asked");
        else if (virtqueue_wait(v->vq))
            break;
    }
    look_idle(v);
}

static gboolean on_call(gint fd, GIOCondition condition, gpointer data)
{
    uint64_t n;

    /* First: what is answered from here on brings another round. */
    while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
        ;
    reap(data);
    return G_SOURCE_CONTINUE;
}

/* What there is to read is an answer, which another thread waits for. */
static gboolean on_end(gint fd, GIOCondition condition, gpointer data)
{
    struct vhost *v = data;

    reap(v);
    give_up(v, "is gone");
    look_idle(v);
    return G_SOURCE_REMOVE;
}

static void publish(struct io_batch *batch)
{
    struct vhost *v = (struct vhost *)((char *)batch - offsetof(struct vhost, batch));
    const uint64_t one = 1;

    if (!v->broken && virtqueue_publish(v->vq))
        while (write(v->kick, &one, sizeof(one)) < 0 && errno == EINTR)
            ;
    look_idle(v);
}

static bool goes_below(const struct vhost *v, const struct image_request *r)
{
    return !v->open || r->op == IMAGE_DISCARD ||
           (r->op == IMAGE_FLUSH && (v->no_flush || v->base.readonly));
}

static void vhost_submit(struct disk_image *img, struct image_request *r)
{
    struct vhost *v = (struct vhost *)img;
    int entry = goes_below(v, r) ? -1 : virtqueue_free_entry(v->vq);
    uint64_t table = 0;
    unsigned n = entry < 0 ? 0 : vhost_slots_fill(v->slots, (unsigned)entry, r, &v->guest, &table);

    if (!n) {
        disk_image_submit(v->below, r);
        return;
    }
    v->requests[entry] = r;
    virtqueue_add(v->vq, (unsigned)entry, table, n);
    io_at_end(v->base.io, &v->batch);
}

static void close_way(void *opaque)
{
    struct vhost *v = opaque;

    v->open = false;
    v->idle = false;
    look_idle(v);
}

/* Returns when nothing is under way this way, nor will be. */
static void wait_idle(struct vhost *v)
{
    blk_io_call(v->base.io, close_way, v);
    g_mutex_lock(&v->lock);
    while (!v->idle)
        g_cond_wait(&v->became_idle, &v->lock);
    g_mutex_unlock(&v->lock);
}

static void open_way(void *opaque)
{
    struct vhost *v = opaque;

    v->open = !v->broken;
}

static GSource *watch(struct vhost *v, int fd, GIOCondition condition, GUnixFDSourceFunc fn)
{
    GSource *source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, (GSourceFunc)(void (*)(void))fn, v, NULL);
    g_source_attach(source, blk_io_context(v->base.io));
    return source;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void drop_server(struct vhost *v)
{
    g_clear_pointer(&v->server, vhost_user_free);
    g_clear_pointer(&v->vq, virtqueue_free);
    g_clear_pointer(&v->slots, vhost_slots_free);
    close_fd(&v->kick);
    close_fd(&v->call);
}

static void destroy_sources(void *opaque)
{
    struct vhost *v = opaque;

    g_source_destroy(v->call_source);
    g_source_destroy(v->end_source);
}

void image_vhost_disconnect(struct disk_image *img)
{
    struct vhost *v = (struct vhost *)img;

    if (!v->server)
        return;
    wait_idle(v);
    blk_io_call(v->base.io, destroy_sources, v);
    g_clear_pointer(&v->call_source, g_source_unref);
    g_clear_pointer(&v->end_source, g_source_unref);
    drop_server(v);
}

static bool share_memory(struct vhost *v, GError **error)
{
    const struct vhost_user_region regions[] = {vhost_slots_region(v->slots), v->guest};

    return vhost_user_set_memory(v->server, regions, v->guest.bytes ? 2 : 1, error);
}

static bool start_queue(struct vhost *v, GError **error)
{
    const struct virtqueue_layout at = virtqueue_layout(VHOST_ENTRIES);
    char *ring = vhost_slots_ring(v->slots);
    const struct vhost_user_queue q = {
        .entries = VHOST_ENTRIES, .desc = ring + at.desc, .avail = ring + at.avail, .used = ring + at.used,
        .kick = v->kick, .call = v->call};

    v->vq = virtqueue_new(ring, VHOST_ENTRIES);
    if (v->kick >= 0 && v->call >= 0)
        return vhost_user_start_queue(v->server, &q, error);
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "no eventfd: %s", g_strerror(errno));
    return false;
}

/* Whether it is the disk that we know, and takes requests as we make them. */
static bool check_device(struct vhost *v, uint64_t features, GError **error)
{
    struct virtio_blk_config config = {0};

    if (!vhost_user_get_config(v->server, &config, offsetof(struct virtio_blk_config, geometry), error))
        return false;
    if (features == FEATURES && config.seg_max >= VHOST_SEGMENTS && config.capacity >= v->base.bytes / IMAGE_SECTOR)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the vhost-user server's device is another one");
    return false;
}

static bool connect_server(struct vhost *v, int fd, GError **error)
{
    uint64_t features = 0;

    v->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    v->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return (v->server = vhost_user_new(fd, FEATURES, &features, error)) && check_device(v, features, error) &&
           (v->slots = vhost_slots_new(error)) && share_memory(v, error) && start_queue(v, error);
}

void image_vhost_connect(struct disk_image *img, int fd)
{
    struct vhost *v = (struct vhost *)img;
    g_autoptr(GError) why = NULL;

    if (fd < 0)
        return;
    if (!connect_server(v, fd, &why)) {
        g_log("blk", G_LOG_LEVEL_DEBUG, "no vhost-user: %s", why->message);
        drop_server(v);
        return;
    }
    g_log("blk", G_LOG_LEVEL_DEBUG, "a disk of %" G_GUINT64_FORMAT " bytes goes by vhost-user", v->base.bytes);
    v->broken = false;
    v->call_source = watch(v, v->call, G_IO_IN, on_call);
    v->end_source = watch(v, vhost_user_fd(v->server), G_IO_HUP | G_IO_ERR, on_end);
    blk_io_call(v->base.io, open_way, v);
}

static void vhost_set_memory(struct disk_image *img, const struct guest_mem *mem)
{
    struct vhost *v = (struct vhost *)img;
    g_autoptr(GError) why = NULL;

    if (v->server)
        wait_idle(v);
    v->guest = (struct vhost_user_region){0};
    if (mem)
        v->guest = (struct vhost_user_region){
            .address = guest_ptr(mem, 0, 1), .bytes = guest_mem_bytes(mem), .fd = guest_mem_fd(mem)};
    if (!v->server)
        return;
    if (share_memory(v, &why)) {
        blk_io_call(v->base.io, open_way, v);
        return;
    }
    g_log("blk", G_LOG_LEVEL_DEBUG, "%s", why->message);
    image_vhost_disconnect(img);
}

static void vhost_free(struct disk_image *img)
{
    struct vhost *v = (struct vhost *)img;

    image_vhost_disconnect(img);
    disk_image_free(v->below);
    g_mutex_clear(&v->lock);
    g_cond_clear(&v->became_idle);
    g_free(v);
}

static bool vhost_resize(struct disk_image *img, uint64_t bytes, GError **error)
{
    return disk_image_resize(((struct vhost *)img)->below, bytes, error);
}

static const struct image_ops vhost_ops = {.format = "vhost-user", .submit = vhost_submit, .free = vhost_free,
                                           .resize = vhost_resize, .set_memory = vhost_set_memory};

struct disk_image *image_vhost(struct disk_image *below, bool no_flush, int fd)
{
    struct vhost *v = g_new0(struct vhost, 1);

    v->base = *below;
    v->base.ops = &vhost_ops;
    v->below = below;
    v->no_flush = no_flush;
    v->kick = v->call = -1;
    v->batch.fn = publish;
    g_mutex_init(&v->lock);
    g_cond_init(&v->became_idle);
    image_vhost_connect(&v->base, fd);
    return &v->base;
}
