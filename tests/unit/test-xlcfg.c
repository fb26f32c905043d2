/* xlcfg.c, xlcfg_parse.c: xl.cfg's syntax to values, and edits that leave the rest as it was. */
#include "xenguest/lib/xlcfg.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <libxlutil.h>
#include <cmocka.h>

/* xl's own opinion of a text. */
static bool xl_takes(const char *text)
{
    FILE *nowhere = fopen("/dev/null", "w");
    XLU_Config *cfg = xlu_cfg_init(nowhere, "f");
    bool ok = xlu_cfg_readdata(cfg, text, (int)strlen(text)) == 0;

    xlu_cfg_destroy(cfg);
    fclose(nowhere);
    return ok;
}

static struct xlcfg *parse(const char *text)
{
    GError *error = NULL;
    struct xlcfg *cfg = xlcfg_parse(text, strlen(text), "f", &error);

    if (!cfg)
        fail_msg("%s: %s", text, error->message);
    return cfg;
}

/* One line for a tree. */
static void show(const struct xlcfg_value *v, GString *to)
{
    if (v->type == XLCFG_NUMBER)
        g_string_append_printf(to, "%" G_GINT64_FORMAT, v->number);
    if (v->type == XLCFG_STRING)
        g_string_append_printf(to, "<%s>", v->string);
    if (v->type == XLCFG_LIST) {
        g_string_append_c(to, '[');
        for (guint i = 0; i < v->list->len; i++)
            show(g_ptr_array_index(v->list, i), to);
        g_string_append_c(to, ']');
    }
}

static void values(void **state)
{
    static const struct {
        const char *text, *value;
    } good[] = {
        {"a=1", "1"},
        {"a = 0x20 # c\n", "32"},
        {"a='it\"s'", "<it\"s>"},
        {"a=\"it's\"; b=2", "<it's>"},
        {"a=\"\\\"\\t\\\\\"", "<\"\t\\>"},
        {"a.b_c1=2;a=1", "1"},
        {"a='#no;comment'", "<#no;comment>"},
        {"a=[]", "[]"},
        {"a=[1,'b' , \"c\",]", "[1<b><c>]"},
        {"a = [ 'x', # first\n  [2, 3],\n\n]\nb=1", "[<x>[23]]"},
        {"a=1;a=2\na=3", "3"},
        {"a='x'\na+=' y'", "<x y>"},
        {"a+=[1]\na+=[2]", "[12]"},
        {";;\n# a = \"\"\na = 7", "7"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        AUTO(xlcfg) cfg = parse(good[i].text);
        g_autoptr(GString) text = g_string_new(NULL);
        show(xlcfg_get(cfg, "a"), text);
        assert_string_equal(text->str, good[i].value);
        assert_true(xl_takes(good[i].text));
        assert_string_equal(xlcfg_text(cfg), good[i].text);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"a", "f:1: not a setting NAME = VALUE"},
        {"\n\n1=2", "f:3: not a setting NAME = VALUE"},
        {"a 1", "f:1: not a setting NAME = VALUE"},
        {"a+1", "f:1: not a setting NAME = VALUE"},
        {"a=", "f:1: not a value: a number, a \"string\" or a [list]"},
        {"a=b", "f:1: not a value: a number, a \"string\" or a [list]"},
        {"a=1 b=2", "f:1: more than a value: a new line or ; is missing"},
        {"a=1k", "f:1: not a number; a string needs quotes"},
        {"a=1.5", "f:1: not a number; a string needs quotes"},
        {"a=99999999999999999999", "f:1: a number that is too large"},
        {"b=1\na='x\n'", "f:2: a string without its end"},
        {"a=\"x", "f:1: a string without its end"},
        {"a=\"\\", "f:1: a \\ before what needs none"},
        {"a=\"\\q\"", "f:1: a \\ before what needs none"},
        {"a=\"\\x41\"", "f:1: a \\ before what needs none"},
        {"a=-5", "f:1: not a value: a number, a \"string\" or a [list]"},
        {"_a=5", "f:1: not a setting NAME = VALUE"},
        {"a=1\r\n", "f:1: a carriage return: xl wants lines to end without one"},
        {"a=[1", "f:1: a list without its end: , or ] is missing"},
        {"a=[\n1 2]", "f:2: a list without its end: , or ] is missing"},
        {"a=[,]", "f:1: not a value: a number, a \"string\" or a [list]"},
        {"a=[[[[[[[[[1]]]]]]]]]", "f:1: lists in lists, too deep"},
        {"a='x'\na+=[1]", "f:2: a += needs two strings or two lists"},
        {"a=1\na+=1", "f:2: a += needs two strings or two lists"},
    };
    GError *error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_null(xlcfg_parse(bad[i].text, strlen(bad[i].text), "f", &error));
        assert_string_equal(error->message, bad[i].error);
        g_clear_error(&error);
    }
    assert_null(xlcfg_parse("a=1\0", 4, "f", &error));
    g_clear_error(&error);
}

static void types(void **state)
{
    AUTO(xlcfg) cfg = parse("s='x'\nn=5\nm='6'\nl=[1]");
    GError *error = NULL;
    const char *s = "before";
    int64_t n = 1;

    assert_true(xlcfg_get_string(cfg, "none", &s, NULL));
    assert_string_equal(s, "before");
    assert_true(xlcfg_get_string(cfg, "s", &s, NULL));
    assert_string_equal(s, "x");
    assert_true(xlcfg_get_number(cfg, "none", &n, NULL) && n == 1);
    assert_true(xlcfg_get_number(cfg, "n", &n, NULL) && n == 5);
    assert_true(xlcfg_get_number(cfg, "m", &n, NULL) && n == 6);
    assert_false(xlcfg_get_string(cfg, "n", &s, &error));
    assert_string_equal(error->message, "f:2: n must be a \"string\"");
    g_clear_error(&error);
    assert_false(xlcfg_get_number(cfg, "l", &n, &error));
    assert_string_equal(error->message, "f:4: l must be a number");
    g_clear_error(&error);
}

enum edit { SET, LIST1, NUMBER, DISABLE };

static void edits(void **state)
{
    static const struct {
        const char *before;
        enum edit edit;
        const char *after;
    } cases[] = {
        {"", SET, "a = \"v\"\n"},
        {"b=1", SET, "b=1\na = \"v\"\n"},
        {"# x\na=1 # keep\nb=2\n", SET, "# x\na = \"v\" # keep\nb=2\n"},
        {"# a = \"\"\nb=2\n", SET, "a = \"v\"\nb=2\n"},
        {"#a=''\nb=2\n", NUMBER, "a = 7\nb=2\n"},
        {"# a = \"is a note\"\n", SET, "# a = \"is a note\"\na = \"v\"\n"},
        {"b=1 # a = \"\"\n", SET, "b=1 # a = \"\"\na = \"v\"\n"},
        {"a=1\nb=2; a=2; c=3\na=3\n", SET, "b=2; c=3\na = \"v\"\n"},
        {"a='x'\na+='y'\n", SET, "a = \"v\"\n"},
        {"a=[\n1, # one\n2]\nb=1", SET, "a = \"v\"\nb=1"},
        {"b=1\n", LIST1, "b=1\na = ['v']\n"},
        {"a = \"x\"\nb=1\n", DISABLE, "# a = \"\"\nb=1\n"},
        {"b=1; a=2; c=3", DISABLE, "b=1;\n# a = \"\"\nc=3"},
        {"a=2 # note\n", DISABLE, "# a = \"\"\n# note\n"},
        {"b=1", DISABLE, "b=1\n# a = \"\"\n"},
        {"# a = \"\"\n", DISABLE, "# a = \"\"\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(xlcfg) cfg = parse(cases[i].before);
        if (cases[i].edit == SET)
            xlcfg_set_string(cfg, "a", "v");
        else if (cases[i].edit == LIST1)
            xlcfg_set_list1(cfg, "a", "v");
        else if (cases[i].edit == NUMBER)
            xlcfg_set_number(cfg, "a", 7);
        else
            xlcfg_disable(cfg, "a");
        assert_string_equal(xlcfg_text(cfg), cases[i].after);
        assert_true(xl_takes(cases[i].after));
        assert_int_equal(xlcfg_get(cfg, "a") != NULL, cases[i].edit != DISABLE);
    }
}

static void quoting(void **state)
{
    static const char *const strings[] = {"",     "it's",  "say \"x\"", "'\"",
                                          "a\\b", "tab\t", "a\nb",      "#;"};

    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        AUTO(xlcfg) cfg = parse("");
        const char *s = NULL;
        xlcfg_set_string(cfg, "a", strings[i]);
        xlcfg_set_list1(cfg, "l", strings[i]);
        assert_true(xlcfg_get_string(cfg, "a", &s, NULL));
        assert_string_equal(s, strings[i]);
        const struct xlcfg_value *item = g_ptr_array_index(xlcfg_get(cfg, "l")->list, 0);
        assert_string_equal(item->string, strings[i]);
    }
}

static void parts(void **state)
{
    AUTO(xlcfg) cfg = parse("vif=['a']\nmemory=1");
    GError *error = NULL;

    assert_true(xlcfg_append(cfg, "vif+=['b']\nmemory=2", 19, "p", NULL));
    assert_string_equal(xlcfg_text(cfg), "vif=['a']\nmemory=1\nvif+=['b']\nmemory=2\n");
    assert_int_equal(xlcfg_get(cfg, "vif")->list->len, 2);
    assert_int_equal(xlcfg_get(cfg, "memory")->number, 2);
    assert_false(xlcfg_append(cfg, "\nx=", 3, "p", &error));
    assert_string_equal(error->message, "p:2: not a value: a number, a \"string\" or a [list]");
    g_clear_error(&error);
    assert_false(xlcfg_append(cfg, "vif+='b'", 8, "p", &error));
    assert_string_equal(error->message, "f:5: vif += needs two strings or two lists");
    g_clear_error(&error);
    assert_string_equal(xlcfg_text(cfg), "vif=['a']\nmemory=1\nvif+=['b']\nmemory=2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(refused), cmocka_unit_test(types),
        cmocka_unit_test(edits),  cmocka_unit_test(quoting), cmocka_unit_test(parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
