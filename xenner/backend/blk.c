#include "xenner/backend/blk.h"
#include "xenner/backend/blk_ring.h"
#include "xenner/backend/xenbus.h"
#include "xenner/config/vdev.h"

#include <gio/gio.h>
#include <string.h>
#include <xen/io/protocols.h>

enum { MAX_QUEUES = 4, MAX_RING_ORDER = 4 };

struct blk_backend {
    struct xen_host *host;
    const struct disk_config *config;
    struct disk_image *image;
    struct blk_io *io;
    struct xenbus_device *dev;
    char *name; /* "vbd xvda", for messages */
    bool complained; /* the I/O thread's */
    unsigned nr_rings;
    struct blk_ring *rings[MAX_QUEUES];
};

/* A number of the frontend's, or that when there is none. False: there is nonsense. */
static bool read_optional(struct blk_backend *b, const char *key, uint64_t max, uint64_t otherwise,
                          uint64_t *ret, GError **error)
{
    g_autofree char *text = xenbus_read(b->dev, key, NULL);

    *ret = otherwise;
    return !text || xenbus_read_number(b->dev, key, max, ret, error);
}

static bool read_abi(struct blk_backend *b, enum blk_abi *ret, GError **error)
{
    g_autofree char *text = xenbus_read(b->dev, "protocol", NULL);

    if (!text || strcmp(text, XEN_IO_PROTO_ABI_X86_64) == 0)
        *ret = BLK_ABI_64;
    else if (strcmp(text, XEN_IO_PROTO_ABI_X86_32) == 0)
        *ret = BLK_ABI_32;
    else
        return g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "no such protocol"), false;
    return true;
}

/* prefix: "" or "queue-N/". */
static bool read_queue(struct blk_backend *b, const char *prefix, bool several,
                       struct blk_ring_config *c, GError **error)
{
    g_autofree char *port_key = g_strconcat(prefix, "event-channel", NULL);
    uint64_t port, ref;

    if (!xenbus_read_number(b->dev, port_key, UINT32_MAX, &port, error))
        return false;
    c->port = (evtchn_port_t)port;
    for (unsigned i = 0; i < c->nr_refs; i++) {
        g_autofree char *key = several ? g_strdup_printf("%sring-ref%u", prefix, i)
                                       : g_strconcat(prefix, "ring-ref", NULL);
        if (!xenbus_read_number(b->dev, key, UINT32_MAX, &ref, error))
            return false;
        c->refs[i] = (grant_ref_t)ref;
    }
    return true;
}

/* ring-page-order, or its older form num-ring-pages. */
static bool read_ring_pages(struct blk_backend *b, unsigned *ret, bool *ret_several, GError **error)
{
    g_autofree char *order_text = xenbus_read(b->dev, "ring-page-order", NULL);
    uint64_t order, pages;

    if (!read_optional(b, "ring-page-order", MAX_RING_ORDER, 0, &order, error) ||
        !read_optional(b, "num-ring-pages", 1u << MAX_RING_ORDER, 1, &pages, error))
        return false;
    *ret = order_text ? 1u << order : (unsigned)pages;
    *ret_several = order_text || pages > 1;
    if (*ret && (*ret & (*ret - 1)) == 0)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a ring of %u pages", *ret);
    return false;
}

/* connect() and disconnect() in the I/O thread. */
struct ring_call {
    struct blk_backend *b;
    struct blk_ring_config *configs;
    unsigned n;
    GError **error;
};

static void close_rings(void *opaque)
{
    struct blk_backend *b = opaque;

    while (b->nr_rings)
        blk_ring_free(b->rings[--b->nr_rings]);
}

static void open_rings(void *opaque)
{
    struct ring_call *c = opaque;

    for (unsigned i = 0; i < c->n; i++) {
        struct blk_ring *ring = blk_ring_new(&c->configs[i], c->error);
        if (!ring) {
            close_rings(c->b);
            return;
        }
        c->b->rings[c->b->nr_rings++] = ring;
    }
}

static bool write_size(struct blk_backend *b, GError **error)
{
    g_autofree char *sectors = g_strdup_printf("%" G_GUINT64_FORMAT,
                                               b->image->bytes / IMAGE_SECTOR);

    return xenbus_write(b->dev, "sectors", sectors, error);
}

static bool read_queues(struct blk_backend *b, unsigned n, struct blk_ring_config *configs,
                        GError **error)
{
    struct blk_ring_config c = {.name = b->name, .complained = &b->complained, .host = b->host,
                                .image = b->image, .io = b->io};
    uint64_t persistent;
    bool several;

    if (!read_ring_pages(b, &c.nr_refs, &several, error) || !read_abi(b, &c.abi, error) ||
        !read_optional(b, "feature-persistent", 1, 0, &persistent, error))
        return false;
    /* Linux says 1 whether we offered it or not */
    c.persistent = persistent && !b->host->ops->cheap_maps;
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *prefix = n > 1 ? g_strdup_printf("queue-%u/", i) : g_strdup("");
        configs[i] = c;
        if (!read_queue(b, prefix, several, &configs[i], error))
            return false;
    }
    return true;
}

static bool blk_connect(void *opaque, GError **error)
{
    struct blk_backend *b = opaque;
    struct blk_ring_config configs[MAX_QUEUES];
    uint64_t queues;

    if (!read_optional(b, "multi-queue-num-queues", MAX_QUEUES, 1, &queues, error))
        return false;
    queues = MAX(queues, 1);
    if (!read_queues(b, (unsigned)queues, configs, error) || !write_size(b, error))
        return false;
    struct ring_call c = {b, configs, (unsigned)queues, error};
    blk_io_call(b->io, open_rings, &c);
    if (b->nr_rings)
        g_log("blk", G_LOG_LEVEL_DEBUG, "%s: %u rings of %u pages", b->name, b->nr_rings,
              configs[0].nr_refs);
    return b->nr_rings > 0;
}

static void blk_disconnect(void *opaque)
{
    struct blk_backend *b = opaque;

    blk_io_call(b->io, close_rings, b);
}

static const struct xenbus_ops blk_ops = {"vbd", blk_connect, blk_disconnect};

/* All that is known before a frontend comes. */
static bool offer(struct blk_backend *b, uint32_t number, GError **error)
{
    const struct disk_config *c = b->config;
    const struct disk_image *img = b->image;
    g_autofree char *vdev = g_strdup_printf("%u", number);
    g_autofree char *sectors = g_strdup_printf("%" G_GUINT64_FORMAT, img->bytes / IMAGE_SECTOR);
    g_autofree char *info = g_strdup_printf("%d", (c->cdrom ? VDISK_CDROM : 0) |
                                            (img->readonly ? VDISK_READONLY : 0));
    g_autofree char *physical = g_strdup_printf("%u", img->physical);
    g_autofree char *granularity = g_strdup_printf("%u", MAX(img->discard_granularity, 512));
    const struct xenbus_node front[] = {
        {"virtual-device", vdev}, {"device-type", c->cdrom ? "cdrom" : "disk"}, {NULL}};
    const struct xenbus_node back[] = {
        {"params", c->path}, {"dev", c->vdev}, {"type", "file"}, {"bootable", "1"},
        {"removable", c->cdrom ? "1" : "0"}, {"mode", img->readonly ? "r" : "w"},
        {"device-type", c->cdrom ? "cdrom" : "disk"}, {"info", info}, {"sectors", sectors},
        {"sector-size", "512"}, {"physical-sector-size", physical},
        {"feature-flush-cache", "1"}, {"feature-barrier", "1"}, 
        /* a frontend copies all data for it: half the speed where mapping is cheap */
        {"feature-persistent", b->host->ops->cheap_maps ? "0" : "1"},
        {"feature-max-indirect-segments", G_STRINGIFY(256)},
        {"max-ring-page-order", "4"}, {"max-ring-pages", "16"}, {"multi-queue-max-queues", "4"},
        {"feature-discard", img->can_discard ? "1" : "0"},
        {img->can_discard ? "discard-granularity" : NULL, granularity},
        {"discard-alignment", "0"}, {"discard-secure", "0"}, {NULL}};

    return xenbus_offer(b->host, blk_ops.type, number, front, back, error);
}

struct blk_backend *blk_backend_new(struct xen_host *host, const struct disk_config *config,
                                    struct disk_image *image, struct blk_io *io, GError **error)
{
    struct blk_backend *b = g_new0(struct blk_backend, 1);
    uint32_t number = 0;

    *b = (struct blk_backend){.host = host, .config = config, .image = image, .io = io};
    b->name = g_strdup_printf("vbd %s", config->vdev);
    vdev_parse(config->vdev, &number);
    disk_image_set_memory(image, host->mem);
    if (offer(b, number, error))
        b->dev = xenbus_device_new(host, number, &blk_ops, b, error);
    if (b->dev)
        return b;
    blk_backend_free(b);
    return NULL;
}

void blk_backend_free(struct blk_backend *b)
{
    if (!b)
        return;
    xenbus_device_free(b->dev); /* closes the rings */
    disk_image_set_memory(b->image, NULL);
    g_free(b->name);
    g_free(b);
}

void blk_backend_unplug(struct blk_backend *b, bool force, void (*gone)(void *opaque), void *opaque)
{
    xenbus_device_unplug(b->dev, force, gone, opaque);
}

void blk_backend_resized(struct blk_backend *b)
{
    g_autoptr(GError) error = NULL;

    if (write_size(b, &error))
        xenbus_touch(b->dev);
    else
        g_warning("%s: %s", b->name, error->message);
}
