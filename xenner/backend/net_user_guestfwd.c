#include "xenner/backend/net_user_guestfwd.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>

#define MAX_OUT   (4u << 20) /* bytes that the other end has not read: after that it is given up */
#define MAX_PIECE 16384u

struct net_user_guestfwd {
    Slirp *slirp;
    struct in_addr server;
    int port;
    char *rule;                    /* for messages */
    GSource *source;
    GSocketConnection *connection; /* NULL: a command's, or the other end has closed */
    gpointer tag;
    GByteArray *out;               /* what the other end did not take yet */
};

static int fd_of(const struct net_user_guestfwd *f)
{
    return g_socket_get_fd(g_socket_connection_get_socket(f->connection));
}

static void give_up(struct net_user_guestfwd *f, const char *why)
{
    g_warning("guestfwd=%s: %s", f->rule, why);
    g_source_remove_unix_fd(f->source, f->tag);
    g_clear_object(&f->connection);
    g_byte_array_set_size(f->out, 0);
}

static void write_out(struct net_user_guestfwd *f)
{
    while (f->out->len) {
        ssize_t n = send(fd_of(f), f->out->data, f->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            give_up(f, g_strerror(errno));
        if (n <= 0)
            return;
        g_byte_array_remove_range(f->out, 0, (guint)n);
    }
}

/* libslirp has no way to hear that there is no room. */
static ssize_t on_write(const void *buf, size_t len, void *opaque)
{
    struct net_user_guestfwd *f = opaque;

    if (f->connection) {
        g_byte_array_append(f->out, buf, (guint)len);
        write_out(f);
    }
    if (f->connection && f->out->len > MAX_OUT)
        give_up(f, "the other end does not read");
    return (ssize_t)len;
}

void net_user_guestfwd_prepare(struct net_user_guestfwd *f)
{
    GIOCondition events = 0;

    if (!f->connection)
        return;
    if (slirp_socket_can_recv(f->slirp, f->server, f->port))
        events |= G_IO_IN;
    if (f->out->len)
        events |= G_IO_OUT;
    g_source_modify_unix_fd(f->source, f->tag, events);
}

static void read_in(struct net_user_guestfwd *f)
{
    uint8_t buf[MAX_PIECE];
    size_t room = slirp_socket_can_recv(f->slirp, f->server, f->port);
    ssize_t n = room ? recv(fd_of(f), buf, MIN(room, sizeof(buf)), MSG_DONTWAIT) : -1;

    if (n > 0)
        slirp_socket_recv(f->slirp, f->server, f->port, buf, (int)n);
    else if (room && n == 0)
        give_up(f, "the other end closed the connection");
    else if (room && errno != EAGAIN && errno != EINTR)
        give_up(f, g_strerror(errno));
}

void net_user_guestfwd_dispatch(struct net_user_guestfwd *f)
{
    GIOCondition ready = f->connection ? g_source_query_unix_fd(f->source, f->tag) : 0;

    if (ready & G_IO_OUT)
        write_out(f);
    if (f->connection && ready & (G_IO_IN | G_IO_HUP | G_IO_ERR))
        read_in(f);
}

static GSocketConnection *open_stream(const struct net_guestfwd *g, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnectable) to = g->kind == GUESTFWD_UNIX
                                           ? G_SOCKET_CONNECTABLE(g_unix_socket_address_new(g->target))
                                           : g_network_address_parse(g->target, 0, error);

    return to ? g_socket_client_connect(client, to, NULL, error) : NULL;
}

static bool open_rule(struct net_user_guestfwd *f, const struct net_guestfwd *g, GError **error)
{
    int rc;

    if (g->kind != GUESTFWD_COMMAND && !(f->connection = open_stream(g, error))) {
        g_prefix_error(error, "guestfwd=%s: ", f->rule);
        return false;
    }
    if (f->connection)
        f->tag = g_source_add_unix_fd(f->source, fd_of(f), 0);
    if (g->kind == GUESTFWD_COMMAND)
        rc = slirp_add_exec(f->slirp, g->target, &f->server, f->port);
    else
        rc = slirp_add_guestfwd(f->slirp, on_write, f, &f->server, f->port);
    if (rc == 0)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "Conflicting/invalid host:port in guest forwarding rule '%s'", f->rule);
    return false;
}

struct net_user_guestfwd *net_user_guestfwd_new(Slirp *slirp, GSource *source, const char *rule,
                                                GError **error)
{
    struct net_guestfwd g;

    if (!net_guestfwd_parse(rule, &g, error))
        return NULL;
    struct net_user_guestfwd *f = g_new0(struct net_user_guestfwd, 1);
    *f = (struct net_user_guestfwd){.slirp = slirp, .server = g.server, .port = (int)g.port,
                                    .rule = g_strdup(rule), .source = source, .out = g_byte_array_new()};
    if (open_rule(f, &g, error))
        return f;
    net_user_guestfwd_free(f);
    return NULL;
}

void net_user_guestfwd_free(void *opaque)
{
    struct net_user_guestfwd *f = opaque;

    if (f->tag && f->connection && !g_source_is_destroyed(f->source))
        g_source_remove_unix_fd(f->source, f->tag);
    g_clear_object(&f->connection);
    g_byte_array_unref(f->out);
    g_free(f->rule);
    g_free(f);
}
