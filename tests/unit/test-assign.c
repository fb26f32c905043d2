/*
 * assign.c: shell assignments are read as a shell would, refused where it would do more, edited in
 * place.
 */
#include "xenguest/lib/assign.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static struct assign *parse(const char *text)
{
    GError *error = NULL;
    struct assign *a = assign_parse(text, strlen(text), "f", &error);

    if (!a)
        fail_msg("%s: %s", text, error->message);
    return a;
}

static void values(void **state)
{
    static const struct {
        const char *text, *value;
    } good[] = {
        {"A=1", "1"},
        {"A=\"1\"\n", "1"},
        {"  A='1' # x", "1"},
        {"A=", ""},
        {"A=\"\";\n", ""},
        {"export A=x\n", "x"},
        {"A=a\\ b", "a b"},
        {"A=a'b c'\"d e\"f", "ab cd ef"},
        {"A=\"\\$HOME \\`ls\\` \\\"q\\\" \\\\ \\n\"", "$HOME `ls` \"q\" \\ \\n"},
        {"A='$HOME `ls` \\'", "$HOME `ls` \\"},
        {"A=\"two\nlines\"", "two\nlines"},
        {"A=\"one\\\nline\"", "oneline"},
        {"A=one\\\nline", "oneline"},
        {"A=a#b", "a#b"},
        {"A=1\n#A=2\nA=3\nB=4", "3"},
        {"A=\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        AUTO(assign) a = parse(good[i].text);
        assert_string_equal(assign_get(a, "A"), good[i].value);
        assert_null(assign_get(a, "C"));
        assert_string_equal(assign_text(a), good[i].text);
    }
}

static void refused(void **state)
{
#define NOT "not an assignment NAME=\"value\""
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"ls", "f:1: " NOT},
        {"A=1\n\n. ./x\n", "f:3: " NOT},
        {"A =1", "f:1: " NOT},
        {"1A=1", "f:1: " NOT},
        {"A=1 ls", "f:1: " NOT},
        {"A=1; ls", "f:1: " NOT},
        {"=1", "f:1: " NOT},
        {"export A", "f:1: " NOT},
        {"A=$B", "f:1: only plain values: nothing is expanded or executed here"},
        {"A=1\nB=`ls`", "f:2: only plain values: nothing is expanded or executed here"},
        {"A=1|ls", "f:1: only plain values: nothing is expanded or executed here"},
        {"A=(1)", "f:1: only plain values: nothing is expanded or executed here"},
        {"A=1\r\n", "f:1: only plain values: nothing is expanded or executed here"},
        {"A=1\\", "f:1: only plain values: nothing is expanded or executed here"},
        {"A=\"$(ls)\"", "f:1: only plain values: nothing is expanded here"},
        {"A=\"a\nb`", "f:2: only plain values: nothing is expanded here"},
        {"A=\"a\nb", "f:1: a \" without its end"},
        {"A=\"a\\", "f:1: a \" without its end"},
        {"A=1\nB='a", "f:2: a ' without its end"},
    };
    GError *error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_null(assign_parse(bad[i].text, strlen(bad[i].text), "f", &error));
        assert_string_equal(error->message, bad[i].error);
        g_clear_error(&error);
    }
    assert_null(assign_parse("A=1\n\0", 5, "f", &error));
    assert_string_equal(error->message, "f:2: a NUL: this is not a text");
    g_clear_error(&error);
}

static void edits(void **state)
{
    AUTO(assign) a = parse("# head\nA=1 # first\nB='x y'\nA=2;\n\nC=3");

    assign_set(a, "B", "n\"e$w");
    assign_set(a, "A", "4");
    assign_set(a, "D", "a`b");
    assert_string_equal(assign_text(a),
                        "# head\nA=1 # first\nB=\"n\\\"e\\$w\"\nA=\"4\";\n\nC=3\nD=\"a\\`b\"\n");
    assert_string_equal(assign_get(a, "B"), "n\"e$w");
    assert_string_equal(assign_get(a, "D"), "a`b");
    assert_true(assign_unset(a, "A"));
    assert_false(assign_unset(a, "A"));
    assert_true(assign_unset(a, "C"));
    assert_string_equal(assign_text(a), "# head\nB=\"n\\\"e\\$w\"\n\nD=\"a\\`b\"\n");
    g_auto(GStrv) names = assign_names(a);
    g_autofree char *joined = g_strjoinv(",", names);
    assert_string_equal(joined, "B,D");
}

static void names(void **state)
{
    assert_true(assign_name_valid("A_1"));
    assert_true(assign_name_valid("_"));
    assert_false(assign_name_valid(""));
    assert_false(assign_name_valid("1A"));
    assert_false(assign_name_valid("A-B"));
    assert_false(assign_name_valid("A=B"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(refused),
        cmocka_unit_test(edits),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
