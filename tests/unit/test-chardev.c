/* chardev: null, file, log files, stdio; and a pty with readers that come and go. */
#include "chardev_user.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static size_t put(struct chardev_test *t, const char *text)
{
    return chardev_write(t->chr, (const uint8_t *)text, strlen(text));
}

static void expect_file(const char *path, const char *want)
{
    g_autofree char *text = NULL;

    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_string_equal(text, want);
}

static void close_it(struct chardev_test *t)
{
    chardev_free(t->chr);
    t->chr = NULL;
}

static void null(void **state)
{
    struct chardev_test *t = *state;
    g_autofree char *text = chardev_test_text(200000);

    t->cfg.kind = CHARDEV_NULL;
    t->cfg.log = chardev_test_path(t, "log");
    chardev_test_open(t);
    assert_string_equal(chardev_label(t->chr), "null");
    assert_string_equal(chardev_id(t->chr), "c");
    assert_int_equal(put(t, text), 200000);
    chardev_test_turn();
    close_it(t);
    expect_file(t->cfg.log, text); /* the log has what the null device swallows */
}

static void file(void **state)
{
    static const struct {
        bool append, log_append;
        const char *file, *log;
    } runs[] = {
        {false, false, "one", "one"},
        {true, true, "oneone", "oneone"},
        {true, false, "oneoneone", "one"},
        {false, true, "one", "oneone"},
    };
    struct chardev_test *t = *state;

    t->cfg.kind = CHARDEV_FILE;
    t->cfg.path = chardev_test_path(t, "file");
    t->cfg.log = chardev_test_path(t, "log");
    for (size_t i = 0; i < G_N_ELEMENTS(runs); i++) {
        t->cfg.append = runs[i].append;
        t->cfg.log_append = runs[i].log_append;
        chardev_test_open(t);
        assert_int_equal(put(t, "one"), 3);
        close_it(t);
        expect_file(t->cfg.path, runs[i].file);
        expect_file(t->cfg.log, runs[i].log);
    }
    chardev_free(NULL);
}

static void no_file(void **state)
{
    struct chardev_test *t = *state;

    t->cfg.kind = CHARDEV_FILE;
    t->cfg.path = chardev_test_path(t, "no/such/directory");
    chardev_test_refused(t, "could not open '%s': No such file or directory");
    t->cfg.kind = CHARDEV_NULL;
    t->cfg.log = g_strdup(t->cfg.path);
    chardev_test_refused(t, "could not open '%s': No such file or directory");
}

/* A full disk: what does not go in is given up, the guest goes on. */
static void full_file(void **state)
{
    struct chardev_test *t = *state;

    t->cfg.kind = CHARDEV_FILE;
    t->cfg.path = g_strdup("/dev/full");
    t->cfg.log = g_strdup("/dev/full");
    chardev_test_open(t);
    for (unsigned i = 0; i < 5; i++) {
        put(t, "text");
        chardev_test_turn();
    }
    assert_int_equal(put(t, "text"), 4);
    assert_true(t->writable > 0); /* whoever waited for room was told */
}

/* This process's own descriptors 0 and 1 become pipes. */
static void stdio(void **state)
{
    struct chardev_test *t = *state;
    int in[2], out[2], saved[2] = {dup(0), dup(1)};

    assert_int_equal(pipe(in) | pipe(out), 0);
    fflush(NULL);
    dup2(in[0], 0);
    dup2(out[1], 1);
    t->cfg.kind = CHARDEV_STDIO;
    t->cfg.mux = true;
    chardev_test_open(t);
    assert_int_equal(put(t, "hello"), 5);
    assert_int_equal(write(in[1], "ls\x01\x01\n\x01", 6), 6);
    WAIT_FOR(t->got->len == 4);
    assert_int_equal(write(in[1], "xc", 2), 2); /* the key's second half comes later */
    WAIT_FOR(t->got->len == 5);
    close(in[1]); /* end of input is not the end of output */
    chardev_test_turn();
    assert_int_equal(put(t, " world"), 6);
    close_it(t);
    dup2(saved[0], 0);
    dup2(saved[1], 1);
    assert_string_equal(t->got->str, "ls\x01\nc");
    assert_string_equal(t->keys->str, "x");
    g_autofree char *text = chardev_test_read(out[0], 11);
    assert_string_equal(text, "hello world");
    const int fds[] = {in[0], out[0], out[1], saved[0], saved[1]};
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
}

static void pty(void **state)
{
    struct chardev_test *t = *state;
    struct termios mode;

    t->cfg.kind = CHARDEV_PTY;
    t->cfg.path = chardev_test_path(t, "link");
    chardev_test_open(t);
    g_autofree char *name = g_file_read_link(t->cfg.path, NULL);
    g_autofree char *label = g_strdup_printf("pty:%s", name);
    assert_string_equal(chardev_label(t->chr), label);
    assert_int_equal(put(t, "before\n"), 7); /* kept for the first reader */

    int reader = open(name, O_RDWR | O_NOCTTY);
    assert_true(reader >= 0);
    assert_int_equal(tcgetattr(reader, &mode), 0);
    assert_int_equal(mode.c_lflag & (ICANON | ECHO | ISIG), 0); /* bytes pass as they are */
    g_autofree char *first = chardev_test_read(reader, 7);
    assert_string_equal(first, "before\n");
    assert_int_equal(put(t, "now"), 3);
    g_autofree char *second = chardev_test_read(reader, 3);
    assert_string_equal(second, "now");
    assert_int_equal(write(reader, "in\x03\n", 4), 4);
    WAIT_FOR(t->got->len == 4);
    assert_string_equal(t->got->str, "in\x03\n");

    close(reader);
    int again = open(name, O_RDWR | O_NOCTTY);
    put(t, "later"); /* whether the going was noticed already or not */
    g_autofree char *third = chardev_test_read(again, 5);
    assert_string_equal(third, "later");
    int other = open(name, O_RDWR | O_NOCTTY); /* two readers; one goes, one stays */
    chardev_test_turn();
    close(other);
    chardev_test_turn();
    assert_int_equal(write(again, "!", 1), 1);
    WAIT_FOR(t->got->len == 5);
    close(again);
    chardev_test_turn();
    /* "echo ok >/dev/pts/N" is gone before anybody looks */
    other = open(name, O_RDWR | O_NOCTTY);
    assert_int_equal(write(other, "ok", 2), 2);
    close(other);
    WAIT_FOR(t->got->len == 7);
    close_it(t);
    assert_false(g_file_test(t->cfg.path, G_FILE_TEST_IS_SYMLINK));
}

/* A reader that stalls: nothing is lost, the writer is told when it goes on. */
static void slow_pty(void **state)
{
    struct chardev_test *t = *state;
    g_autofree char *text = chardev_test_text(300000);
    size_t sent = 0, n;

    t->cfg.kind = CHARDEV_PTY;
    chardev_test_open(t);
    int reader = open(chardev_label(t->chr) + strlen("pty:"), O_RDWR | O_NOCTTY);
    g_autoptr(GString) got = g_string_new(NULL);
    put(t, "!");
    g_free(chardev_test_read(reader, 1)); /* now it is known to be there */
    while (got->len < 300000) {
        while (sent < 300000 && (n = chardev_write(t->chr, (const uint8_t *)text + sent,
                                                   MIN(5000, 300000 - sent))) > 0)
            sent += n;
        unsigned before = t->writable;
        g_autofree char *piece = chardev_test_read(reader, MIN(sent - got->len, 1000));
        g_string_append(got, piece);
        if (sent < 300000 && got->len + 4096 < sent)
            continue;
        if (sent < 300000)
            WAIT_FOR(t->writable > before);
    }
    assert_string_equal(got->str, text);
    close(reader);
}

/* The reader goes with all ways blocked: its input unread, our output in the pty. */
static void blocked_pty(void **state)
{
    struct chardev_test *t = *state;
    g_autofree char *text = chardev_test_text(5000);

    t->cfg.kind = CHARDEV_PTY;
    chardev_test_open(t);
    int reader = open(chardev_label(t->chr) + strlen("pty:"), O_RDWR | O_NOCTTY);
    put(t, "!");
    g_free(chardev_test_read(reader, 1));
    while (put(t, text) == 5000)
        ;
    t->room = 0;
    assert_int_equal(write(reader, text, 3000), 3000);
    close(reader);
    WAIT_FOR(put(t, text) == 5000); /* kept or written, but not stuck */
    chardev_test_turn();            /* and it comes to rest */
    t->room = SIZE_MAX;
    chardev_accept_input(t->chr);
    reader = open(chardev_label(t->chr) + strlen("pty:"), O_RDWR | O_NOCTTY);
    WAIT_FOR(t->got->len == 3000);
    assert_memory_equal(t->got->str, text, 3000);
    close(reader);
}

static void no_pty_link(void **state)
{
    struct chardev_test *t = *state;

    t->cfg.kind = CHARDEV_PTY;
    t->cfg.path = chardev_test_path(t, "link");
    assert_true(g_file_set_contents(t->cfg.path, "mine", -1, NULL));
    chardev_test_refused(t, "could not make the link '%s': File exists");
    expect_file(t->cfg.path, "mine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(null, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(file, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(no_file, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(full_file, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(stdio, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(pty, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(slow_pty, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(blocked_pty, chardev_test_setup, chardev_test_teardown),
        cmocka_unit_test_setup_teardown(no_pty_link, chardev_test_setup, chardev_test_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
