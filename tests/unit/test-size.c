/* size.c: sizes, numbers and switches, and the one line that refuses others. */
#include "xenner/config/size.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define MIB (1ull << 20)
#define NO_SIZE "is not a size (a number with an optional suffix k, M, G, T)"

static void sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t unit, bytes;
    } good[] = {
        {"0", MIB, 0},
        {"256", MIB, 256 * MIB},
        {"256", 1, 256},
        {"256b", MIB, 256},
        {"1k", MIB, 1024},
        {"1K", MIB, 1024},
        {"512M", MIB, 512 * MIB},
        {"2g", MIB, 2048 * MIB},
        {"3T", MIB, 3ull << 40},
        {"1p", MIB, 1ull << 50},
        {"7E", MIB, 7ull << 60},
        {"1.5G", MIB, 1536 * MIB},
        {"0.5", MIB, 512 << 10},
        {"1.0b", MIB, 1},
        {"7.5e", 1, 15ull << 59},
        {"0x10", 1, 16},
        {"0X10", 1, 16},
        {"0x10k", MIB, 16 << 10},
        {"0x1e", 1, 0x1e},
        {"010", 1, 10},
        {"9223372036854775807", 1, INT64_MAX},
        {"0x7fffffffffffffff", 1, INT64_MAX},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        uint64_t bytes = 1234567;

        if (!size_parse(good[i].text, good[i].unit, &bytes, &error))
            fail_msg("%s: %s", good[i].text, error->message);
        assert_null(error);
        if (bytes != good[i].bytes)
            fail_msg("%s: %" G_GUINT64_FORMAT, good[i].text, bytes);
    }
}

static void no_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t unit;
        const char *error;
    } bad[] = {
        {"", 1, "'' " NO_SIZE},
        {" 1", 1, "' 1' " NO_SIZE},
        {"1 ", 1, "'1 ' " NO_SIZE},
        {"-1", 1, "'-1' " NO_SIZE},
        {"+1", 1, "'+1' " NO_SIZE},
        {"M", 1, "'M' " NO_SIZE},
        {".5G", 1, "'.5G' " NO_SIZE},
        {"1.G", 1, "'1.G' " NO_SIZE},
        {"1.5.5G", 1, "'1.5.5G' " NO_SIZE},
        {"1,5G", 1, "'1,5G' " NO_SIZE},
        {"1.5e1", MIB, "'1.5e1' " NO_SIZE},
        {"1.5e+1", MIB, "'1.5e+1' " NO_SIZE},
        {"1MB", 1, "'1MB' " NO_SIZE},
        {"1x", 1, "'1x' " NO_SIZE},
        {"0x", 1, "'0x' " NO_SIZE},
        {"0xg", 1, "'0xg' " NO_SIZE},
        {"0x1.8M", 1, "'0x1.8M' " NO_SIZE},
        {"1.5", 1, "'1.5' is not a whole number of bytes"},
        {"1.5b", MIB, "'1.5b' is not a whole number of bytes"},
        {"9223372036854775808", 1, "'9223372036854775808' is not a size: it is too large"},
        {"18446744073709551616", 1, "'18446744073709551616' is not a size: it is too large"},
        {"8E", 1, "'8E' is not a size: it is too large"},
        {"8796093022208", MIB, "'8796093022208' is not a size: it is too large"},
        /* rounds up to 8E */
        {"7.99999999999999999999E", 1,
         "'7.99999999999999999999E' is not a size: it is too large"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        uint64_t bytes = 1234567;

        if (size_parse(bad[i].text, bad[i].unit, &bytes, &error))
            fail_msg("%s: %" G_GUINT64_FORMAT, bad[i].text, bytes);
        assert_int_equal(bytes, 1234567);
        assert_non_null(error);
        assert_string_equal(error->message, bad[i].error);
        assert_false(size_parse(bad[i].text, bad[i].unit, &bytes, NULL));
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t max, value;
        const char *error;
    } cases[] = {
        {"0", 0, 0, NULL},
        {"7", 7, 7, NULL},
        {"007", 7, 7, NULL},
        {"0x1F", 100, 31, NULL},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, NULL},
        {"8", 7, 0, "'8' is larger than 7"},
        {"18446744073709551616", UINT64_MAX, 0,
         "'18446744073709551616' is larger than 18446744073709551615"},
        {"", 7, 0, "'' is not a number"},
        {"-1", 7, 0, "'-1' is not a number"},
        {"+1", 7, 0, "'+1' is not a number"},
        {" 1", 7, 0, "' 1' is not a number"},
        {"1 ", 7, 0, "'1 ' is not a number"},
        {"1k", 7, 0, "'1k' is not a number"},
        {"0x", 7, 0, "'0x' is not a number"},
        {"x1", 7, 0, "'x1' is not a number"},
        {"1.0", 7, 0, "'1.0' is not a number"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        uint64_t value = 99;
        bool ok = number_parse(cases[i].text, cases[i].max, &value, &error);

        if (ok != !cases[i].error)
            fail_msg("'%s': %s", cases[i].text, ok ? "accepted" : error->message);
        assert_true(value == (ok ? cases[i].value : 99));
        if (!ok)
            assert_string_equal(error->message, cases[i].error);
    }
}

static void switches(void **state)
{
    static const char *const words[2][4] = {{"off", "no", "false", "n"}, {"on", "yes", "true", "y"}};
    static const char *const wrong[] = {"", "1", "0", "On", "of", "onn", "yes "};
    bool on;

    for (int want = 0; want < 2; want++) {
        for (size_t i = 0; i < 4; i++) {
            on = !want;
            assert_true(switch_parse(words[want][i], &on, NULL));
            assert_int_equal(on, want);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf("'%s' is not 'on' or 'off'", wrong[i]);

        on = true;
        assert_false(switch_parse(wrong[i], &on, &error));
        assert_true(on);
        assert_string_equal(error->message, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(no_sizes),
        cmocka_unit_test(numbers),
        cmocka_unit_test(switches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
