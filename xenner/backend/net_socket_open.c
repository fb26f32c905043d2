#include "xenner/backend/net_socket.h"
#include "xenner/util/io_error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define wrong(error, ...) io_error(error, G_IO_ERROR_FAILED, __VA_ARGS__)

char *net_address_text(const struct net_address *a)
{
    if (a->path)
        return g_strdup(a->path);
    if (a->fd >= 0)
        return g_strdup_printf("fd %d", a->fd);
    return g_strdup_printf("%s:%s", a->host ? a->host : "", a->port ? a->port : "0");
}

static bool unix_address(const char *path, struct sockaddr_storage *ret, socklen_t *ret_len,
                         GError **error)
{
    struct sockaddr_un *un = (struct sockaddr_un *)ret;

    if (strlen(path) >= sizeof(un->sun_path))
        return wrong(error, "UNIX socket path '%s' is too long", path);
    un->sun_family = AF_UNIX;
    g_strlcpy(un->sun_path, path, sizeof(un->sun_path));
    *ret_len = sizeof(*un);
    return true;
}

bool net_address_resolve(const struct net_address *a, int type, bool passive,
                         struct sockaddr_storage *ret, socklen_t *ret_len, GError **error)
{
    const struct addrinfo hints = {.ai_socktype = type, .ai_flags = passive ? AI_PASSIVE : 0};
    const char *host = a->host && *a->host ? a->host : NULL;
    struct addrinfo *list;

    memset(ret, 0, sizeof(*ret));
    if (a->path)
        return unix_address(a->path, ret, ret_len, error);
    int rc = getaddrinfo(host, a->port ? a->port : "0", &hints, &list);
    if (rc)
        return wrong(error, "address resolution failed for %s:%s: %s", host ? host : "",
                     a->port ? a->port : "0", gai_strerror(rc));
    memcpy(ret, list->ai_addr, list->ai_addrlen);
    *ret_len = list->ai_addrlen;
    freeaddrinfo(list);
    return true;
}

static int fail(int fd, const char *what, const struct net_address *a, GError **error)
{
    g_autofree char *text = net_address_text(a);

    wrong(error, "%s '%s': %s", what, text, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int adopt(int fd, GError **error)
{
    int type;
    socklen_t len = sizeof(type);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        wrong(error, "can't use file descriptor %d: %s", fd, g_strerror(errno));
        return -1;
    }
    return g_unix_set_fd_nonblocking(fd, TRUE, error) ? fd : -1;
}

static int new_socket(const struct sockaddr_storage *sa, int type)
{
    return socket(sa->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int net_stream_listen(const struct net_address *a, GError **error)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int on = 1;

    if (a->fd >= 0)
        return adopt(a->fd, error);
    if (!net_address_resolve(a, SOCK_STREAM, true, &sa, &len, error))
        return -1;
    int fd = new_socket(&sa, SOCK_STREAM);
    if (fd < 0)
        return fail(fd, "can't create stream socket for", a, error);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->path)
        unlink(a->path); /* of one that was killed; a live one loses its name, as with QEMU */
    if (bind(fd, (struct sockaddr *)&sa, len) < 0)
        return fail(fd, "can't bind to", a, error);
    if (listen(fd, 1) < 0)
        return fail(fd, "can't listen on", a, error);
    return fd;
}

int net_stream_connect(const struct net_address *a, GError **error)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int on = 1;

    if (a->fd >= 0)
        return adopt(a->fd, error);
    if (!net_address_resolve(a, SOCK_STREAM, false, &sa, &len, error))
        return -1;
    int fd = new_socket(&sa, SOCK_STREAM);
    if (fd < 0)
        return fail(fd, "can't create stream socket for", a, error);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
        return fail(fd, "can't connect to", a, error);
    return fd;
}

/* Everyone on the group hears everyone; the same port for all, on one machine as well. */
static bool join_group(int fd, const struct netdev_socket *cfg, const struct sockaddr_storage *to,
                       GError **error)
{
    const struct sockaddr_in *group = (const struct sockaddr_in *)to;
    struct ip_mreq m = {.imr_multiaddr = group->sin_addr};
    int on = 1;

    if (to->ss_family != AF_INET || !IN_MULTICAST(ntohl(group->sin_addr.s_addr)))
        return wrong(error, "specified mcastaddr %s does not contain a multicast address",
                     cfg->remote.host);
    if (cfg->local.host && !inet_aton(cfg->local.host, &m.imr_interface))
        return wrong(error, "localaddr '%s' is not a valid IPv4 address", cfg->local.host);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)to, sizeof(*group)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) < 0 ||
        (cfg->local.host && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m.imr_interface,
                                       sizeof(m.imr_interface)) < 0))
        return wrong(error, "can't join the multicast group %s: %s", cfg->remote.host,
                     g_strerror(errno));
    return true;
}

int net_dgram_open(const struct netdev_socket *cfg, GError **error)
{
    struct sockaddr_storage local, remote;
    socklen_t local_len, remote_len;

    if (cfg->local.fd >= 0)
        return adopt(cfg->local.fd, error);
    if (!net_address_resolve(&cfg->remote, SOCK_DGRAM, false, &remote, &remote_len, error))
        return -1;
    int fd = new_socket(&remote, SOCK_DGRAM);
    if (fd < 0)
        return fail(fd, "can't create datagram socket for", &cfg->remote, error);
    if (cfg->udp_multicast) {
        if (join_group(fd, cfg, &remote, error))
            return fd;
        close(fd);
        return -1;
    }
    if (!net_address_resolve(&cfg->local, SOCK_DGRAM, true, &local, &local_len, error)) {
        close(fd);
        return -1;
    }
    if (cfg->local.path)
        unlink(cfg->local.path);
    if (bind(fd, (struct sockaddr *)&local, local_len) < 0)
        return fail(fd, "can't bind to", &cfg->local, error);
    return fd;
}
