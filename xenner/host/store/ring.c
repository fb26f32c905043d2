#include "xenner/host/store/ring.h"

#include <string.h>
#include <sys/mman.h>

/* Answers and events that the guest doesn't fetch; beyond this it gets no more watch events. */
#define MAX_BACKLOG (1u << 20)

/* So many requests, then the main loop has others' turn: a guest may ask without end. */
#define MAX_REQUESTS 32

struct store_ring {
    struct xen_host *host;
    struct host_port *port;
    struct xenstore_domain_interface *page;
    struct store_conn *conn;
    GByteArray *out;
    struct xsd_sockmsg header; /* of the request that is coming in */
    size_t have;               /* bytes of header and payload so far */
    uint8_t payload[XENSTORE_PAYLOAD_MAX];
    guint more; /* source of the next turn, or 0 */
    bool broken;
};

/* The indices are the guest's to spoil: a distance larger than the ring is the end of the talk. */
static bool distance(struct store_ring *r, uint32_t prod, uint32_t cons, uint32_t *ret)
{
    *ret = prod - cons;
    if (*ret <= XENSTORE_RING_SIZE)
        return true;
    if (!r->broken)
        g_warning("xenstore: the guest broke its ring");
    r->broken = true;
    return false;
}

static size_t get_bytes(struct store_ring *r, uint8_t *to, size_t want)
{
    uint32_t cons = r->page->req_cons, avail;
    uint32_t prod = __atomic_load_n(&r->page->req_prod, __ATOMIC_ACQUIRE);

    if (!distance(r, prod, cons, &avail))
        return 0;
    size_t n = MIN(want, avail);
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)r->page->req[MASK_XENSTORE_IDX(cons + i)];
    __atomic_store_n(&r->page->req_cons, cons + (uint32_t)n, __ATOMIC_SEQ_CST);
    return n;
}

static bool put_bytes(struct store_ring *r)
{
    uint32_t prod = r->page->rsp_prod, used;
    uint32_t cons = __atomic_load_n(&r->page->rsp_cons, __ATOMIC_ACQUIRE);

    if (!distance(r, prod, cons, &used))
        return false;
    guint n = MIN(r->out->len, XENSTORE_RING_SIZE - used);
    for (guint i = 0; i < n; i++)
        r->page->rsp[MASK_XENSTORE_IDX(prod + i)] = (char)r->out->data[i];
    __atomic_store_n(&r->page->rsp_prod, prod + n, __ATOMIC_SEQ_CST);
    if (n)
        g_byte_array_remove_range(r->out, 0, n);
    return n > 0;
}

static void on_send(void *opaque, const struct xsd_sockmsg *header, const void *payload)
{
    struct store_ring *r = opaque;

    if (header->type == XS_WATCH_EVENT && r->out->len > MAX_BACKLOG)
        return;
    g_byte_array_append(r->out, (const guint8 *)header, sizeof(*header));
    g_byte_array_append(r->out, payload, header->len);
    if (put_bytes(r))
        r->host->ops->notify(r->port);
}

/* Takes what is there of the next request; true when one was complete and has been served. */
static bool take_request(struct store_ring *r)
{
    const size_t head = sizeof(r->header);

    if (r->have < head) {
        r->have += get_bytes(r, (uint8_t *)&r->header + r->have, head - r->have);
        if (r->have < head)
            return false;
        if (r->header.len > XENSTORE_PAYLOAD_MAX) {
            g_warning("xenstore: the guest's request is too long");
            r->broken = true;
            return false;
        }
    }
    size_t at = r->have - head;
    r->have += get_bytes(r, r->payload + at, r->header.len - at);
    if (r->have < head + r->header.len)
        return false;
    r->have = 0;
    store_request(r->conn, &r->header, r->payload);
    return true;
}

static gboolean take_more(gpointer data);

static void on_event(void *opaque)
{
    struct store_ring *r = opaque;
    uint32_t before = r->page->req_cons;
    bool moved = put_bytes(r);
    unsigned n = 0;

    /* A guest that does not fetch its answers gets no new ones. */
    while (n < MAX_REQUESTS && !r->broken && r->out->len <= MAX_BACKLOG && take_request(r))
        n++;
    bool took = r->page->req_cons != before;
    /*
     * Linux rings only when it saw all before consumed, and looks at req_cons with no barrier behind its
     * store of req_prod. So both sides can miss each other, and whoever took something looks again.
     */
    if (took && !r->broken && !r->more)
        r->more = g_idle_add_full(G_PRIORITY_DEFAULT, take_more, r, NULL);
    if (moved || took)
        r->host->ops->notify(r->port);
}

static gboolean take_more(gpointer data)
{
    struct store_ring *r = data;

    r->more = 0;
    on_event(r);
    return G_SOURCE_REMOVE;
}

struct store_ring *store_ring_new(struct xen_host *host, xen_pfn_t gfn, evtchn_port_t port,
                                  struct store *s, GError **error)
{
    struct store_ring *r = g_new0(struct store_ring, 1);

    r->host = host;
    r->out = g_byte_array_new();
    r->conn = store_connect(s, host->domid, on_send, r);
    r->page = host->ops->map_foreign(host, &gfn, 1, PROT_READ | PROT_WRITE, error);
    if (r->page)
        r->port = host->ops->bind(host, port, NULL, on_event, r, error);
    if (!r->port) {
        store_ring_free(r);
        return NULL;
    }
    return r;
}

void store_ring_free(struct store_ring *r)
{
    if (!r)
        return;
    if (r->more)
        g_source_remove(r->more);
    store_disconnect(r->conn);
    r->host->ops->unbind(r->port);
    r->host->ops->unmap_foreign(r->host, r->page, 1);
    g_byte_array_unref(r->out);
    g_free(r);
}
