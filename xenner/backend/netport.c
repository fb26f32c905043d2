#include "xenner/backend/netport_priv.h"

void netport_init(struct netport *p, const struct netport_ops *ops, const struct netdev_config *cfg)
{
    g_autofree char *name = g_strdup_printf("net %s", cfg->id);

    p->ops = ops;
    p->id = g_strdup(cfg->id);
    p->queues = 1;
    p->thread = io_thread_new(name);
}

void netport_stop(struct netport *p)
{
    g_clear_pointer(&p->thread, io_thread_free);
}

void netport_done(struct netport *p)
{
    netport_stop(p);
    g_free(p->segment);
    g_free(p->id);
}

struct netport *netport_new(const struct netdev_config *cfg, GError **error)
{
    switch (cfg->kind) {
    case NETDEV_USER:
        return net_user_new(cfg, error);
    case NETDEV_TAP:
    case NETDEV_BRIDGE:
        return net_tap_new(cfg, error);
    case NETDEV_STREAM:
    case NETDEV_DGRAM:
    case NETDEV_PASST:
        return net_socket_new(cfg, error);
    }
    return NULL;
}

void netport_free(struct netport *p)
{
    if (p)
        p->ops->free(p);
}

struct set_user {
    struct netport *port;
    const struct netport_user *user;
    void *opaque;
};

static void set_user(void *opaque)
{
    struct set_user *s = opaque;
    static const struct netport_offloads none;

    s->port->user = s->user;
    s->port->opaque = s->opaque;
    if (!s->user)
        netport_set_offloads(s->port, &none);
    for (unsigned i = 0; i < s->port->queues; i++) {
        netport_resume(s->port, i);
        netport_writable(s->port, i);
    }
}

void netport_set_user(struct netport *p, const struct netport_user *user, void *opaque)
{
    struct set_user s = {p, user, opaque};

    io_thread_call(p->thread, set_user, &s);
}

void netport_set_link(struct netport *p, bool up)
{
    __atomic_store_n(&p->link_down, !up, __ATOMIC_RELAXED);
}

bool netport_link(const struct netport *p)
{
    return !__atomic_load_n(&p->link_down, __ATOMIC_RELAXED);
}

struct io_thread *netport_thread(struct netport *p)
{
    return p->thread;
}

unsigned netport_queues(const struct netport *p)
{
    return p->queues;
}

const char *netport_id(const struct netport *p)
{
    return p->id;
}

void netport_set_offloads(struct netport *p, const struct netport_offloads *o)
{
    if (p->ops->set_offloads)
        p->ops->set_offloads(p, o);
}

static bool send_segments(struct netport *p, unsigned queue, struct net_packet *packet)
{
    if (!p->segment)
        p->segment = g_malloc(NET_SEGMENT_MAX);
    for (;;) {
        size_t len = net_segment(packet, p->segment);
        if (!len)
            return true;
        struct net_packet one = {p->segment, len, NET_CSUM_VALID};
        if (!p->ops->send(p, queue, &one)) {
            packet->segments_out--; /* it is made again when there is room */
            return false;
        }
    }
}

bool netport_send(struct netport *p, unsigned queue, struct net_packet *packet)
{
    queue %= p->queues;
    if (!netport_link(p))
        return true;
    if (packet->gso != NET_GSO_NONE && !p->ops->gso)
        return send_segments(p, queue, packet);
    if (packet->csum == NET_CSUM_BLANK && !p->ops->csum)
        net_csum_complete(packet);
    return p->ops->send(p, queue, packet);
}

void netport_resume(struct netport *p, unsigned queue)
{
    p->ops->resume(p, queue % p->queues);
}

bool netport_receive(struct netport *p, unsigned queue, struct net_packet *packet)
{
    return !p->user || !netport_link(p) || p->user->receive(p->opaque, queue, packet);
}

void netport_writable(struct netport *p, unsigned queue)
{
    if (p->user)
        p->user->writable(p->opaque, queue);
}

static bool unplugged_send(struct netport *p, unsigned queue, struct net_packet *packet)
{
    return true;
}

static void unplugged_resume(struct netport *p, unsigned queue)
{
}

static void unplugged_free(struct netport *p)
{
    netport_done(p);
    g_free(p);
}

static const struct netport_ops unplugged_ops = {
    .name = "unplugged", .csum = true, .gso = true, .send = unplugged_send,
    .resume = unplugged_resume, .free = unplugged_free,
};

char *netport_unplugged_id(unsigned nic)
{
    return g_strdup_printf("#nic%u", nic);
}

struct netport *netport_new_unplugged(unsigned nic)
{
    g_autofree char *id = netport_unplugged_id(nic);
    const struct netdev_config cfg = {.id = id};
    struct netport *p = g_new0(struct netport, 1);

    netport_init(p, &unplugged_ops, &cfg);
    return p;
}
