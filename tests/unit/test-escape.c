/* escape.c: QEMU's Ctrl-a keys; what is for the guest passes unchanged. */
#include "xenner/chardev/escape.h"

#include <glib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define A "\x01"

/* Feeds text from *state on; guest and commands get what comes out of it. */
static void feed(struct escape_state *s, const char *text, size_t len, GString *guest,
                 GString *commands)
{
    for (size_t i = 0; i < len; i++) {
        char command = '#';
        uint8_t out = '#';

        if (escape_feed(s, (uint8_t)text[i], &out, &command))
            g_string_append_c(guest, (char)out);
        if (command)
            g_string_append_c(commands, command);
    }
}

static void keys(void **state)
{
    static const struct {
        const char *typed, *guest, *commands;
    } cases[] = {
        {"", "", ""},
        {"hxcbst?", "hxcbst?", ""},
        {A, "", ""},
        {A A, A, ""},
        {A A A, A, ""},
        {A A A A, A A, ""},
        {A "x", "", "x"},
        {A "h" A "c" A "b" A "s" A "t", "", "hcbst"},
        {A "?", "", "h"},
        {A "xx", "x", "x"},
        {A A "x", A "x", ""},
        {A A A "x", A, "x"},
        {"ls" A "c\n", "ls\n", "c"},
        /* others are swallowed, the state is over with them */
        {A "X", "", ""},
        {A "q" "x", "x", ""},
        {A "\n" "x", "x", ""},
        {A "\x18", "", ""},
        {"\x1b[A\x7f\x80\xff", "\x1b[A\x7f\x80\xff", ""},
        {A "\xe8x", "x", ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t len = strlen(cases[i].typed);

        /* The state lives on between pieces, wherever they are cut. */
        for (size_t cut = 0; cut <= len; cut++) {
            struct escape_state s = {0};
            g_autoptr(GString) guest = g_string_new(NULL);
            g_autoptr(GString) commands = g_string_new(NULL);

            feed(&s, cases[i].typed, cut, guest, commands);
            struct escape_state kept = s;
            feed(&kept, cases[i].typed + cut, len - cut, guest, commands);
            if (strcmp(guest->str, cases[i].guest) || strcmp(commands->str, cases[i].commands))
                fail_msg("case %zu cut at %zu: '%s', commands '%s'", i, cut, guest->str,
                         commands->str);
        }
    }
}

/* Every byte by itself and after Ctrl-a. */
static void all_bytes(void **state)
{
    for (unsigned b = 0; b < 256; b++) {
        struct escape_state s = {0};
        char command;
        uint8_t out = 0;
        bool known = b && strchr("hxcbst?", (int)b);

        if (b != ESCAPE_KEY) {
            assert_int_equal(escape_feed(&s, (uint8_t)b, &out, &command), 1);
            assert_int_equal(out, b);
            assert_int_equal(command, 0);
        }
        assert_int_equal(escape_feed(&s, ESCAPE_KEY, &out, &command), 0);
        assert_int_equal(command, 0);
        assert_int_equal(escape_feed(&s, (uint8_t)b, &out, &command), b == ESCAPE_KEY);
        assert_int_equal(command, !known ? 0 : b == '?' ? 'h' : (int)b);
        assert_false(s.after_key);
    }
}

static void another_key(void **state)
{
    struct escape_state s = {.key = 0x14};
    uint8_t out;
    char command;

    assert_int_equal(escape_feed(&s, ESCAPE_KEY, &out, &command), 1);
    assert_int_equal(out, ESCAPE_KEY);
    assert_int_equal(escape_feed(&s, 0x14, &out, &command), 0);
    assert_int_equal(escape_feed(&s, 'x', &out, &command), 0);
    assert_int_equal(command, 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_key),
        cmocka_unit_test(keys),
        cmocka_unit_test(all_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
