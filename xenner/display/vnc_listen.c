#include "xenner/display/vnc_listen.h"

#include <errno.h>
#include <gio/gio.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_SOCKETS 4
#define FIRST_PORT  5900

struct handed {
    int fd;
    bool skip_auth;
};

struct vnc_listen {
    int fds[MAX_SOCKETS];
    unsigned n;
    int wake;
    char *label, *path; /* path: to remove at the end */
    vnc_accept_fn fn;
    void *opaque;
    GThread *thread;
    GMutex lock; /* of what follows */
    GArray *handed;
    bool stop;
};

static bool fail(GError **error, int err, const char *what, const char *where)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(err), "%s %s: %s", what, where,
                g_strerror(err));
    return false;
}

static bool listen_unix(struct vnc_listen *l, const char *path, GError **error)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(addr.sun_path))
        return fail(error, ENAMETOOLONG, "VNC on", path);
    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(error, errno, "VNC on", path);
    l->fds[l->n++] = fd;
    unlink(path); /* what a killed process left; QEMU does the same */
    mode_t before = umask(0177);
    int rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
    int err = errno;
    umask(before);
    if (rc < 0)
        return fail(error, err, "VNC can't listen on", path);
    l->path = g_strdup(path);
    l->label = g_strdup_printf("unix:%s", path);
    return listen(fd, 8) == 0 || fail(error, errno, "VNC can't listen on", path);
}

/* All addresses of the name on that port, or none. */
static int try_port(struct vnc_listen *l, const char *host, unsigned port)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    g_autofree char *service = g_strdup_printf("%u", port);
    struct addrinfo *all;
    int err = 0, on = 1;

    if (getaddrinfo(host, service, &hints, &all) != 0)
        return EADDRNOTAVAIL;
    for (struct addrinfo *a = all; a && !err && l->n < MAX_SOCKETS; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue; /* a kernel without that family */
        l->fds[l->n++] = fd;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (a->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 8) < 0)
            err = errno;
    }
    freeaddrinfo(all);
    if (!err && !l->n)
        err = EADDRNOTAVAIL;
    while (err && l->n)
        close(l->fds[--l->n]);
    return err;
}

static bool listen_tcp(struct vnc_listen *l, const struct vnc_config *c, GError **error)
{
    const char *host = c->host && *c->host ? c->host : "127.0.0.1";
    unsigned port = FIRST_PORT + c->display, last = MAX(port, FIRST_PORT + c->to);
    int err;

    while ((err = try_port(l, host, port)) == EADDRINUSE && port < last)
        port++;
    l->label = g_strdup_printf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    return !err || fail(error, err, "VNC can't listen on", l->label);
}

static struct handed next_handed(struct vnc_listen *l, bool *stop)
{
    struct handed h = {-1, false};

    g_mutex_lock(&l->lock);
    *stop = l->stop;
    if (l->handed->len) {
        h = g_array_index(l->handed, struct handed, 0);
        g_array_remove_index(l->handed, 0);
    }
    g_mutex_unlock(&l->lock);
    return h;
}

/* false: it is to end. */
static bool serve_handed(struct vnc_listen *l)
{
    struct handed h;
    bool stop;

    while ((h = next_handed(l, &stop)).fd >= 0) {
        if (stop)
            close(h.fd);
        else
            l->fn(l->opaque, h.fd, h.skip_auth);
    }
    return !stop;
}

static gpointer accept_loop(gpointer data)
{
    struct vnc_listen *l = data;
    struct pollfd polled[MAX_SOCKETS + 1] = {{.fd = l->wake, .events = POLLIN}};

    for (unsigned i = 0; i < l->n; i++)
        polled[i + 1] = (struct pollfd){.fd = l->fds[i], .events = POLLIN};
    while (serve_handed(l)) {
        uint64_t count;
        if (poll(polled, l->n + 1, -1) < 0)
            continue;
        if (polled[0].revents && read(l->wake, &count, sizeof(count)) < 0)
            continue;
        for (unsigned i = 0; i < l->n; i++) {
            int fd = polled[i + 1].revents ? accept4(l->fds[i], NULL, NULL, SOCK_CLOEXEC) : -1;
            if (fd >= 0)
                l->fn(l->opaque, fd, false);
            else if (polled[i + 1].revents && (errno == EMFILE || errno == ENFILE))
                g_usleep(100000); /* poll would tell at once again, for as long as that lasts */
        }
    }
    return NULL;
}

static void wake(struct vnc_listen *l)
{
    const uint64_t one = 1;

    if (write(l->wake, &one, sizeof(one)) < 0)
        g_warning("VNC: %s", g_strerror(errno));
}

struct vnc_listen *vnc_listen_new(const struct vnc_config *c, vnc_accept_fn fn, void *opaque,
                                  GError **error)
{
    struct vnc_listen *l = g_new0(struct vnc_listen, 1);

    l->fn = fn;
    l->opaque = opaque;
    l->handed = g_array_new(FALSE, FALSE, sizeof(struct handed));
    g_mutex_init(&l->lock);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool ok = c->none ? true : c->path ? listen_unix(l, c->path, error) : listen_tcp(l, c, error);
    if (!ok) {
        vnc_listen_free(l);
        return NULL;
    }
    if (!l->label)
        l->label = g_strdup("none");
    l->thread = g_thread_new("vnc-listen", accept_loop, l);
    return l;
}

void vnc_listen_free(struct vnc_listen *l)
{
    if (!l)
        return;
    g_mutex_lock(&l->lock);
    l->stop = true;
    g_mutex_unlock(&l->lock);
    wake(l);
    if (l->thread)
        g_thread_join(l->thread);
    while (l->n)
        close(l->fds[--l->n]);
    if (l->path)
        unlink(l->path);
    close(l->wake);
    g_array_unref(l->handed);
    g_mutex_clear(&l->lock);
    g_free(l->label);
    g_free(l->path);
    g_free(l);
}

void vnc_listen_add(struct vnc_listen *l, int fd, bool skip_auth)
{
    const struct handed h = {fd, skip_auth};

    g_mutex_lock(&l->lock);
    g_array_append_val(l->handed, h);
    g_mutex_unlock(&l->lock);
    wake(l);
}

int vnc_listen_socket(const struct vnc_listen *l)
{
    return l->n ? l->fds[0] : -1;
}

const char *vnc_listen_label(const struct vnc_listen *l)
{
    return l->label;
}
