/*
 * All that is not raw: a qemu-storage-daemon has the image open and serves it over NBD, and faster as a vhost-user
 * device, on sockets that nobody else can reach.
 */
#include "xenner/backend/image_nbd.h"
#include "xenner/backend/image_url.h"
#include "xenner/backend/image_vhost.h"
#include "xenner/backend/qsd_disk.h"
#include "xenner/util/child.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

static bool writes_through(const struct disk_config *c)
{
    return c->cache == DISK_CACHE_WRITETHROUGH || c->cache == DISK_CACHE_DIRECTSYNC;
}

static JsonObject *export_of(const char *type, bool readonly)
{
    JsonObject *args = json_object_new();

    json_object_set_string_member(args, "type", type);
    json_object_set_string_member(args, "id", type);
    json_object_set_string_member(args, "node-name", "disk");
    json_object_set_boolean_member(args, "writable", !readonly);
    return args;
}

static bool export_nbd(struct qsd *q, bool readonly, GError **error)
{
    JsonObject *args = export_of("nbd", readonly);

    json_object_set_string_member(args, "name", "disk");
    return qsd_do(q, "block-export-add", args, NULL, error);
}

/* A connection to it; -1: this daemon can't. */
static int export_vhost(struct qsd *q, const struct qsd_doors *doors, const struct disk_config *c, bool readonly)
{
    JsonObject *args = export_of("vhost-user-blk", readonly), *addr = json_object_new();
    g_autoptr(GError) why = NULL;

    json_object_set_string_member(addr, "type", "unix");
    json_object_set_string_member(addr, "path", QSD_VHOST_PATH);
    json_object_set_object_member(args, "addr", addr);
    json_object_set_int_member(args, "logical-block-size", IMAGE_SECTOR);
    json_object_set_boolean_member(args, "writethrough", writes_through(c));
    if (qsd_do(q, "block-export-add", args, NULL, &why))
        return qsd_doors_vhost(doors);
    g_log("blk", G_LOG_LEVEL_DEBUG, "no vhost-user: %s", why->message);
    return -1;
}

/* An image and the daemon that has it. */
struct served {
    struct disk_config *config;
    char *format;
    struct qsd *qsd;
    struct disk_image *vhost; /* in front of the NBD server's; it owns us */
};

static void served_free(void *opaque)
{
    struct served *s = opaque;

    qsd_free(s->qsd);
    disk_config_free(s->config);
    g_free(s->format);
    g_free(s);
}

static bool is_readonly(const struct disk_config *c)
{
    return c->readonly && !c->snapshot;
}

static bool set_size(struct qsd *q, uint64_t bytes, GError **error)
{
    JsonObject *args = json_object_new();

    json_object_set_string_member(args, "node-name", "disk");
    json_object_set_int_member(args, "size", (gint64)bytes);
    return qsd_do(q, "block_resize", args, NULL, error);
}

/*
 * Starts s->qsd, which serves the image, of that size when bytes is not NULL: if it can't have it, ret_size has
 * the error and it is served as it is. Our connections (vhost: maybe -1), or false with error.
 */
static bool start_daemon(struct served *s, const uint64_t *bytes, GError **ret_size, int *ret_nbd, int *ret_vhost,
                         GError **error)
{
    const struct disk_config *c = s->config;
    struct qsd_doors doors;

    s->qsd = qsd_doors_open(&doors, error) ? qsd_new(c->path, &doors, error) : NULL;
    bool ok = s->qsd && qsd_add_disk(s->qsd, c, s->format, error);
    if (ok && bytes)
        set_size(s->qsd, *bytes, ret_size);
    ok = ok && export_nbd(s->qsd, is_readonly(c), error);
    *ret_nbd = ok ? g_steal_fd(&doors.nbd) : -1;
    *ret_vhost = ok ? export_vhost(s->qsd, &doors, c, is_readonly(c)) : -1;
    qsd_doors_close(&doors);
    return ok;
}

/*
 * An export keeps the size that it had at first: the guest's requests wait while another daemon takes the image,
 * which gives it the new size and serves it.
 */
static bool resize(void *opaque, struct disk_image *img, uint64_t bytes, GError **error)
{
    struct served *s = opaque;
    g_autoptr(GError) gone = NULL;

    if (img->readonly || s->config->snapshot || image_is_url(s->config->path)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s",
                    img->readonly ? "Cannot resize a read-only image"
                                  : "Image format driver does not support resize");
        return false;
    }
    image_vhost_disconnect(s->vhost);
    image_nbd_suspend(img);
    g_clear_pointer(&s->qsd, qsd_free);
    GError *refused = NULL;
    int nbd, vhost;
    start_daemon(s, &bytes, &refused, &nbd, &vhost, &gone);
    if (image_nbd_resume(img, nbd, gone ? NULL : &gone)) {
        image_vhost_connect(s->vhost, vhost);
    } else {
        if (vhost >= 0)
            close(vhost);
        g_warning("the disk of '%s' is gone: %s", s->config->path, gone->message);
        if (!refused)
            refused = g_error_copy(gone);
    }
    if (refused)
        g_propagate_error(error, refused);
    return !refused;
}

/* Takes the connections. */
static struct disk_image *connect_image(struct served *s, int nbd, int vhost, struct blk_io *io, GError **error)
{
    const struct disk_config *c = s->config;
    bool readonly = is_readonly(c), no_flush = c->cache == DISK_CACHE_UNSAFE;
    const struct nbd_config config = {
        .fd = nbd, .readonly = readonly, .discard = c->discard && !readonly, .no_flush = no_flush,
        .write_through = writes_through(c), .closed = served_free, .resize = resize, .opaque = s};
    struct disk_image *img = image_nbd_open(&config, io, error);

    if (img)
        return s->vhost = image_vhost(img, no_flush, vhost);
    if (vhost >= 0)
        close(vhost);
    return NULL;
}

struct disk_image *image_qsd_open(const struct disk_config *config, const char *format,
                                  struct blk_io *io, GError **error)
{
    struct served *s = g_new0(struct served, 1);
    GError *why = NULL;

    s->config = disk_config_copy(config);
    s->format = g_strdup(format);
    int nbd, vhost;
    struct disk_image *img = start_daemon(s, NULL, NULL, &nbd, &vhost, &why)
                                 ? connect_image(s, nbd, vhost, io, &why) : NULL;
    if (img)
        return img;
    served_free(s);
    if (child_guest_has_less() && strstr(why->message, g_strerror(EACCES)))
        g_prefix_error(&why, "with the rights of -runas's user: ");
    bool extra = g_str_has_prefix(why->message, "Unknown driver");
    g_set_error(error, why->domain, why->code, "%s%s", why->message,
                extra ? " (Debian: package qemu-block-extra)" : "");
    g_error_free(why);
    return NULL;
}
