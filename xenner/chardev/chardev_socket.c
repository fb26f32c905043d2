/* socket: Unix stream sockets, as server (one client at a time) or client. */
#include "xenner/chardev/chardev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct sock {
    char *path;
    int listener;
    guint accept_source, retry_source;
    int reconnect; /* seconds; 0: don't */
};

static bool make_address(const char *path, struct sockaddr_un *ret, GError **error)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(ret->sun_path)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                    "socket path '%s' is longer than %zu bytes", path, sizeof(ret->sun_path) - 1);
        return false;
    }
    memcpy(ret->sun_path, path, strlen(path));
    return true;
}

static int try_connect(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

static gboolean on_accept(gint fd, GIOCondition condition, gpointer data)
{
    struct chardev *chr = data;
    struct sock *s = chr->kind;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client < 0)
        return G_SOURCE_CONTINUE;
    s->accept_source = 0; /* the next one waits in the queue */
    chardev_connected(chr, client, client, true);
    return G_SOURCE_REMOVE;
}

/* A socket that nobody listens on is what a killed server left behind; no other file is touched. */
static bool remove_stale(const char *path, const struct sockaddr_un *address, GError **error)
{
    struct stat st;

    if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return true; /* bind() says what is wrong */
    int fd = try_connect(address);

    if (fd >= 0) {
        close(fd);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                    "could not listen on '%s': another process does", path);
        return false;
    }
    if (errno == ECONNREFUSED)
        unlink(path);
    return true;
}

/* Whoever may connect has the guest in his hands: nobody else's, whatever the umask. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t old = umask(0177);
    int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address));

    umask(old);
    return ret;
}

static bool bind_server(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    struct sock *s = chr->kind;
    struct sockaddr_un address;

    if (!make_address(cfg->path, &address, error) || !remove_stale(cfg->path, &address, error))
        return false;
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind_private(s->listener, &address) < 0)
        return chardev_fail(error, "listen on", cfg->path);
    s->path = g_strdup(cfg->path); /* ours to unlink from here on */
    if (listen(s->listener, 1) < 0)
        return chardev_fail(error, "listen on", cfg->path);
    chr->label = g_strdup_printf("unix:%s,server=on", cfg->path);
    return true;
}

/* A descriptor that our parent left open for us, by number: a listener or a connection. */
static bool inherit(const struct chardev_config *cfg, GError **error)
{
    int listens = 0;
    socklen_t len = sizeof(listens);

    if (getsockopt(cfg->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 ||
        fcntl(cfg->fd, F_SETFD, FD_CLOEXEC) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "fd=%d is no socket", cfg->fd);
        return false;
    }
    if (!!listens != cfg->server) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "fd=%d %s", cfg->fd,
                    listens ? "listens, and server=on is missing" : "does not listen");
        return false;
    }
    return true;
}

static bool open_server(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    struct sock *s = chr->kind;

    if (cfg->fd) {
        if (!inherit(cfg, error))
            return false;
        s->listener = cfg->fd;
        chr->label = g_strdup_printf("unix:fd=%d,server=on", cfg->fd);
    } else if (!bind_server(chr, cfg, error)) {
        return false;
    }
    if (cfg->wait) {
        g_message("waiting for a connection on %s", chr->label);
        struct pollfd p = {s->listener, POLLIN, 0};
        while (poll(&p, 1, -1) < 0 && errno == EINTR)
            ;
    }
    /* With wait the client is in the queue by now, and the main loop's first turn takes it. */
    s->accept_source = g_unix_fd_add(s->listener, G_IO_IN, on_accept, chr);
    return true;
}

static gboolean retry(gpointer data);

static bool connect_now(struct chardev *chr, const char *path, GError **error)
{
    struct sock *s = chr->kind;
    struct sockaddr_un address;

    if (!make_address(path, &address, error))
        return false;
    int fd = try_connect(&address);
    if (fd >= 0 && chardev_set_nonblocking(fd)) {
        chardev_connected(chr, fd, fd, true);
        return true;
    }
    if (!s->reconnect)
        return chardev_fail(error, "connect to", path);
    s->retry_source = g_timeout_add_seconds((guint)s->reconnect, retry, chr);
    return true;
}

static gboolean retry(gpointer data)
{
    struct chardev *chr = data;
    struct sock *s = chr->kind;

    s->retry_source = 0;
    connect_now(chr, s->path, NULL);
    return G_SOURCE_REMOVE;
}

static bool socket_open(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    struct sock *s = g_new0(struct sock, 1);

    s->listener = -1;
    s->reconnect = cfg->reconnect;
    chr->kind = s;
    chr->takes_fds = true;
    if (cfg->server)
        return open_server(chr, cfg, error);
    if (cfg->fd) {
        if (!inherit(cfg, error) || !chardev_set_nonblocking(cfg->fd))
            return false;
        s->reconnect = 0;
        chr->label = g_strdup_printf("unix:fd=%d", cfg->fd);
        chardev_connected(chr, cfg->fd, cfg->fd, true);
        return true;
    }
    s->path = g_strdup(cfg->path);
    chr->label = g_strdup_printf("unix:%s", cfg->path);
    return connect_now(chr, cfg->path, error);
}

static void socket_hung_up(struct chardev *chr)
{
    struct sock *s = chr->kind;

    if (s->listener >= 0 && !s->accept_source)
        s->accept_source = g_unix_fd_add(s->listener, G_IO_IN, on_accept, chr);
    else if (s->listener < 0 && s->reconnect && !s->retry_source)
        s->retry_source = g_timeout_add_seconds((guint)s->reconnect, retry, chr);
    else if (s->listener < 0)
        chr->discards = true;
}

static void socket_close(struct chardev *chr)
{
    struct sock *s = chr->kind;

    if (!s)
        return;
    if (s->accept_source)
        g_source_remove(s->accept_source);
    if (s->retry_source)
        g_source_remove(s->retry_source);
    if (s->listener >= 0) {
        close(s->listener);
        if (s->path)
            unlink(s->path);
    }
    g_free(s->path);
    g_free(s);
}

const struct chardev_kind_ops chardev_socket_ops = {
    .open = socket_open, .close = socket_close, .hung_up = socket_hung_up};
