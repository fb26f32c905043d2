/* edit.c, draft.c: the edit loop with a scripted user, and that no text is ever lost. */
#include "vivm/edit.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#define XML(memory) "<domain type='qemu'><memory>" memory "</memory><os><type>hvm</type><kernel>/k" \
                    "</kernel></os><devices><emulator>/x</emulator><video/></devices></domain>\n"
#define BAD "<domain>"
#define DOUBTFUL "<domain type='xen'/>\n"

struct world {
    char *dir, *definition;
    const char *const *visits; /* what the editor leaves, NULL: it fails; one a visit */
    unsigned visit;
    const char *answers;       /* "" is the end of input */
    const char *theirs;        /* the definition that somebody else makes while we edit */
    unsigned refusals;         /* how often libvirt refuses */
    GString *said;
    struct draft *draft;
};

static char *fetch(void *opaque, GError **error)
{
    struct world *w = opaque;

    return g_strdup(w->definition);
}

static bool define(void *opaque, const char *text, bool careful, GError **error)
{
    struct world *w = opaque;

    if (w->refusals) {
        w->refusals--;
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "refused%s", careful ? "" : " again");
        return false;
    }
    g_free(w->definition);
    w->definition = g_strdup(text);
    return true;
}

static bool editor(void *opaque, const char *path, GError **error)
{
    struct world *w = opaque;
    const char *text = w->visits[w->visit++];

    if (w->theirs) {
        g_free(w->definition);
        w->definition = g_strdup(w->theirs);
        w->theirs = NULL;
    }
    if (text) {
        g_file_set_contents(path, text, -1, NULL);
        return true;
    }
    g_file_set_contents(path, XML("70000"), -1, NULL); /* it had saved before it died */
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "editor failed");
    return false;
}

static char ask(void *opaque, const char *question, const char *keys)
{
    struct world *w = opaque;

    if (!*w->answers)
        return 0;
    assert_non_null(strchr(keys, *w->answers));
    return *w->answers++;
}

static void say(void *opaque, const char *text)
{
    struct world *w = opaque;

    g_string_append_printf(w->said, "%s\n", text);
}

static void diff(void *opaque, const char *before, const char *after)
{
    say(opaque, "(diff)");
}

static enum edit_end run(struct world *w)
{
    static const struct edit_ops ops = {.fetch = fetch, .define = define, .editor = editor, .ask = ask,
                                        .say = say, .diff = diff};

    w->draft = draft_open(w->dir, "a b", "u", NULL);
    assert_non_null(w->draft);
    enum edit_end end = edit_run(&ops, w, w->draft);
    draft_free(w->draft);
    return end;
}

static void setup(struct world *w, const char *const *visits, const char *answers)
{
    *w = (struct world){.dir = g_dir_make_tmp("edit-XXXXXX", NULL), .definition = g_strdup(XML("65536")),
                        .visits = visits, .answers = answers, .said = g_string_new(NULL)};
}

/* How many files whose names have the word; any: with "". Their last text in *ret_text, if asked for. */
static unsigned files(const struct world *w, const char *word, char **ret_text)
{
    g_autoptr(GDir) dir = g_dir_open(w->dir, 0, NULL);
    unsigned n = 0;

    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(w->dir, name, NULL);
        if (!strstr(name, word))
            continue;
        n++;
        if (ret_text)
            assert_true(g_file_get_contents(path, ret_text, NULL, NULL));
    }
    return n;
}

static void finish(struct world *w)
{
    g_autoptr(GDir) dir = g_dir_open(w->dir, 0, NULL);

    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(w->dir, name, NULL);
        g_remove(path);
    }
    g_rmdir(w->dir);
    g_free(w->dir);
    g_free(w->definition);
    g_string_free(w->said, TRUE);
}

static void assert_said(const struct world *w, const char *words)
{
    if (!strstr(w->said->str, words))
        fail_msg("'%s' was not said, but:\n%s", words, w->said->str);
}

static void good_edit(void **state)
{
    static const char *const visits[] = {XML("70000")};
    g_autofree char *backup = NULL;
    struct world w;

    setup(&w, visits, "");
    assert_int_equal(run(&w), EDIT_DEFINED);
    assert_string_equal(w.definition, XML("70000"));
    assert_int_equal(files(&w, "", NULL), 1);
    assert_int_equal(files(&w, "a_b.u.backup-", &backup), 1);
    assert_string_equal(backup, XML("65536"));
    finish(&w);
}

static void no_edit(void **state)
{
    static const char *const visits[] = {XML("65536")};
    struct world w;

    setup(&w, visits, "");
    assert_int_equal(run(&w), EDIT_UNCHANGED);
    assert_int_equal(files(&w, "", NULL), 0);
    finish(&w);
}

static void again_after_bad_xml(void **state)
{
    static const char *const visits[] = {BAD, DOUBTFUL, XML("70000")};
    struct world w;

    setup(&w, visits, "ee");
    assert_int_equal(run(&w), EDIT_DEFINED);
    assert_int_equal(w.visit, 3);
    assert_said(&w, "Premature end");
    assert_said(&w, "domain type 'xen' will be refused");
    finish(&w);
}

/* The end of input is as good as "keep", wherever it comes. */
static void kept(void **state)
{
    static const char *const visits[][1] = {{BAD}, {DOUBTFUL}, {XML("70000")}, {NULL}};

    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(visits); i++) {
        g_autofree char *text = NULL;
        struct world w;
        setup(&w, visits[i / 2], i & 1 ? "k" : "");
        w.refusals = 1;
        assert_int_equal(run(&w), EDIT_KEPT);
        assert_string_equal(w.definition, XML("65536"));
        assert_int_equal(files(&w, "", NULL), 1);
        assert_int_equal(files(&w, ".kept-", &text), 1);
        assert_string_equal(text, visits[i / 2][0] ? visits[i / 2][0] : XML("70000"));
        assert_said(&w, "Your text is in ");
        finish(&w);
    }
}

static void all_the_same(void **state)
{
    static const char *const visits[] = {DOUBTFUL};
    struct world w;

    setup(&w, visits, "dd");
    w.refusals = 1;
    assert_int_equal(run(&w), EDIT_DEFINED);
    assert_string_equal(w.definition, DOUBTFUL);
    assert_int_equal(files(&w, ".backup-", NULL), 1);
    finish(&w);
    setup(&w, visits, "ddk");
    w.refusals = 2;
    assert_int_equal(run(&w), EDIT_KEPT);
    assert_said(&w, "refused again");
    assert_int_equal(files(&w, ".backup-", NULL), 0);
    finish(&w);
}

/* Theirs is seen before ours replaces it, and is what the backup has. */
static void somebody_else(void **state)
{
    static const char *const visits[] = {XML("70000")};
    g_autofree char *backup = NULL;
    struct world w;

    setup(&w, visits, "k");
    w.theirs = XML("80000");
    assert_int_equal(run(&w), EDIT_KEPT);
    assert_string_equal(w.definition, XML("80000"));
    finish(&w);
    setup(&w, visits, "d");
    w.visit = 0;
    w.theirs = XML("80000");
    assert_int_equal(run(&w), EDIT_DEFINED);
    assert_string_equal(w.definition, XML("70000"));
    assert_int_equal(files(&w, ".backup-", &backup), 1);
    assert_string_equal(backup, XML("80000"));
    finish(&w);
}

/* What a killed vivm left: continued, or put aside, or let alone. */
static void left_behind(void **state)
{
    static const char *const visits[] = {XML("90000")};
    static const char answers[] = "cnq";
    static const enum edit_end ends[] = {EDIT_DEFINED, EDIT_DEFINED, EDIT_FAILED};

    for (unsigned i = 0; answers[i]; i++) {
        g_autofree char *text = NULL;
        struct world w;
        setup(&w, visits, (char[]){answers[i], 0});
        w.draft = draft_open(w.dir, "a b", "u", NULL);
        assert_true(draft_write(w.draft, XML("70000"), NULL));
        draft_free(w.draft);
        assert_int_equal(run(&w), ends[i]);
        assert_said(&w, "There is an edit that was not defined, in ");
        assert_int_equal(w.visit, answers[i] != 'q');
        assert_int_equal(files(&w, ".kept-", answers[i] == 'n' ? &text : NULL), answers[i] == 'n');
        assert_int_equal(files(&w, ".draft.", answers[i] == 'q' ? &text : NULL), answers[i] == 'q');
        if (text)
            assert_string_equal(text, XML("70000"));
        finish(&w);
    }
}

static void one_at_a_time(void **state)
{
    g_autofree char *dir = g_dir_make_tmp("edit-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;
    struct draft *d = draft_open(dir, "n", "u", NULL), *other = draft_open(dir, "m", "v", NULL);

    assert_non_null(other);
    assert_null(draft_open(dir, "n", "u", &error));
    assert_non_null(strstr(error->message, "somebody else edits it"));
    draft_free(d);
    d = draft_open(dir, "n", "u", NULL);
    assert_non_null(d);
    draft_free(d);
    draft_free(other);
    assert_int_equal(g_rmdir(dir), 0); /* nothing is left */
    assert_null(draft_open("/proc/nowhere", "n", "u", NULL));
}

static void backups_are_bounded(void **state)
{
    struct world w;

    setup(&w, NULL, "");
    struct draft *d = draft_open(w.dir, "../n", "u", NULL);
    for (unsigned i = 0; i < 14; i++) {
        g_autofree char *text = g_strdup_printf("%u", i), *path = draft_backup(d, text, NULL);
        assert_non_null(path);
        assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    }
    assert_int_equal(files(&w, "_._n.u.backup", NULL), 10);
    draft_free(d);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_edit),     cmocka_unit_test(no_edit),
        cmocka_unit_test(kept),          cmocka_unit_test(again_after_bad_xml),
        cmocka_unit_test(all_the_same),  cmocka_unit_test(somebody_else),
        cmocka_unit_test(left_behind),   cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(backups_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
