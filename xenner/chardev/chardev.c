/* What all chardevs share: sources, back pressure, the backlog, escape keys, the log file. */
#include "xenner/chardev/chardev_priv.h"
#include "xenner/util/fd_message.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static const struct chardev_kind_ops *const kinds[] = {
    [CHARDEV_NULL] = &chardev_null_ops,     [CHARDEV_STDIO] = &chardev_stdio_ops,
    [CHARDEV_PTY] = &chardev_pty_ops,       [CHARDEV_FILE] = &chardev_file_ops,
    [CHARDEV_SOCKET] = &chardev_socket_ops,
};

bool chardev_fail(GError **error, const char *what, const char *path)
{
    int err = errno;

    g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(err), "could not %s '%s': %s", what,
                path, g_strerror(err));
    return false;
}

bool chardev_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Gives the user what it takes of the unread input. */
static void offer_input(struct chardev *chr)
{
    while (chr->unread->len) {
        size_t n = chr->user && chr->user->input
                       ? chr->user->input(chr->opaque, chr->unread->data, chr->unread->len)
                       : chr->unread->len; /* nobody listens */
        if (n == 0)
            return;
        g_byte_array_remove_range(chr->unread, 0, (guint)MIN(n, chr->unread->len));
    }
}

static void filter_escapes(struct chardev *chr, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char command;
        uint8_t byte;
        if (escape_feed(&chr->escape, data[i], &byte, &command))
            g_byte_array_append(chr->unread, &byte, 1);
        if (command && chr->user && chr->user->escape)
            chr->user->escape(chr->opaque, command);
    }
}

/* What nobody will ever take must not stay open. */
static void keep_fds(struct chardev *chr, const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (chr->fds->len < CHARDEV_MAX_FDS)
            g_array_append_val(chr->fds, fds[i]);
        else
            close(fds[i]);
    }
}

static void drop_fds(struct chardev *chr)
{
    for (guint i = 0; i < chr->fds->len; i++)
        close(g_array_index(chr->fds, int, i));
    g_array_set_size(chr->fds, 0);
}

static ssize_t read_some(struct chardev *chr, int fd, uint8_t *buf, size_t len)
{
    int fds[FD_MESSAGE_MAX];
    unsigned nr_fds;

    if (!chr->takes_fds)
        return read(fd, buf, len);
    ssize_t n = fd_message_receive(fd, buf, len, fds, FD_MESSAGE_MAX, &nr_fds);
    keep_fds(chr, fds, nr_fds);
    return n;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct chardev *chr = data;
    uint8_t buf[1024];
    ssize_t n = read_some(chr, fd, buf, sizeof(buf));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        chr->in_source = 0;
        if (chr->in_fd == chr->out_fd || chr->ops->hung_up)
            chardev_disconnected(chr);
        return G_SOURCE_REMOVE;
    }
    if (chr->mux)
        filter_escapes(chr, buf, (size_t)n);
    else
        g_byte_array_append(chr->unread, buf, (guint)n);
    offer_input(chr);
    if (!chr->unread->len)
        return G_SOURCE_CONTINUE;
    /* The guest has no room: stop reading, the terminal or the peer waits. */
    chr->input_stopped = true;
    chr->in_source = 0;
    return G_SOURCE_REMOVE;
}

static void watch_input(struct chardev *chr)
{
    if (chr->in_fd >= 0 && !chr->in_source && !chr->input_stopped)
        chr->in_source = g_unix_fd_add(chr->in_fd, G_IO_IN | G_IO_HUP, on_readable, chr);
}

void chardev_accept_input(struct chardev *chr)
{
    if (!chr->input_stopped)
        return;
    offer_input(chr);
    if (chr->unread->len)
        return;
    chr->input_stopped = false;
    watch_input(chr);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);

static void watch_output(struct chardev *chr)
{
    if (!chr->out_source)
        chr->out_source = g_unix_fd_add(chr->out_fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable, chr);
}

/*
 * Writes without blocking, whatever the descriptor's own mode is (the terminal's is shared with the
 * shell, so it is left alone). Returns bytes, or -1 when the peer is gone.
 */
static ssize_t write_some(int fd, const uint8_t *data, size_t len)
{
    const size_t piece = 4096; /* a pipe that polls writable takes that much */
    size_t done = 0;

    while (done < len) {
        struct pollfd p = {fd, POLLOUT, 0};
        if (poll(&p, 1, 0) <= 0)
            break;
        if (p.revents & (POLLERR | POLLNVAL))
            return done ? (ssize_t)done : -1;
        ssize_t n = write(fd, data + done, MIN(len - done, piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return done ? (ssize_t)done : -1;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static void keep(struct chardev *chr, const uint8_t *data, size_t len)
{
    if (len > CHARDEV_BACKLOG) {
        data += len - CHARDEV_BACKLOG;
        len = CHARDEV_BACKLOG;
    }
    g_byte_array_append(chr->backlog, data, (guint)len);
    if (chr->backlog->len > CHARDEV_BACKLOG)
        g_byte_array_remove_range(chr->backlog, 0, chr->backlog->len - CHARDEV_BACKLOG);
}

/* True when nothing is left of it. */
static bool flush_backlog(struct chardev *chr)
{
    if (!chr->backlog->len)
        return true;
    ssize_t n = write_some(chr->out_fd, chr->backlog->data, chr->backlog->len);
    if (n < 0) {
        chardev_disconnected(chr);
        return false;
    }
    g_byte_array_remove_range(chr->backlog, 0, (guint)n);
    if (chr->backlog->len)
        watch_output(chr);
    return chr->backlog->len == 0;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    struct chardev *chr = data;

    chr->out_source = 0;
    /* While input is read, that sees the hangup, after the last of what was sent. */
    if ((condition & G_IO_ERR) || ((condition & G_IO_HUP) && chr->input_stopped)) {
        chardev_disconnected(chr);
        return G_SOURCE_REMOVE;
    }
    if (flush_backlog(chr) && chr->user && chr->user->writable)
        chr->user->writable(chr->opaque);
    return G_SOURCE_REMOVE;
}

static void log_output(struct chardev *chr, const uint8_t *data, size_t len)
{
    while (chr->log_fd >= 0 && len) {
        ssize_t n = write(chr->log_fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            g_warning("chardev %s: log file: %s; it ends here", chr->id, g_strerror(errno));
            close(chr->log_fd);
            chr->log_fd = -1;
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

size_t chardev_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    size_t taken = len;

    if (chr->out_fd >= 0 && !chr->discards) {
        ssize_t n = flush_backlog(chr) ? write_some(chr->out_fd, data, len) : 0;
        if (n < 0)
            chardev_disconnected(chr);
        else if (chr->out_fd >= 0) {
            taken = (size_t)n;
            if (taken < len)
                watch_output(chr);
        }
    }
    if (chr->out_fd < 0 && !chr->discards && !(chr->user && chr->user->no_backlog))
        keep(chr, data, len);
    log_output(chr, data, taken);
    return taken;
}

void chardev_connected(struct chardev *chr, int in, int out, bool owns_fds)
{
    chr->in_fd = in;
    chr->out_fd = out;
    chr->owns_fds = owns_fds;
    chr->escape.after_key = false;
    if (out >= 0)
        flush_backlog(chr);
    watch_input(chr);
    if (chr->user && chr->user->opened)
        chr->user->opened(chr->opaque);
}

static void drop_source(guint *source)
{
    if (*source)
        g_source_remove(*source);
    *source = 0;
}

void chardev_disconnected(struct chardev *chr)
{
    int in = chr->in_fd, out = chr->out_fd;

    drop_source(&chr->in_source);
    drop_source(&chr->out_source);
    chr->in_fd = chr->out_fd = -1;
    if (chr->owns_fds && in >= 0)
        close(in);
    if (chr->owns_fds && out >= 0 && out != in)
        close(out);
    drop_fds(chr);
    if (chr->user && chr->user->no_backlog) {
        g_byte_array_set_size(chr->backlog, 0);
        g_byte_array_set_size(chr->unread, 0);
        chr->input_stopped = false;
    }
    if (chr->user && chr->user->closed)
        chr->user->closed(chr->opaque);
    if (chr->ops->hung_up)
        chr->ops->hung_up(chr);
    else
        chr->discards = true;
    /* A user that waits for room must not wait for ever: what comes now is kept or discarded. */
    if (chr->user && chr->user->writable)
        chr->user->writable(chr->opaque);
}

static bool open_log(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    if (!cfg->log)
        return true;
    chr->log_fd = open(cfg->log, O_WRONLY | O_CREAT | O_CLOEXEC |
                       (cfg->log_append ? O_APPEND : O_TRUNC), 0666);
    return chr->log_fd >= 0 || chardev_fail(error, "open", cfg->log);
}

struct chardev *chardev_new(const struct chardev_config *cfg, GError **error)
{
    struct chardev *chr = g_new0(struct chardev, 1);

    chr->ops = kinds[cfg->kind];
    chr->id = g_strdup(cfg->id);
    chr->in_fd = chr->out_fd = chr->log_fd = -1;
    chr->mux = cfg->mux;
    chr->escape.key = cfg->escape_key;
    chr->backlog = g_byte_array_new();
    chr->unread = g_byte_array_new();
    chr->fds = g_array_new(FALSE, FALSE, sizeof(int));
    if (!open_log(chr, cfg, error) || !chr->ops->open(chr, cfg, error)) {
        chardev_free(chr);
        return NULL;
    }
    return chr;
}

void chardev_set_user(struct chardev *chr, const struct chardev_user *user, void *opaque)
{
    chr->user = user;
    chr->opaque = opaque;
    if (user) {
        offer_input(chr);
        chr->input_stopped = chr->unread->len > 0; /* until the user wants it */
        watch_input(chr);
    }
}

int chardev_take_fd(struct chardev *chr)
{
    if (!chr->fds->len)
        return -1;
    int fd = g_array_index(chr->fds, int, 0);
    g_array_remove_index(chr->fds, 0);
    return fd;
}

bool chardev_is_open(const struct chardev *chr)
{
    return chr->out_fd >= 0;
}

const char *chardev_label(const struct chardev *chr)
{
    return chr->label;
}

const char *chardev_id(const struct chardev *chr)
{
    return chr->id;
}

void chardev_free(struct chardev *chr)
{
    if (!chr)
        return;
    chr->user = NULL;
    if (chr->out_fd >= 0 && !chr->discards && chr->backlog->len)
        write_some(chr->out_fd, chr->backlog->data, chr->backlog->len);
    drop_source(&chr->in_source);
    drop_source(&chr->out_source);
    if (chr->owns_fds && chr->in_fd >= 0)
        close(chr->in_fd);
    if (chr->owns_fds && chr->out_fd >= 0 && chr->out_fd != chr->in_fd)
        close(chr->out_fd);
    if (chr->ops->close)
        chr->ops->close(chr);
    if (chr->log_fd >= 0)
        close(chr->log_fd);
    g_byte_array_unref(chr->backlog);
    g_byte_array_unref(chr->unread);
    drop_fds(chr);
    g_array_unref(chr->fds);
    g_free(chr->id);
    g_free(chr->label);
    g_free(chr);
}
