/*
 * All that is not raw: a qemu-storage-daemon has the image open and serves it over NBD on a socket that
 * nobody else can reach.
 */
#include "xenner/backend/image_nbd.h"
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

static int steal_fd(int *fd)
{
    int mine = *fd;

    *fd = -1;
    return mine;
}

/* Takes fd. */
static struct disk_image *connect_image(const struct disk_config *config, struct qsd *q, int fd,
                                        struct blk_io *io, GError **error)
{
    bool readonly = config->readonly && !config->snapshot;
    struct nbd_config nbd = {
        .fd = fd, .readonly = readonly, .discard = config->discard && !readonly,
        .no_flush = config->cache == DISK_CACHE_UNSAFE,
        .write_through = config->cache == DISK_CACHE_WRITETHROUGH ||
                         config->cache == DISK_CACHE_DIRECTSYNC,
        .closed = qsd_free, .opaque = q};

    return image_nbd_open(&nbd, io, error);
}

struct disk_image *image_qsd_open(const struct disk_config *config, const char *format,
                                  struct blk_io *io, GError **error)
{
    int listener = -1, fd = -1;
    struct disk_image *img = NULL;
    GError *why = NULL;
    struct qsd *q = make_sockets(&listener, &fd, &why) ? qsd_new(config->path, listener, &why) : NULL;

    if (q && qsd_add_disk(q, config, format, &why) &&
        export_disk(q, config->readonly && !config->snapshot, &why))
        img = connect_image(config, q, steal_fd(&fd), io, &why);
    if (listener >= 0)
        close(listener);
    if (fd >= 0)
        close(fd);
    if (img)
        return img;
    qsd_free(q);
    if (child_guest_has_less() && strstr(why->message, g_strerror(EACCES)))
        g_prefix_error(&why, "with the rights of -runas's user: ");
    bool extra = g_str_has_prefix(why->message, "Unknown driver");
    g_set_error(error, why->domain, why->code, "%s%s", why->message,
                extra ? " (Debian: package qemu-block-extra)" : "");
    g_error_free(why);
    return NULL;
}
