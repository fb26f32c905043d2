#include "xenner/backend/net_ring.h"

#include <errno.h>
#include <string.h>

#define RX_SLOTS_MAX (NET_PACKET_MAX / FRAME_SIZE + 2)
#define ETH_HEADER   14

static void trace(const char *what, unsigned value)
{
    g_log("net", G_LOG_LEVEL_DEBUG, "%s (%u)", what, value);
}

static void init(struct ring *ring, void *page, unsigned entry_size)
{
    *ring = (struct ring){.pages = {page}, .nr_pages = 1};
    ring_init(ring, entry_size);
}

void net_tx_init(struct net_tx *tx, struct xen_host *host, void *page)
{
    *tx = (struct net_tx){.host = host, .buf = g_malloc(NET_PACKET_MAX)};
    init(&tx->ring, page, sizeof(union netif_tx_sring_entry));
}

void net_tx_done(struct net_tx *tx)
{
    g_free(tx->buf);
    *tx = (struct net_tx){0};
}

/* A frame's requests, copied out of the ring. */
struct chain {
    struct netif_tx_request req[NET_TX_SLOTS];
    unsigned nr;    /* kept in req */
    unsigned extra; /* infos behind the first */
    unsigned slots; /* all, further ones included */
    struct netif_extra_info gso;
    bool has_gso, bad;
};

static union netif_tx_sring_entry copy_slot(struct net_tx *tx, RING_IDX i)
{
    union netif_tx_sring_entry e;

    ring_copy(&tx->ring, i, &e, sizeof(e), false);
    __asm__ volatile("" ::: "memory"); /* e is what was read here, once */
    return e;
}

static int read_extras(struct net_tx *tx, struct chain *c, unsigned n)
{
    struct netif_extra_info info;

    do {
        if (c->slots >= n)
            return -EPROTO;
        union netif_tx_sring_entry e = copy_slot(tx, tx->ring.req_cons + c->slots);
        memcpy(&info, &e, sizeof(info));
        c->slots++;
        c->extra++;
        if (info.type == XEN_NETIF_EXTRA_TYPE_NONE || info.type >= XEN_NETIF_EXTRA_TYPE_MAX)
            return -EPROTO;
        if (info.type == XEN_NETIF_EXTRA_TYPE_GSO) {
            c->gso = info;
            c->has_gso = true;
        } else {
            c->bad = true; /* multicast lists and hashes were not offered */
        }
    } while (info.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    return 0;
}

/* The chain at ring.req_cons, with n requests there. -EPROTO: it doesn't end there. */
static int read_chain(struct net_tx *tx, struct chain *c, unsigned n)
{
    bool more;

    *c = (struct chain){0};
    do {
        if (c->slots >= n)
            return -EPROTO;
        struct netif_tx_request req = copy_slot(tx, tx->ring.req_cons + c->slots).req;
        c->slots++;
        if (c->nr < NET_TX_SLOTS)
            c->req[c->nr++] = req;
        else
            c->bad = true;
        more = req.flags & NETTXF_more_data;
        if (c->slots == 1 && (req.flags & NETTXF_extra_info) && read_extras(tx, c, n) < 0)
            return -EPROTO;
    } while (more);
    return 0;
}

static void respond_one(struct net_tx *tx, uint16_t id, int16_t status)
{
    struct netif_tx_response rsp = {id, status};

    ring_answer(&tx->ring, &rsp, sizeof(rsp));
}

/* As many answers as requests, the ids of those beyond the kept ones read from the ring. */
static void respond(struct net_tx *tx, const struct chain *c, int16_t status)
{
    for (unsigned slot = 0; slot < c->slots; slot++) {
        unsigned data = slot ? slot - MIN(slot, c->extra) : 0;
        if (slot && slot <= c->extra)
            respond_one(tx, 0, NETIF_RSP_NULL);
        else if (data < c->nr)
            respond_one(tx, c->req[data].id, status);
        else
            respond_one(tx, copy_slot(tx, tx->ring.rsp_prod).req.id, status);
    }
    tx->ring.req_cons += c->slots;
}

/* Sizes: the first one is the whole frame's. */
static bool plan_copies(struct net_tx *tx, const struct chain *c, struct grant_copy *pieces)
{
    size_t total = c->req[0].size, rest = total, at = 0;

    for (unsigned i = 1; i < c->nr; i++) {
        if (c->req[i].size > rest)
            return false;
        rest -= c->req[i].size;
    }
    for (unsigned i = 0; i < c->nr; i++) {
        size_t len = i ? c->req[i].size : rest;
        if (c->req[i].offset > FRAME_SIZE || len > FRAME_SIZE - c->req[i].offset)
            return false;
        pieces[i] = (struct grant_copy){.ref = c->req[i].gref, .offset = c->req[i].offset,
                                        .len = (uint16_t)len, .buf = tx->buf + at};
        at += len;
    }
    return total >= ETH_HEADER;
}

static bool describe(struct net_tx *tx, const struct chain *c)
{
    struct net_packet *p = &tx->packet;
    uint16_t flags = c->req[0].flags;

    *p = (struct net_packet){.data = tx->buf, .len = c->req[0].size};
    p->csum = flags & NETTXF_csum_blank       ? NET_CSUM_BLANK
              : flags & NETTXF_data_validated ? NET_CSUM_VALID
                                              : NET_CSUM_COMPLETE;
    if (!c->has_gso)
        return true;
    if (!c->gso.u.gso.size || (c->gso.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
                               c->gso.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6))
        return false;
    p->gso = c->gso.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 ? NET_GSO_TCPV4 : NET_GSO_TCPV6;
    p->gso_size = c->gso.u.gso.size;
    p->csum = NET_CSUM_BLANK; /* each segment needs its own, whatever the guest says */
    return true;
}

/* True: the frame of chain is in tx->packet. */
static bool fetch(struct net_tx *tx, const struct chain *c)
{
    struct grant_copy pieces[NET_TX_SLOTS];

    if (c->bad || !plan_copies(tx, c, pieces)) {
        trace("a frame to send makes no sense", c->slots);
        return false;
    }
    if (tx->host->ops->grant_copy(tx->host, pieces, c->nr) < 0) {
        trace("a frame's grant can't be read", c->req[0].gref);
        return false;
    }
    return describe(tx, c);
}

int net_tx_next(struct net_tx *tx)
{
    struct chain c;
    int n = ring_waiting(&tx->ring);

    if (n <= 0)
        return n < 0 ? -EPROTO : 0;
    int rc = read_chain(tx, &c, (unsigned)n);
    if (rc < 0)
        return rc;
    bool good = fetch(tx, &c);
    respond(tx, &c, good ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
    return good ? 1 : 2;
}

void net_rx_init(struct net_rx *rx, struct xen_host *host, void *page)
{
    *rx = (struct net_rx){.host = host};
    init(&rx->ring, page, sizeof(union netif_rx_sring_entry));
}

static uint16_t rx_flags(const struct net_packet *p)
{
    switch (p->csum) {
    case NET_CSUM_BLANK:
        return NETRXF_csum_blank | NETRXF_data_validated;
    case NET_CSUM_VALID:
        return NETRXF_data_validated;
    case NET_CSUM_COMPLETE:
        break;
    }
    return 0;
}

static void put_slot(struct net_rx *rx, void *what)
{
    ring_answer(&rx->ring, what, sizeof(struct netif_rx_response));
}

static struct netif_rx_request take_request(struct net_rx *rx)
{
    struct netif_rx_request req;

    ring_take(&rx->ring, &req);
    __asm__ volatile("" ::: "memory");
    return req;
}

static void put_gso(struct net_rx *rx, const struct net_packet *p)
{
    struct netif_extra_info info = {.type = XEN_NETIF_EXTRA_TYPE_GSO};

    info.u.gso.type = p->gso == NET_GSO_TCPV4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
    info.u.gso.size = p->gso_size;
    put_slot(rx, &info);
}

/*
 * The requests are there. An answer is in the slot of its request; an info takes a request
 * without using it.
 */
static void put_frame(struct net_rx *rx, const struct net_packet *p, unsigned slots)
{
    bool gso = p->gso != NET_GSO_NONE;
    struct netif_rx_response rsp[RX_SLOTS_MAX];
    struct grant_copy pieces[RX_SLOTS_MAX];
    unsigned nr = slots - gso;

    for (unsigned i = 0; i < nr; i++) {
        struct netif_rx_request req = take_request(rx);
        size_t at = (size_t)i * FRAME_SIZE, len = MIN(p->len - at, FRAME_SIZE);
        pieces[i] = (struct grant_copy){.ref = req.gref, .len = (uint16_t)len, .to_guest = true,
                                        .buf = p->data + at};
        rsp[i] = (struct netif_rx_response){
            .id = req.id, .flags = i + 1 < nr ? NETRXF_more_data : 0, .status = (int16_t)len};
        if (!i && gso)
            take_request(rx);
    }
    rsp[0].flags |= rx_flags(p) | (gso ? NETRXF_extra_info : 0);
    if (rx->host->ops->grant_copy(rx->host, pieces, nr) < 0)
        trace("a frame for the guest didn't fit where it was to go", pieces[0].ref);
    for (unsigned i = 0; i < nr; i++) {
        if (pieces[i].ret < 0)
            rsp[i].status = NETIF_RSP_ERROR;
        put_slot(rx, &rsp[i]);
        if (!i && gso)
            put_gso(rx, p);
    }
}

int net_rx_put(struct net_rx *rx, const struct net_packet *p)
{
    unsigned slots = (unsigned)((p->len + FRAME_SIZE - 1) / FRAME_SIZE) + (p->gso != NET_GSO_NONE);

    if (!p->len || p->len > NET_PACKET_MAX || (p->len > FRAME_SIZE && !rx->features.sg)) {
        trace("a frame that the guest can't take is dropped", (unsigned)p->len);
        return 1;
    }
    int n = ring_waiting(&rx->ring);
    if (n >= 0 && (unsigned)n < slots) {
        ring_wait(&rx->ring, slots);
        n = ring_waiting(&rx->ring);
    }
    if (n < 0)
        return -EPROTO;
    if ((unsigned)n < slots)
        return 0;
    put_frame(rx, p, slots);
    return 1;
}
