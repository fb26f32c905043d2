/* net_ring.c: requests of honest and of hostile guests, frames for them. */
#include "fake_grants.h"
#include "xenner/backend/net_ring.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

struct fixture {
    struct fake_grants *grants;
    struct netif_tx_sring *txs;
    struct netif_rx_sring *rxs;
    struct net_tx tx;
    struct net_rx rx;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->grants = fake_grants_new();
    f->txs = g_malloc0(FRAME_SIZE);
    f->rxs = g_malloc0(FRAME_SIZE);
    f->txs->req_event = f->txs->rsp_event = f->rxs->req_event = f->rxs->rsp_event = 1;
    net_tx_init(&f->tx, &f->grants->base, f->txs);
    net_rx_init(&f->rx, &f->grants->base, f->rxs);
    f->rx.features = (struct net_features){true, true, true, true, true};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    net_tx_done(&f->tx);
    g_free(f->txs);
    g_free(f->rxs);
    fake_grants_free(f->grants);
    g_free(f);
    return 0;
}

static void ask(struct fixture *f, struct netif_tx_request req)
{
    f->txs->ring[f->txs->req_prod++ % 256].req = req;
}

static void ask_extra(struct fixture *f, struct netif_extra_info info)
{
    memset(&f->txs->ring[f->txs->req_prod % 256], 0xaa, sizeof(f->txs->ring[0]));
    memcpy(&f->txs->ring[f->txs->req_prod++ % 256], &info, sizeof(info));
}

static void expect_answers(struct fixture *f, unsigned n, ...)
{
    va_list ap;

    ring_publish(&f->tx.ring);
    assert_int_equal(f->txs->rsp_prod, f->txs->req_prod);
    va_start(ap, n);
    for (unsigned i = 0; i < n; i++) {
        struct netif_tx_response r = f->txs->ring[(f->txs->rsp_prod - n + i) % 256].rsp;
        int id = va_arg(ap, int), status = va_arg(ap, int);
        if (status != NETIF_RSP_NULL)
            assert_int_equal(r.id, id);
        assert_int_equal(r.status, status);
    }
    va_end(ap);
}

static void one_page(void **state)
{
    struct fixture *f = *state;

    memset(f->grants->page[3] + 100, 'x', 60);
    ask(f, (struct netif_tx_request){3, 100, 0, 77, 60});
    assert_int_equal(net_tx_next(&f->tx), 1);
    assert_int_equal(f->tx.packet.len, 60);
    assert_int_equal(f->tx.packet.csum, NET_CSUM_COMPLETE);
    assert_int_equal(f->tx.packet.gso, NET_GSO_NONE);
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(f->tx.packet.data[i], 'x');
    /* what the guest does now changes nothing */
    memset(f->grants->page[3], 'y', FRAME_SIZE);
    assert_int_equal(f->tx.packet.data[0], 'x');
    assert_int_equal(net_tx_next(&f->tx), 0);
    expect_answers(f, 1, 77, NETIF_RSP_OKAY);
}

static void flags(void **state)
{
    struct fixture *f = *state;

    ask(f, (struct netif_tx_request){1, 0, NETTXF_csum_blank | NETTXF_data_validated, 1, 60});
    ask(f, (struct netif_tx_request){1, 0, NETTXF_data_validated, 2, 60});
    assert_int_equal(net_tx_next(&f->tx), 1);
    assert_int_equal(f->tx.packet.csum, NET_CSUM_BLANK);
    assert_int_equal(net_tx_next(&f->tx), 1);
    assert_int_equal(f->tx.packet.csum, NET_CSUM_VALID);
}

static const struct netif_extra_info gso = {
    .type = XEN_NETIF_EXTRA_TYPE_GSO, .u.gso = {.size = 1448, .type = XEN_NETIF_GSO_TYPE_TCPV4}};

/* The first request's size is the whole frame's. */
static void gathered(void **state)
{
    struct fixture *f = *state;

    memset(f->grants->page[1], 'a', FRAME_SIZE);
    memset(f->grants->page[2], 'b', FRAME_SIZE);
    memset(f->grants->page[3], 'c', FRAME_SIZE);
    ask(f, (struct netif_tx_request){1, 3996, NETTXF_more_data | NETTXF_extra_info, 10, 5096});
    ask_extra(f, gso);
    ask(f, (struct netif_tx_request){2, 0, NETTXF_more_data, 11, 4096});
    ask(f, (struct netif_tx_request){3, 5, 0, 12, 900});
    assert_int_equal(net_tx_next(&f->tx), 1);
    assert_int_equal(f->tx.packet.len, 5096);
    assert_int_equal(f->tx.packet.gso, NET_GSO_TCPV4);
    assert_int_equal(f->tx.packet.gso_size, 1448);
    assert_int_equal(f->tx.packet.csum, NET_CSUM_BLANK);
    assert_int_equal(f->tx.packet.data[99], 'a');
    assert_int_equal(f->tx.packet.data[100], 'b');
    assert_int_equal(f->tx.packet.data[4195], 'b');
    assert_int_equal(f->tx.packet.data[4196], 'c');
    expect_answers(f, 4, 10, NETIF_RSP_OKAY, 0, NETIF_RSP_NULL, 11, NETIF_RSP_OKAY, 12,
                   NETIF_RSP_OKAY);
}

/* Each gets an error, and the next frame is a good one. */
static void bad_frames(void **state)
{
    static const struct netif_tx_request bad[] = {
        {FAKE_GRANTS, 0, 0, 5, 60},    /* no such grant */
        {0xffffffff, 0, 0, 5, 60},
        {1, 4096, 0, 5, 60},           /* outside of the page */
        {1, 4037, 0, 5, 60},
        {1, 65535, 0, 5, 60},
        {1, 0, 0, 5, 4097},
        {1, 0, 0, 5, 65535},
        {1, 0, 0, 5, 0},               /* not even a header */
        {1, 0, 0, 5, 13},
    };
    struct fixture *f = *state;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        ask(f, bad[i]);
        assert_int_equal(net_tx_next(&f->tx), 2);
        expect_answers(f, 1, 5, NETIF_RSP_ERROR);
    }
    assert_int_equal(f->grants->copies, 2); /* the others were not even tried */
    ask(f, (struct netif_tx_request){1, 4036, 0, 6, 60});
    assert_int_equal(net_tx_next(&f->tx), 1);
    expect_answers(f, 1, 6, NETIF_RSP_OKAY);
}

static void bad_chains(void **state)
{
    struct fixture *f = *state;

    /* more in the pieces than in the frame */
    ask(f, (struct netif_tx_request){1, 0, NETTXF_more_data, 1, 100});
    ask(f, (struct netif_tx_request){2, 0, 0, 2, 101});
    assert_int_equal(net_tx_next(&f->tx), 2);
    expect_answers(f, 2, 1, NETIF_RSP_ERROR, 2, NETIF_RSP_ERROR);
    /* the first piece would be larger than its page */
    ask(f, (struct netif_tx_request){1, 0, NETTXF_more_data, 1, 4200});
    ask(f, (struct netif_tx_request){2, 0, 0, 2, 100});
    assert_int_equal(net_tx_next(&f->tx), 2);
    /* pieces whose sizes add up to 64 KiB more than there is */
    for (unsigned i = 0; i < 18; i++)
        ask(f, (struct netif_tx_request){1, 0, i < 17 ? NETTXF_more_data : 0, 1, i ? 3860 : 90});
    assert_int_equal(net_tx_next(&f->tx), 2);
    /* more slots than anybody needs, the answers have the right ids all the same */
    for (unsigned i = 0; i < 200; i++)
        ask(f, (struct netif_tx_request){1, 0, i < 199 ? NETTXF_more_data : 0, (uint16_t)i,
                                         i ? 1 : 1000});
    assert_int_equal(net_tx_next(&f->tx), 2);
    ring_publish(&f->tx.ring);
    for (unsigned i = 0; i < 200; i++) {
        struct netif_tx_response r = f->txs->ring[(f->txs->rsp_prod - 200 + i) % 256].rsp;
        assert_int_equal(r.id, i);
        assert_int_equal(r.status, NETIF_RSP_ERROR);
    }
    assert_int_equal(f->grants->copies, 0);
    /* infos that nobody offered, sizes and types that make no sense */
    struct netif_extra_info infos[] = {gso, gso, gso, gso};
    infos[0].u.gso.size = 0;
    infos[1].u.gso.type = 7;
    infos[2].type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD;
    infos[3].type = XEN_NETIF_EXTRA_TYPE_HASH;
    for (unsigned i = 0; i < G_N_ELEMENTS(infos); i++) {
        ask(f, (struct netif_tx_request){1, 0, NETTXF_extra_info, 1, 100});
        ask_extra(f, infos[i]);
        assert_int_equal(net_tx_next(&f->tx), 2);
        expect_answers(f, 2, 1, NETIF_RSP_ERROR, 0, NETIF_RSP_NULL);
    }
}

/* What can't be read on from: every time on a new ring. */
static void hopeless(void **state)
{
    for (unsigned i = 0; i < 6; i++) {
        setup(state);
        struct fixture *f = *state;
        struct netif_extra_info info = gso;
        switch (i) {
        case 0: /* runaway index */
            f->txs->req_prod = 257;
            break;
        case 1:
            f->txs->req_prod = 0xffffffff;
            break;
        case 2: /* a chain that doesn't end */
            ask(f, (struct netif_tx_request){1, 0, NETTXF_more_data, 1, 100});
            break;
        case 3:
            ask(f, (struct netif_tx_request){1, 0, NETTXF_extra_info, 1, 100});
            break;
        case 4:
            ask(f, (struct netif_tx_request){1, 0, NETTXF_extra_info, 1, 100});
            info.type = XEN_NETIF_EXTRA_TYPE_MAX;
            ask_extra(f, info);
            break;
        case 5:
            ask(f, (struct netif_tx_request){1, 0, NETTXF_extra_info, 1, 100});
            info.flags = XEN_NETIF_EXTRA_FLAG_MORE;
            while (f->txs->req_prod < 256)
                ask_extra(f, info);
            break;
        }
        if (net_tx_next(&f->tx) != -EPROTO)
            fail_msg("case %u", i);
        assert_int_equal(f->grants->copies, 0);
        teardown(state);
    }
    setup(state);
}

/* The indices wrap around 2^32, and the backend starts where another one stopped. */
static void wraps(void **state)
{
    struct fixture *f = *state;

    net_tx_done(&f->tx);
    f->txs->req_prod = f->txs->rsp_prod = 0xfffffff0;
    net_tx_init(&f->tx, &f->grants->base, f->txs);
    for (unsigned i = 0; i < 600; i++) {
        ask(f, (struct netif_tx_request){1, 0, 0, (uint16_t)i, 60});
        assert_int_equal(net_tx_next(&f->tx), 1);
        expect_answers(f, 1, i, NETIF_RSP_OKAY);
    }
}

static void tx_notify(void **state)
{
    struct fixture *f = *state;

    f->txs->rsp_event = 3;
    for (unsigned i = 1; i <= 5; i++) {
        ask(f, (struct netif_tx_request){1, 0, 0, 1, 60});
        assert_int_equal(net_tx_next(&f->tx), 1);
        assert_int_equal(ring_publish(&f->tx.ring), i == 3);
    }
}

static void offer(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++, f->rxs->req_prod++)
        f->rxs->ring[f->rxs->req_prod % 256].req =
            (struct netif_rx_request){(uint16_t)(1000 + f->rxs->req_prod), 0, f->rxs->req_prod % 32};
}

static struct netif_rx_response answer(struct fixture *f, unsigned i)
{
    ring_publish(&f->rx.ring);
    return f->rxs->ring[i % 256].rsp;
}

static void deliver(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[5000];

    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i / 16);
    struct net_packet p = {frame, 60, NET_CSUM_VALID};
    offer(f, 3);
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    struct netif_rx_response r = answer(f, 0);
    assert_int_equal(r.id, 1000);
    assert_int_equal(r.status, 60);
    assert_int_equal(r.flags, NETRXF_data_validated);
    assert_memory_equal(f->grants->page[0], frame, 60);
    /* over two pages */
    p.len = sizeof(frame);
    p.csum = NET_CSUM_BLANK;
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    assert_int_equal(answer(f, 1).flags,
                     NETRXF_more_data | NETRXF_csum_blank | NETRXF_data_validated);
    assert_int_equal(answer(f, 1).status, 4096);
    assert_int_equal(answer(f, 2).status, 5000 - 4096);
    assert_int_equal(answer(f, 2).flags, 0);
    assert_memory_equal(f->grants->page[2], frame + 4096, 5000 - 4096);
}

/* The info is in the slot behind the first, and uses up its request. */
static void deliver_gso(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[9000] = {1};
    struct net_packet p = {frame, sizeof(frame), NET_CSUM_BLANK, NET_GSO_TCPV6, 1400};
    struct netif_extra_info info;

    offer(f, 4);
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    ring_publish(&f->rx.ring);
    assert_int_equal(f->rxs->rsp_prod, 4);
    assert_int_equal(answer(f, 0).flags, NETRXF_more_data | NETRXF_extra_info | NETRXF_csum_blank |
                                             NETRXF_data_validated);
    memcpy(&info, &f->rxs->ring[1], sizeof(info));
    assert_int_equal(info.type, XEN_NETIF_EXTRA_TYPE_GSO);
    assert_int_equal(info.flags, 0);
    assert_int_equal(info.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV6);
    assert_int_equal(info.u.gso.size, 1400);
    assert_int_equal(answer(f, 2).id, 1002);
    assert_int_equal(answer(f, 3).id, 1003);
    assert_int_equal(answer(f, 3).status, 9000 - 8192);
}

/* Nothing is half delivered, and the guest is asked to notify when there is enough. */
static void no_room(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[9000] = {1};
    struct net_packet p = {frame, sizeof(frame)};

    offer(f, 2);
    assert_int_equal(net_rx_put(&f->rx, &p), 0);
    assert_int_equal(f->rxs->req_event, 3);
    assert_int_equal(f->grants->copies, 0);
    offer(f, 1);
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    assert_int_equal(net_rx_put(&f->rx, &p), 0);
    f->rxs->req_prod += 300;
    assert_int_equal(net_rx_put(&f->rx, &p), -EPROTO);
}

/* A page that isn't what it seemed: the guest is told, the others arrive. */
static void bad_buffers(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[9000] = {1};
    struct net_packet p = {frame, sizeof(frame)};

    f->grants->readonly[1] = true;
    offer(f, 4);
    f->rxs->ring[3].req.gref = 5000;
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    assert_int_equal(answer(f, 0).status, 4096);
    assert_int_equal(answer(f, 1).status, NETIF_RSP_ERROR);
    assert_int_equal(answer(f, 1).flags, NETRXF_more_data);
    assert_int_equal(answer(f, 2).status, 9000 - 8192);
    p.len = 60;
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    assert_int_equal(answer(f, 3).status, NETIF_RSP_ERROR);
}

static void too_large(void **state)
{
    struct fixture *f = *state;
    g_autofree uint8_t *frame = g_malloc0(NET_PACKET_MAX + 1);
    struct net_packet p = {frame, NET_PACKET_MAX + 1};

    offer(f, 64);
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    assert_int_equal(f->rx.ring.rsp_prod, 0);
    f->rx.features.sg = false;
    p.len = 4097;
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    assert_int_equal(f->rx.ring.rsp_prod, 0);
    f->rx.features.sg = true;
    p.len = NET_PACKET_MAX;
    assert_int_equal(net_rx_put(&f->rx, &p), 1);
    assert_int_equal(f->rx.ring.rsp_prod, (NET_PACKET_MAX + 4095) / 4096);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_page), TEST(flags), TEST(gathered), TEST(bad_frames), TEST(bad_chains),
        cmocka_unit_test_teardown(hopeless, teardown), TEST(wraps), TEST(tx_notify), TEST(deliver),
        TEST(deliver_gso), TEST(no_room), TEST(bad_buffers), TEST(too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
