/* host/evtchn.c: every operation of the guest, with wrong and hostile numbers; the host's end. */
#include "xenner/host/evtchn.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/errno.h>

enum { VCPUS = 4, NOWHERE = 3 }; /* the last vCPU has put its vcpu_info nowhere */

struct fixture {
    struct evtchn_table *t;
    struct emu_port shared[EMU_NR_PORTS];
    uint32_t host_pending[EMU_NR_PORTS / 32], guest_pending[EMU_NR_PORTS / 32];
    struct shared_info info;
    unsigned kicks[VCPUS];
    struct emu_vcpu_shared vcpu_shared[VCPUS];
};

static void *vcpu_info(void *opaque, unsigned vcpu)
{
    struct fixture *f = opaque;

    assert_true(vcpu < VCPUS);
    return vcpu == NOWHERE ? NULL : &f->info.vcpu_info[vcpu];
}

static void kick(void *opaque, unsigned vcpu)
{
    struct fixture *f = opaque;

    assert_true(vcpu < VCPUS);
    f->kicks[vcpu]++;
}

static struct emu_vcpu_shared *vcpu_shared(void *opaque, unsigned vcpu)
{
    struct fixture *f = opaque;

    assert_true(vcpu < VCPUS);
    return &f->vcpu_shared[vcpu];
}

static void make(struct fixture *f, bool is32)
{
    memset(f, 0, sizeof(*f));
    struct evtchn_config config = {
        .shared = f->shared,
        .host_pending = f->host_pending,
        .guest_pending = f->guest_pending,
        .bits = {(uint8_t *)&f->info + evtchn_2l_pending_offset(is32),
                 (uint8_t *)&f->info + evtchn_2l_mask_offset(is32), is32},
        .nr_vcpus = VCPUS, .vcpu_info = vcpu_info, .kick = kick,
        .vcpu_shared = vcpu_shared, .opaque = f,
    };
    f->t = evtchn_new(&config);
}

static int setup(void **state)
{
    *state = g_new0(struct fixture, 1);
    make(*state, false);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    evtchn_free(f->t);
    evtchn_free(NULL);
    g_free(f);
    return 0;
}

#define OP(f, cmd, op) evtchn_guest_op((f)->t, EVTCHNOP_##cmd, 0, op, sizeof(*(op)))

static evtchn_port_t alloc(struct fixture *f, domid_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};

    assert_int_equal(OP(f, alloc_unbound, &op), 0);
    return op.port;
}

static int64_t bind_loop(struct fixture *f, domid_t dom, evtchn_port_t remote, evtchn_port_t *ret)
{
    struct evtchn_bind_interdomain op = {.remote_dom = dom, .remote_port = remote};
    int64_t rc = OP(f, bind_interdomain, &op);

    *ret = op.local_port;
    return rc;
}

static int64_t bind_virq(struct fixture *f, unsigned virq, unsigned vcpu, evtchn_port_t *ret)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    int64_t rc = OP(f, bind_virq, &op);

    *ret = op.port;
    return rc;
}

static int64_t bind_ipi(struct fixture *f, unsigned vcpu, evtchn_port_t *ret)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    int64_t rc = OP(f, bind_ipi, &op);

    *ret = op.port;
    return rc;
}

/* close, send, unmask take a port and nothing else. */
static int64_t on_port(struct fixture *f, uint32_t cmd, evtchn_port_t port)
{
    return evtchn_guest_op(f->t, cmd, 0, &port, sizeof(port));
}

static int64_t move(struct fixture *f, evtchn_port_t port, unsigned vcpu)
{
    struct evtchn_bind_vcpu op = {.port = port, .vcpu = vcpu};

    return OP(f, bind_vcpu, &op);
}

static struct evtchn_status status(struct fixture *f, evtchn_port_t port)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = port};

    assert_int_equal(OP(f, status, &op), 0);
    return op;
}

static bool pending(const struct fixture *f, evtchn_port_t port)
{
    return evtchn_2l_test_bit(f->info.evtchn_pending, port);
}

/* What emu reads must be what the table says. */
static void check_copy(const struct fixture *f, evtchn_port_t n, enum emu_port_type type,
                       unsigned vcpu, unsigned target)
{
    assert_int_equal(f->shared[n].type, type);
    assert_int_equal(f->shared[n].vcpu, vcpu);
    assert_int_equal(f->shared[n].target, target);
}

static void unbound_and_loop(void **state)
{
    struct fixture *f = *state;
    struct evtchn_alloc_unbound foreign = {.dom = 2};
    evtchn_port_t a, b, c;

    assert_int_equal(OP(f, alloc_unbound, &foreign), -XEN_EPERM);
    a = alloc(f, DOMID_SELF);
    assert_int_equal(a, 1); /* 0 is nobody's */
    assert_int_equal(status(f, a).status, EVTCHNSTAT_unbound);
    assert_int_equal(status(f, a).u.unbound.dom, GUEST_DOMID);
    check_copy(f, a, EMU_PORT_UNBOUND, 0, 0);
    assert_int_equal(on_port(f, EVTCHNOP_send, a), 0); /* goes nowhere */
    assert_int_equal(bind_loop(f, 0, a, &b), -XEN_EINVAL);
    assert_int_equal(bind_loop(f, 2, a, &b), -XEN_ESRCH);
    assert_int_equal(move(f, a, 2), 0);
    assert_int_equal(bind_loop(f, GUEST_DOMID, a, &b), 0);
    check_copy(f, a, EMU_PORT_LOOP, 2, b);
    check_copy(f, b, EMU_PORT_LOOP, 0, a);
    assert_int_equal(status(f, b).u.interdomain.port, a);
    assert_true(pending(f, b)); /* what may have been sent before */
    assert_int_equal(f->kicks[0], 1);
    assert_int_equal(on_port(f, EVTCHNOP_send, b), 0);
    assert_true(pending(f, a));
    assert_int_equal(f->kicks[2], 1);
    assert_int_equal(f->info.vcpu_info[2].evtchn_upcall_pending, 1);
    /* it is taken, and domain 0's are not for us */
    assert_int_equal(bind_loop(f, DOMID_SELF, a, &c), -XEN_EINVAL);
    assert_int_equal(bind_loop(f, DOMID_SELF, alloc(f, 0), &c), -XEN_EINVAL);
    /* one end goes: the other waits again */
    assert_int_equal(on_port(f, EVTCHNOP_close, a), 0);
    check_copy(f, a, EMU_PORT_FREE, 0, 0);
    check_copy(f, b, EMU_PORT_UNBOUND, 0, 0);
    assert_false(pending(f, a));
    assert_int_equal(alloc(f, 0), a); /* the number is given out again, clean */
}

/* A port can't be bound to itself, and closing each end in turn leaves nothing behind. */
static void loops_end(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t a = alloc(f, DOMID_SELF), b;

    assert_int_equal(bind_loop(f, DOMID_SELF, a + 1, &b), -XEN_EINVAL);
    assert_int_equal(bind_loop(f, DOMID_SELF, a, &b), 0);
    assert_int_equal(on_port(f, EVTCHNOP_close, b), 0);
    assert_int_equal(on_port(f, EVTCHNOP_close, a), 0);
    assert_int_equal(on_port(f, EVTCHNOP_close, a), -XEN_EINVAL);
    assert_int_equal(status(f, a).status, EVTCHNSTAT_closed);
    assert_int_equal(status(f, b).status, EVTCHNSTAT_closed);
}

static void virqs_and_ipis(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t timer0, timer1, console, ipi, none;

    assert_int_equal(bind_virq(f, VIRQ_TIMER, 0, &timer0), 0);
    assert_int_equal(bind_virq(f, VIRQ_TIMER, 1, &timer1), 0);
    assert_int_equal(bind_virq(f, VIRQ_TIMER, 1, &none), -XEN_EEXIST);
    check_copy(f, timer1, EMU_PORT_VIRQ, 1, VIRQ_TIMER);
    assert_int_equal(status(f, timer1).u.virq, VIRQ_TIMER);
    assert_int_equal(status(f, timer1).vcpu, 1);
    assert_int_equal(bind_virq(f, VIRQ_CONSOLE, 1, &none), -XEN_EINVAL); /* a global one */
    assert_int_equal(bind_virq(f, VIRQ_CONSOLE, 0, &console), 0);
    assert_int_equal(bind_virq(f, VIRQ_CONSOLE, 0, &none), -XEN_EEXIST);
    assert_int_equal(bind_virq(f, NR_VIRQS, 0, &none), -XEN_EINVAL);
    assert_int_equal(bind_virq(f, UINT32_MAX, 0, &none), -XEN_EINVAL);
    assert_int_equal(bind_virq(f, VIRQ_TIMER, VCPUS, &none), -XEN_ENOENT);
    assert_int_equal(on_port(f, EVTCHNOP_send, timer0), -XEN_EINVAL);
    /* only global ones move */
    assert_int_equal(move(f, timer0, 1), -XEN_EINVAL);
    assert_int_equal(move(f, console, 1), 0);
    assert_int_equal(status(f, console).vcpu, 1);
    assert_int_equal(bind_virq(f, VIRQ_CONSOLE, 0, &none), -XEN_EEXIST);

    assert_int_equal(bind_ipi(f, VCPUS, &none), -XEN_ENOENT);
    assert_int_equal(bind_ipi(f, 2, &ipi), 0);
    check_copy(f, ipi, EMU_PORT_IPI, 2, 0);
    assert_int_equal(status(f, ipi).status, EVTCHNSTAT_ipi);
    assert_int_equal(move(f, ipi, 0), -XEN_EINVAL);
    assert_int_equal(on_port(f, EVTCHNOP_send, ipi), 0);
    assert_true(pending(f, ipi));
    assert_int_equal(f->kicks[2], 1);
    /* a vCPU without its vcpu_info gets nothing, and nothing breaks */
    assert_int_equal(bind_ipi(f, NOWHERE, &ipi), 0);
    assert_int_equal(on_port(f, EVTCHNOP_send, ipi), 0);
    assert_int_equal(on_port(f, EVTCHNOP_unmask, ipi), -XEN_EINVAL);
    assert_int_equal(f->kicks[NOWHERE], 0);
}

static void unmask(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t ipi;

    assert_int_equal(bind_ipi(f, 1, &ipi), 0);
    evtchn_2l_set_bit(f->info.evtchn_mask, ipi);
    assert_int_equal(on_port(f, EVTCHNOP_send, ipi), 0);
    assert_int_equal(f->info.vcpu_info[1].evtchn_upcall_pending, 0);
    unsigned before = f->kicks[1];
    assert_int_equal(on_port(f, EVTCHNOP_unmask, ipi), 0);
    assert_false(evtchn_2l_test_bit(f->info.evtchn_mask, ipi));
    assert_int_equal(f->info.vcpu_info[1].evtchn_upcall_pending, 1);
    assert_int_equal(f->kicks[1], before + 1);
    assert_int_equal(on_port(f, EVTCHNOP_unmask, ipi), 0); /* nothing left to raise */
    assert_int_equal(f->kicks[1], before + 1);
}

static void hostile_numbers(void **state)
{
    static const evtchn_port_t ports[] = {0, 7, EMU_NR_PORTS - 1, EMU_NR_PORTS, 0x7fffffff,
                                          0x80000000, UINT32_MAX};
    static const uint32_t simple[] = {EVTCHNOP_close, EVTCHNOP_send, EVTCHNOP_unmask};
    struct fixture *f = *state;
    struct evtchn_reset reset = {.dom = 7};
    struct evtchn_status other = {.dom = 0, .port = 1};
    uint8_t arg[64] = {0};
    evtchn_port_t none;

    for (size_t i = 0; i < G_N_ELEMENTS(ports); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(simple); k++)
            assert_int_equal(on_port(f, simple[k], ports[i]), -XEN_EINVAL);
        assert_int_equal(move(f, ports[i], 0), -XEN_EINVAL);
        assert_int_equal(bind_loop(f, DOMID_SELF, ports[i], &none), -XEN_EINVAL);
        struct evtchn_status op = {.dom = DOMID_SELF, .port = ports[i]};
        assert_int_equal(OP(f, status, &op), ports[i] < EMU_NR_PORTS ? 0 : -XEN_EINVAL);
    }
    assert_int_equal(move(f, alloc(f, 0), VCPUS), -XEN_ENOENT);
    assert_int_equal(move(f, 1, UINT32_MAX), -XEN_ENOENT);
    assert_int_equal(OP(f, reset, &reset), -XEN_EPERM);
    assert_int_equal(OP(f, status, &other), -XEN_EPERM);
    for (uint32_t cmd = 0; cmd < 40; cmd++) /* an argument shorter than the operation's */
        assert_true(evtchn_guest_op(f->t, cmd, 0, arg, 1) < 0);
    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_bind_pirq, 0, arg, 64), -XEN_EPERM);
    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_expand_array, 0, arg, 64), -XEN_ENOSYS);
    assert_int_equal(evtchn_guest_op(f->t, UINT32_MAX, 0, arg, 64), -XEN_ENOSYS);
}

static void all_ports(void **state)
{
    for (int is32 = 0; is32 < 2; is32++) {
        struct fixture *f = *state;
        unsigned most = is32 ? 1023 : EMU_NR_PORTS - 1;
        evtchn_port_t none;

        evtchn_free(f->t);
        make(f, is32);
        for (unsigned n = 1; n <= most; n++)
            assert_int_equal(alloc(f, DOMID_SELF), n);
        struct evtchn_alloc_unbound op = {.dom = DOMID_SELF};
        assert_int_equal(OP(f, alloc_unbound, &op), -XEN_ENOSPC);
        assert_int_equal(bind_ipi(f, 0, &none), -XEN_ENOSPC);
        assert_int_equal(bind_virq(f, VIRQ_TIMER, 0, &none), -XEN_ENOSPC);
        assert_int_equal(bind_loop(f, DOMID_SELF, 1, &none), -XEN_ENOSPC);
        assert_int_equal(evtchn_reserve_unbound(f->t, 0), 0);
        assert_int_equal(on_port(f, EVTCHNOP_close, most), 0);
        assert_int_equal(evtchn_reserve_unbound(f->t, 0), most);
    }
}

static void note(void *opaque, evtchn_port_t port)
{
    g_array_append_val((GArray *)opaque, port);
}

static void host_end(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(evtchn_port_t));
    evtchn_port_t console = evtchn_reserve_unbound(f->t, 0), store = alloc(f, 0), ipi;
    uint32_t console_link, store_link;

    assert_int_equal(bind_ipi(f, 0, &ipi), 0);
    assert_false(evtchn_host_connect(f->t, 0, 0));
    assert_false(evtchn_host_connect(f->t, ipi, 0));
    assert_false(evtchn_host_connect(f->t, alloc(f, DOMID_SELF), 0));
    assert_false(evtchn_host_connect(f->t, UINT32_MAX, 0));
    console_link = evtchn_host_connect(f->t, console, 0);
    assert_true(console_link);
    assert_false(evtchn_host_connect(f->t, console, 0));
    store_link = evtchn_host_connect(f->t, store, 0);
    assert_true(store_link);
    check_copy(f, store, EMU_PORT_HOST, 0, 0);
    assert_int_equal(status(f, store).status, EVTCHNSTAT_interdomain);
    assert_int_equal(status(f, store).u.interdomain.dom, 0);

    evtchn_host_notify(f->t, store, store_link);
    assert_true(pending(f, store));
    assert_int_equal(f->kicks[0], 1);
    evtchn_host_notify(f->t, ipi, store_link); /* not ours: nothing */
    evtchn_host_notify(f->t, UINT32_MAX, store_link);
    assert_false(pending(f, ipi));

    assert_int_equal(on_port(f, EVTCHNOP_send, store), 0);
    /* the guest sets bits that it should not: only what is ours counts */
    memset(f->host_pending, 0xff, sizeof(f->host_pending));
    evtchn_host_take_pending(f->t, note, seen);
    assert_int_equal(seen->len, 2);
    assert_int_equal(g_array_index(seen, evtchn_port_t, 0), console);
    assert_int_equal(g_array_index(seen, evtchn_port_t, 1), store);
    evtchn_host_take_pending(f->t, note, seen);
    assert_int_equal(seen->len, 2);

    /* a reset spares them; what the guest closes, it closes */
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    assert_int_equal(OP(f, reset, &reset), 0);
    assert_int_equal(status(f, ipi).status, EVTCHNSTAT_closed);
    assert_int_equal(status(f, console).status, EVTCHNSTAT_interdomain);
    assert_int_equal(on_port(f, EVTCHNOP_close, console), 0);
    evtchn_host_notify(f->t, console, console_link);
    assert_false(pending(f, console));
    evtchn_host_disconnect(f->t, console, console_link);
    assert_int_equal(status(f, console).status, EVTCHNSTAT_closed);
    evtchn_host_disconnect(f->t, store, store_link);
    assert_int_equal(status(f, store).status, EVTCHNSTAT_unbound);
    assert_true(evtchn_host_connect(f->t, store, 0));
}

/* The FIFO form: a bit for emu and a kick; the guest's own bits are left alone. */
static void fifo(void **state)
{
    struct fixture *f = *state;
    struct evtchn_init_control init = {.control_gfn = 5};
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    evtchn_port_t port = evtchn_reserve_unbound(f->t, 0);
    uint32_t link = evtchn_host_connect(f->t, port, 0);
    struct evtchn_close close = {port};

    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_init_control, 0, &init, sizeof(init)), 0);
    evtchn_host_notify(f->t, port, link);
    assert_true(evtchn_2l_test_bit(f->guest_pending, port));
    assert_false(evtchn_2l_test_bit(f->info.evtchn_pending, port));
    assert_int_equal(f->info.vcpu_info[0].evtchn_upcall_pending, 0);
    assert_int_equal(f->kicks[0], 1);
    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_close, 0, &close, sizeof(close)), 0);
    assert_false(evtchn_2l_test_bit(f->guest_pending, port));

    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_reset, 0, &reset, sizeof(reset)), 0);
    port = evtchn_reserve_unbound(f->t, 0);
    link = evtchn_host_connect(f->t, port, 0);
    evtchn_host_notify(f->t, port, link);
    assert_false(evtchn_2l_test_bit(f->guest_pending, port));
    assert_true(evtchn_2l_test_bit(f->info.evtchn_pending, port));
}

/* Events that wait for a vCPU with nothing else to do: a bit without a kick, and only in the FIFO form. */
static void idle(void **state)
{
    struct fixture *f = *state;
    struct evtchn_init_control init = {.control_gfn = 5};
    evtchn_port_t port = evtchn_reserve_unbound(f->t, 0);
    uint32_t link = evtchn_host_connect(f->t, port, 0);

    assert_false(evtchn_host_notify_idle(f->t, port, link));
    assert_int_equal(f->kicks[0], 1);
    assert_int_equal(evtchn_guest_op(f->t, EVTCHNOP_init_control, 0, &init, sizeof(init)), 0);
    assert_true(evtchn_host_notify_idle(f->t, port, link));
    assert_int_equal(f->kicks[0], 1);
    assert_true(evtchn_2l_test_bit(f->guest_pending, port));
    assert_int_equal(f->vcpu_shared[0].held, 1);
    evtchn_host_notify(f->t, port, link); /* it was long enough */
    assert_int_equal(f->kicks[0], 2);

    evtchn_2l_clear_bit(f->guest_pending, port);
    f->vcpu_shared[0].blocked = 1;
    assert_false(evtchn_host_notify_idle(f->t, port, link));
    assert_true(evtchn_2l_test_bit(f->guest_pending, port));
    assert_int_equal(f->kicks[0], 3);
    assert_false(evtchn_host_notify_idle(f->t, port, link + 1)); /* not ours */
    assert_int_equal(f->kicks[0], 3);

    evtchn_host_wake_idle(f->t, 3);
    evtchn_host_wake_idle(f->t, 5);
    for (unsigned i = 0; i < VCPUS; i++)
        assert_int_equal(f->vcpu_shared[i].ring_idle, 1 << 3 | 1 << 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fifo, setup, teardown),
        cmocka_unit_test_setup_teardown(idle, setup, teardown),
        cmocka_unit_test_setup_teardown(unbound_and_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(loops_end, setup, teardown),
        cmocka_unit_test_setup_teardown(virqs_and_ipis, setup, teardown),
        cmocka_unit_test_setup_teardown(unmask, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(all_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(host_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
