/*
 * Frames over a socket: of a stream, each behind its length in 4 bytes, or a datagram each. Nobody
 * at the other end: frames are lost, as on a cable without a plug.
 */
#include "xenner/backend/net_socket.h"
#include "xenner/backend/netport_priv.h"
#include "xenner/util/fd_source.h"
#include "xenner/util/child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define LENGTH 4
#define BUDGET 64 /* frames in a row */

struct net_socket {
    struct netport port;
    const struct netdev_socket *cfg;
    bool dgram, server;
    int listener, fd; /* -1: none */
    struct sockaddr_storage to; /* datagrams */
    socklen_t to_len;
    bool connecting;
    GSource *accept, *in, *out, *retry; /* attached while wanted */
    uint8_t *buf; /* what came of a frame, its length included */
    size_t have;
    bool waits;   /* the frame in buf is whole, and the guest had no room */
    GByteArray *rest; /* what the stream did not take yet */
    struct child *child; /* passt */
};

static void clear_source(GSource **s)
{
    if (*s)
        g_source_destroy(*s);
    g_clear_pointer(s, g_source_unref);
}

static GSource *watch_fd(struct net_socket *s, int fd, GIOCondition what, GUnixFDSourceFunc fn)
{
    return fd_source_new(io_thread_context(s->port.thread), fd, what, fn, s);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data);
static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);
static gboolean on_accept(gint fd, GIOCondition condition, gpointer data);
static gboolean on_retry(gpointer data);

static void want_read(struct net_socket *s, bool on)
{
    if (!on)
        clear_source(&s->in);
    else if (!s->in && s->fd >= 0)
        s->in = watch_fd(s, s->fd, G_IO_IN, on_readable);
}

static void want_write(struct net_socket *s)
{
    if (!s->out)
        s->out = watch_fd(s, s->fd, G_IO_OUT, on_writable);
}

static void retry_later(struct net_socket *s)
{
    s->retry = g_timeout_source_new_seconds(s->cfg->reconnect);
    g_source_set_callback(s->retry, on_retry, s, NULL);
    g_source_attach(s->retry, io_thread_context(s->port.thread));
}

/*
 * Frames are lost from here on, so the NIC may send again: who calls this outside of send() says
 * so.
 */
static void disconnect(struct net_socket *s, const char *why)
{
    g_log("net", G_LOG_LEVEL_DEBUG, "%s: disconnected: %s", s->port.id, why);
    clear_source(&s->in);
    clear_source(&s->out);
    close(s->fd);
    s->fd = -1;
    s->have = 0;
    s->waits = s->connecting = false;
    g_byte_array_set_size(s->rest, 0);
    if (s->server && s->listener >= 0)
        s->accept = watch_fd(s, s->listener, G_IO_IN, on_accept);
    else if (s->cfg->reconnect)
        retry_later(s);
}

static void connected(struct net_socket *s)
{
    g_log("net", G_LOG_LEVEL_DEBUG, "%s: connected", s->port.id);
    s->connecting = false;
    want_read(s, true);
    netport_writable(&s->port, 0);
}

static gboolean on_accept(gint fd, GIOCondition condition, gpointer data)
{
    struct net_socket *s = data;

    s->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (s->fd < 0)
        return G_SOURCE_CONTINUE;
    clear_source(&s->accept); /* one at a time */
    connected(s);
    return G_SOURCE_REMOVE;
}

static gboolean on_retry(gpointer data)
{
    struct net_socket *s = data;
    g_autoptr(GError) error = NULL;

    s->fd = net_stream_connect(&s->cfg->remote, &error);
    if (s->fd < 0) {
        g_log("net", G_LOG_LEVEL_DEBUG, "%s: %s", s->port.id, error->message);
        return G_SOURCE_CONTINUE;
    }
    clear_source(&s->retry);
    s->connecting = true;
    want_write(s);
    return G_SOURCE_REMOVE;
}

/* The result of connect(), or room for more. */
static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    struct net_socket *s = data;
    int error = 0;
    socklen_t len = sizeof(error);

    clear_source(&s->out);
    if (s->connecting) {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error)
            disconnect(s, g_strerror(error));
        else
            connected(s);
        return G_SOURCE_REMOVE;
    }
    if (s->rest->len) {
        ssize_t n = write(fd, s->rest->data, s->rest->len);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            disconnect(s, g_strerror(errno));
            netport_writable(&s->port, 0);
            return G_SOURCE_REMOVE;
        }
        g_byte_array_remove_range(s->rest, 0, n > 0 ? (guint)n : 0);
    }
    if (s->rest->len)
        want_write(s);
    else
        netport_writable(&s->port, 0);
    return G_SOURCE_REMOVE;
}

/* The frame in buf; false: it stays there until there is room. */
static bool deliver(struct net_socket *s)
{
    size_t head = s->dgram ? 0 : LENGTH;
    struct net_packet p = {s->buf + head, s->have - head, NET_CSUM_COMPLETE};

    if (p.len && !netport_receive(&s->port, 0, &p)) {
        s->waits = true;
        want_read(s, false);
        return false;
    }
    s->waits = false;
    s->have = 0;
    return true;
}

/* Bytes until the next step: the length, or the end of the frame. 0: a length that can't be. */
static size_t missing(const struct net_socket *s)
{
    uint32_t len;

    if (s->have < LENGTH)
        return LENGTH - s->have;
    memcpy(&len, s->buf, sizeof(len));
    len = ntohl(len);
    return len && len <= NET_PACKET_MAX ? LENGTH + len - s->have : 0;
}

/* 1: a whole frame is in buf; 0: not yet; -1: the connection is gone. */
static int read_stream(struct net_socket *s)
{
    for (;;) {
        size_t want = missing(s);
        if (!want) {
            disconnect(s, "a frame's length makes no sense");
            return -1;
        }
        bool head = s->have < LENGTH;
        ssize_t n = read(s->fd, s->buf + s->have, want);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0) {
            disconnect(s, n ? g_strerror(errno) : "end");
            return -1;
        }
        s->have += (size_t)n;
        if (!head && (size_t)n == want)
            return 1;
    }
}

static int read_dgram(struct net_socket *s)
{
    ssize_t n = recv(s->fd, s->buf, NET_PACKET_MAX, 0);

    s->have = n > 0 ? (size_t)n : 0;
    return n > 0; /* an error of a datagram's is one of a former send */
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct net_socket *s = data;

    for (unsigned i = 0; i < BUDGET; i++) {
        int rc = s->dgram ? read_dgram(s) : read_stream(s);
        if (rc < 0)
            netport_writable(&s->port, 0);
        if (rc <= 0 || !deliver(s))
            break;
    }
    return G_SOURCE_CONTINUE;
}

static bool send_stream(struct net_socket *s, const struct net_packet *p)
{
    uint32_t len = htonl((uint32_t)p->len);
    struct iovec v[2] = {{&len, LENGTH}, {p->data, p->len}};

    if (s->rest->len) {
        want_write(s);
        return false;
    }
    ssize_t n = writev(s->fd, v, 2);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        disconnect(s, g_strerror(errno));
        return true;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done < LENGTH)
        g_byte_array_append(s->rest, (guint8 *)&len + done, (guint)(LENGTH - done));
    size_t sent = done < LENGTH ? 0 : done - LENGTH;
    if (sent < p->len)
        g_byte_array_append(s->rest, p->data + sent, (guint)(p->len - sent));
    if (s->rest->len)
        want_write(s);
    return true;
}

static bool send_dgram(struct net_socket *s, const struct net_packet *p)
{
    ssize_t n = s->to_len ? sendto(s->fd, p->data, p->len, 0, (struct sockaddr *)&s->to, s->to_len)
                          : send(s->fd, p->data, p->len, 0);

    if (n < 0 && errno == EAGAIN) {
        want_write(s);
        return false;
    }
    return true;
}

static bool socket_send(struct netport *port, unsigned queue, struct net_packet *p)
{
    struct net_socket *s = (struct net_socket *)port;

    if (s->fd < 0 || s->connecting)
        return true;
    return s->dgram ? send_dgram(s, p) : send_stream(s, p);
}

static void socket_resume(struct netport *port, unsigned queue)
{
    struct net_socket *s = (struct net_socket *)port;

    if (s->waits && !deliver(s))
        return;
    if (!s->connecting)
        want_read(s, true);
}

static void start(void *opaque)
{
    struct net_socket *s = opaque;

    if (s->listener >= 0)
        s->accept = watch_fd(s, s->listener, G_IO_IN, on_accept);
    else if (s->fd < 0)
        retry_later(s);
    else if (s->connecting)
        want_write(s);
    else
        want_read(s, true);
}

static void stop(void *opaque)
{
    struct net_socket *s = opaque;

    clear_source(&s->accept);
    clear_source(&s->in);
    clear_source(&s->out);
    clear_source(&s->retry);
}

static void socket_free(struct netport *port)
{
    struct net_socket *s = (struct net_socket *)port;

    if (port->thread)
        io_thread_call(port->thread, stop, s);
    netport_done(port);
    if (s->fd >= 0)
        close(s->fd);
    if (s->listener >= 0) {
        close(s->listener);
        if (s->cfg->local.path)
            unlink(s->cfg->local.path);
    }
    if (s->dgram && s->cfg->local.path)
        unlink(s->cfg->local.path);
    child_free(s->child);
    g_byte_array_unref(s->rest);
    g_free(s->buf);
    g_free(s);
}

static const struct netport_ops socket_ops = {
    .name = "socket", .send = socket_send, .resume = socket_resume, .free = socket_free,
};

static bool open_dgram(struct net_socket *s, GError **error)
{
    s->fd = net_dgram_open(s->cfg, error);
    if (s->fd < 0)
        return false;
    return s->cfg->local.fd >= 0 ||
           net_address_resolve(&s->cfg->remote, SOCK_DGRAM, false, &s->to, &s->to_len, error);
}

static bool open_stream(struct net_socket *s, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (s->cfg->server)
        return (s->listener = net_stream_listen(&s->cfg->local, error)) >= 0;
    s->fd = net_stream_connect(&s->cfg->remote, &why);
    s->connecting = s->fd >= 0 && s->cfg->remote.fd < 0;
    if (s->fd >= 0 || s->cfg->reconnect)
        return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

/* Frames go to it unused: the guest just has no network any more. */
static void passt_exited(void *opaque, int status)
{
    struct net_socket *s = opaque;

    g_warning("%s: passt has ended", s->port.id);
}

static bool open_passt(struct net_socket *s, GError **error)
{
    char *argv[] = {(char *)"passt", (char *)"--foreground", (char *)"--quiet", (char *)"--fd",
                    (char *)"3", NULL};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not make a socket: %s",
                    g_strerror(errno));
        return false;
    }
    const struct child_fd fds = {pair[1], 3};
    s->fd = pair[0];
    s->child = child_spawn(argv, &fds, 1, passt_exited, s, error);
    close(pair[1]);
    return s->child && g_unix_set_fd_nonblocking(s->fd, TRUE, error);
}

struct netport *net_socket_new(const struct netdev_config *cfg, GError **error)
{
    struct net_socket *s = g_new0(struct net_socket, 1);

    s->cfg = &cfg->socket;
    s->listener = s->fd = -1;
    s->dgram = cfg->kind == NETDEV_DGRAM;
    s->server = cfg->kind == NETDEV_STREAM && cfg->socket.server;
    s->buf = g_malloc(LENGTH + NET_PACKET_MAX);
    s->rest = g_byte_array_new();
    netport_init(&s->port, &socket_ops, cfg);
    if (s->dgram               ? open_dgram(s, error)
        : cfg->kind == NETDEV_PASST ? open_passt(s, error)
                                    : open_stream(s, error)) {
        io_thread_call(s->port.thread, start, s);
        return &s->port;
    }
    socket_free(&s->port);
    return NULL;
}
