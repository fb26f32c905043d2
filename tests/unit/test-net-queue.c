/* net_queue.c: how often a guest with a busy vCPU is told, and rings. */
#include "fake_host.h"
#include "xenner/backend/net_queue.h"
#include "xenner/backend/netport_priv.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { TX, RX, DATA }; /* grants */

struct fixture {
    struct fake_host *host;
    struct netport port; /* takes all */
    struct net_queue *queue;
    struct netif_tx_sring *tx;
    struct netif_rx_sring *rx;
};

static bool port_send(struct netport *p, unsigned queue, struct net_packet *packet)
{
    return true;
}

static void port_resume(struct netport *p, unsigned queue)
{
}

static const struct netport_ops port_ops = {.name = "test", .send = port_send, .resume = port_resume};

static void start(void *opaque)
{
    struct fixture *f = opaque;
    const struct net_queue_config config = {
        .host = &f->host->base, .port = &f->port, .tx_ref = TX, .rx_ref = RX, .tx_port = FAKE_PORT};

    f->queue = net_queue_new(&config, NULL);
}

static void stop(void *opaque)
{
    net_queue_free(opaque);
}

static int setup(void **state)
{
    static char id[] = "n";
    const struct netdev_config netdev = {.id = id};
    struct fixture *f = g_new0(struct fixture, 1);

    f->host = fake_host_new();
    f->tx = fake_host_grant(f->host, TX);
    f->rx = fake_host_grant(f->host, RX);
    fake_host_grant(f->host, DATA);
    f->tx->rsp_event = f->tx->req_event = f->rx->rsp_event = f->rx->req_event = 1;
    netport_init(&f->port, &port_ops, &netdev);
    io_thread_call(f->port.thread, start, f);
    assert_non_null(f->queue);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->queue)
        io_thread_call(f->port.thread, stop, f->queue);
    netport_done(&f->port);
    fake_host_free(f->host);
    g_free(f);
    return 0;
}

static void event(void *opaque)
{
    fake_host_event(opaque);
}

/* n frames are sent, and answered before this returns. */
static void send(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        f->tx->ring[f->tx->req_prod++ % 256].req = (struct netif_tx_request){DATA, 0, 0, 1, 60};
    io_thread_call(f->port.thread, event, f->host);
    assert_int_equal(f->tx->rsp_prod, f->tx->req_prod);
}

static void take(void *opaque)
{
    struct fixture *f = opaque;
    uint8_t data[60] = {0};
    struct net_packet p = {data, sizeof(data)};

    assert_true(net_queue_receive(f->queue, &p));
}

static void receive(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        f->rx->ring[f->rx->req_prod % 256].req = (struct netif_rx_request){.gref = DATA};
        f->rx->req_prod++;
        io_thread_call(f->port.thread, take, f);
    }
}

/* The guest has seen all answers, and asks for the event of the next one. */
static void seen(struct fixture *f)
{
    f->tx->rsp_event = f->tx->rsp_prod + 1;
    f->rx->rsp_event = f->rx->rsp_prod + 1;
}

static unsigned notified(struct fixture *f)
{
    return __atomic_load_n(&f->host->notified, __ATOMIC_SEQ_CST);
}

/* The time limit of what is held back has its thread to itself. */
static void wait_notified(struct fixture *f, unsigned n)
{
    while (notified(f) != n)
        g_thread_yield(); /* hangs here if it never comes: the test's time limit */
}

/* Ping and pong: nobody waits, however busy the vCPU is. */
static void single(void **state)
{
    struct fixture *f = *state;

    f->host->busy = true;
    for (unsigned i = 1; i < 50; i++) {
        send(f, 1);
        assert_int_equal(f->tx->req_event, f->tx->req_prod + 1);
        receive(f, 1);
        assert_int_equal(notified(f), 2 * i);
        seen(f);
    }
    assert_int_equal(f->host->wake_idle, 0);
    assert_int_equal(f->host->held, 0);
}

/* The guest rings late, and is told at once: it may have seen the answers itself before a later event. */
static void sent_several(void **state)
{
    struct fixture *f = *state;

    f->host->busy = true;
    send(f, 8);
    seen(f);
    send(f, 8);
    seen(f);
    assert_int_equal(f->host->wake_idle, 0);
    send(f, 8);
    assert_int_equal(notified(f), 3);
    assert_int_equal(f->host->held, 0);
    assert_int_equal(f->host->wake_idle, 1);
}

static void received_several(void **state)
{
    struct fixture *f = *state;

    f->host->busy = true;
    receive(f, 8);
    assert_int_equal(notified(f), 1);
    seen(f);
    receive(f, 8);
    assert_int_equal(f->host->held, 1);
    wait_notified(f, 2);
    seen(f);
    f->host->busy = false;
    receive(f, 8);
    assert_int_equal(notified(f), 3); /* its vCPU has nothing to do: told at once */
}

/* What is held back is told before the queue goes. */
static void end(void **state)
{
    struct fixture *f = *state;

    f->host->busy = true;
    receive(f, 8);
    seen(f);
    receive(f, 8);
    assert_int_equal(f->host->held, 1);
    io_thread_call(f->port.thread, stop, g_steal_pointer(&f->queue));
    assert_int_equal(notified(f), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(single), TEST(sent_several), TEST(received_several), TEST(end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
