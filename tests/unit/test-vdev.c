/* vdev.c: names and numbers of disks, both ways. */
#include "xenner/config/vdev.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glib.h>

static const struct {
    const char *name;
    uint32_t number;
} good[] = {
    {"xvda", 51712}, {"xvda1", 51713}, {"xvda15", 51727}, {"xvdb", 51728}, {"xvdp", 51952},
    {"xvdp15", 51967}, {"xvda16", 268435472}, {"xvdq", 268439552}, {"xvdz", 268441856},
    {"xvdaa", 268442112}, {"xvdzz", 268614912}, {"xvdq255", 268439807},
    {"hda", 768}, {"hda63", 831}, {"hdb", 832}, {"hdc", 5632}, {"hdd1", 5697},
    {"sda", 2048}, {"sda3", 2051}, {"sdp15", 2303},
};

static void both_ways(void **state)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        uint32_t number = 0;
        assert_true(vdev_parse(good[i].name, &number));
        assert_int_equal(number, good[i].number);
        g_autofree char *name = vdev_name(number);
        assert_string_equal(name, good[i].name);
        g_autofree char *text = g_strdup_printf("%u", number);
        assert_true(vdev_parse(text, &number));
        assert_int_equal(number, good[i].number);
    }
}

static void other_names(void **state)
{
    uint32_t number;

    assert_true(vdev_parse("d0", &number));
    assert_int_equal(number, 51712);
    assert_true(vdev_parse("d1p2", &number));
    assert_int_equal(number, 51730);
    assert_true(vdev_parse("d16", &number));
    assert_int_equal(number, 268439552);
    g_autofree char *first = vdev_nth(0), *later = vdev_nth(27);
    assert_string_equal(first, "xvda");
    assert_string_equal(later, "xvdab");
}

static void bad_names(void **state)
{
    static const char *const bad[] = {
        "", "x", "xvd", "xvd1", "xvdA", "xvda0", "xvda01", "xvda256", "xvda1x", "xvda-1", "xvda 1",
        "xvdzzzzzzzzzzzzzzzz", "hde", "hda64", "sdq", "sda16", "sd", "d", "dx", "d0p", "d0p256",
        "d1048577", "vda", "-1", "99999999999", "51712x", "0",
    };
    uint32_t number;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (vdev_parse(bad[i], &number))
            fail_msg("'%s' is taken as %u", bad[i], number);
    }
    assert_null(vdev_name(1));
    assert_null(vdev_name(3u << 8 | 0x80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(other_names),
        cmocka_unit_test(bad_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
