/* host/local.c: ports as sources of a main loop, guest frames as pointers. */
#include "xenner/host/local.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

struct fixture {
    struct guest_mem *mem;
    struct evtchn_table *evtchn;
    struct xen_host *host;
    GMainContext *ctx;
    struct emu_port shared[EMU_NR_PORTS];
    uint32_t host_pending[EMU_NR_PORTS / 32];
    struct shared_info info;
    unsigned kicks;
};

static void *vcpu_info(void *opaque, unsigned vcpu)
{
    struct fixture *f = opaque;

    return &f->info.vcpu_info[vcpu];
}

static void kick(void *opaque, unsigned vcpu)
{
    ((struct fixture *)opaque)->kicks++;
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);
    const struct evtchn_config config = {
        .shared = f->shared, .host_pending = f->host_pending,
        .bits = {f->info.evtchn_pending, f->info.evtchn_mask, false},
        .nr_vcpus = 1, .vcpu_info = vcpu_info, .kick = kick, .opaque = f,
    };

    f->mem = guest_mem_new((3ull << 30) + (4 << 20), 0, NULL);
    f->evtchn = evtchn_new(&config);
    f->host = local_host_new(f->mem, f->evtchn, NULL, NULL);
    f->ctx = g_main_context_new();
    assert_non_null(f->mem);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    local_host_free(f->host);
    local_host_free(NULL);
    evtchn_free(f->evtchn);
    guest_mem_free(f->mem);
    g_main_context_unref(f->ctx);
    g_free(f);
    return 0;
}

static void count(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void send(struct fixture *f, evtchn_port_t port)
{
    assert_int_equal(evtchn_guest_op(f->evtchn, EVTCHNOP_send, 0, &port, sizeof(port)), 0);
}

/* All that is ready now. */
static void turn(struct fixture *f)
{
    while (g_main_context_iteration(f->ctx, FALSE))
        ;
}

static void ports(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t a = evtchn_reserve_unbound(f->evtchn, 0);
    evtchn_port_t b = evtchn_reserve_unbound(f->evtchn, 0);
    unsigned on_a = 0, on_b = 0;
    struct host_port *pa = f->host->ops->bind(f->host, a, f->ctx, count, &on_a, NULL);
    struct host_port *pb = f->host->ops->bind(f->host, b, f->ctx, count, &on_b, NULL);

    assert_non_null(pa);
    assert_non_null(pb);
    turn(f); /* once after the binding: the guest may have sent before it */
    assert_int_equal(on_a, 1);
    assert_int_equal(on_b, 1);
    on_a = on_b = 0;
    send(f, a);
    turn(f);
    assert_int_equal(on_a, 0); /* the doorbell comes after */
    local_host_doorbell(f->host);
    assert_int_equal(on_a, 0); /* never from the thread that rings */
    turn(f);
    assert_int_equal(on_a, 1);
    assert_int_equal(on_b, 0);
    /* several sends are one call */
    send(f, a);
    local_host_doorbell(f->host);
    send(f, a);
    send(f, b);
    local_host_doorbell(f->host);
    turn(f);
    assert_int_equal(on_a, 2);
    assert_int_equal(on_b, 1);
    local_host_doorbell(f->host);
    turn(f);
    assert_int_equal(on_a + on_b, 3);

    f->host->ops->notify(pa);
    assert_int_equal(f->kicks, 1);
    assert_true(evtchn_2l_test_bit(f->info.evtchn_pending, a));

    /* sent, and unbound before the main loop came to it */
    send(f, a);
    local_host_doorbell(f->host);
    f->host->ops->unbind(pa);
    turn(f);
    assert_int_equal(on_a, 2);
    send(f, a);
    local_host_doorbell(f->host);
    turn(f);
    pa = f->host->ops->bind(f->host, a, f->ctx, count, &on_a, NULL); /* a new backend */
    assert_non_null(pa);
    f->host->ops->unbind(pa);
    f->host->ops->unbind(pb);
    f->host->ops->unbind(NULL);
}

struct again {
    struct fixture *f;
    evtchn_port_t port;
    unsigned calls;
};

/* The guest sends while the backend is at work: that must bring another call. */
static void send_again(void *opaque)
{
    struct again *a = opaque;

    if (++a->calls < 5) {
        send(a->f, a->port);
        local_host_doorbell(a->f->host);
    }
}

static void sends_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct again again = {f, evtchn_reserve_unbound(f->evtchn, 0), 0};
    struct host_port *p = f->host->ops->bind(f->host, again.port, f->ctx, send_again, &again, NULL);

    send(f, again.port);
    local_host_doorbell(f->host);
    turn(f);
    assert_int_equal(again.calls, 5);
    f->host->ops->unbind(p);
}

/* What the guest does when it sends: a bit, and the doorbell that its copy of the table names. */
static void guest_sends(struct fixture *f, evtchn_port_t port, const int *fds)
{
    const uint64_t one = 1;
    unsigned n = f->shared[port].target;

    send(f, port);
    if (n)
        assert_int_equal(write(fds[n], &one, sizeof(one)), sizeof(one));
}

struct leaving {
    struct fixture *f;
    struct host_port *port;
    unsigned calls;
};

static void leave(void *opaque)
{
    struct leaving *l = opaque;

    l->calls++;
    l->f->host->ops->unbind(g_steal_pointer(&l->port));
}

/* A context gets a doorbell of its own, while there are some, and gives it back. */
static void doorbells(void **state)
{
    struct fixture *f = *state;
    const struct xen_host_ops *ops = f->host->ops;
    GMainContext *other = g_main_context_new(), *third = g_main_context_new();
    static const unsigned bells[5] = {1, 1, 2, 0, 0};
    int fds[3] = {-1, eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)};
    evtchn_port_t port[5];
    struct host_port *p[5];
    unsigned n[5] = {0};

    for (unsigned i = 1; i < 3; i++)
        local_host_set_doorbell(f->host, i, fds[i]);
    for (unsigned i = 0; i < 5; i++) {
        GMainContext *ctx[] = {f->ctx, f->ctx, other, third, NULL};
        port[i] = evtchn_reserve_unbound(f->evtchn, 0);
        p[i] = ops->bind(f->host, port[i], ctx[i], count, &n[i], NULL);
        assert_int_equal(f->shared[port[i]].target, bells[i]);
    }
    turn(f);
    n[0] = n[1] = 0;
    guest_sends(f, port[1], fds);
    turn(f);
    assert_int_equal(n[0], 0);
    assert_int_equal(n[1], 1);
    assert_true(evtchn_2l_test_bit(f->host_pending, port[1]) == 0); /* the next send rings again */
    guest_sends(f, port[0], fds);
    guest_sends(f, port[1], fds);
    guest_sends(f, port[2], fds);
    turn(f);
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], 2);
    assert_true(evtchn_2l_test_bit(f->host_pending, port[2])); /* another thread's */
    /* the main loop may see it first: then it is one call all the same */
    guest_sends(f, port[0], fds);
    local_host_doorbell(f->host);
    turn(f);
    assert_int_equal(n[0], 2);

    ops->unbind(p[2]);
    struct leaving l = {f, NULL, 0};
    l.port = ops->bind(f->host, port[2], third, leave, &l, NULL);
    assert_int_equal(f->shared[port[2]].target, 2); /* the free one */
    assert_false(evtchn_2l_test_bit(f->host_pending, port[2]));
    guest_sends(f, port[2], fds);
    while (g_main_context_iteration(third, FALSE))
        ;
    assert_int_equal(l.calls, 1);
    assert_null(l.port);
    for (unsigned i = 0; i < 5; i++) {
        if (i != 2)
            ops->unbind(p[i]);
    }
    close(fds[1]);
    close(fds[2]);
    g_main_context_unref(other);
    g_main_context_unref(third);
}

static void not_ours(void **state)
{
    static const evtchn_port_t wrong[] = {0, 1, 2, 4095, 4096, UINT32_MAX};
    struct fixture *f = *state;
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    unsigned n = 0;

    assert_int_equal(evtchn_guest_op(f->evtchn, EVTCHNOP_bind_ipi, 0, &ipi, sizeof(ipi)), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text =
            g_strdup_printf("event channel %u does not wait for a backend", wrong[i]);
        assert_null(f->host->ops->bind(f->host, wrong[i], f->ctx, count, &n, &error));
        assert_string_equal(error->message, text);
    }
}

static void frames(void **state)
{
    enum { RW = PROT_READ | PROT_WRITE };
    static const struct {
        xen_pfn_t gfns[3];
        unsigned n;
        bool direct; /* a pointer into RAM, else a view */
    } good[] = {
        {{5}, 1, true},
        {{5, 6, 7}, 3, true},
        {{0xbfffe, 0xbffff}, 2, true},
        {{0x100000, 0x100001}, 2, true},
        {{5, 7}, 2, false},
        {{7, 6, 5}, 3, false},
        {{5, 5}, 2, false},
        {{0xbffff, 0x100000}, 2, false}, /* over the hole */
        {{0x1003ff, 0}, 2, false},
    };
    static const struct {
        xen_pfn_t gfns[2];
        unsigned n;
    } bad[] = {
        {{0xc0000}, 1}, {{0xbffff, 0xc0000}, 2}, {{0x100400}, 1}, {{5, 0xfffff}, 2},
        {{UINT64_MAX}, 1}, {{1ull << 52}, 1}, {{5}, 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        uint8_t *view = f->host->ops->map_foreign(f->host, good[i].gfns, good[i].n, RW, NULL);
        assert_non_null(view);
        for (unsigned k = 0; k < good[i].n; k++) {
            uint8_t *ram = guest_frame(f->mem, mfn(good[i].gfns[k]));
            assert_true((view + k * FRAME_SIZE == ram) == (good[i].direct || view == ram));
            view[k * FRAME_SIZE + 123] = (uint8_t)(i * 16 + k + 1);
            assert_int_equal(ram[123], i * 16 + k + 1);
        }
        f->host->ops->unmap_foreign(f->host, view, good[i].n);
        *(volatile uint8_t *)guest_frame(f->mem, mfn(good[i].gfns[0])); /* RAM stays */
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        assert_null(f->host->ops->map_foreign(f->host, bad[i].gfns, bad[i].n, RW, &error));
        assert_non_null(error);
    }
    f->host->ops->unmap_foreign(f->host, NULL, 1);
}

/* What lies below the guest's own frames is emu's. */
static void emu_frames(void **state)
{
    static const xen_pfn_t bad[][2] = {{0, 1}, {3, 4}, {4, 3}, {5, 3}}, good[] = {4, 5};
    struct fixture *f = *state;
    struct emu_gnttab shared = {.version = 1};
    const struct gnttab_config config = {.mem = f->mem, .shared = &shared, .first_mfn = mfn(4)};
    struct gnttab *grants = gnttab_new(&config);
    struct xen_host *host = local_host_new(f->mem, f->evtchn, grants, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_null(host->ops->map_foreign(host, bad[i], 2, PROT_READ | PROT_WRITE, NULL));
    assert_non_null(host->ops->map_foreign(host, good, 2, PROT_READ | PROT_WRITE, NULL));
    local_host_free(host);
    gnttab_free(grants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ports, setup, teardown),
        cmocka_unit_test_setup_teardown(sends_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(doorbells, setup, teardown),
        cmocka_unit_test_setup_teardown(not_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(frames, setup, teardown),
        cmocka_unit_test_setup_teardown(emu_frames, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
