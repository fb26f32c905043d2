/* keyval.c: QEMU's "first,key=value,switch,noswitch" lists. */
#include "qemu-compat/keyval.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define MAX_ITEMS 4
#define NONE      "(none)" /* stands for a value of NULL */

static void lists(void **state)
{
    static const struct {
        const char *text, *implied;
        const char *items[MAX_ITEMS + 1][2];
    } cases[] = {
        {"", "type", {{0}}},
        {"a=1", NULL, {{"a", "1"}}},
        {"a=1,b=2", NULL, {{"a", "1"}, {"b", "2"}}},
        {"a=", NULL, {{"a", ""}}},
        {"a==", NULL, {{"a", "="}}},
        {"a=b=c", NULL, {{"a", "b=c"}}},
        /* a trailing comma starts nothing */
        {"a=1,", NULL, {{"a", "1"}}},
        /* doubled commas are commas */
        {"a=x,,y,b=2", NULL, {{"a", "x,y"}, {"b", "2"}}},
        {"a=,,", NULL, {{"a", ","}}},
        {"a=,,,b=1", NULL, {{"a", ","}, {"b", "1"}}},
        {"a=,,,,b=1", NULL, {{"a", ",,b=1"}}},
        {",,", "path", {{"path", ","}}},
        /* the first item's key */
        {"xenpv", "type", {{"type", "xenpv"}}},
        {"xenpv,b=1", "type", {{"type", "xenpv"}, {"b", "1"}}},
        {"type=xenpv", "type", {{"type", "xenpv"}}},
        {"b=1,xenpv", "type", {{"b", "1"}, {"xenpv", "on"}}},
        {"nothing", "type", {{"type", "nothing"}}},
        {",a=1", "type", {{"type", ""}, {"a", "1"}}},
        /* switches */
        {"server", NULL, {{"server", "on"}}},
        {"a=1,server,nowait", NULL, {{"a", "1"}, {"server", "on"}, {"nowait", NONE}}},
        {"a=1,no", NULL, {{"a", "1"}, {"no", "on"}}},
        {"node=x", NULL, {{"node", "x"}}},
        /* all are kept, in order */
        {"a=1,b=2,a=3", NULL, {{"a", "1"}, {"b", "2"}, {"a", "3"}}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct keyval kv = {0};
        guint n = 0;

        assert_true(keyval_parse(cases[i].text, cases[i].implied, &kv, NULL));
        for (; cases[i].items[n][0]; n++) {
            if (n >= kv.keys->len)
                fail_msg("'%s': %u items", cases[i].text, kv.keys->len);
            const char *value = g_ptr_array_index(kv.values, n);
            assert_string_equal(g_ptr_array_index(kv.keys, n), cases[i].items[n][0]);
            assert_string_equal(value ? value : NONE, cases[i].items[n][1]);
        }
        if (kv.keys->len != n || kv.values->len != n)
            fail_msg("'%s': %u items instead of %u", cases[i].text, kv.keys->len, n);
        keyval_clear(&kv);
    }
}

/* QEMU's other form, flattened into the same keys. */
static void json(void **state)
{
    struct keyval kv = {0};
    bool on = false;

    assert_true(keyval_parse("{\"driver\":\"d,e\",\"n\":-5,\"on\":true,\"off\":false,\"nil\":null,"
                             "\"file\":{\"name\":\"f\",\"list\":[1,{\"x\":\"y\"}]}}", "type", &kv, NULL));
    assert_string_equal(keyval_get(&kv, "driver"), "d,e");
    assert_string_equal(keyval_get(&kv, "n"), "-5");
    assert_true(keyval_get_switch(&kv, "on", &on, NULL));
    assert_true(on);
    assert_true(keyval_get_switch(&kv, "off", &on, NULL));
    assert_false(on);
    assert_string_equal(keyval_get(&kv, "nil"), "");
    assert_string_equal(keyval_get(&kv, "file.name"), "f");
    assert_string_equal(keyval_get(&kv, "file.list.0"), "1");
    assert_false(keyval_check_unused(&kv, NULL));
    assert_string_equal(keyval_get(&kv, "file.list.1.x"), "y");
    assert_true(keyval_check_unused(&kv, NULL));
    keyval_clear(&kv);
}

static void no_lists(void **state)
{
    static const char *const bad[][2] = {
        {"=1", "'=1' has no key"},
        {"a=1,=", "'=' has no key"},
        {"a=1,=b,c=2", "'=b' has no key"},
        {"{\"a\":1", "JSON parse error, Invalid JSON syntax"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        struct keyval kv = {0};

        assert_false(keyval_parse(bad[i][0], "type", &kv, &error));
        assert_string_equal(error->message, bad[i][1]);
        keyval_clear(&kv); /* a failed one can be cleared too, even twice */
        keyval_clear(&kv);
        assert_false(keyval_parse(bad[i][0], "type", &kv, NULL));
        keyval_clear(&kv);
    }
}

static void last_one_wins(void **state)
{
    struct keyval kv = {0};

    assert_true(keyval_parse("a=1,b=2,a=3,c,nod", NULL, &kv, NULL));
    assert_string_equal(keyval_get(&kv, "a"), "3");
    assert_string_equal(keyval_get(&kv, "b"), "2");
    assert_string_equal(keyval_get(&kv, "c"), "on");
    assert_string_equal(keyval_get(&kv, "nod"), "on");
    assert_null(keyval_get(&kv, "d"));
    assert_null(keyval_get(&kv, ""));
    keyval_clear(&kv);
}

static void switches(void **state)
{
    static const struct {
        const char *text;
        int off, on; /* the result for a default of off, of on; -1: refused */
        const char *error;
    } cases[] = {
        {"", 0, 1, NULL},
        {"wait", 1, 1, NULL},
        {"nowait", 0, 0, NULL},
        {"wait=on", 1, 1, NULL},
        {"wait=yes", 1, 1, NULL},
        {"wait=off", 0, 0, NULL},
        {"wait=off,wait", 1, 1, NULL},
        {"wait,wait=off", 0, 0, NULL},
        {"wait=1", -1, -1, "wait='1' is not 'on' or 'off'"},
        {"wait=", -1, -1, "wait='' is not 'on' or 'off'"},
        {"waiting", 0, 1, NULL},
        /* of the two forms the later one counts too */
        {"nowait,wait", 1, 1, NULL},
        {"wait,nowait", 0, 0, NULL},
        {"wait=on,nowait", 0, 0, NULL},
        /* "nowait" is short for wait=off, and no key with values of its own */
        {"nowait=on", -1, -1, "unknown parameter 'nowait'"},
        {"nowait=off", -1, -1, "unknown parameter 'nowait'"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (int preset = 0; preset < 2; preset++) {
            g_autoptr(GError) error = NULL;
            int want = preset ? cases[i].on : cases[i].off;
            struct keyval kv = {0};
            bool on = preset;

            assert_true(keyval_parse(cases[i].text, NULL, &kv, NULL));
            keyval_get(&kv, "waiting");
            bool ok = keyval_get_switch(&kv, "wait", &on, &error) &&
                      keyval_check_unused(&kv, &error);
            if (ok != (want >= 0) || (ok && on != want))
                fail_msg("'%s' with default %d: %s %d", cases[i].text, preset,
                         ok ? "accepted" : error->message, on);
            if (!ok)
                assert_string_equal(error->message, cases[i].error);
            keyval_clear(&kv);
        }
    }
}

static void unknown_keys(void **state)
{
    g_autoptr(GError) error = NULL;
    struct keyval kv = {0};
    bool on = false;

    assert_true(keyval_parse("a=1,server,nodelay,typo=5,typo2", NULL, &kv, NULL));
    keyval_get(&kv, "a");
    keyval_get(&kv, "absent");
    assert_true(keyval_get_switch(&kv, "server", &on, NULL));
    assert_true(on);
    assert_true(keyval_get_switch(&kv, "delay", &on, NULL));
    assert_false(on);
    assert_false(keyval_check_unused(&kv, &error));
    assert_string_equal(error->message, "unknown parameter 'typo'");
    assert_false(keyval_check_unused(&kv, NULL));
    keyval_get(&kv, "typo");
    keyval_get(&kv, "typo2");
    assert_true(keyval_check_unused(&kv, NULL));
    keyval_clear(&kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(json), cmocka_unit_test(no_lists),
        cmocka_unit_test(last_one_wins),
        cmocka_unit_test(switches),
        cmocka_unit_test(unknown_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
