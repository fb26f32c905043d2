/* throttle.c: how many requests get through in a time. */
#include "xenner/backend/throttle.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* Asks as eagerly as it may for that many seconds; the number of requests that went. */
static unsigned run(struct throttle *t, bool write, uint64_t bytes, unsigned seconds, int64_t *now)
{
    int64_t end = *now + seconds * 1000000ll;
    unsigned n = 0;

    while (*now < end && n < 1000000) {
        int64_t wait = throttle_ask(t, write, bytes, *now);
        n += !wait;
        *now += wait;
    }
    return n;
}

static void rates(void **state)
{
    static const struct {
        struct disk_limits limits;
        bool write;
        uint64_t bytes;
        unsigned want; /* in ten seconds */
    } cases[] = {
        {{.avg = {[LIMIT_IOPS_TOTAL] = 100}}, false, 4096, 1000},
        {{.avg = {[LIMIT_IOPS_TOTAL] = 100}}, true, 4096, 1000},
        {{.avg = {[LIMIT_IOPS_WRITE] = 7}}, true, 4096, 70},
        {{.avg = {[LIMIT_BPS_TOTAL] = 1 << 20}}, false, 65536, 160},
        {{.avg = {[LIMIT_BPS_READ] = 1 << 20}}, false, 1 << 20, 10},
        {{.avg = {[LIMIT_IOPS_TOTAL] = 100}, .iops_size = 4096}, false, 16384, 250},
        {{.avg = {[LIMIT_IOPS_TOTAL] = 100}, .iops_size = 4096}, false, 512, 1000},
        {{.avg = {[LIMIT_IOPS_READ] = 100, [LIMIT_BPS_READ] = 40960}}, false, 4096, 100},
        {{.avg = {[LIMIT_IOPS_TOTAL] = 10}, .max = {[LIMIT_IOPS_TOTAL] = 50}}, false, 512, 150},
        /* a burst of 20 a second that may last 5 s, then 10 */
        {{.avg = {[LIMIT_IOPS_TOTAL] = 10}, .max = {[LIMIT_IOPS_TOTAL] = 20},
          .max_length = {[LIMIT_IOPS_TOTAL] = 5}}, false, 512, 200},
        {{.avg = {[LIMIT_IOPS_TOTAL] = 10}, .max = {[LIMIT_IOPS_TOTAL] = 100},
          .max_length = {[LIMIT_IOPS_TOTAL] = 2}}, false, 512, 300},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct throttle t;
        int64_t now = 12345;
        throttle_init(&t, &cases[i].limits, now);
        unsigned is = run(&t, cases[i].write, cases[i].bytes, 10, &now);
        if (is < cases[i].want || is > cases[i].want * 11 / 10 + 2)
            fail_msg("case %u: %u requests, not %u", i, is, cases[i].want);
    }
}

static void others_go(void **state)
{
    const struct disk_limits limits = {.avg = {[LIMIT_IOPS_WRITE] = 1}};
    struct throttle t;

    assert_true(disk_limits_any(&limits));
    assert_false(disk_limits_any(&(struct disk_limits){.iops_size = 1}));
    throttle_init(&t, &limits, 0);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(throttle_ask(&t, false, 1 << 20, 0), 0);
    assert_int_equal(throttle_ask(&t, true, 512, 0), 0);
    assert_true(throttle_ask(&t, true, 512, 0) > 500000);
    assert_int_equal(throttle_ask(&t, true, 512, 2000000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates),
        cmocka_unit_test(others_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
