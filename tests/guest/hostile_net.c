/* run=hostile_net: a network card's frontend that breaks every rule of the vif protocol. */
#include "front.h"
#include "hostile.h"

#include <xen/io/netif.h>

#define RING_ENTRIES 256
#define ARP_LEN      42

struct card {
    struct front front;
    netif_tx_sring_t *tx;
    netif_rx_sring_t *rx;
    grant_ref_t tx_ref, rx_ref, out_ref, in_ref;
    uint8_t *out, *in;
    uint32_t tx_prod, tx_cons, rx_prod, rx_cons;
};

/* Who has 10.0.2.2? User mode's gateway answers. */
static void make_arp(uint8_t *frame)
{
    static const uint8_t arp[ARP_LEN] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6, 0, 1, 8, 0,
        6, 4, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2};

    memcpy(frame, arp, ARP_LEN);
}

static void connect(struct card *c)
{
    page_clear(c->tx);
    page_clear(c->rx);
    c->tx_prod = c->tx_cons = c->rx_prod = c->rx_cons = 0;
    c->tx->rsp_event = c->rx->rsp_event = c->tx->req_event = c->rx->req_event = 1;
    front_open_port(&c->front);
    xs_write(c->front.dir, "tx-ring-ref", "%u", c->tx_ref);
    xs_write(c->front.dir, "rx-ring-ref", "%u", c->rx_ref);
    xs_write(c->front.dir, "event-channel", "%u", c->front.port);
    xs_write(c->front.dir, "request-rx-copy", "1");
    xs_write(c->front.dir, "feature-sg", "1");
    xs_write(c->front.dir, "feature-gso-tcpv4", "1");
    if (!front_go(&c->front, XenbusStateConnected, XenbusStateConnected))
        bail_out("%s: no connection", c->front.dir);
}

static bool again(struct card *c)
{
    bool good = front_reset(&c->front);

    good = good && !((grant_entry(c->tx_ref)->flags | grant_entry(c->rx_ref)->flags) &
                     (GTF_reading | GTF_writing));
    connect(c);
    return good;
}

static void setup(struct card *c, unsigned number)
{
    if (!front_find(&c->front, "vif", number))
        bail_out("no network card %u", number);
    c->tx = page_alloc();
    c->rx = page_alloc();
    c->out = page_alloc();
    c->in = page_alloc();
    c->tx_ref = grant_page(c->tx, 0);
    c->rx_ref = grant_page(c->rx, 0);
    c->out_ref = grant_page(c->out, GTF_readonly);
    c->in_ref = grant_page(c->in, 0);
    make_arp(c->out);
    if (!front_wait(&c->front, XenbusStateInitWait))
        bail_out("%s: no backend", c->front.dir);
    connect(c);
}

static void add_tx(struct card *c, const void *slot)
{
    memcpy(&c->tx->ring[c->tx_prod++ % RING_ENTRIES], slot, sizeof(netif_tx_request_t));
}

static void push_tx(struct card *c)
{
    smp_mb();
    READ_ONCE(c->tx->req_prod) = c->tx_prod;
    smp_mb();
    front_kick(&c->front);
}

/* The status of the next answer; -100: none came. */
static int tx_answer(struct card *c)
{
    if (!wait_for(READ_ONCE(c->tx->rsp_prod) != c->tx_cons, 5 * S))
        return -100;
    smp_mb();
    int status = c->tx->ring[c->tx_cons++ % RING_ENTRIES].rsp.status;
    c->tx->rsp_event = c->tx_cons + 1;
    return status;
}

static netif_tx_request_t frame(struct card *c)
{
    return (netif_tx_request_t){.gref = c->out_ref, .id = 7, .size = ARP_LEN};
}

static int send(struct card *c, const netif_tx_request_t *req)
{
    add_tx(c, req);
    push_tx(c);
    return tx_answer(c);
}

static void offer(struct card *c, grant_ref_t ref)
{
    c->rx->ring[c->rx_prod % RING_ENTRIES].req = (netif_rx_request_t){.id = 3, .gref = ref};
    c->rx_prod++;
    smp_mb();
    READ_ONCE(c->rx->req_prod) = c->rx_prod;
    smp_mb();
    front_kick(&c->front);
}

/* The status of the next frame that comes in: its length or an error; -100: none came. */
static int rx_answer(struct card *c)
{
    if (!wait_for(READ_ONCE(c->rx->rsp_prod) != c->rx_cons, 5 * S))
        return -100;
    smp_mb();
    return c->rx->ring[c->rx_cons++ % RING_ENTRIES].rsp.status;
}

/* A question to the gateway, and its answer. */
static bool works(struct card *c)
{
    netif_tx_request_t req = frame(c);

    page_clear(c->in);
    offer(c, c->in_ref);
    return send(c, &req) == NETIF_RSP_OKAY && rx_answer(c) >= ARP_LEN && c->in[12] == 8 &&
           c->in[13] == 6 && c->in[21] == 2;
}

static void bad_frames(struct card *c)
{
    const struct {
        const char *what;
        netif_tx_request_t req;
    } row[] = {
        {"an empty frame", {c->out_ref, 0, 0, 1, 0}},
        {"13 bytes", {c->out_ref, 0, 0, 2, 13}},
        {"more than a page", {c->out_ref, 0, 0, 3, 4097}},
        {"65535 bytes", {c->out_ref, 0, 0, 4, 65535}},
        {"over the page's end", {c->out_ref, 4090, 0, 5, 60}},
        {"an offset behind the page", {c->out_ref, 4097, 0, 6, 60}},
        {"the last offset", {c->out_ref, 65535, 0, 7, 65535}},
        {"a grant beyond the table", {REF_MISSING, 0, 0, 8, 60}},
        {"the last grant", {0xffffffff, 0, 0, 9, 60}},
        {"an empty grant", {REF_EMPTY, 0, 0, 10, 60}},
        {"frame 0", {grant_frame(0, 0), 0, 0, 11, 60}},
        {"no frame", {grant_frame(0xffffffff, 0), 0, 0, 12, 60}},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++)
        is(send(c, &row[i].req), NETIF_RSP_ERROR, "net: %s", row[i].what);
    ok(works(c), "net: it goes on");
}

static void bad_chains(struct card *c)
{
    static const unsigned lengths[] = {2, 19, 25, 200};

    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        unsigned errors = 0;
        for (unsigned k = 0; k < lengths[i]; k++) {
            netif_tx_request_t req = frame(c);
            req.size = k ? 4001 : 4000; /* more than the first says for all */
            req.flags = k + 1 < lengths[i] ? NETTXF_more_data : 0;
            add_tx(c, &req);
        }
        push_tx(c);
        for (unsigned k = 0; k < lengths[i]; k++)
            errors += tx_answer(c) == NETIF_RSP_ERROR;
        is(errors, lengths[i], "net: %u pieces of more than there is", lengths[i]);
    }
    ok(works(c), "net: it goes on");
}

static void add_extra(struct card *c, uint8_t type, uint8_t flags, uint8_t gso, uint16_t size)
{
    netif_extra_info_t info = {.type = type, .flags = flags};

    info.u.gso.type = gso;
    info.u.gso.size = size;
    add_tx(c, &info);
}

static void bad_offloads(struct card *c)
{
    static const struct {
        uint8_t type, gso;
        uint16_t size;
        int status;
    } row[] = {
        {XEN_NETIF_EXTRA_TYPE_GSO, 9, 1000, NETIF_RSP_ERROR},
        {XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_GSO_TYPE_TCPV4, 0, NETIF_RSP_ERROR},
        {XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0, NETIF_RSP_ERROR},
        {XEN_NETIF_EXTRA_TYPE_HASH, 0, 0, NETIF_RSP_ERROR},
        /* no TCP is in there: taken, and dropped or cut as it is */
        {XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_GSO_TYPE_TCPV4, 1, NETIF_RSP_OKAY},
        {XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_GSO_TYPE_TCPV6, 65535, NETIF_RSP_OKAY},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        netif_tx_request_t req = frame(c);
        req.flags = NETTXF_extra_info | NETTXF_csum_blank;
        add_tx(c, &req);
        add_extra(c, row[i].type, 0, row[i].gso, row[i].size);
        push_tx(c);
        is(tx_answer(c), row[i].status, "net: info %u, GSO %u of %u bytes", row[i].type,
           row[i].gso, row[i].size);
        is(tx_answer(c), NETIF_RSP_NULL, "net: and one for the info");
    }
    ok(works(c), "net: it goes on");
}

/* IPv4 and IPv6 with lengths of every kind, to be cut and summed up by the host. */
static void bad_headers(struct card *c)
{
    uint8_t *out = page_alloc();
    grant_ref_t ref = grant_page(out, GTF_readonly);
    unsigned answered = 0, made = 0;

    for (unsigned i = 0; i < 600; i++) {
        for (unsigned k = 0; k < 200; k++)
            out[k] = (uint8_t)(i * 31 + k * k * 7);
        make_arp(out);
        out[12] = i & 1 ? 8 : 0x86;
        out[13] = i & 1 ? 0 : 0xdd;
        out[14] = (uint8_t)((i & 1 ? 0x40 : 0x60) | (i >> 1 & 15));
        out[23] = i & 2 ? 6 : 17;
        out[20] = i & 4 ? 6 : (uint8_t)(i * 13);
        netif_tx_request_t req = {.gref = ref, .id = 1, .size = (uint16_t)(14 + i % 180),
                                  .flags = NETTXF_csum_blank};
        if (i % 3 == 0)
            req.flags |= NETTXF_extra_info;
        add_tx(c, &req);
        if (i % 3 == 0)
            add_extra(c, XEN_NETIF_EXTRA_TYPE_GSO, 0, i & 1 ? 1 : 2, (uint16_t)(1 + i % 90));
        push_tx(c);
        for (unsigned n = i % 3 == 0 ? 2 : 1; n; n--, made++)
            answered += tx_answer(c) > -100;
    }
    is(answered, made, "net: %u frames of nonsense are answered", made);
    again(c);
    ok(works(c), "net: it goes on");
}

/* What closes the device; the frontend may come again. */
static void broken_rings(struct card *c)
{
    static const char *const names[] = {"a chain without end", "an info without end",
                                        "an info of no type", "257 requests", "-1 requests"};

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        netif_tx_request_t req = frame(c);
        req.flags = i == 0 ? NETTXF_more_data : NETTXF_extra_info;
        add_tx(c, &req);
        if (i == 1)
            add_extra(c, XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, 1, 1);
        else if (i == 2)
            add_extra(c, XEN_NETIF_EXTRA_TYPE_MAX, 0, 0, 0);
        else if (i == 3)
            c->tx_prod = c->tx_cons + 257;
        else if (i == 4)
            c->tx_prod = c->tx_cons - 1;
        push_tx(c);
        ok(front_wait(&c->front, XenbusStateClosing), "net: %s: closed", names[i]);
        ok(again(c) && works(c), "net: it comes again");
    }
}

static void bad_receive(struct card *c)
{
    netif_tx_request_t req = frame(c);
    const grant_ref_t refs[] = {REF_MISSING, REF_EMPTY, c->out_ref /* read-only */,
                                grant_frame(0, 0), grant_frame(0xffffffff, 0)};

    for (unsigned i = 0; i < ARRAY_SIZE(refs); i++) {
        offer(c, refs[i]);
        is(send(c, &req), NETIF_RSP_OKAY, "net: sent");
        is(rx_answer(c), NETIF_RSP_ERROR, "net: bad room %u for the answer", i);
    }
    ok(works(c), "net: it goes on");
    c->rx_prod += 5000; /* is seen when a frame comes */
    offer(c, c->in_ref);
    send(c, &req);
    ok(front_wait(&c->front, XenbusStateClosing), "net: room for 5001 frames: closed");
    ok(again(c) && works(c), "net: it comes again");
}

/* What is sent changes while it is read, its grant as well. */
static void changing_frames(struct card *c)
{
    grant_ref_t ref = grant_page(c->out, 0);
    volatile grant_entry_v1_t *e = grant_entry(ref);
    unsigned answered = 0;

    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 200; i++) {
            netif_tx_request_t req = frame(c);
            req.gref = ref;
            add_tx(c, &req);
        }
        push_tx(c);
        for (unsigned i = 0; i < 3000; i++) {
            volatile netif_tx_request_t *slot = &c->tx->ring[i % RING_ENTRIES].req;
            e->flags = i % 3 ? GTF_permit_access : 0;
            slot->size = (uint16_t)(i * 7919);
            slot->offset = (uint16_t)(i * 31);
        }
        e->flags = GTF_permit_access;
        for (unsigned i = 0; i < 200; i++)
            answered += tx_answer(c) > -100;
    }
    is(answered, 2000, "net: frames and grants changed under use: all are answered");
    ok(again(c) && works(c), "net: it goes on");
}

static void bad_keys(struct card *c)
{
    static const struct {
        const char *key, *value, *good;
    } row[] = {
        {"tx-ring-ref", "4294967295", NULL}, {"rx-ring-ref", "x", NULL},
        {"event-channel", "99999", NULL},    {"request-rx-copy", "0", NULL},
        {"multi-queue-num-queues", "4294967295", "1"}, {"multi-queue-num-queues", "0", "1"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        front_reset(&c->front);
        front_open_port(&c->front);
        xs_write(c->front.dir, "tx-ring-ref", "%u", c->tx_ref);
        xs_write(c->front.dir, "rx-ring-ref", "%u", c->rx_ref);
        xs_write(c->front.dir, "event-channel", "%u", c->front.port);
        xs_write(c->front.dir, "request-rx-copy", "1");
        xs_write(c->front.dir, row[i].key, "%s", row[i].value);
        ok(front_go(&c->front, XenbusStateConnected, XenbusStateClosing), "net: %s=%s: refused",
           row[i].key, row[i].value);
        if (row[i].good)
            xs_write(c->front.dir, row[i].key, "%s", row[i].good);
    }
    ok(again(c) && works(c), "net: it goes on");
}

void test_hostile_net(void)
{
    static struct card first, second;

    xs_init();
    setup(&first, 0);
    setup(&second, 1);
    ok(works(&first) && works(&second), "net: two cards");
    bad_frames(&first);
    bad_chains(&first);
    bad_offloads(&first);
    bad_headers(&first);
    broken_rings(&first);
    bad_receive(&first);
    changing_frames(&first);
    bad_keys(&first);
    ok(works(&second), "net: the other card has not noticed");
}
