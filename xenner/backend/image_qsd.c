/*
 * All that is not raw: a qemu-storage-daemon child has the image open and serves it over NBD on a socket
 * that nobody else can reach. It dies with us.
 */
#include "xenner/backend/image_nbd.h"
#include "xenner/backend/image_url.h"
#include "xenner/util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTEN_FD = 3, END_TIMEOUT_MS = 5000 };

struct qsd {
    struct child *child;
    char *path;  /* the image, for messages */
    int err_fd;  /* what it writes to stderr, or -1 */
    guint watch; /* of err_fd */
};

/* The node of a file, block device or server's image; NULL with an error. */
static char *file_node(const struct disk_config *c, const char *path, GError **error)
{
    struct stat st;

    if (image_is_url(path))
        return image_url_node(path, error);
    g_autofree char *name = image_json_string(path);
    bool block = stat(path, &st) == 0 && S_ISBLK(st.st_mode);
    return g_strdup_printf("{\"driver\":\"%s\",\"filename\":%s,\"aio\":\"%s\"}",
                           block ? "host_device" : "file", name,
                           c->aio == DISK_AIO_URING ? "io_uring" : "threads");
}

static const char *on_off(bool on)
{
    return on ? "true" : "false";
}

/* `,"backing":...` of the nodes below, which are never written; empty when the image itself knows. */
static char *backing_nodes(const struct disk_config *c, GError **error)
{
    if (!c->backing)
        return g_strdup("");
    g_autofree char *file = file_node(c->backing, c->backing->path, error);
    g_autofree char *below = file ? backing_nodes(c->backing, error) : NULL;
    if (!below)
        return NULL;
    return g_strdup_printf(",\"backing\":{\"driver\":\"%s\",\"read-only\":true,\"file\":%s%s}",
                           c->backing->format, file, below);
}

/* overlay: a qcow2 file that takes the writes, or NULL. NULL with an error. */
static char *disk_node(const struct disk_config *c, const char *format, const char *overlay, GError **error)
{
    static const char *const zeroes[] = {"off", "on", "unmap"};
    bool direct = c->cache == DISK_CACHE_NONE || c->cache == DISK_CACHE_DIRECTSYNC;
    bool no_flush = c->cache == DISK_CACHE_UNSAFE || overlay;
    g_autofree char *common = g_strdup_printf(
        "\"node-name\":\"disk\",\"read-only\":%s,\"discard\":\"%s\",\"detect-zeroes\":\"%s\","
        "\"cache\":{\"direct\":%s,\"no-flush\":%s}", on_off(c->readonly && !overlay),
        c->discard ? "unmap" : "ignore", zeroes[c->zeroes], on_off(direct && !overlay),
        on_off(no_flush));
    g_autofree char *file = file_node(c, c->path, error);
    g_autofree char *below = file ? backing_nodes(c, error) : NULL;

    if (!below)
        return NULL;
    if (!overlay)
        return g_strdup_printf("{\"driver\":\"%s\",%s,\"file\":%s%s}", format, common, file, below);
    g_autofree char *top = file_node(c, overlay, error);
    return g_strdup_printf("{\"driver\":\"qcow2\",%s,\"file\":%s,\"backing\":{\"driver\":\"%s\","
                           "\"read-only\":true,\"file\":%s%s}}", common, top, format, file, below);
}

static bool failed(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", what,
                g_strerror(errno));
    return false;
}

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
        failed(error, "no socket for qemu-storage-daemon");
    g_unlink(addr.sun_path);
    g_rmdir(dir);
    return ok;
}

static void on_child_exit(void *opaque, int status)
{
    struct qsd *q = opaque;

    g_warning("the qemu-storage-daemon of '%s' ended (%s %d): the disk is gone", q->path,
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void qsd_free(void *opaque)
{
    struct qsd *q = opaque;

    if (q->watch)
        g_source_remove(q->watch);
    child_end(q->child, END_TIMEOUT_MS);
    if (q->err_fd >= 0)
        close(q->err_fd);
    g_free(q->path);
    g_free(q);
}

/* What it says while it works is for the user. */
static gboolean on_err(gint fd, GIOCondition condition, gpointer data)
{
    struct qsd *q = data;
    char buf[1024];
    ssize_t n = read(fd, buf, sizeof(buf) - 1);

    if (n <= 0) {
        q->watch = 0;
        return G_SOURCE_REMOVE;
    }
    buf[n] = '\0';
    g_warning("%s: %s", q->path, g_strchomp(buf));
    return G_SOURCE_CONTINUE;
}

/* What a child that failed wrote, as one line without its own name and arguments. */
static char *read_complaint(int fd)
{
    char buf[4096];
    size_t len = 0;
    ssize_t n;

    while (len < sizeof(buf) - 1 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
        len += (size_t)n;
    buf[len] = '\0';
    g_strchomp(buf);
    char *text = buf, *args = strstr(buf, "}: ");
    if (args)
        text = args + 3;
    else if (g_str_has_prefix(buf, "qemu-"))
        text = strstr(buf, ": ") ? strstr(buf, ": ") + 2 : buf;
    g_auto(GStrv) lines = g_strsplit(text, "\n", 2);
    if (lines[0] && lines[1])
        return g_strdup_printf("%s (%s)", lines[0], lines[1]);
    return g_strdup(text);
}

static struct disk_image *serve(const struct disk_config *config, struct qsd *q, const char *node,
                                bool readonly, struct blk_io *io, GError **error)
{
    const char *export = readonly ? "type=nbd,id=disk,node-name=disk,name=disk,writable=off"
                                  : "type=nbd,id=disk,node-name=disk,name=disk,writable=on";
    char *argv[] = {(char *)"qemu-storage-daemon", (char *)"--blockdev", (char *)node,
                    (char *)"--nbd-server", (char *)"addr.type=fd,addr.str=" G_STRINGIFY(3),
                    (char *)"--export", (char *)export, NULL};
    int listener = -1, fd = -1, err[2] = {-1, -1};
    struct disk_image *img = NULL;

    if (pipe2(err, O_CLOEXEC) < 0) {
        failed(error, "no pipe");
        return NULL;
    }
    if (make_sockets(&listener, &fd, error)) {
        const struct child_fd fds[] = {{listener, LISTEN_FD}, {err[1], 2}};
        q->child = child_spawn(argv, fds, 2, on_child_exit, q, error);
    }
    close(err[1]);
    if (listener >= 0)
        close(listener);
    if (q->child) {
        struct nbd_config nbd = {
            .fd = fd, .readonly = readonly, .discard = config->discard && !readonly,
            .no_flush = config->cache == DISK_CACHE_UNSAFE,
            .write_through = config->cache == DISK_CACHE_WRITETHROUGH ||
                             config->cache == DISK_CACHE_DIRECTSYNC,
            .closed = qsd_free, .opaque = q};
        img = image_nbd_open(&nbd, io, NULL);
    } else if (fd >= 0) {
        close(fd);
    }
    if (!img && q->child) {
        g_autofree char *why = read_complaint(err[0]);
        bool extra = g_str_has_prefix(why, "Unknown driver");
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s%s", why,
                    extra ? " (Debian: package qemu-block-extra)" : "");
    }
    q->err_fd = err[0];
    if (img)
        q->watch = g_unix_fd_add(err[0], G_IO_IN, on_err, q);
    return img;
}

/* An empty qcow2 file as large as the image; NULL with an error. */
static char *make_overlay(const struct disk_config *c, const char *format, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/xenner-snapshot-XXXXXX",
                                            g_getenv("TMPDIR") ? g_getenv("TMPDIR") : "/var/tmp");
    g_autofree char *full = g_canonicalize_filename(c->path, NULL), *complaint = NULL;
    const char *argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", full, path,
                          NULL};
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600), status;

    if (fd < 0) {
        failed(error, path);
        return NULL;
    }
    close(fd);
    if (g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaint,
                     &status, error)) {
        if (status == 0)
            return g_steal_pointer(&path);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", g_strdelimit(g_strchomp(complaint),
                                                                            "\n", ' '));
    }
    g_unlink(path);
    return NULL;
}

struct disk_image *image_qsd_open(const struct disk_config *config, const char *format,
                                  struct blk_io *io, GError **error)
{
    struct qsd *q = g_new0(struct qsd, 1);
    g_autofree char *overlay = NULL, *node = NULL;
    struct disk_image *img = NULL;

    q->path = g_strdup(config->path);
    q->err_fd = -1;
    if (config->snapshot)
        overlay = make_overlay(config, format, error);
    if (!config->snapshot || overlay) {
        node = disk_node(config, format, overlay, error);
        img = node ? serve(config, q, node, config->readonly && !overlay, io, error) : NULL;
    }
    if (overlay)
        g_unlink(overlay); /* the child has it open: it goes with the child */
    if (!img)
        qsd_free(q);
    return img;
}
