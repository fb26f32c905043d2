#include "xenner/backend/net_queue.h"
#include "xenner/backend/ring_pace.h"
#include "xenner/util/ready_source.h"

#include <gio/gio.h>
#include <sys/mman.h>

#define BUDGET 256 /* frames, before others have their turn */
/* How long frames may wait for others: those that the guest sends; those for a busy vCPU. */
enum { TX_LIMIT_US = 500, RX_LIMIT_US = 200 };

struct net_queue {
    struct net_queue_config config;
    void *pages[2]; /* tx, rx */
    struct net_tx tx;
    struct net_rx rx;
    struct ring_pace *tx_pace, *rx_pace;
    struct host_port *tx_port, *rx_port; /* the same unless split */
    bool broken;
    bool tx_waits; /* the port has no room for tx.packet */
    bool rx_waits; /* the guest has no room for a frame of the port's */
    GSource *again; /* ready when the budget was used up */
    uint8_t *segment;
};

static void give_up(struct net_queue *q, int rc)
{
    g_log("net", G_LOG_LEVEL_DEBUG, "%s: queue %u is broken: %s", netport_id(q->config.port),
          q->config.port_queue, g_strerror(-rc));
    q->broken = true;
    q->config.broken(q->config.opaque);
}

void net_queue_run(struct net_queue *q)
{
    int rc = 1;

    if (q->broken)
        return;
    if (q->tx_waits && !netport_send(q->config.port, q->config.port_queue, &q->tx.packet))
        return;
    q->tx_waits = false;
    for (unsigned i = 0; i < BUDGET && !q->tx_waits; i++) {
        rc = net_tx_next(&q->tx);
        if (rc < 0 || (rc == 0 && !ring_pace_wait(q->tx_pace)))
            break;
        if (rc == 1)
            q->tx_waits = !netport_send(q->config.port, q->config.port_queue, &q->tx.packet);
    }
    ring_pace_publish(q->tx_pace);
    if (rc < 0)
        give_up(q, rc);
    else if (rc > 0 && !q->tx_waits)
        g_source_set_ready_time(q->again, 0);
}

static bool put(struct net_queue *q, const struct net_packet *p)
{
    int rc = net_rx_put(&q->rx, p);

    if (rc < 0)
        give_up(q, rc);
    else if (rc == 0)
        q->rx_waits = true;
    else
        ring_pace_publish(q->rx_pace);
    return rc != 0;
}

static bool put_segments(struct net_queue *q, struct net_packet *p)
{
    size_t len;

    if (!q->segment)
        q->segment = g_malloc(NET_SEGMENT_MAX);
    while (!q->broken && (len = net_segment(p, q->segment))) {
        struct net_packet one = {q->segment, len, NET_CSUM_VALID};
        if (!put(q, &one)) {
            p->segments_out--; /* once more when there is room */
            return false;
        }
    }
    return true;
}

bool net_queue_receive(struct net_queue *q, struct net_packet *p)
{
    const struct net_features *f = &q->config.features;

    if (q->broken)
        return true;
    if ((p->gso == NET_GSO_TCPV4 && !f->tso4) || (p->gso == NET_GSO_TCPV6 && !f->tso6))
        return put_segments(q, p);
    if (p->csum == NET_CSUM_BLANK && !(f->csum && f->csum6))
        net_csum_complete(p);
    return put(q, p);
}

static void on_event(void *opaque)
{
    struct net_queue *q = opaque;

    net_queue_run(q);
    if (q->rx_waits) {
        q->rx_waits = false;
        for (unsigned i = 0; i < netport_queues(q->config.port); i++)
            netport_resume(q->config.port, i);
    }
}

static void on_run(void *opaque)
{
    net_queue_run(opaque);
}

static bool map_rings(struct net_queue *q, GError **error)
{
    const grant_ref_t refs[2] = {q->config.tx_ref, q->config.rx_ref};
    int rc = q->config.host->ops->map_grants(q->config.host, refs, 2, PROT_READ | PROT_WRITE,
                                             q->pages);

    if (rc < 0) {
        q->pages[0] = NULL;
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(-rc),
                    "grants %u and %u of the rings can't be mapped: %s", refs[0], refs[1],
                    g_strerror(-rc));
        return false;
    }
    net_tx_init(&q->tx, q->config.host, q->pages[0]);
    net_rx_init(&q->rx, q->config.host, q->pages[1]);
    q->rx.features = q->config.features;
    GMainContext *ctx = io_thread_context(netport_thread(q->config.port));
    q->tx_pace = ring_pace_new(&(struct ring_pace_config){
        &q->tx.ring, q->config.host, ctx, TX_LIMIT_US, on_run, q, .prompt = true});
    q->rx_pace = ring_pace_new(&(struct ring_pace_config){
        &q->rx.ring, q->config.host, ctx, RX_LIMIT_US});
    return true;
}

static bool bind_ports(struct net_queue *q, GError **error)
{
    const struct net_queue_config *c = &q->config;
    GMainContext *ctx = io_thread_context(netport_thread(c->port));

    q->tx_port = c->host->ops->bind(c->host, c->tx_port, ctx, on_event, q, error);
    if (q->tx_port && c->split)
        q->rx_port = c->host->ops->bind(c->host, c->rx_port, ctx, on_event, q, error);
    else
        q->rx_port = q->tx_port;
    ring_pace_set_port(q->tx_pace, q->tx_port);
    ring_pace_set_port(q->rx_pace, q->rx_port);
    return q->rx_port != NULL;
}

struct net_queue *net_queue_new(const struct net_queue_config *config, GError **error)
{
    struct net_queue *q = g_new0(struct net_queue, 1);

    q->config = *config;
    q->again = ready_source_new(io_thread_context(netport_thread(config->port)), on_run, q);
    if (map_rings(q, error) && bind_ports(q, error))
        return q;
    net_queue_free(q);
    return NULL;
}

void net_queue_free(struct net_queue *q)
{
    if (!q)
        return;
    const struct xen_host_ops *ops = q->config.host->ops;
    const grant_ref_t refs[2] = {q->config.tx_ref, q->config.rx_ref};
    if (q->tx_pace)
        ring_pace_flush(q->tx_pace);
    if (q->rx_pace)
        ring_pace_flush(q->rx_pace);
    if (q->rx_port != q->tx_port)
        ops->unbind(q->rx_port);
    ops->unbind(q->tx_port);
    if (q->pages[0])
        ops->unmap_grants(q->config.host, refs, 2, PROT_READ | PROT_WRITE, q->pages);
    ring_pace_free(q->tx_pace);
    ring_pace_free(q->rx_pace);
    net_tx_done(&q->tx);
    ready_source_free(q->again);
    g_free(q->segment);
    g_free(q);
}
