/* domain/pvclock.c: the scale that guests multiply their TSC with. */
#include "xenner/domain/pvclock.h"

#include <glib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* As xen.h tells the guest to do it. */
static uint64_t guest_ns(uint64_t tsc, uint32_t mul, int32_t shift)
{
    tsc = shift < 0 ? tsc >> -shift : tsc << shift;
    return (uint64_t)(((unsigned __int128)tsc * mul) >> 32);
}

static void known_frequencies(void **state)
{
    static const struct {
        uint64_t hz;
        uint32_t mul;
        int32_t shift;
    } cases[] = {
        {2000000000, 0x80000000, 0},  /* half a nanosecond a tick */
        {1000000000, 0x80000000, 1},  /* not 2^32, which does not fit */
        {4000000000, 0x80000000, -1},
        {1000000001, 0xfffffffb, 0},
        {1999999999, 0x80000001, 0},
        {2000000001, 0x80000000, 0}, /* rounded: an error of half a billionth */
        {500000000, 0x80000000, 2},
        {1, 0xee6b2800, 30},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint32_t mul = 0;
        int32_t shift = 99;

        pvclock_scale(cases[i].hz, &mul, &shift);
        if (mul != cases[i].mul || shift != cases[i].shift)
            fail_msg("%" G_GUINT64_FORMAT " Hz: 0x%x, %d", cases[i].hz, mul, shift);
    }
}

/* Any frequency: a second is a second within a few billionths, an hour within microseconds. */
static void all_frequencies(void **state)
{
    for (uint64_t hz = 1000; hz < 40000000000; hz += hz / 97 + 1) {
        uint32_t mul = 0;
        int32_t shift = 0;

        pvclock_scale(hz, &mul, &shift);
        assert_true(mul >= 0x80000000u); /* 31 significant bits, whatever the frequency is */
        gint64 off = (gint64)guest_ns(hz * 10, mul, shift) - 10000000000;
        if (ABS(off) > 100) /* 10 billionths */
            fail_msg("%" G_GUINT64_FORMAT " Hz: 10 s are off by %" G_GINT64_FORMAT " ns", hz, off);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_frequencies),
        cmocka_unit_test(all_frequencies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
