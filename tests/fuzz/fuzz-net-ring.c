/*
 * Any bytes as the rings of a vif: first a word of features and flags and the producer's index, then the ring's
 * slots; what is left over is in the granted pages. Every request has one answer, frames are within their
 * bounds, and what a port would do with them works on any content.
 */
#include "fuzz.h"

#include "tests/unit/fake_grants.h"
#include "tests/unit/net_frames.h"
#include "xenner/backend/net_ring.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 8, SLOTS = 256 };

static void use_frame(struct net_packet *p, uint8_t *out)
{
    struct net_headers h;
    struct net_packet copy = *p;
    size_t n;

    if (p->len < 14 || p->len > NET_PACKET_MAX)
        abort();
    while ((n = net_segment(p, out))) {
        if (n > p->len || p->segments_out > p->len)
            abort();
    }
    net_flow_hash(p->data, p->len);
    net_csum_prepare(&copy, &h);
    if (net_csum_complete(p) && p->csum != NET_CSUM_VALID)
        abort();
}

static void transmit(struct fake_grants *g, const uint8_t *data, size_t size, uint32_t prod)
{
    g_autofree struct netif_tx_sring *ring = g_malloc0(FRAME_SIZE);
    g_autofree uint8_t *out = g_malloc(NET_SEGMENT_MAX);
    struct net_tx tx;
    int rc;

    memcpy(ring->ring, data, MIN(size, SLOTS * sizeof(ring->ring[0])));
    net_tx_init(&tx, &g->base, ring);
    __atomic_store_n(&ring->req_prod, prod, __ATOMIC_RELAXED);
    for (unsigned i = 0; (rc = net_tx_next(&tx)) > 0; i++) {
        if (i > SLOTS)
            abort();
        if (rc == 1)
            use_frame(&tx.packet, out);
    }
    ring_publish(&tx.ring);
    if (tx.ring.rsp_prod != tx.ring.req_cons || (rc == 0 && tx.ring.req_cons != prod))
        abort();
    net_tx_done(&tx);
}

static void receive(struct fake_grants *g, const uint8_t *data, size_t size, uint32_t prod,
                    uint32_t word)
{
    g_autofree struct netif_rx_sring *ring = g_malloc0(FRAME_SIZE);
    g_autofree uint8_t *frame = g_malloc0(NET_PACKET_MAX);
    struct net_rx rx;
    struct net_packet p = {frame, word % (NET_PACKET_MAX + 1), word >> 24 & 1, word >> 25 & 1, 1448};

    memcpy(ring->ring, data, MIN(size, SLOTS * sizeof(ring->ring[0])));
    net_rx_init(&rx, &g->base, ring);
    rx.features.sg = word >> 26 & 1;
    __atomic_store_n(&ring->req_prod, prod, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < SLOTS && net_rx_put(&rx, &p) == 1; i++) {
        if (rx.ring.req_cons != rx.ring.rsp_prod || rx.ring.req_cons > prod)
            abort();
    }
    ring_publish(&rx.ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t word, prod;

    if (size < HEADER)
        return 0;
    memcpy(&word, data, 4);
    memcpy(&prod, data + 4, 4);
    data += HEADER;
    size -= HEADER;
    struct fake_grants *g = fake_grants_new();
    for (unsigned i = 0; i < FAKE_GRANTS; i++)
        memcpy(g->page[i], data + size - MIN(size, FRAME_SIZE), MIN(size, FRAME_SIZE));
    if (word >> 31)
        receive(g, data, size, prod, word);
    else
        transmit(g, data, size, prod);
    fake_grants_free(g);
    return 0;
}

static void add_tx(GByteArray *a, uint32_t gref, uint16_t offset, uint16_t flags, uint16_t size)
{
    struct netif_tx_request r = {gref, offset, flags, (uint16_t)a->len, size};

    g_byte_array_append(a, (guint8 *)&r, sizeof(r));
}

static void add_gso(GByteArray *a)
{
    struct netif_extra_info info = {.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                    .u.gso = {.size = 1448, .type = XEN_NETIF_GSO_TYPE_TCPV4}};
    uint8_t slot[sizeof(struct netif_tx_request)] = {0};

    memcpy(slot, &info, sizeof(info));
    g_byte_array_append(a, slot, sizeof(slot));
}

/* The frame is at the start of every page, as they all have the input's end. */
static void seed(fuzz_seed_fn add, void *opaque, const char *name, uint32_t word, uint32_t prod,
                 GByteArray *slots)
{
    g_autoptr(GByteArray) a = g_byte_array_new();
    uint8_t frame[FRAME_SIZE] = {0};

    g_byte_array_append(a, (guint8 *)&word, 4);
    g_byte_array_append(a, (guint8 *)&prod, 4);
    g_byte_array_append(a, slots->data, slots->len);
    frame_make(frame, (struct frame_kind){.v6 = word & 1}, FRAME_SIZE - FRAME_HEADERS);
    g_byte_array_append(a, frame, sizeof(frame));
    add(opaque, name, a->data, a->len);
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    g_autoptr(GByteArray) tx = g_byte_array_new(), rx = g_byte_array_new();

    add_tx(tx, 1, 0, NETTXF_csum_blank, 1514);
    add_tx(tx, 2, 0, NETTXF_extra_info | NETTXF_more_data | NETTXF_csum_blank, 5000);
    add_gso(tx);
    add_tx(tx, 3, 0, 0, 904);
    add_tx(tx, 4, 100, 0, 60);
    seed(add, opaque, "tx", 0, 5, tx);
    seed(add, opaque, "tx6", 1, 5, tx);
    for (unsigned i = 0; i < 32; i++) {
        struct netif_rx_request r = {(uint16_t)i, 0, i};
        g_byte_array_append(rx, (guint8 *)&r, sizeof(r));
    }
    seed(add, opaque, "rx", 0x84000000 | 60, 32, rx);
    seed(add, opaque, "rx-large", 0x86000000 | 30000, 32, rx);
}
