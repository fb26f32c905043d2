/* evtchn_2l.h: the bits of a 2-level event channel, for both widths of guests. */
#include "emu/abi/evtchn_2l.h"

#include <glib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/event_channel.h>

/* Laid out by Xen's own header: the offsets in ours must be its. */
struct fixture {
    struct shared_info shared;
    struct evtchn_2l bits;
    struct evtchn_2l_vcpu vcpu;
    int senders;
};

static void make(struct fixture *f, bool is32, unsigned vcpu)
{
    uint8_t *base = (uint8_t *)&f->shared;

    memset(f, 0, sizeof(*f));
    f->bits = (struct evtchn_2l){base + evtchn_2l_pending_offset(is32),
                                 base + evtchn_2l_mask_offset(is32), is32};
    f->vcpu = evtchn_2l_vcpu(base + vcpu * sizeof(struct vcpu_info), is32);
}

static void layout(void **state)
{
    struct fixture f;

    make(&f, false, 3);
    assert_ptr_equal(f.bits.pending, f.shared.evtchn_pending);
    assert_ptr_equal(f.bits.mask, f.shared.evtchn_mask);
    assert_ptr_equal(f.vcpu.upcall_pending, &f.shared.vcpu_info[3].evtchn_upcall_pending);
    assert_ptr_equal(f.vcpu.upcall_mask, &f.shared.vcpu_info[3].evtchn_upcall_mask);
    assert_ptr_equal(f.vcpu.pending_sel, &f.shared.vcpu_info[3].evtchn_pending_sel);
    assert_int_equal(evtchn_2l_ports(&f.bits), EVTCHN_2L_NR_CHANNELS);
    make(&f, true, 0);
    assert_int_equal(evtchn_2l_ports(&f.bits), 1024);
    assert_int_equal((uint8_t *)f.bits.mask - (uint8_t *)f.bits.pending, 1024 / 8);
    assert_int_equal((uint8_t *)f.vcpu.pending_sel - (uint8_t *)&f.shared, 4);
}

static void bits(void **state)
{
    static const unsigned numbers[] = {0, 1, 31, 32, 63, 64, 100, 1023, 1024, 4095};
    uint64_t words[64];

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        unsigned n = numbers[i];

        memset(words, 0, sizeof(words));
        assert_false(evtchn_2l_test_bit(words, n));
        assert_false(evtchn_2l_set_bit(words, n));
        for (unsigned w = 0; w < 64; w++) /* as a guest of 64 bits counts them */
            assert_true(words[w] == (w == n / 64 ? 1ull << n % 64 : 0));
        assert_true(evtchn_2l_set_bit(words, n));
        assert_true(evtchn_2l_test_bit(words, n));
        assert_true(evtchn_2l_clear_bit(words, n));
        assert_false(evtchn_2l_clear_bit(words, n));
        assert_true(words[n / 64] == 0);
    }
}

/* The selector has a bit a word: 64 ports of a wide guest, 32 of a narrow one. */
static void raise_and_unmask(void **state)
{
    static const unsigned ports[] = {1, 31, 32, 63, 64, 1000, 1023, 1024, 4095};

    for (size_t i = 0; i < G_N_ELEMENTS(ports) * 2; i++) {
        unsigned port = ports[i / 2];
        bool is32 = i % 2;
        struct fixture f;

        make(&f, is32, 1);
        if (port >= evtchn_2l_ports(&f.bits))
            continue;
        assert_true(evtchn_2l_raise(&f.bits, &f.vcpu, port));
        assert_true(evtchn_2l_test_bit(f.bits.pending, port));
        assert_int_equal(*f.vcpu.upcall_pending, 1);
        uint64_t sel = 0;
        memcpy(&sel, f.vcpu.pending_sel, is32 ? 4 : 8);
        assert_true(sel == 1ull << port / (is32 ? 32 : 64));
        assert_false(evtchn_2l_raise(&f.bits, &f.vcpu, port));

        /* masked: only its own bit, until it is unmasked */
        make(&f, is32, 1);
        evtchn_2l_set_bit(f.bits.mask, port);
        assert_false(evtchn_2l_raise(&f.bits, &f.vcpu, port));
        assert_true(evtchn_2l_test_bit(f.bits.pending, port));
        assert_int_equal(*f.vcpu.upcall_pending, 0);
        assert_true(evtchn_2l_unmask(&f.bits, &f.vcpu, port));
        assert_false(evtchn_2l_test_bit(f.bits.mask, port));
        assert_int_equal(*f.vcpu.upcall_pending, 1);
        sel = 0;
        memcpy(&sel, f.vcpu.pending_sel, is32 ? 4 : 8);
        assert_true(sel == 1ull << port / (is32 ? 32 : 64));
        assert_false(evtchn_2l_unmask(&f.bits, &f.vcpu, port));
    }
}

/* Each of the three levels ends the walk when somebody has been there before. */
static void tells_once(void **state)
{
    struct fixture f;

    make(&f, false, 0);
    assert_true(evtchn_2l_raise(&f.bits, &f.vcpu, 5));
    assert_false(evtchn_2l_raise(&f.bits, &f.vcpu, 6)); /* same word: the selector is set */
    assert_false(evtchn_2l_raise(&f.bits, &f.vcpu, 70)); /* other word: the vCPU is pending */
    assert_int_equal(f.shared.vcpu_info[0].evtchn_pending_sel, 3);
    *f.vcpu.upcall_pending = 0; /* the guest took its upcall, and has not looked at the words yet */
    assert_true(evtchn_2l_raise(&f.bits, &f.vcpu, 130));
    assert_true(evtchn_2l_mark_vcpu(&f.vcpu) == false);
    /* nothing is pending: unmasking raises nothing */
    evtchn_2l_set_bit(f.bits.mask, 200);
    *f.vcpu.upcall_pending = 0;
    assert_false(evtchn_2l_unmask(&f.bits, &f.vcpu, 200));
    assert_int_equal(*f.vcpu.upcall_pending, 0);
}

struct sender {
    struct fixture *f;
    unsigned port;
    bool lost;
};

enum { ROUNDS = 5000 };

/* Sends again as soon as the guest has seen the last one. */
static gpointer send_rounds(gpointer data)
{
    struct sender *s = data;
    gint64 end = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;

    for (unsigned i = 0; i < ROUNDS && !s->lost; i++) {
        evtchn_2l_raise(&s->f->bits, &s->f->vcpu, s->port);
        while (evtchn_2l_test_bit(s->f->bits.pending, s->port) && !s->lost) {
            g_thread_yield();
            s->lost = g_get_monotonic_time() > end;
        }
    }
    g_atomic_int_add(&s->f->senders, -1);
    return NULL;
}

/* Two senders in one word against a guest that takes events as guests do: it sees each. */
static void loses_nothing(void **state)
{
    struct fixture f;
    struct sender senders[] = {{&f, 5, false}, {&f, 6, false}};
    GThread *threads[2];

    make(&f, false, 0);
    f.senders = 2;
    for (int i = 0; i < 2; i++)
        threads[i] = g_thread_new("sender", send_rounds, &senders[i]);
    while (g_atomic_int_get(&f.senders)) {
        if (__atomic_exchange_n(f.vcpu.upcall_pending, 0, __ATOMIC_SEQ_CST) &&
            __atomic_exchange_n((uint64_t *)f.vcpu.pending_sel, 0, __ATOMIC_SEQ_CST))
            __atomic_exchange_n((uint64_t *)f.bits.pending, 0, __ATOMIC_SEQ_CST);
        else
            g_thread_yield();
    }
    for (int i = 0; i < 2; i++)
        g_thread_join(threads[i]);
    assert_false(senders[0].lost);
    assert_false(senders[1].lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout),
        cmocka_unit_test(bits),
        cmocka_unit_test(raise_and_unmask),
        cmocka_unit_test(tells_once),
        cmocka_unit_test(loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
