/* json_stream.c: values in any pieces, errors that end with the line, limits. */
#include "qemu-compat/json_stream.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* What came: each value's canonical text or "!" for an error, joined by spaces. */
static void note(void *opaque, JsonNode *value, const GError *error)
{
    GString *out = opaque;

    assert_true((value == NULL) == (error != NULL));
    if (out->len)
        g_string_append_c(out, ' ');
    g_autofree char *text = value ? json_to_string(value, FALSE) : g_strdup("!");
    g_string_append(out, text);
    g_clear_pointer(&value, json_node_unref);
}

static void expect_pieces(const char *in, size_t len, size_t piece, const char *want)
{
    struct json_stream s;
    g_autoptr(GString) out = g_string_new(NULL);

    json_stream_init(&s, note, out);
    for (size_t i = 0; i < len; i += piece)
        json_stream_feed(&s, (const uint8_t *)in + i, MIN(piece, len - i));
    json_stream_clear(&s);
    assert_string_equal(out->str, want);
}

static void texts(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {" {} \n[1, 2]{\"b\":[{}]}", "{} [1,2] {\"b\":[{}]}"},
        {"12 true\nnull ", "12 true null"},
        {"\"s\"\"t\"", "\"s\" \"t\""},
        {"{\"}\":\"]\\\"{\"}", "{\"}\":\"]\\\"{\"}"},
        {"foo\n{}", "! {}"},
        {"{]}}\n{}", "! {}"},
        {"}\n{}", "! {}"},
        {"{\"a\" 1}{}", "! {}"},
        {"{'a':1}\n{}", "! {}"},
        {"{/*c*/}\n{}", "! {}"},
        {"{\"a\":\"x\ty\"}\n{}", "! {}"},
        {"{\"a\":\"x\n{}", "! {}"},
        {"{\"a\":\xff{}", "{}"},
        {"{\"a\":\"\xc3\x28\"}{}", "! {}"},
        {"{\"a\":", ""},
        {"{\"a\":1,}{}", "! {}"},
        {"[0,-0,12,-1.5,2e3,1.25E+2] ", "[0,0,12,-1.5,2000.0,125.0]"},
        {"9223372036854775807 -9223372036854775808 ", "9223372036854775807 -9223372036854775808"},
        {"9223372036854775808 012 0x10 1. .5 +5 1e 1e99 1e-99 - {}", "! ! ! ! ! ! ! ! ! ! {}"},
        {"\"\\u0041\\/\"\"\\x\"\"\\u0000\"{}", "\"A/\" ! ! {}"},
        {"truefalse nul True 1true [1 2] {}", "! ! ! ! ! {}"},
        {"{} x", "{}"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t piece = 1; piece < 8; piece++)
            expect_pieces(cases[i].in, strlen(cases[i].in), piece, cases[i].want);
    }
}

static void depth(void **state)
{
    g_autoptr(GString) in = g_string_new(NULL), want = g_string_new(NULL);

    for (unsigned n = JSON_STREAM_MAX_DEPTH; n <= JSON_STREAM_MAX_DEPTH + 1; n++) {
        g_string_set_size(in, 0);
        for (unsigned i = 0; i < n; i++)
            g_string_append_c(in, '[');
        for (unsigned i = 0; i < n; i++)
            g_string_append_c(in, ']');
        g_string_assign(want, n > JSON_STREAM_MAX_DEPTH ? "!" : in->str);
        g_string_append(in, "\n{}");
        g_string_append(want, " {}");
        expect_pieces(in->str, in->len, 100, want->str);
    }
}

static void too_long(void **state)
{
    g_autofree char *in = g_malloc(JSON_STREAM_MAX_BYTES + 10);

    memset(in, 'x', JSON_STREAM_MAX_BYTES + 10);
    in[0] = '"';
    memcpy(in + JSON_STREAM_MAX_BYTES + 5, "\"\n{}\n", 5);
    expect_pieces(in, JSON_STREAM_MAX_BYTES + 10, 65536, "! {}");
}

static void reset(void **state)
{
    struct json_stream s;
    g_autoptr(GString) out = g_string_new(NULL);

    json_stream_init(&s, note, out);
    json_stream_feed(&s, (const uint8_t *)"{\"a\":\"", 6);
    json_stream_reset(&s);
    json_stream_feed(&s, (const uint8_t *)"{}", 2);
    json_stream_clear(&s);
    assert_string_equal(out->str, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts), cmocka_unit_test(depth), cmocka_unit_test(too_long),
        cmocka_unit_test(reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
