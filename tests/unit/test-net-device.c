/* net.c and net_queue.c: a guest's driver comes up on a port that only notes what it gets; drivers that lie. */
#include "device_guest.h"
#include "xenner/backend/net.h"
#include "xenner/backend/netport_priv.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/io/netif.h>

#define FRONT "/local/domain/1/device/vif/0"
#define BACK  "/local/domain/0/backend/vif/1/0"

enum { TX = 10, RX = 11, PAGE = 12 };

struct fixture {
    struct device_guest g;
    struct netport *port;
    struct net_backend *nic;
};

/* The port: frames from the guest, and whether it has room. */
struct test_port {
    struct netport port;
    unsigned frames, resumed;
    size_t last;
    bool full;
};

static bool port_send(struct netport *p, unsigned queue, struct net_packet *packet)
{
    struct test_port *t = (struct test_port *)p;

    if (t->full)
        return false;
    t->frames++;
    t->last = packet->len;
    return true;
}

static void port_resume(struct netport *p, unsigned queue)
{
    ((struct test_port *)p)->resumed++;
}

static void port_free(struct netport *p)
{
    netport_done(p);
    g_free(p);
}

static const struct netport_ops port_ops = {
    .name = "test", .send = port_send, .resume = port_resume, .free = port_free};

static void *frame(struct fixture *f, uint64_t n)
{
    return device_guest_frame(&f->g, n);
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);
    struct test_port *t = g_new0(struct test_port, 1);
    struct netdev_config netdev = {.id = (char *)"n"};
    struct nic_config nic = {.netdev = (char *)"n", .has_mac = true, .mac = {2, 0, 0, 0, 0, 7}, .queues = 2};

    device_guest_init(&f->g, 2 << 20);
    netport_init(&t->port, &port_ops, &netdev);
    f->port = &t->port;
    f->nic = net_backend_new(f->g.host, 0, &nic, f->port, NULL);
    assert_non_null(f->nic);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    net_backend_free(f->nic);
    netport_free(f->port);
    device_guest_done(&f->g);
    g_free(f);
    return 0;
}

static void guest_writes(struct fixture *f, const char *key, const char *value)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    g_autofree char *path = g_strdup_printf(FRONT "/%s", key);

    g_byte_array_append(payload, (const guint8 *)path, (guint)strlen(path) + 1);
    g_byte_array_append(payload, (const guint8 *)value, (guint)strlen(value));
    struct xsd_sockmsg h = {.type = XS_WRITE, .len = payload->len};
    store_request(f->g.conn, &h, payload->data);
}

/* The backend gets there; what its thread reports takes its time. */
static void expect_backend(struct fixture *f, const char *state)
{
    for (;;) {
        g_autofree char *is = store_read(f->g.store, BACK "/state");
        if (strcmp(is, state) == 0)
            return;
        g_main_context_iteration(NULL, TRUE); /* hangs here if it never does: the test's time limit */
    }
}

static void nothing(void *opaque)
{
}

/* All that the port's thread has to do is done. */
static void settle(struct fixture *f)
{
    local_host_doorbell(f->g.host);
    for (unsigned i = 0; i < 3; i++)
        io_thread_call(netport_thread(f->port), nothing, NULL);
}

static evtchn_port_t new_port(struct fixture *f)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};

    assert_int_equal(evtchn_guest_op(f->g.evtchn, EVTCHNOP_alloc_unbound, 0, &op, sizeof(op)), 0);
    return op.port;
}

static void write_ring_keys(struct fixture *f, const char *prefix, const char *tx, const char *rx,
                            const char *event)
{
    const struct {
        const char *key, *value;
    } keys[] = {{"tx-ring-ref", tx}, {"rx-ring-ref", rx}, {"event-channel", event}};

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *key = g_strconcat(prefix, keys[i].key, NULL);
        guest_writes(f, key, keys[i].value);
    }
}

/* Grants 8 and 9 are the rings, 10 a page. */
static evtchn_port_t frontend(struct fixture *f)
{
    struct grant_entry_v1 *table = frame(f, GUEST_TABLE);
    evtchn_port_t port = new_port(f);
    g_autofree char *text = g_strdup_printf("%u", port);

    for (unsigned i = 0; i < 3; i++) {
        table[8 + i] = (struct grant_entry_v1){GTF_permit_access, 0, TX + i};
        memset(frame(f, TX + i), 0, FRAME_SIZE);
    }
    write_ring_keys(f, "", "8", "9", text);
    guest_writes(f, "request-rx-copy", "1");
    guest_writes(f, "feature-sg", "1");
    guest_writes(f, "state", "4");
    expect_backend(f, "4");
    return port;
}

static void send_event(struct fixture *f, evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};

    evtchn_guest_op(f->g.evtchn, EVTCHNOP_send, 0, &op, sizeof(op));
    settle(f);
}

static void ask(struct fixture *f, unsigned size)
{
    struct netif_tx_sring *ring = frame(f, TX);

    ring->ring[ring->req_prod++ % 256].req = (struct netif_tx_request){10, 0, 0, 1, (uint16_t)size};
}

static void offers(void **state)
{
    struct fixture *f = *state;
    static const char *const nodes[][2] = {
        {FRONT "/mac", "02:00:00:00:00:07"}, {FRONT "/handle", "0"}, {BACK "/feature-rx-copy", "1"},
        {BACK "/feature-sg", "1"}, {BACK "/feature-gso-tcpv4", "1"},
        {BACK "/feature-gso-tcpv6", "1"}, {BACK "/feature-ipv6-csum-offload", "1"},
        {BACK "/feature-split-event-channels", "1"}, {BACK "/multi-queue-max-queues", "2"},
        {BACK "/state", "2"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(nodes); i++) {
        g_autofree char *is = store_read(f->g.store, nodes[i][0]);
        assert_non_null(is);
        assert_string_equal(is, nodes[i][1]);
    }
}

/* Frames arrive; when the port is full they wait in the ring, and none is lost. */
static void sending(void **state)
{
    struct fixture *f = *state;
    struct test_port *t = (struct test_port *)f->port;
    struct netif_tx_sring *ring = frame(f, TX);
    evtchn_port_t port = frontend(f);

    for (unsigned i = 0; i < 200; i++)
        ask(f, 60 + i);
    send_event(f, port);
    assert_int_equal(t->frames, 200);
    assert_int_equal(t->last, 259);
    assert_int_equal(ring->rsp_prod, 200);
    t->full = true;
    ask(f, 100);
    ask(f, 101);
    send_event(f, port);
    assert_int_equal(t->frames, 200);
    t->full = false;
    send_event(f, port);
    assert_int_equal(t->frames, 202);
    assert_int_equal(t->last, 101);
    assert_int_equal(ring->rsp_prod, 202);
}

struct incoming {
    struct fixture *f;
    bool taken;
};

static void receive(void *opaque)
{
    struct incoming *in = opaque;
    uint8_t data[100] = "frame";
    struct net_packet p = {data, sizeof(data)};

    in->taken = netport_receive(in->f->port, 0, &p);
}

static bool incoming(struct fixture *f)
{
    struct incoming in = {f};

    io_thread_call(netport_thread(f->port), receive, &in);
    return in.taken;
}

static void receiving(void **state)
{
    struct fixture *f = *state;
    struct test_port *t = (struct test_port *)f->port;
    struct netif_rx_sring *ring = frame(f, RX);

    assert_true(incoming(f)); /* nobody there: lost */
    evtchn_port_t port = frontend(f);
    assert_false(incoming(f));
    unsigned before = t->resumed;
    ring->ring[0].req = (struct netif_rx_request){5, 0, 10};
    ring->req_prod = 1;
    send_event(f, port);
    assert_true(t->resumed > before);
    assert_true(incoming(f));
    assert_int_equal(ring->rsp_prod, 1);
    assert_int_equal(ring->ring[0].rsp.status, 100);
    assert_string_equal(frame(f, PAGE), "frame");
}

static void swallow(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
}

/* A ring that makes no sense: the device closes, and the driver may start again. */
static void runaway(void **state)
{
    struct fixture *f = *state;
    struct test_port *t = (struct test_port *)f->port;
    GLogFunc old = g_log_set_default_handler(swallow, NULL);

    for (unsigned i = 0; i < 2; i++) {
        evtchn_port_t port = frontend(f);
        if (i == 0)
            ((struct netif_tx_sring *)frame(f, TX))->req_prod = 1000;
        else
            ((struct netif_rx_sring *)frame(f, RX))->req_prod = 1000;
        send_event(f, port);
        assert_true(incoming(f));
        expect_backend(f, "5");
            guest_writes(f, "state", "6");
        expect_backend(f, "6");
        guest_writes(f, "state", "1");
        expect_backend(f, "2");
    }
    g_log_set_default_handler(old, NULL);
    evtchn_port_t port = frontend(f);
    ask(f, 60);
    send_event(f, port);
    assert_int_equal(t->frames, 1);
}

/* Each is told to close and leaves nothing behind. */
static void bad_frontends(void **state)
{
    static const struct {
        const char *key, *value;
    } row[] = {
        {"tx-ring-ref", ""}, {"tx-ring-ref", "511"}, {"tx-ring-ref", "4294967295"},
        {"tx-ring-ref", "x"}, {"rx-ring-ref", "4294967296"}, {"rx-ring-ref", "0"},
        {"event-channel", "0"}, {"event-channel", "4095"}, {"event-channel", "-1"},
        {"request-rx-copy", "0"}, {"multi-queue-num-queues", "0"}, {"multi-queue-num-queues", "3"},
        {"multi-queue-num-queues", "4294967295"}, {"multi-queue-num-queues", "2"},
    };
    struct fixture *f = *state;
    struct grant_entry_v1 *table = frame(f, GUEST_TABLE);
    g_autofree char *port = g_strdup_printf("%u", new_port(f));
    GLogFunc old = g_log_set_default_handler(swallow, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        for (unsigned n = 0; n < 3; n++)
            table[8 + n] = (struct grant_entry_v1){GTF_permit_access, 0, TX + n};
        write_ring_keys(f, "", "8", "9", port);
        guest_writes(f, "request-rx-copy", "1");
        guest_writes(f, "multi-queue-num-queues", "1");
        guest_writes(f, row[i].key, row[i].value);
        guest_writes(f, "state", "4");
        expect_backend(f, "5");
            guest_writes(f, "state", "1");
        expect_backend(f, "2");
    }
    g_log_set_default_handler(old, NULL);
    guest_writes(f, "multi-queue-num-queues", "1");
    frontend(f);
}

/* Two queues, with two event channels the one and one the other. */
static void queues(void **state)
{
    struct fixture *f = *state;
    struct test_port *t = (struct test_port *)f->port;
    struct grant_entry_v1 *table = frame(f, GUEST_TABLE);
    evtchn_port_t ports[3] = {new_port(f), new_port(f), new_port(f)};
    g_autofree char *tx = g_strdup_printf("%u", ports[0]);
    g_autofree char *rx = g_strdup_printf("%u", ports[1]);
    g_autofree char *both = g_strdup_printf("%u", ports[2]);

    for (unsigned i = 0; i < 7; i++) {
        table[20 + i] = (struct grant_entry_v1){GTF_permit_access, 0, 20 + i};
        memset(frame(f, 20 + i), 0, FRAME_SIZE);
    }
    guest_writes(f, "multi-queue-num-queues", "2");
    guest_writes(f, "request-rx-copy", "1");
    write_ring_keys(f, "queue-0/", "20", "21", "");
    guest_writes(f, "queue-0/event-channel-tx", tx);
    guest_writes(f, "queue-0/event-channel-rx", rx);
    write_ring_keys(f, "queue-1/", "22", "23", both);
    /* a third would work, but was not offered */
    GLogFunc old = g_log_set_default_handler(swallow, NULL);
    g_autofree char *third = g_strdup_printf("%u", new_port(f));
    write_ring_keys(f, "queue-2/", "25", "26", third);
    guest_writes(f, "multi-queue-num-queues", "3");
    guest_writes(f, "state", "4");
    expect_backend(f, "5");
    guest_writes(f, "state", "1");
    expect_backend(f, "2");
    g_log_set_default_handler(old, NULL);
    guest_writes(f, "multi-queue-num-queues", "2");
    guest_writes(f, "state", "4");
    expect_backend(f, "4");
    assert_int_equal(gnttab_mapped(f->g.gnttab), 4);
    for (unsigned i = 0; i < 2; i++) {
        struct netif_tx_sring *ring = frame(f, 20 + 2 * i);
        ring->ring[0].req = (struct netif_tx_request){24, 0, 0, 1, 60};
        ring->req_prod = 1;
        send_event(f, ports[2 * i]);
        assert_int_equal(t->frames, i + 1);
        assert_int_equal(ring->rsp_prod, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(offers), TEST(sending), TEST(receiving), TEST(runaway), TEST(bad_frontends),
        TEST(queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
