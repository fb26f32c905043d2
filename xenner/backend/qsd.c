#include "xenner/backend/qsd.h"
#include "xenner/util/child.h"
#include "xenner/util/qmp_client.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MONITOR_FD = 3, LISTEN_FD = 4, DIR_FD = 5 /* in QSD_VHOST_PATH */, END_TIMEOUT_MS = 5000 };

struct qsd {
    struct child *child;
    struct qmp_client *monitor;
    char *label;
    int err_fd;          /* what it writes to stderr */
    guint err_watch, monitor_watch;
    void (*event)(void *opaque, const char *event, JsonObject *data);
    void *opaque;
};

static bool failed(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", what,
                g_strerror(errno));
    return false;
}

static void on_child_exit(void *opaque, int status)
{
    struct qsd *q = opaque;

    g_warning("the qemu-storage-daemon of '%s' ended (%s %d): the disk is gone", q->label,
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

void qsd_free(void *opaque)
{
    struct qsd *q = opaque;

    if (!q)
        return;
    if (q->err_watch)
        g_source_remove(q->err_watch);
    if (q->monitor_watch)
        g_source_remove(q->monitor_watch);
    child_end(q->child, END_TIMEOUT_MS);
    qmp_client_free(q->monitor);
    if (q->err_fd >= 0)
        close(q->err_fd);
    g_free(q->label);
    g_free(q);
}

/* What it says is for the user. */
static gboolean on_err(gint fd, GIOCondition condition, gpointer data)
{
    struct qsd *q = data;
    char buf[1024];
    ssize_t n = read(fd, buf, sizeof(buf) - 1);

    if (n <= 0) {
        q->err_watch = 0;
        return G_SOURCE_REMOVE;
    }
    buf[n] = '\0';
    g_warning("%s: %s", q->label, g_strchomp(buf));
    return G_SOURCE_CONTINUE;
}

static gboolean on_monitor(gint fd, GIOCondition condition, gpointer data)
{
    struct qsd *q = data;

    if (qmp_client_poll(q->monitor, 0))
        return G_SOURCE_CONTINUE;
    q->monitor_watch = 0;
    if (q->event)
        q->event(q->opaque, NULL, NULL);
    return G_SOURCE_REMOVE;
}

static bool start(struct qsd *q, const struct qsd_doors *doors, int monitor, int err, GError **error)
{
    char *argv[] = {(char *)"qemu-storage-daemon",
                    (char *)"--chardev", (char *)"socket,id=m,fd=" G_STRINGIFY(3),
                    (char *)"--monitor", (char *)"m",
                    doors ? (char *)"--nbd-server" : NULL,
                    (char *)"addr.type=fd,addr.str=" G_STRINGIFY(4), NULL};
    const struct child_fd fds[] = {{monitor, MONITOR_FD}, {err, 2},
                                   {doors ? doors->listener : -1, LISTEN_FD}, {doors ? doors->dir : -1, DIR_FD}};

    q->child = child_spawn_guest(argv, fds, doors ? 4 : 2, on_child_exit, q, error);
    return q->child != NULL;
}

struct qsd *qsd_new(const char *label, const struct qsd_doors *doors, GError **error)
{
    struct qsd *q = g_new0(struct qsd, 1);
    int err[2] = {-1, -1}, pair[2] = {-1, -1};
    bool ok = false;

    q->label = g_strdup(label);
    if (pipe2(err, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        failed(error, "no socket for qemu-storage-daemon");
    else
        ok = start(q, doors, pair[1], err[1], error);
    q->err_fd = err[0];
    if (err[1] >= 0)
        close(err[1]);
    if (pair[1] >= 0)
        close(pair[1]);
    if (pair[0] >= 0)
        q->monitor = qmp_client_new(pair[0], "qemu-storage-daemon");
    if (!ok) {
        qsd_free(q);
        return NULL;
    }
    q->err_watch = g_unix_fd_add(q->err_fd, G_IO_IN | G_IO_HUP, on_err, q);
    q->monitor_watch = g_unix_fd_add(pair[0], G_IO_IN | G_IO_HUP, on_monitor, q);
    return q;
}

bool qsd_do(struct qsd *q, const char *command, JsonObject *args, JsonNode **ret, GError **error)
{
    return qmp_client_do(q->monitor, command, args, -1, ret, error);
}

void qsd_set_events(struct qsd *q, void (*fn)(void *opaque, const char *event, JsonObject *data),
                    void *opaque)
{
    q->event = fn;
    q->opaque = opaque;
    qmp_client_set_events(q->monitor, fn, opaque);
}

bool qsd_wait(struct qsd *q)
{
    return qmp_client_poll(q->monitor, -1);
}
