#include "xenner/host/store/socket.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Unsent bytes of a client: beyond the first it is not read from, beyond the second it is dropped. */
#define ENOUGH_OUT (64u << 10)
#define MAX_OUT    (1u << 20)

struct client {
    struct store_socket *owner;
    struct store_conn *conn;
    int fd;
    guint in, out; /* sources; 0: none */
    GByteArray *unsent;
    uint8_t buf[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    size_t have;
    bool dead; /* freed soon, not under a caller's feet */
};

struct store_socket {
    char *path;
    int fd;
    guint source, reaper;
    struct store *empty, *store; /* what is served: empty or another's */
    GPtrArray *clients;          /* struct client *, owned */
};

static void stop_source(guint *id)
{
    if (*id)
        g_source_remove(*id);
    *id = 0;
}

static void client_free(gpointer data)
{
    struct client *c = data;

    store_disconnect(c->conn);
    stop_source(&c->in);
    stop_source(&c->out);
    close(c->fd);
    g_byte_array_unref(c->unsent);
    g_free(c);
}

static gboolean reap(gpointer data)
{
    struct store_socket *s = data;

    s->reaper = 0;
    for (guint i = s->clients->len; i-- > 0;) {
        const struct client *c = g_ptr_array_index(s->clients, i);
        if (c->dead)
            g_ptr_array_remove_index_fast(s->clients, i);
    }
    return G_SOURCE_REMOVE;
}

/* The store may be in the middle of telling all its connections something. */
static void kill_client(struct client *c)
{
    c->dead = true;
    stop_source(&c->in);
    stop_source(&c->out);
    if (!c->owner->reaper)
        c->owner->reaper = g_idle_add_full(G_PRIORITY_DEFAULT, reap, c->owner, NULL);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);

/* Sends what it takes now; asks to be called for the rest. */
static void flush(struct client *c)
{
    ssize_t n = 0;

    if (c->unsent->len)
        n = send(c->fd, c->unsent->data, c->unsent->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        kill_client(c);
        return;
    }
    if (n > 0)
        g_byte_array_remove_range(c->unsent, 0, (guint)n);
    if (c->unsent->len && !c->out)
        c->out = g_unix_fd_add(c->fd, G_IO_OUT, on_writable, c);
}

static void on_send(void *opaque, const struct xsd_sockmsg *header, const void *payload)
{
    struct client *c = opaque;

    if (c->dead)
        return;
    if (c->unsent->len > MAX_OUT) {
        g_debug("xenstore: a client does not read what it asked for");
        kill_client(c);
        return;
    }
    bool first = c->unsent->len == 0;
    g_byte_array_append(c->unsent, (const guint8 *)header, sizeof(*header));
    g_byte_array_append(c->unsent, payload, header->len);
    if (first)
        flush(c);
}

/* One message when it is there as a whole; false: not yet, or not now, or the client is no good. */
static bool serve_one(struct client *c)
{
    struct xsd_sockmsg h;

    if (c->dead || c->have < sizeof(h) || c->unsent->len >= ENOUGH_OUT)
        return false;
    memcpy(&h, c->buf, sizeof(h));
    if (h.len > XENSTORE_PAYLOAD_MAX) {
        kill_client(c);
        return false;
    }
    size_t whole = sizeof(h) + h.len;
    if (c->have < whole)
        return false;
    store_request(c->conn, &h, c->buf + sizeof(h));
    c->have -= whole;
    memmove(c->buf, c->buf + whole, c->have);
    return true;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data);

/* Serves what has come in as far as the answers are read, and says whether it wants more. */
static void serve(struct client *c)
{
    while (serve_one(c))
        ;
    if (c->dead)
        return;
    if (c->unsent->len >= ENOUGH_OUT)
        stop_source(&c->in); /* on_writable() starts it again */
    else if (!c->in)
        c->in = g_unix_fd_add(c->fd, G_IO_IN, on_readable, c);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct client *c = data;
    /* There is room: a whole message would have been served. */
    ssize_t n = recv(fd, c->buf + c->have, sizeof(c->buf) - c->have, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        kill_client(c);
        return G_SOURCE_CONTINUE; /* it is gone already */
    }
    c->have += n > 0 ? (size_t)n : 0;
    serve(c);
    return G_SOURCE_CONTINUE;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    struct client *c = data;

    flush(c);
    if (!c->dead && c->unsent->len < ENOUGH_OUT)
        serve(c);
    if (!c->dead && !c->unsent->len)
        stop_source(&c->out);
    return G_SOURCE_CONTINUE;
}

static gboolean on_connect(gint fd, GIOCondition condition, gpointer data)
{
    struct store_socket *s = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client < 0)
        return G_SOURCE_CONTINUE;
    if (s->clients->len >= STORE_SOCKET_CLIENTS) {
        g_debug("xenstore: too many clients");
        close(client);
        return G_SOURCE_CONTINUE;
    }
    struct client *c = g_new0(struct client, 1);
    c->owner = s;
    c->fd = client;
    c->unsent = g_byte_array_new();
    c->conn = store_connect(s->store, 0, on_send, c);
    c->in = g_unix_fd_add(client, G_IO_IN, on_readable, c);
    g_ptr_array_add(s->clients, c);
    return G_SOURCE_CONTINUE;
}

static bool listen_at(struct store_socket *s, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                    "socket path '%s' is longer than %zu bytes", path, sizeof(address.sun_path) - 1);
        return false;
    }
    memcpy(address.sun_path, path, strlen(path));
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd >= 0 && bind(s->fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        s->path = g_strdup(path); /* ours to unlink from here on */
        if (chmod(path, 0600) == 0 && listen(s->fd, 16) == 0)
            return true;
    }
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "could not listen on '%s': %s",
                path, g_strerror(errno));
    return false;
}

struct store_socket *store_socket_new(const char *path, GError **error)
{
    struct store_socket *s = g_new0(struct store_socket, 1);

    s->fd = -1;
    s->empty = s->store = store_new();
    s->clients = g_ptr_array_new_with_free_func(client_free);
    if (!listen_at(s, path, error)) {
        store_socket_free(s);
        return NULL;
    }
    s->source = g_unix_fd_add(s->fd, G_IO_IN, on_connect, s);
    return s;
}

void store_socket_serve(struct store_socket *s, struct store *store)
{
    s->store = store ? store : s->empty;
    for (guint i = 0; i < s->clients->len; i++) {
        struct client *c = g_ptr_array_index(s->clients, i);
        store_move(c->conn, s->store);
    }
}

void store_socket_free(struct store_socket *s)
{
    if (!s)
        return;
    stop_source(&s->source);
    stop_source(&s->reaper);
    g_ptr_array_unref(s->clients);
    if (s->fd >= 0)
        close(s->fd);
    if (s->path)
        unlink(s->path);
    store_free(s->empty);
    g_free(s->path);
    g_free(s);
}
