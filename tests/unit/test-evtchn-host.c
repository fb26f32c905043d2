/* evtchn.c and local.c: the host's end of event channels, and guests that pull ports away. */
#include "xenner/host/evtchn.h"
#include "xenner/host/local.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/errno.h>

/* A guest without code: its bits, its vcpu_info, and how often it was kicked. */
struct fixture {
    struct guest_mem *mem;
    uint8_t *shared_info;
    struct emu_port ports[EMU_NR_PORTS];
    uint32_t host_pending[EMU_NR_PORTS / 32];
    void *vcpu_info;
    unsigned kicks;
    struct evtchn_table *t;
    struct xen_host *host;
};

static void *vcpu_info_of(void *opaque, unsigned vcpu)
{
    return ((struct fixture *)opaque)->vcpu_info;
}

static void count_kick(void *opaque, unsigned vcpu)
{
    ((struct fixture *)opaque)->kicks++;
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->mem = guest_mem_new(2 << 20, 0, NULL);
    f->shared_info = guest_ptr(f->mem, 0x1000, 0x1000);
    f->vcpu_info = f->shared_info;
    struct evtchn_config config = {
        .shared = f->ports,
        .host_pending = f->host_pending,
        .bits = {.pending = f->shared_info + evtchn_2l_pending_offset(false),
                 .mask = f->shared_info + evtchn_2l_mask_offset(false)},
        .nr_vcpus = 1,
        .vcpu_info = vcpu_info_of,
        .kick = count_kick,
        .opaque = f,
    };
    f->t = evtchn_new(&config);
    f->host = local_host_new(f->mem, f->t, NULL, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    local_host_free(f->host);
    evtchn_free(f->t);
    guest_mem_free(f->mem);
    g_free(f);
    return 0;
}

/* The guest's own calls. */
static evtchn_port_t alloc_unbound(struct fixture *f)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};

    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_alloc_unbound, 0, &op, sizeof(op)), 0);
    return op.port;
}

static void close_port(struct fixture *f, evtchn_port_t port)
{
    struct evtchn_close op = {.port = port};

    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_close, 0, &op, sizeof(op)), 0);
}

static void send(struct fixture *f, evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};

    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_send, 0, &op, sizeof(op)), 0);
}

static bool pending(struct fixture *f, evtchn_port_t port)
{
    return evtchn_2l_test_bit(f->shared_info + evtchn_2l_pending_offset(false), port);
}

static void connect_once(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t port = alloc_unbound(f);
    uint32_t link = evtchn_host_connect(f->t, port, 0);

    assert_int_not_equal(link, 0);
    assert_int_equal(f->ports[port].type, EMU_PORT_HOST);
    assert_int_equal(evtchn_host_connect(f->t, port, 0), 0); /* taken */
    assert_int_equal(evtchn_host_connect(f->t, 0, 0), 0);
    assert_int_equal(evtchn_host_connect(f->t, EMU_NR_PORTS + 7, 0), 0);
    evtchn_host_notify(f->t, port, link);
    assert_true(pending(f, port));
    assert_int_equal(f->kicks, 1);
    evtchn_host_disconnect(f->t, port, link);
    assert_int_equal(f->ports[port].type, EMU_PORT_UNBOUND);
}

/* The guest closes the port and gets the number again, for another backend. */
static void stale_link(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t port = alloc_unbound(f);
    uint32_t old = evtchn_host_connect(f->t, port, 0);

    close_port(f, port);
    assert_int_equal(alloc_unbound(f), port);
    uint32_t link = evtchn_host_connect(f->t, port, 0);
    assert_int_not_equal(link, 0);
    assert_int_not_equal(link, old);
    evtchn_host_notify(f->t, port, old);
    assert_false(pending(f, port));
    evtchn_host_disconnect(f->t, port, old);
    assert_int_equal(f->ports[port].type, EMU_PORT_HOST);
    evtchn_host_notify(f->t, port, link);
    assert_true(pending(f, port));
}

/* Locked accesses across cache lines stall the whole host: such a vcpu_info gets no events. */
static void misaligned_vcpu_info(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t port = alloc_unbound(f);
    uint32_t link = evtchn_host_connect(f->t, port, 0);
    struct evtchn_unmask op = {.port = port};
    int64_t rc;

    for (unsigned off = 1; off < 4; off++) {
        f->vcpu_info = f->shared_info + 52 + off;
        evtchn_host_notify(f->t, port, link);
        rc = evtchn_guest_op(f->t, EVTCHNOP_unmask, 0, &op, sizeof(op));
        assert_int_equal(rc, -XEN_EINVAL);
    }
    f->vcpu_info = NULL;
    evtchn_host_notify(f->t, port, link);
    assert_int_equal(f->kicks, 0);
    assert_false(pending(f, port));
    f->vcpu_info = f->shared_info + 52;
    evtchn_host_notify(f->t, port, link);
    assert_int_equal(f->kicks, 1);
    assert_true(pending(f, port));
}

struct listener {
    struct fixture *f;
    struct host_port *port;
    unsigned heard;
    bool unbind; /* itself, when it hears something */
};

static void on_event(void *opaque)
{
    struct listener *l = opaque;

    l->heard++;
    if (l->unbind)
        l->f->host->ops->unbind(g_steal_pointer(&l->port));
}

static void run_loop(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void listen_to(struct listener *l, evtchn_port_t port)
{
    g_autoptr(GError) error = NULL;

    l->port = l->f->host->ops->bind(l->f->host, port, NULL, on_event, l, &error);
    if (!l->port)
        fail_msg("%s", error->message);
}

/* What the guest sent before anybody listened is not on record, so a new listener looks once. */
static void first_look(void **state)
{
    struct fixture *f = *state;
    struct listener l = {.f = f};
    evtchn_port_t port = alloc_unbound(f);

    send(f, port);
    listen_to(&l, port);
    run_loop();
    assert_int_equal(l.heard, 1);
    run_loop();
    assert_int_equal(l.heard, 1);
    send(f, port);
    send(f, port);
    local_host_doorbell(f->host);
    run_loop();
    assert_int_equal(l.heard, 2);
    f->host->ops->unbind(l.port);
}

/* Bits that the guest sets for ports that are not the host's, or not ports at all, reach nobody. */
static void forged_pending(void **state)
{
    struct fixture *f = *state;
    struct listener l = {.f = f};
    evtchn_port_t port = alloc_unbound(f), other = alloc_unbound(f);

    listen_to(&l, port);
    run_loop();
    memset(f->host_pending, 0xff, sizeof(f->host_pending));
    evtchn_2l_clear_bit(f->host_pending, port);
    local_host_doorbell(f->host);
    run_loop();
    assert_int_equal(l.heard, 1);
    assert_int_equal(f->ports[other].type, EMU_PORT_UNBOUND);
    for (unsigned i = 0; i < EMU_NR_PORTS / 32; i++)
        assert_int_equal(f->host_pending[i], 0);
    f->host->ops->unbind(l.port);
}

static void reused_port(void **state)
{
    struct fixture *f = *state;
    struct listener old = {.f = f}, new = {.f = f};
    evtchn_port_t port = alloc_unbound(f);

    listen_to(&old, port);
    run_loop();
    close_port(f, port);
    f->host->ops->notify(old.port);
    assert_false(pending(f, port));
    assert_int_equal(alloc_unbound(f), port);
    listen_to(&new, port);
    f->host->ops->unbind(old.port); /* late; must not take the new one's events away */
    run_loop();
    assert_int_equal(new.heard, 1);
    send(f, port);
    local_host_doorbell(f->host);
    run_loop();
    assert_int_equal(new.heard, 2);
    assert_int_equal(old.heard, 1);
    f->host->ops->notify(new.port);
    assert_true(pending(f, port));
    f->host->ops->unbind(new.port);
}

static void unbind_inside(void **state)
{
    struct fixture *f = *state;
    struct listener l = {.f = f, .unbind = true};
    evtchn_port_t port = alloc_unbound(f);

    listen_to(&l, port);
    run_loop();
    assert_int_equal(l.heard, 1);
    assert_null(l.port);
    send(f, port);
    local_host_doorbell(f->host);
    run_loop();
    assert_int_equal(l.heard, 1);
}

static void nothing_to_bind(void **state)
{
    struct fixture *f = *state;
    struct listener l = {.f = f};
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    g_autoptr(GError) error = NULL;

    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_bind_ipi, 0, &ipi, sizeof(ipi)), 0);
    assert_null(f->host->ops->bind(f->host, ipi.port, NULL, on_event, &l, &error));
    assert_non_null(error);
    f->host->ops->unbind(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connect_once, setup, teardown),
        cmocka_unit_test_setup_teardown(stale_link, setup, teardown),
        cmocka_unit_test_setup_teardown(misaligned_vcpu_info, setup, teardown),
        cmocka_unit_test_setup_teardown(first_look, setup, teardown),
        cmocka_unit_test_setup_teardown(forged_pending, setup, teardown),
        cmocka_unit_test_setup_teardown(reused_port, setup, teardown),
        cmocka_unit_test_setup_teardown(unbind_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_to_bind, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
