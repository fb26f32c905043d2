/*
 * All that is not raw: a qemu-storage-daemon child has the image open and serves it over NBD on a socket
 * that nobody else can reach. It dies with us.
 */
#include "xenner/backend/image_nbd.h"
#include "xenner/backend/image_node.h"
#include "xenner/backend/image_url.h"
#include "xenner/util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTEN_FD = 3, END_TIMEOUT_MS = 5000 };

struct qsd {
    struct disk_config *config;
    char *node;  /* the image, as JSON */
    bool readonly, can_resize;
    struct child *child;
    int err_fd;  /* what it writes to stderr, or -1 */
    guint watch; /* of err_fd */
};

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

    g_warning("the qemu-storage-daemon of '%s' ended (%s %d): the disk is gone", q->config->path,
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void end_daemon(struct qsd *q)
{
    if (q->watch)
        g_source_remove(q->watch);
    q->watch = 0;
    child_end(g_steal_pointer(&q->child), END_TIMEOUT_MS);
    if (q->err_fd >= 0)
        close(q->err_fd);
    q->err_fd = -1;
}

static void qsd_free(void *opaque)
{
    struct qsd *q = opaque;

    end_daemon(q);
    disk_config_free(q->config);
    g_free(q->node);
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
    g_warning("%s: %s", q->config->path, g_strchomp(buf));
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

/* Our connection to a new daemon, or -1 with an error. */
static int start_daemon(struct qsd *q, GError **error)
{
    const char *export = q->readonly ? "type=nbd,id=disk,node-name=disk,name=disk,writable=off"
                                     : "type=nbd,id=disk,node-name=disk,name=disk,writable=on";
    char *argv[] = {(char *)"qemu-storage-daemon", (char *)"--blockdev", q->node,
                    (char *)"--nbd-server", (char *)"addr.type=fd,addr.str=" G_STRINGIFY(3),
                    (char *)"--export", (char *)export, NULL};
    int listener = -1, fd = -1, err[2] = {-1, -1};

    if (pipe2(err, O_CLOEXEC) < 0) {
        failed(error, "no pipe");
        return -1;
    }
    if (make_sockets(&listener, &fd, error)) {
        const struct child_fd fds[] = {{listener, LISTEN_FD}, {err[1], 2}};
        q->child = child_spawn(argv, fds, 2, on_child_exit, q, error);
    }
    close(err[1]);
    if (listener >= 0)
        close(listener);
    if (!q->child && fd >= 0)
        close(fd);
    q->err_fd = err[0];
    return q->child ? fd : -1;
}

/* The daemon did not serve the image. */
static void complain(struct qsd *q, GError **error)
{
    g_autofree char *why = read_complaint(q->err_fd);
    bool extra = g_str_has_prefix(why, "Unknown driver");

    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s%s", why,
                extra ? " (Debian: package qemu-block-extra)" : "");
}

static bool qsd_resize(void *opaque, struct disk_image *img, uint64_t bytes, GError **error);

static struct disk_image *serve(struct qsd *q, struct blk_io *io, GError **error)
{
    const struct disk_config *c = q->config;
    struct nbd_config nbd = {
        .fd = start_daemon(q, error), .readonly = q->readonly, .discard = c->discard && !q->readonly,
        .no_flush = c->cache == DISK_CACHE_UNSAFE,
        .write_through = c->cache == DISK_CACHE_WRITETHROUGH || c->cache == DISK_CACHE_DIRECTSYNC,
        .closed = qsd_free, .resize = qsd_resize, .opaque = q};
    struct disk_image *img = nbd.fd >= 0 ? image_nbd_open(&nbd, io, NULL) : NULL;

    if (nbd.fd >= 0 && !img)
        complain(q, error);
    if (img)
        q->watch = g_unix_fd_add(q->err_fd, G_IO_IN, on_err, q);
    return img;
}

/* What qemu-img has to say about it, the caller's; NULL with an error: it could not run. */
static char *run_resize(struct qsd *q, bool smaller, uint64_t bytes, GError **error)
{
    g_autofree char *image = g_strdup_printf("json:%s", q->node);
    g_autofree char *size = g_strdup_printf("%" PRIu64, bytes);
    const char *shrink[] = {"qemu-img", "resize", "-q", "--shrink", image, size, NULL};
    const char *grow[] = {"qemu-img", "resize", "-q", image, size, NULL};
    struct child *child = NULL;
    char *said = NULL;
    int err[2];

    if (pipe2(err, O_CLOEXEC) < 0) {
        failed(error, "no pipe");
        return NULL;
    }
    const struct child_fd fd = {err[1], 2};
    child = child_spawn((char **)(smaller ? shrink : grow), &fd, 1, NULL, NULL, error);
    close(err[1]);
    if (child)
        said = read_complaint(err[0]); /* to its end */
    child_free(child);
    close(err[0]);
    return said;
}

/*
 * A daemon's export keeps the size that it had at first: the guest's requests wait while the daemon lets go of the
 * image, qemu-img changes it, and a new daemon takes it.
 */
static bool qsd_resize(void *opaque, struct disk_image *img, uint64_t bytes, GError **error)
{
    struct qsd *q = opaque;
    g_autoptr(GError) gone = NULL;

    if (img->readonly || !q->can_resize) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s",
                    img->readonly ? "Cannot resize a read-only image"
                                  : "Image format driver does not support resize");
        return false;
    }
    image_nbd_suspend(img);
    end_daemon(q);
    g_autofree char *said = run_resize(q, bytes < img->bytes, bytes, error);
    int fd = start_daemon(q, &gone);
    if (!image_nbd_resume(img, fd, gone ? NULL : &gone))
        g_warning("the disk of '%s' is gone: %s", q->config->path, gone->message);
    else
        q->watch = g_unix_fd_add(q->err_fd, G_IO_IN, on_err, q);
    if (said && (gone || image_nbd_size(img) != bytes)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", *said || !gone ? said : gone->message);
        return false;
    }
    return said;
}

/* An empty qcow2 file as large as the image; NULL with an error. */
static char *make_overlay(const struct disk_config *c, const char *format, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/xenner-snapshot-XXXXXX",
                                            g_getenv("TMPDIR") ? g_getenv("TMPDIR") : "/var/tmp");
    g_autofree char *full = image_is_url(c->path) ? g_strdup(c->path) : g_canonicalize_filename(c->path, NULL);
    g_autofree char *complaint = NULL;
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
    g_autofree char *overlay = NULL;
    struct disk_image *img = NULL;

    q->config = disk_config_copy(config);
    q->err_fd = -1;
    q->readonly = config->readonly && !config->snapshot;
    q->can_resize = !config->snapshot && !image_is_url(config->path);
    if (config->snapshot)
        overlay = make_overlay(config, format, error);
    if (!config->snapshot || overlay) {
        q->node = image_node(config, format, overlay, error);
        img = q->node ? serve(q, io, error) : NULL;
    }
    if (overlay)
        g_unlink(overlay); /* the child has it open: it goes with the child */
    if (!img)
        qsd_free(q);
    return img;
}
