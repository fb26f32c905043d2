/* xenstored's socket: several clients, slow ones, hostile ones, and a store that changes under them. */
#include "xenner/host/store/priv.h"
#include "xenner/host/store/socket.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
    char *dir, *path;
    struct store *store;
    struct store_socket *socket;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->dir = g_dir_make_tmp("store-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "xenstore", NULL);
    f->store = store_new();
    f->socket = store_socket_new(f->path, NULL);
    assert_non_null(f->socket);
    store_socket_serve(f->socket, f->store);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_socket_free(f->socket);
    store_socket_free(NULL);
    store_free(f->store);
    int rc = g_rmdir(f->dir); /* fails when the socket is still there */
    g_free(f->path);
    g_free(f->dir);
    g_free(f);
    return rc;
}

static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static int open_client(const struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    settle();
    return fd;
}

/* A message, '|' for NUL. */
static GByteArray *message(uint32_t type, uint32_t tx, const char *payload)
{
    struct xsd_sockmsg h = {.type = type, .tx_id = tx, .len = (uint32_t)strlen(payload)};
    GByteArray *m = g_byte_array_new();

    g_byte_array_append(m, (const guint8 *)&h, sizeof(h));
    g_byte_array_append(m, (const guint8 *)payload, h.len);
    for (guint i = sizeof(h); i < m->len; i++)
        m->data[i] = m->data[i] == '|' ? 0 : m->data[i];
    return m;
}

/* The next message to fd as text; "" when there is none, "closed" at the end. */
static char *hear(int fd)
{
    struct xsd_sockmsg h;
    char payload[XENSTORE_PAYLOAD_MAX];
    ssize_t n = recv(fd, &h, sizeof(h), 0);

    if (n < 0 && errno == EAGAIN)
        return g_strdup("");
    if (n <= 0)
        return g_strdup("closed");
    assert_int_equal(n, sizeof(h));
    assert_true(h.len <= sizeof(payload));
    assert_int_equal(h.len ? recv(fd, payload, h.len, 0) : 0, h.len);
    for (uint32_t i = 0; i < h.len; i++)
        payload[i] = payload[i] ? payload[i] : '|';
    return g_strdup_printf("%s%.*s", h.type == XS_ERROR         ? "ERROR "
                                     : h.type == XS_WATCH_EVENT ? "EVENT "
                                                                : "",
                           (int)h.len, payload);
}

static void expect(int fd, const char *want)
{
    g_autofree char *got = hear(fd);

    assert_string_equal(got, want);
}

static void say(int fd, uint32_t type, uint32_t tx, const char *payload)
{
    g_autoptr(GByteArray) m = message(type, tx, payload);

    assert_int_equal(send(fd, m->data, m->len, MSG_NOSIGNAL), m->len);
    settle();
}

static void ask(int fd, uint32_t type, uint32_t tx, const char *payload, const char *want)
{
    say(fd, type, tx, payload);
    expect(fd, want);
}

static void two_clients(void **state)
{
    const struct fixture *f = *state;
    struct stat st;
    int a = open_client(f), b = open_client(f);

    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    ask(a, XS_WRITE, 0, "/x|1", "OK|");
    ask(b, XS_READ, 0, "/x|", "1");
    ask(b, XS_WATCH, 0, "/x|tok|", "OK|");
    expect(b, "EVENT /x|tok|");
    ask(a, XS_TRANSACTION_START, 0, "|", "1|");
    ask(b, XS_TRANSACTION_START, 0, "|", "2|");
    ask(a, XS_WRITE, 1, "/x|2", "OK|");
    ask(b, XS_WRITE, 2, "/x|3", "OK|");
    ask(b, XS_READ, 1, "/x|", "ERROR ENOENT|"); /* not its own */
    ask(a, XS_TRANSACTION_END, 1, "T|", "OK|");
    expect(b, "EVENT /x|tok|");
    ask(b, XS_TRANSACTION_END, 2, "T|", "ERROR EAGAIN|");
    ask(a, XS_READ, 0, "/x|", "2");
    close(a);
    close(b);
    settle();
}

static void ended_client_leaves_nothing(void **state)
{
    const struct fixture *f = *state;
    int a = open_client(f);

    ask(a, XS_WATCH, 0, "/|t|", "OK|");
    expect(a, "EVENT /|t|");
    ask(a, XS_TRANSACTION_START, 0, "|", "1|");
    assert_int_equal(f->store->conns->len, 1);
    close(a);
    settle();
    assert_int_equal(f->store->conns->len, 0);
    store_write(f->store, "/y", "1"); /* tells nobody */
    settle();
}

static void pieces(void **state)
{
    const struct fixture *f = *state;
    g_autoptr(GByteArray) one = message(XS_WRITE, 0, "/p|whole"), two = message(XS_READ, 0, "/p|");
    int a = open_client(f);

    g_byte_array_append(one, two->data, two->len);
    for (guint i = 0; i < one->len; i++) {
        assert_int_equal(send(a, one->data + i, 1, 0), 1);
        settle();
    }
    expect(a, "OK|");
    expect(a, "whole");
    assert_int_equal(send(a, one->data, one->len, 0), one->len);
    settle();
    expect(a, "OK|");
    expect(a, "whole");
    close(a);
    settle();
}

static void too_long(void **state)
{
    const struct fixture *f = *state;
    struct xsd_sockmsg h = {.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1};
    int a = open_client(f), b = open_client(f);

    assert_int_equal(send(a, &h, sizeof(h), 0), sizeof(h));
    settle();
    expect(a, "closed");
    ask(b, XS_READ, 0, "/none|", "ERROR ENOENT|");
    assert_int_equal(f->store->conns->len, 1);
    close(a);
    close(b);
    settle();
}

/* It asks and asks: nothing is lost once it reads, and until then it does not fill our memory. */
static void reads_late(void **state)
{
    const struct fixture *f = *state;
    g_autofree char *value = g_strnfill(STORE_MAX_VALUE, 'v');
    g_autoptr(GByteArray) m = message(XS_READ, 0, "/long|");
    unsigned asked = 0, partial = 0;
    int a = open_client(f), b = open_client(f);

    store_write(f->store, "/long", value);
    for (unsigned idle = 0; idle < 3;) {
        ssize_t n = send(a, m->data + partial, m->len - partial, MSG_NOSIGNAL);
        idle = n < 0 ? idle + 1 : 0;
        settle();
        partial += n > 0 ? (unsigned)n : 0;
        asked += partial == m->len;
        partial %= m->len;
        assert_true(asked < 1000000); /* else it is read from for ever */
    }
    assert_true(asked > 10);
    ask(b, XS_READ, 0, "/none|", "ERROR ENOENT|");
    for (unsigned i = 0; i < asked; i++) {
        g_autofree char *got = NULL;
        for (settle(); !*(got = hear(a)); settle())
            g_free(got);
        assert_string_equal(got, value);
    }
    close(a);
    close(b);
    settle();
}

static void never_fetches_events(void **state)
{
    const struct fixture *f = *state;
    int a = open_client(f), b = open_client(f);
    g_autofree char *path = g_strnfill(2000, 'p');

    path[0] = '/';
    ask(a, XS_WATCH, 0, "/|t|", "OK|");
    for (unsigned i = 0; i < 2000 && f->store->conns->len == 2; i++) {
        store_write(f->store, path, "x");
        settle();
    }
    assert_int_equal(f->store->conns->len, 1);
    ask(b, XS_READ, 0, "/none|", "ERROR ENOENT|");
    close(a);
    close(b);
    settle();
}

static void too_many_clients(void **state)
{
    const struct fixture *f = *state;
    int fd[STORE_SOCKET_CLIENTS];

    for (unsigned i = 0; i < STORE_SOCKET_CLIENTS; i++)
        fd[i] = open_client(f);
    int more = open_client(f);
    expect(more, "closed");
    close(more);
    ask(fd[0], XS_READ, 0, "/none|", "ERROR ENOENT|");
    close(fd[1]);
    settle();
    fd[1] = open_client(f);
    ask(fd[1], XS_READ, 0, "/none|", "ERROR ENOENT|");
    for (unsigned i = 0; i < STORE_SOCKET_CLIENTS; i++)
        close(fd[i]);
    settle();
}

static void bounds_of_one_client(void **state)
{
    const struct fixture *f = *state;
    int a = open_client(f);

    for (unsigned i = 0; i < STORE_MAX_TXNS_DOM0; i++) {
        g_autofree char *id = g_strdup_printf("%u|", i + 1);
        ask(a, XS_TRANSACTION_START, 0, "|", id);
    }
    ask(a, XS_TRANSACTION_START, 0, "|", "ERROR ENOSPC|");
    for (unsigned i = 0; i < STORE_MAX_WATCHES_DOM0; i++) {
        g_autofree char *w = g_strdup_printf("/w|%u|", i), *e = g_strdup_printf("EVENT /w|%u|", i);
        ask(a, XS_WATCH, 0, w, "OK|");
        expect(a, e);
    }
    ask(a, XS_WATCH, 0, "/w|more|", "ERROR E2BIG|");
    close(a);
    settle();
}

/* The guest reboots: another store. */
static void another_store(void **state)
{
    const struct fixture *f = *state;
    struct store *next = store_new();
    int a = open_client(f);

    store_write(next, "/x", "new");
    ask(a, XS_WRITE, 0, "/x|old", "OK|");
    ask(a, XS_WATCH, 0, "/x|t|", "OK|");
    expect(a, "EVENT /x|t|");
    ask(a, XS_TRANSACTION_START, 0, "|", "1|");
    store_socket_serve(f->socket, NULL);
    expect(a, "EVENT /x|t|");
    ask(a, XS_READ, 0, "/x|", "ERROR ENOENT|");
    store_socket_serve(f->socket, next);
    expect(a, "EVENT /x|t|");
    ask(a, XS_READ, 0, "/x|", "new");
    ask(a, XS_READ, 1, "/x|", "ERROR ENOENT|");
    store_write(next, "/x", "newer");
    expect(a, "EVENT /x|t|");
    store_socket_serve(f->socket, NULL);
    store_free(next);
    close(a);
    settle();
}

static void no_path(void **state)
{
    const struct fixture *f = *state;
    g_autofree char *path = g_strnfill(200, 'x');
    GError *error = NULL;

    assert_null(store_socket_new(path, &error));
    assert_non_null(strstr(error->message, "longer than"));
    g_clear_error(&error);
    assert_null(store_socket_new(f->path, &error)); /* taken, and stays the other's */
    assert_non_null(error);
    g_clear_error(&error);
    assert_true(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(ended_client_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_late, setup, teardown),
        cmocka_unit_test_setup_teardown(never_fetches_events, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_of_one_client, setup, teardown),
        cmocka_unit_test_setup_teardown(another_store, setup, teardown),
        cmocka_unit_test_setup_teardown(no_path, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
