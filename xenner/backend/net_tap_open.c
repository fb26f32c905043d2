#include "xenner/backend/net_tap.h"
#include "xenner/util/fd_message.h"
#include "xenner/util/io_error.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define wrong(error, ...) io_error(error, G_IO_ERROR_FAILED, __VA_ARGS__)

bool net_tap_script(const char *script, const char *ifname, GError **error)
{
    char *argv[] = {(char *)script, (char *)ifname, NULL};
    g_autoptr(GError) why = NULL;
    int status;

    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                      &status, &why))
        return wrong(error, "could not launch network script: %s", why->message);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return wrong(error, "network script %s failed with status %d", script,
                 WIFEXITED(status) ? WEXITSTATUS(status) : status);
}

/* A tap that others used before, inherited or persistent, has the header's size that they needed. */
static bool set_header_size(int fd, GError **error)
{
    int size = sizeof(struct virtio_net_hdr);

    return ioctl(fd, TUNSETVNETHDRSZ, &size) == 0 ||
           wrong(error, "could not set the header's size of FD %d: %s", fd, g_strerror(errno));
}

/* One queue more of the tap; the first call decides what the others are like. */
static bool open_queue(const struct netdev_tap *cfg, struct net_tap_fds *ret, GError **error)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    unsigned features = 0;
    const char *name = ret->nr ? ret->ifname : cfg->ifname ? cfg->ifname : "tap%d";

    if (strlen(name) >= sizeof(r.ifr_name))
        return wrong(error, "'%s' is too long for the name of an interface", name);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return wrong(error, "could not open /dev/net/tun: %s", g_strerror(errno));
    ret->fd[ret->nr++] = fd;
    if (ioctl(fd, TUNGETFEATURES, &features) < 0)
        features = 0;
    ret->vnet_hdr = cfg->vnet_hdr && (features & IFF_VNET_HDR);
    if (cfg->vnet_hdr_forced && !ret->vnet_hdr)
        return wrong(error,
                     "vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR available");
    if (ret->vnet_hdr)
        r.ifr_flags |= IFF_VNET_HDR;
    if (cfg->queues > 1) {
        if (!(features & IFF_MULTI_QUEUE))
            return wrong(error, "multiqueue required, but no kernel support for IFF_MULTI_QUEUE "
                         "available");
        r.ifr_flags |= IFF_MULTI_QUEUE;
    }
    memcpy(r.ifr_name, name, strlen(name));
    if (ioctl(fd, TUNSETIFF, &r) < 0)
        return wrong(error, "could not configure /dev/net/tun%s%s%s: %s",
                     cfg->ifname ? " (" : "", cfg->ifname ? cfg->ifname : "",
                     cfg->ifname ? ")" : "", g_strerror(errno));
    memcpy(ret->ifname, r.ifr_name, sizeof(ret->ifname));
    ret->ifname[IFNAMSIZ - 1] = '\0';
    return !ret->vnet_hdr || set_header_size(fd, error);
}

static bool open_own(const struct netdev_tap *cfg, struct net_tap_fds *ret, GError **error)
{
    while (ret->nr < cfg->queues) {
        if (!open_queue(cfg, ret, error))
            return false;
    }
    return !cfg->script || net_tap_script(cfg->script, ret->ifname, error);
}

/* A tap that somebody else made: what it is like is asked of the kernel. */
static bool adopt(const struct netdev_tap *cfg, int fd, struct net_tap_fds *ret, GError **error)
{
    struct ifreq r = {0};

    ret->fd[ret->nr++] = fd;
    if (ioctl(fd, TUNGETIFF, &r) < 0)
        return wrong(error, "Unable to query TUNGETIFF on FD %d: %s", fd, g_strerror(errno));
    bool vnet = r.ifr_flags & IFF_VNET_HDR;
    if (ret->nr > 1 && vnet != ret->vnet_hdr)
        return wrong(error, "vnet_hdr not consistent across given tap fds");
    if (cfg->vnet_hdr_forced && !vnet)
        return wrong(error,
                     "vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR available");
    ret->vnet_hdr = vnet;
    memcpy(ret->ifname, r.ifr_name, sizeof(ret->ifname));
    ret->ifname[IFNAMSIZ - 1] = '\0';
    if (vnet && !set_header_size(fd, error))
        return false;
    return g_unix_set_fd_nonblocking(fd, TRUE, error);
}

static bool inherit(const struct netdev_config *cfg, struct net_tap_fds *ret, GError **error)
{
    for (guint i = 0; i < cfg->tap.fds->len; i++) {
        int fd = (int)g_ascii_strtoll(g_ptr_array_index(cfg->tap.fds, i), NULL, 10);
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return wrong(error, "%s: Can't use file descriptor %d: %s", cfg->id, fd,
                         g_strerror(errno));
        if (!adopt(&cfg->tap, fd, ret, error))
            return false;
    }
    return true;
}

/* The descriptor that the helper sends; -1: it sent none. */
static int receive_fd(int sock)
{
    unsigned n = 0;
    char byte;
    int fd = -1;

    fd_message_receive(sock, &byte, 1, &fd, 1, &n);
    return n ? fd : -1;
}

/* QEMU's protocol: HELPER --use-vnet --fd=N --br=BRIDGE; a tap comes back over socket N. */
static bool ask_helper(const struct netdev_tap *cfg, struct net_tap_fds *ret, GError **error)
{
    g_autofree char *bridge = g_strdup_printf("--br=%s", cfg->bridge ? cfg->bridge : "br0");
    char *argv[] = {cfg->helper, (char *)"--use-vnet", (char *)"--fd=3", bridge, NULL};
    int pair[2], status = -1, theirs = 3;
    g_autoptr(GError) why = NULL;
    GPid pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return wrong(error, "could not make a socket: %s", g_strerror(errno));
    bool ok = g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)argv, NULL,
                                               G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
                                               &pair[1], &theirs, 1, &pid, NULL, NULL, NULL, &why);
    close(pair[1]);
    int fd = ok ? receive_fd(pair[0]) : -1;
    close(pair[0]);
    if (!ok)
        return wrong(error, "could not launch bridge helper: %s", why->message);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (fd < 0 || status != 0) {
        if (fd >= 0)
            close(fd);
        return wrong(error, "bridge helper failed");
    }
    return adopt(cfg, fd, ret, error);
}

bool net_tap_open(const struct netdev_config *cfg, struct net_tap_fds *ret, GError **error)
{
    bool ok = cfg->tap.fds->len ? inherit(cfg, ret, error)
              : cfg->tap.helper ? ask_helper(&cfg->tap, ret, error)
                                : open_own(&cfg->tap, ret, error);

    if (ok)
        return true;
    for (unsigned i = 0; i < ret->nr; i++)
        close(ret->fd[i]);
    return false;
}
