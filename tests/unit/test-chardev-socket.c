/* chardev: Unix sockets as server and as client, with peers that come, stall and vanish. */
#include "chardev_user.h"

#include "xenner/chardev/chardev_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t put(struct chardev_test *t, const char *text)
{
    return chardev_write(t->chr, (const uint8_t *)text, strlen(text));
}

static void open_server(struct chardev_test *t)
{
    t->cfg.kind = CHARDEV_SOCKET;
    t->cfg.server = true;
    t->cfg.path = chardev_test_path(t, "s");
    chardev_test_open(t);
}

static void expect_read(int fd, const char *want)
{
    g_autofree char *text = chardev_test_read(fd, strlen(want));

    assert_string_equal(text, want);
}

static void server(void **state)
{
    struct chardev_test *t = *state;

    open_server(t);
    g_autofree char *label = g_strdup_printf("unix:%s,server=on", t->cfg.path);
    assert_string_equal(chardev_label(t->chr), label);
    assert_int_equal(put(t, "early "), 6); /* kept for the first client */
    int client = chardev_test_connect(t->cfg.path);
    expect_read(client, "early ");
    assert_int_equal(put(t, "now"), 3);
    expect_read(client, "now");
    assert_int_equal(write(client, "input\x01x", 7), 7);
    WAIT_FOR(t->got->len == 7); /* no mux: escape keys are the guest's */
    assert_string_equal(t->got->str, "input\x01x");
    close(client);
    WAIT_FOR(t->chr->in_fd < 0);
    put(t, "between");
    client = chardev_test_connect(t->cfg.path);
    int second = chardev_test_connect(t->cfg.path); /* waits in the queue */
    expect_read(client, "between");
    close(client);
    WAIT_FOR(t->chr->in_fd < 0);
    put(t, "for the next");
    expect_read(second, "for the next");
    chardev_free(t->chr);
    t->chr = NULL;
    char byte;
    assert_int_equal(read(second, &byte, 1), 0);
    assert_false(g_file_test(t->cfg.path, G_FILE_TEST_EXISTS));
    close(second);
}

/* The latest 64 KiB of what nobody read. */
static void long_backlog(void **state)
{
    struct chardev_test *t = *state;
    g_autofree char *text = chardev_test_text(3 * CHARDEV_BACKLOG);

    open_server(t);
    for (size_t at = 0; at < 2 * CHARDEV_BACKLOG; at += 1000)
        assert_int_equal(chardev_write(t->chr, (uint8_t *)text + at, 1000), 1000);
    assert_int_equal(put(t, text), 3 * CHARDEV_BACKLOG);
    int client = chardev_test_connect(t->cfg.path);
    expect_read(client, text + 2 * CHARDEV_BACKLOG);
    close(client);
}

static void slow_client(void **state)
{
    struct chardev_test *t = *state;
    const size_t len = 2 << 20;
    g_autofree char *text = chardev_test_text(len);
    g_autoptr(GString) got = g_string_new(NULL);
    size_t sent = 0;

    open_server(t);
    int client = chardev_test_connect(t->cfg.path);
    WAIT_FOR(t->chr->in_fd >= 0);
    while (sent < len) {
        size_t n = chardev_write(t->chr, (uint8_t *)text + sent, len - sent);
        sent += n;
        if (n)
            continue;
        /* Full: a word when it goes on, and not before. */
        unsigned before = t->writable;
        chardev_test_turn();
        assert_int_equal(t->writable, before);
        g_autofree char *piece = chardev_test_read(client, MIN(sent - got->len, 100000));
        g_string_append(got, piece);
        WAIT_FOR(t->writable > before);
    }
    g_autofree char *rest = chardev_test_read(client, len - got->len);
    g_string_append(got, rest);
    assert_true(got->len == len && strcmp(got->str, text) == 0);
    close(client);
}

/* It goes while the ring waits for it: the writer is told, or the guest would hang for ever. */
static void vanishes_when_full(void **state)
{
    struct chardev_test *t = *state;
    g_autofree char *text = chardev_test_text(100000);

    for (int stalled = 0; stalled < 2; stalled++) {
        open_server(t);
        int client = chardev_test_connect(t->cfg.path);
        WAIT_FOR(t->chr->in_fd >= 0);
        while (put(t, text) == 100000)
            ;
        if (stalled) { /* and the guest does not take its input either */
            t->room = 0;
            assert_int_equal(write(client, "typed", 5), 5);
            WAIT_FOR(t->chr->input_stopped);
        }
        unsigned before = t->writable;
        close(client);
        WAIT_FOR(t->writable > before && t->chr->out_fd < 0);
        assert_int_equal(put(t, text), 100000); /* kept again */
        t->room = SIZE_MAX;
        chardev_accept_input(t->chr);
        assert_string_equal(t->got->str, stalled ? "typed" : "");
        g_string_set_size(t->got, 0);
        client = chardev_test_connect(t->cfg.path);
        g_autofree char *kept = chardev_test_read(client, CHARDEV_BACKLOG);
        assert_memory_equal(kept + CHARDEV_BACKLOG - 50000, text + 50000, 50000);
        assert_int_equal(write(client, "again", 5), 5);
        WAIT_FOR(t->got->len == 5);
        close(client);
        chardev_free(t->chr);
        g_clear_pointer(&t->cfg.path, g_free);
        g_string_set_size(t->got, 0);
    }
    t->chr = NULL;
}

/* More input than the guest takes: the peer waits, nothing is lost or doubled. */
static void long_input(void **state)
{
    struct chardev_test *t = *state;
    const size_t len = 1 << 20;
    g_autofree char *text = chardev_test_text(len);
    size_t sent = 0;

    open_server(t);
    int client = chardev_test_connect(t->cfg.path);
    fcntl(client, F_SETFL, O_NONBLOCK);
    t->room = 0;
    while (t->got->len < len) {
        ssize_t n = sent < len ? write(client, text + sent, len - sent) : 0;
        sent += n > 0 ? (size_t)n : 0;
        chardev_test_turn();
        assert_true(t->chr->unread->len <= 4096); /* what isn't taken stays with the peer */
        t->room = 7777;
        chardev_accept_input(t->chr);
    }
    assert_true(strcmp(t->got->str, text) == 0);
    close(client);
}

static void escape_keys(void **state)
{
    struct chardev_test *t = *state;

    t->cfg.mux = true;
    open_server(t);
    int client = chardev_test_connect(t->cfg.path);
    assert_int_equal(write(client, "a\x01", 2), 2);
    WAIT_FOR(t->got->len == 1);
    assert_int_equal(write(client, "xb\x01\x01" "c\x01", 6), 6);
    WAIT_FOR(t->got->len == 4);
    assert_string_equal(t->got->str, "ab\x01" "c");
    assert_string_equal(t->keys->str, "x");
    close(client); /* in the middle of a key: the next client starts anew */
    WAIT_FOR(t->chr->in_fd < 0);
    client = chardev_test_connect(t->cfg.path);
    assert_int_equal(write(client, "x", 1), 1);
    WAIT_FOR(t->got->len == 5);
    assert_string_equal(t->keys->str, "x");
    close(client);
}

static gpointer connect_thread(gpointer path)
{
    return GINT_TO_POINTER(chardev_test_connect(path));
}

static void waits(void **state)
{
    struct chardev_test *t = *state;
    g_autofree char *path = chardev_test_path(t, "s");

    GThread *peer = g_thread_new("peer", connect_thread, path);
    t->cfg.wait = true;
    open_server(t);
    int client = GPOINTER_TO_INT(g_thread_join(peer));
    put(t, "first words");
    expect_read(client, "first words");
    close(client);
}

static void refused(void **state)
{
    struct chardev_test *t = *state;
    g_autofree char *name = chardev_test_text(200);

    t->cfg.kind = CHARDEV_SOCKET;
    t->cfg.path = chardev_test_path(t, "nobody");
    chardev_test_refused(t, "could not connect to '%s': No such file or directory");
    t->cfg.server = true;
    int other = chardev_test_listen(t->cfg.path);
    chardev_test_refused(t, "could not listen on '%s': another process does");
    close(other); /* what a killed server leaves behind is in nobody's way */
    assert_true(g_file_test(t->cfg.path, G_FILE_TEST_EXISTS));
    chardev_test_open(t);
    int client = chardev_test_connect(t->cfg.path);
    put(t, "mine");
    expect_read(client, "mine");
    close(client);
    chardev_free(t->chr);
    g_free(t->cfg.path);

    t->cfg.path = chardev_test_path(t, "file"); /* a file that is no socket stays */
    assert_true(g_file_set_contents(t->cfg.path, "mine", -1, NULL));
    chardev_test_refused(t, "could not listen on '%s': Address already in use");
    assert_true(g_file_test(t->cfg.path, G_FILE_TEST_EXISTS));
    g_free(t->cfg.path);
    memset(name, 'n', 200);
    t->cfg.path = g_strdup(name);
    chardev_test_refused(t, "socket path '%s' is longer than 107 bytes");
    t->cfg.server = false;
    chardev_test_refused(t, "socket path '%s' is longer than 107 bytes");
}

/* Waits a second for each try, as the user said. */
static void reconnects(void **state)
{
    struct chardev_test *t = *state;

    t->cfg.kind = CHARDEV_SOCKET;
    t->cfg.reconnect = 1;
    t->cfg.path = chardev_test_path(t, "peer");
    chardev_test_open(t); /* nobody there yet */
    assert_int_equal(put(t, "kept"), 4);
    int listener = chardev_test_listen(t->cfg.path);
    WAIT_FOR(t->chr->out_fd >= 0);
    int peer = accept(listener, NULL, NULL);
    expect_read(peer, "kept");
    assert_int_equal(write(peer, "in", 2), 2);
    close(peer); /* what it sent is read first */
    WAIT_FOR(t->chr->out_fd < 0);
    assert_string_equal(t->got->str, "in");
    assert_int_equal(put(t, "more"), 4);
    close(listener);
}

/* Without reconnect= it is over when the peer goes. */
static void once(void **state)
{
    struct chardev_test *t = *state;

    t->cfg.kind = CHARDEV_SOCKET;
    t->cfg.path = chardev_test_path(t, "peer");
    int listener = chardev_test_listen(t->cfg.path);
    chardev_test_open(t);
    int peer = accept(listener, NULL, NULL);
    put(t, "hello");
    expect_read(peer, "hello");
    close(peer);
    WAIT_FOR(t->chr->out_fd < 0);
    assert_int_equal(put(t, "vanishes"), 8);
    assert_int_equal(t->chr->backlog->len, 0);
    close(listener);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, chardev_test_setup, chardev_test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server),     TEST(long_backlog), TEST(slow_client), TEST(vanishes_when_full),
        TEST(long_input), TEST(escape_keys),  TEST(waits),       TEST(refused),
        TEST(reconnects), TEST(once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
