/*
 * A tap of the host's kernel: opened here, inherited, or given by a helper. Offloads go through
 * as they are.
 */
#include "xenner/backend/net_tap.h"
#include "xenner/backend/netport_priv.h"
#include "xenner/util/fd_source.h"

#include <errno.h>
#include <gio/gio.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUDGET 64 /* frames in a row */

struct tap_queue {
    struct net_tap *tap;
    unsigned index;
    int fd;
    GSource *readable, *writable; /* attached while wanted */
    uint8_t *buf;                 /* the frame of `packet` */
    struct net_packet packet;     /* one that the guest had no room for */
    bool waits;
};

struct net_tap {
    struct netport port;
    struct tap_queue queues[NET_MAX_QUEUES];
    bool vnet_hdr;
    char *ifname, *downscript;
};

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data);

static void want_read(struct tap_queue *q, bool on)
{
    if (on == (q->readable != NULL))
        return;
    if (on) {
        q->readable = fd_source_new(io_thread_context(q->tap->port.thread), q->fd, G_IO_IN,
                                    on_readable, q);
    } else {
        g_source_destroy(q->readable);
        g_clear_pointer(&q->readable, g_source_unref);
    }
}

/* What the kernel says about a frame; a shape that we don't know is a frame without wishes. */
static void from_vnet(const struct virtio_net_hdr *h, struct net_packet *p)
{
    p->csum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM  ? NET_CSUM_BLANK
              : h->flags & VIRTIO_NET_HDR_F_DATA_VALID ? NET_CSUM_VALID
                                                       : NET_CSUM_COMPLETE;
    unsigned type = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
    p->gso = type == VIRTIO_NET_HDR_GSO_TCPV4   ? NET_GSO_TCPV4
             : type == VIRTIO_NET_HDR_GSO_TCPV6 ? NET_GSO_TCPV6
                                                : NET_GSO_NONE;
    p->gso_size = h->gso_size;
}

/* 1: a frame is in q->packet; 0: none; -1: the tap is gone. */
static int read_frame(struct tap_queue *q)
{
    struct virtio_net_hdr h = {0};
    struct iovec v[2] = {{&h, sizeof(h)}, {q->buf, NET_PACKET_MAX}};
    bool vnet = q->tap->vnet_hdr;
    ssize_t n = readv(q->fd, vnet ? v : v + 1, vnet ? 2 : 1);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (vnet)
        n -= (ssize_t)sizeof(h);
    if (n <= 0)
        return 0;
    q->packet = (struct net_packet){.data = q->buf, .len = (size_t)n};
    if (vnet)
        from_vnet(&h, &q->packet);
    return 1;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct tap_queue *q = data;

    for (unsigned i = 0; i < BUDGET; i++) {
        int rc = read_frame(q);
        if (rc < 0) {
            g_warning("%s: the tap can't be read any more: %s", q->tap->port.id, g_strerror(errno));
            want_read(q, false);
            return G_SOURCE_CONTINUE;
        }
        if (rc == 0)
            break;
        if (!netport_receive(&q->tap->port, q->index, &q->packet)) {
            q->waits = true;
            want_read(q, false);
            break;
        }
    }
    return G_SOURCE_CONTINUE;
}

static void tap_resume(struct netport *port, unsigned queue)
{
    struct tap_queue *q = &((struct net_tap *)port)->queues[queue];

    if (q->waits && !netport_receive(port, queue, &q->packet))
        return;
    q->waits = false;
    want_read(q, true);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    struct tap_queue *q = data;

    g_source_destroy(q->writable);
    g_clear_pointer(&q->writable, g_source_unref);
    netport_writable(&q->tap->port, q->index);
    return G_SOURCE_REMOVE;
}

static void wait_writable(struct tap_queue *q)
{
    if (q->writable)
        return;
    q->writable = fd_source_new(io_thread_context(q->tap->port.thread), q->fd, G_IO_OUT,
                                on_writable, q);
}

/*
 * Blank checksums and large segments, for the kernel. False: the frame has none of what it
 * claims.
 */
static bool to_vnet(struct net_packet *p, struct virtio_net_hdr *h)
{
    struct net_headers at;

    if (p->csum == NET_CSUM_VALID)
        h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    if (p->csum != NET_CSUM_BLANK)
        return true;
    if (!net_csum_prepare(p, &at))
        return p->gso == NET_GSO_NONE; /* nothing that we know: as it is */
    h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    h->csum_start = (uint16_t)at.l4;
    h->csum_offset = (uint16_t)net_csum_offset(at.proto);
    if (p->gso == NET_GSO_NONE)
        return true;
    h->gso_type = p->gso == NET_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    h->gso_size = p->gso_size;
    h->hdr_len = (uint16_t)at.payload;
    return at.v6 == (p->gso == NET_GSO_TCPV6) && at.proto == IPPROTO_TCP;
}

static bool tap_send(struct netport *port, unsigned queue, struct net_packet *p)
{
    struct net_tap *t = (struct net_tap *)port;
    struct tap_queue *q = &t->queues[queue];
    struct virtio_net_hdr h = {0};
    struct iovec v[2] = {{&h, sizeof(h)}, {p->data, p->len}};

    if (t->vnet_hdr && !to_vnet(p, &h))
        return true;
    ssize_t n = writev(q->fd, t->vnet_hdr ? v : v + 1, t->vnet_hdr ? 2 : 1);
    if (n < 0 && errno == EAGAIN) {
        wait_writable(q);
        return false;
    }
    if (n < 0) /* an interface that is down, a frame that the kernel won't have */
        g_log("net", G_LOG_LEVEL_DEBUG, "%s: a frame of %zu bytes is lost: %s", port->id, p->len,
              g_strerror(errno));
    return true;
}

static void tap_set_offloads(struct netport *port, const struct netport_offloads *o)
{
    struct net_tap *t = (struct net_tap *)port;
    unsigned bits = !o->csum ? 0
                             : TUN_F_CSUM | (o->tso4 ? TUN_F_TSO4 | TUN_F_TSO_ECN : 0) |
                                   (o->tso6 ? TUN_F_TSO6 | TUN_F_TSO_ECN : 0);

    for (unsigned i = 0; t->vnet_hdr && i < port->queues; i++) {
        if (ioctl(t->queues[i].fd, TUNSETOFFLOAD, bits) < 0)
            g_log("net", G_LOG_LEVEL_DEBUG, "%s: offloads 0x%x: %s", port->id, bits,
                  g_strerror(errno));
    }
}

static void stop(void *opaque)
{
    struct net_tap *t = opaque;

    for (unsigned i = 0; i < t->port.queues; i++) {
        want_read(&t->queues[i], false);
        if (t->queues[i].writable) {
            g_source_destroy(t->queues[i].writable);
            g_clear_pointer(&t->queues[i].writable, g_source_unref);
        }
    }
}

static void tap_free(struct netport *port)
{
    struct net_tap *t = (struct net_tap *)port;

    io_thread_call(port->thread, stop, t);
    if (t->downscript && t->ifname)
        net_tap_script(t->downscript, t->ifname, NULL);
    for (unsigned i = 0; i < port->queues; i++) {
        close(t->queues[i].fd);
        g_free(t->queues[i].buf);
    }
    netport_done(port);
    g_free(t->ifname);
    g_free(t->downscript);
    g_free(t);
}

#define TAP_OPS                                                                                    \
    .send = tap_send, .resume = tap_resume, .set_offloads = tap_set_offloads, .free = tap_free
static const struct netport_ops vnet_ops = {.name = "tap", .csum = true, .gso = true, TAP_OPS};
static const struct netport_ops plain_ops = {.name = "tap", TAP_OPS}; /* vnet_hdr=off */

struct netport *net_tap_new(const struct netdev_config *cfg, GError **error)
{
    struct net_tap_fds fds = {0};

    if (!net_tap_open(cfg, &fds, error))
        return NULL;
    struct net_tap *t = g_new0(struct net_tap, 1);
    t->vnet_hdr = fds.vnet_hdr;
    t->ifname = g_strdup(fds.ifname);
    t->downscript = g_strdup(cfg->tap.downscript);
    for (unsigned i = 0; i < fds.nr; i++)
        t->queues[i] = (struct tap_queue){t, i, fds.fd[i], .buf = g_malloc(NET_PACKET_MAX)};
    netport_init(&t->port, t->vnet_hdr ? &vnet_ops : &plain_ops, cfg);
    t->port.queues = fds.nr;
    netport_set_user(&t->port, NULL, NULL); /* starts to read */
    g_log("net", G_LOG_LEVEL_DEBUG, "%s: tap %s with %u queue(s)%s", cfg->id, fds.ifname, fds.nr,
          fds.vnet_hdr ? ", offloads" : "");
    return &t->port;
}
