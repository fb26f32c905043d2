/* util/log.c: the shape of messages, what -d lets through, what is refused. */
#include "xenner/util/log.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* What all messages together look like with these settings. */
static char *log_with(const char *domains, bool timestamps)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("test-log-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    char *text = NULL;

    if (!log_setup(domains, path, timestamps, &error))
        fail_msg("%s", error->message);
    g_log(NULL, G_LOG_LEVEL_MESSAGE, "message");
    g_log("", G_LOG_LEVEL_MESSAGE, "empty");
    g_log(NULL, G_LOG_LEVEL_WARNING, "%s", "100% warning");
    g_log(NULL, G_LOG_LEVEL_DEBUG, "nobody's");
    g_log("emu", G_LOG_LEVEL_DEBUG, "inside");
    g_log("domain", G_LOG_LEVEL_DEBUG, "outside");
    g_log("emu", G_LOG_LEVEL_WARNING, "odd");
    assert_true(g_file_get_contents(path, &text, NULL, NULL)); /* nothing waits in a buffer */
    g_unlink(path);
    g_rmdir(dir);
    return text;
}

#define ALWAYS "xenner: message\nxenner: empty\nxenner: warning: 100% warning\n"

static void domains(void **state)
{
    static const char *const cases[][2] = {
        {NULL, ALWAYS "xenner: warning: emu: odd\n"},
        {"config", ALWAYS "xenner: warning: emu: odd\n"},
        {"emu", ALWAYS "xenner: debug: emu: inside\nxenner: warning: emu: odd\n"},
        {"config,domain", ALWAYS "xenner: debug: domain: outside\nxenner: warning: emu: odd\n"},
        {"domain,emu", ALWAYS "xenner: debug: emu: inside\nxenner: debug: domain: outside\n"
                       "xenner: warning: emu: odd\n"},
        {"all", ALWAYS "xenner: debug: nobody's\nxenner: debug: emu: inside\n"
                "xenner: debug: domain: outside\nxenner: warning: emu: odd\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = log_with(cases[i][0], false);
        assert_string_equal(text, cases[i][1]);
    }
}

static void timestamps(void **state)
{
    g_autofree char *text = log_with(NULL, true);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    assert_int_equal(g_strv_length(lines), 5);
    for (unsigned i = 0; i < 4; i++) {
        if (!g_regex_match_simple("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z xenner: ",
                                  lines[i], 0, 0))
            fail_msg("'%s'", lines[i]);
    }
}

static void refused(void **state)
{
    static const char *const cases[][3] = {
        {"emu,nonsense", NULL, "-d nonsense: no such log domain (-d help lists them)"},
        {"emu,", NULL, "-d : no such log domain (-d help lists them)"},
        {"EMU", NULL, "-d EMU: no such log domain (-d help lists them)"},
        {NULL, "/nonexistent/log",
         "-D /nonexistent/log: could not open: No such file or directory"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(log_setup(cases[i][0], cases[i][1], false, &error));
        assert_string_equal(error->message, cases[i][2]);
    }
}

static void names(void **state)
{
    for (const struct log_domain *d = log_domains; d->name; d++) {
        assert_true(d->name[0] && d->help[0]);
        assert_true(log_setup(d->name, NULL, false, NULL));
        if (d > log_domains + 1)
            assert_true(strcmp(d[-1].name, d->name) < 0); /* sorted, after "all" */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains),
        cmocka_unit_test(timestamps),
        cmocka_unit_test(refused),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
