#include "xenner/backend/net.h"
#include "xenner/backend/net_queue.h"
#include "xenner/backend/xenbus.h"
#include "xenner/util/ready_source.h"

#include <gio/gio.h>

struct net_backend {
    struct xen_host *host;
    struct netport *port;
    struct xenbus_device *dev;
    unsigned max_queues;
    GSource *failed; /* made ready by the port's thread when a ring is broken */
    /* while connected; in the port's thread */
    struct net_queue *queues[NET_MAX_QUEUES];
    unsigned nr_queues;
    struct net_features features;
};

static bool flag(struct net_backend *b, const char *key)
{
    uint64_t n;

    return xenbus_read_number(b->dev, key, 1, &n, NULL) && n;
}

static bool read_ref(struct net_backend *b, const char *prefix, const char *key, uint32_t *ret,
                     GError **error)
{
    g_autofree char *path = g_strconcat(prefix, key, NULL);
    uint64_t n;

    if (!xenbus_read_number(b->dev, path, UINT32_MAX, &n, error))
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool read_queue(struct net_backend *b, unsigned i, struct net_queue_config *q,
                       GError **error)
{
    g_autofree char *prefix = b->nr_queues > 1 ? g_strdup_printf("queue-%u/", i) : g_strdup("");

    if (!read_ref(b, prefix, "tx-ring-ref", &q->tx_ref, error) ||
        !read_ref(b, prefix, "rx-ring-ref", &q->rx_ref, error))
        return false;
    q->split = read_ref(b, prefix, "event-channel-tx", &q->tx_port, NULL) &&
               read_ref(b, prefix, "event-channel-rx", &q->rx_port, NULL);
    return q->split || read_ref(b, prefix, "event-channel", &q->tx_port, error);
}

static bool read_features(struct net_backend *b, GError **error)
{
    struct net_features *f = &b->features;
    uint64_t n = 1;

    if (!flag(b, "request-rx-copy")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "its driver wants pages to be flipped, which nobody does any more");
        return false;
    }
    f->sg = flag(b, "feature-sg");
    f->csum = !flag(b, "feature-no-csum-offload");
    f->csum6 = flag(b, "feature-ipv6-csum-offload");
    f->tso4 = f->sg && f->csum && flag(b, "feature-gso-tcpv4");
    f->tso6 = f->sg && f->csum6 && flag(b, "feature-gso-tcpv6");
    if (!xenbus_read_number(b->dev, "multi-queue-num-queues", UINT32_MAX, &n, NULL))
        n = 1;
    if (!n || n > b->max_queues) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%" G_GUINT64_FORMAT
                    " queues were not offered", n);
        return false;
    }
    b->nr_queues = (unsigned)n;
    return true;
}

/* Port's thread: a broken ring stays as it is, the main loop does the rest. */
static void on_broken(void *opaque)
{
    struct net_backend *b = opaque;

    g_source_set_ready_time(b->failed, 0);
}

/* Frames of one flow always go to the same queue; a port with as many queues has chosen already. */
static struct net_queue *choose(struct net_backend *b, unsigned queue, const struct net_packet *p)
{
    if (b->nr_queues == 1)
        return b->queues[0];
    if (b->nr_queues != netport_queues(b->port))
        queue = net_flow_hash(p->data, p->len);
    return b->queues[queue % b->nr_queues];
}

static bool on_receive(void *opaque, unsigned queue, struct net_packet *p)
{
    struct net_backend *b = opaque;

    return net_queue_receive(choose(b, queue, p), p);
}

static void on_writable(void *opaque, unsigned queue)
{
    struct net_backend *b = opaque;

    for (unsigned i = 0; i < b->nr_queues; i++)
        net_queue_run(b->queues[i]);
}

static const struct netport_user port_user = {on_receive, on_writable};

/* What connect() has read, for the port's thread. */
struct start {
    struct net_backend *b;
    struct net_queue_config config[NET_MAX_QUEUES];
    GError **error;
    bool ok;
};

static void stop_queues(void *opaque)
{
    struct net_backend *b = opaque;

    for (unsigned i = 0; i < NET_MAX_QUEUES; i++)
        net_queue_free(g_steal_pointer(&b->queues[i]));
}

static void start_queues(void *opaque)
{
    struct start *s = opaque;
    struct net_backend *b = s->b;
    struct netport_offloads offloads = {b->features.csum && b->features.csum6, b->features.tso4,
                                        b->features.tso6};

    s->ok = true;
    for (unsigned i = 0; i < b->nr_queues && s->ok; i++) {
        struct net_queue_config *c = &s->config[i];
        c->host = b->host;
        c->port = b->port;
        c->port_queue = i;
        c->features = b->features;
        c->broken = on_broken;
        c->opaque = b;
        b->queues[i] = net_queue_new(c, s->error);
        s->ok = b->queues[i] != NULL;
    }
    if (s->ok)
        netport_set_offloads(b->port, &offloads);
    else
        stop_queues(b);
}

static bool net_connect(void *opaque, GError **error)
{
    struct net_backend *b = opaque;
    struct start s = {.b = b, .error = error};

    if (!read_features(b, error))
        return false;
    for (unsigned i = 0; i < b->nr_queues; i++) {
        if (!read_queue(b, i, &s.config[i], error))
            return false;
    }
    io_thread_call(netport_thread(b->port), start_queues, &s);
    if (!s.ok)
        return false;
    g_log("net", G_LOG_LEVEL_DEBUG, "%s: %u queue(s),%s%s%s%s%s", netport_id(b->port), b->nr_queues,
          b->features.sg ? " sg" : "", b->features.csum ? " csum" : "",
          b->features.csum6 ? " csum6" : "", b->features.tso4 ? " tso4" : "",
          b->features.tso6 ? " tso6" : "");
    netport_set_user(b->port, &port_user, b);
    return true;
}

static void net_disconnect(void *opaque)
{
    struct net_backend *b = opaque;

    netport_set_user(b->port, NULL, NULL);
    io_thread_call(netport_thread(b->port), stop_queues, b);
    g_source_set_ready_time(b->failed, -1);
}

static const struct xenbus_ops net_ops = {"vif", net_connect, net_disconnect};

static void on_failed(void *opaque)
{
    struct net_backend *b = opaque;

    xenbus_device_fail(b->dev);
}

static bool offer(struct net_backend *b, unsigned devid, const struct nic_config *cfg,
                  GError **error)
{
    const uint8_t *m = cfg->mac;
    g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                                           m[4], m[5]);
    g_autofree char *handle = g_strdup_printf("%u", devid);
    g_autofree char *queues = g_strdup_printf("%u", b->max_queues);
    const struct xenbus_node front[] = {{"mac", mac}, {"handle", handle}, {NULL}};
    const struct xenbus_node back[] = {
        {"mac", mac}, {"handle", handle}, {"type", "vif"}, {"carrier", cfg->netdev ? "1" : "0"},
        {"feature-sg", "1"}, {"feature-gso-tcpv4", "1"}, {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"}, {"feature-rx-copy", "1"}, {"feature-rx-flip", "0"},
        {"feature-split-event-channels", "1"}, {"multi-queue-max-queues", queues}, {NULL}};

    return xenbus_offer(b->host, net_ops.type, devid, front, back, error);
}

struct net_backend *net_backend_new(struct xen_host *host, unsigned devid,
                                    const struct nic_config *cfg, struct netport *port,
                                    GError **error)
{
    struct net_backend *b = g_new0(struct net_backend, 1);

    b->host = host;
    b->port = port;
    b->max_queues = cfg->queues ? cfg->queues : netport_queues(port);
    b->failed = ready_source_new(NULL, on_failed, b);
    if (offer(b, devid, cfg, error))
        b->dev = xenbus_device_new(host, devid, &net_ops, b, error);
    if (b->dev)
        return b;
    net_backend_free(b);
    return NULL;
}

void net_backend_unplug(struct net_backend *b, void (*gone)(void *opaque), void *opaque)
{
    xenbus_device_unplug(b->dev, false, gone, opaque);
}

void net_backend_free(struct net_backend *b)
{
    if (!b)
        return;
    xenbus_device_free(b->dev);
    ready_source_free(b->failed);
    g_free(b);
}
