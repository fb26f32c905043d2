/*
 * All that is not raw: a qemu-storage-daemon has the image open and serves it over NBD on a socket that
 * nobody else can reach.
 */
#include "xenner/backend/image_nbd.h"
#include "xenner/backend/image_url.h"
#include "xenner/backend/qsd_disk.h"
#include "xenner/util/child.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A listening socket and our connection to it, made before the server runs: so nothing has to be waited
 * for, and no other process finds the way in.
 */
static bool make_sockets(int *ret_listen, int *ret_fd, GError **error)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    g_autofree char *dir = g_dir_make_tmp("xenner-XXXXXX", error); /* for us alone: mode 0700 */
    bool ok = false;

    if (!dir)
        return false;
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/nbd", dir);
    *ret_listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = *ret_listen >= 0 && *ret_fd >= 0 &&
         bind(*ret_listen, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
         listen(*ret_listen, 1) == 0 &&
         connect(*ret_fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
    if (!ok)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "no socket for qemu-storage-daemon: %s", g_strerror(errno));
    g_unlink(addr.sun_path);
    g_rmdir(dir);
    return ok;
}

static bool export_disk(struct qsd *q, bool readonly, GError **error)
{
    JsonObject *args = json_object_new();

    json_object_set_string_member(args, "type", "nbd");
    json_object_set_string_member(args, "id", "disk");
    json_object_set_string_member(args, "node-name", "disk");
    json_object_set_string_member(args, "name", "disk");
    json_object_set_boolean_member(args, "writable", !readonly);
    return qsd_do(q, "block-export-add", args, NULL, error);
}

/* An image and the daemon that has it. */
struct served {
    struct disk_config *config;
    char *format;
    struct qsd *qsd;
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
 * the error and it is served as it is. Our connection, or -1 with error.
 */
static int start_daemon(struct served *s, const uint64_t *bytes, GError **ret_size, GError **error)
{
    const struct disk_config *c = s->config;
    int listener = -1, fd = -1;

    s->qsd = make_sockets(&listener, &fd, error) ? qsd_new(c->path, listener, error) : NULL;
    bool ok = s->qsd && qsd_add_disk(s->qsd, c, s->format, error);
    if (ok && bytes)
        set_size(s->qsd, *bytes, ret_size);
    ok = ok && export_disk(s->qsd, is_readonly(c), error);
    if (listener >= 0)
        close(listener);
    if (!ok && fd >= 0)
        close(fd);
    return ok ? fd : -1;
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
    image_nbd_suspend(img);
    g_clear_pointer(&s->qsd, qsd_free);
    GError *refused = NULL;
    int fd = start_daemon(s, &bytes, &refused, &gone);
    if (!image_nbd_resume(img, fd, gone ? NULL : &gone)) {
        g_warning("the disk of '%s' is gone: %s", s->config->path, gone->message);
        if (!refused)
            refused = g_error_copy(gone);
    }
    if (refused)
        g_propagate_error(error, refused);
    return !refused;
}

/* Takes fd. */
static struct disk_image *connect_image(struct served *s, int fd, struct blk_io *io, GError **error)
{
    const struct disk_config *c = s->config;
    bool readonly = is_readonly(c);
    struct nbd_config nbd = {
        .fd = fd, .readonly = readonly, .discard = c->discard && !readonly,
        .no_flush = c->cache == DISK_CACHE_UNSAFE,
        .write_through = c->cache == DISK_CACHE_WRITETHROUGH || c->cache == DISK_CACHE_DIRECTSYNC,
        .closed = served_free, .resize = resize, .opaque = s};

    return image_nbd_open(&nbd, io, error);
}

struct disk_image *image_qsd_open(const struct disk_config *config, const char *format,
                                  struct blk_io *io, GError **error)
{
    struct served *s = g_new0(struct served, 1);
    GError *why = NULL;

    s->config = disk_config_copy(config);
    s->format = g_strdup(format);
    int fd = start_daemon(s, NULL, NULL, &why);
    struct disk_image *img = fd >= 0 ? connect_image(s, fd, io, &why) : NULL;
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
