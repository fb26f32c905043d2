/* console_tty.c: the terminal of xenconsoled's (here: ours) against a chardev that takes what the test says. */
#include "xenner/backend/console.h"
#include "xenner/host/local.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <xen/io/console.h>

#define TTY "/local/domain/1/console/tty"

enum { RING = 9 };

/* Stands for chardev.c. */
struct chardev {
    const struct chardev_user *user;
    void *opaque;
    GString *got;
    size_t room;
    GString *unread; /* input that the backend did not take yet */
};

struct fixture {
    struct guest_mem *mem;
    struct store *store;
    struct xen_host *host;
    struct chardev chr;
    struct console_backend *console;
    GString *tapped;
    int master;
};

size_t chardev_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    size_t n = MIN(len, chr->room);

    g_string_append_len(chr->got, (const char *)data, (gssize)n);
    chr->room -= n;
    return n;
}

const char *chardev_label(const struct chardev *chr)
{
    return "null";
}

void chardev_set_user(struct chardev *chr, const struct chardev_user *user, void *opaque)
{
    chr->user = user;
    chr->opaque = opaque;
}

void chardev_accept_input(struct chardev *chr)
{
    size_t n = 1;

    while (chr->user && chr->unread->len && n) {
        n = chr->user->input(chr->opaque, (const uint8_t *)chr->unread->str, chr->unread->len);
        g_string_erase(chr->unread, 0, (gssize)n);
    }
}

static void on_tap(void *opaque, const uint8_t *data, size_t len)
{
    struct fixture *f = opaque;

    g_string_append_len(f->tapped, (const char *)data, (gssize)len);
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->mem = guest_mem_new(2 << 20, 0, NULL);
    f->store = store_new();
    f->host = local_host_new(f->mem, NULL, NULL, f->store);
    f->chr = (struct chardev){.got = g_string_new(NULL), .room = SIZE_MAX,
                              .unread = g_string_new(NULL)};
    f->tapped = g_string_new(NULL);
    f->console = console_backend_new_tty(f->host, "console/tty", &f->chr);
    console_backend_set_tap(f->console, on_tap, f);
    f->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_int_equal(grantpt(f->master) | unlockpt(f->master), 0);
    struct termios mode;
    assert_int_equal(tcgetattr(f->master, &mode), 0);
    cfmakeraw(&mode); /* as xenconsoled does */
    assert_int_equal(tcsetattr(f->master, TCSANOW, &mode), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    console_backend_free(f->console);
    local_host_free(f->host);
    store_free(f->store);
    guest_mem_free(f->mem);
    if (f->master >= 0)
        close(f->master);
    g_string_free(f->chr.got, TRUE);
    g_string_free(f->chr.unread, TRUE);
    g_string_free(f->tapped, TRUE);
    g_free(f);
    return 0;
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        while (!(condition))                                                                       \
            g_main_context_iteration(NULL, TRUE);                                                  \
    } while (0)

/* xenconsoled comes, and tells where; the guest has written already. */
static void terminal_comes(struct fixture *f)
{
    store_write(f->store, TTY, ptsname(f->master));
    assert_int_equal(write(f->master, "hello", 5), 5);
    WAIT_FOR(f->chr.got->len == 5);
    assert_string_equal(f->chr.got->str, "hello");
    g_string_truncate(f->chr.got, 0);
    g_string_truncate(f->tapped, 0);
}

static void test_output(void **state)
{
    struct fixture *f = *state;

    terminal_comes(f);
    assert_int_equal(write(f->master, "a\r\nb", 4), 4);
    WAIT_FOR(f->chr.got->len == 4);
    assert_string_equal(f->chr.got->str, "a\r\nb"); /* a raw terminal changes nothing */
    assert_string_equal(f->tapped->str, "a\r\nb");
}

static void test_slow_reader(void **state)
{
    struct fixture *f = *state;

    terminal_comes(f);
    f->chr.room = 3;
    assert_int_equal(write(f->master, "abcdefgh", 8), 8);
    WAIT_FOR(f->chr.got->len == 3);
    f->chr.room = SIZE_MAX;
    f->chr.user->writable(f->chr.opaque);
    WAIT_FOR(f->chr.got->len == 8);
    assert_int_equal(write(f->master, "ij", 2), 2);
    WAIT_FOR(f->chr.got->len == 10);
    assert_string_equal(f->chr.got->str, "abcdefghij");
    assert_string_equal(f->tapped->str, "abcdefghij");
}

static size_t read_master(struct fixture *f, char *buf, size_t size)
{
    ssize_t n = read(f->master, buf, size);

    return n > 0 ? (size_t)n : 0;
}

static void test_input(void **state)
{
    struct fixture *f = *state;
    char buf[4096];
    size_t n = 0, all = 200000;

    g_string_append(f->chr.unread, "early");
    chardev_accept_input(&f->chr);
    assert_int_equal(f->chr.unread->len, 5); /* nobody is there yet */
    terminal_comes(f);
    WAIT_FOR((n += read_master(f, buf + n, sizeof(buf) - n)) >= 5);
    assert_memory_equal(buf, "early", 5);

    /* more than a terminal holds: what does not fit comes later */
    for (size_t i = 0; i < all; i++)
        g_string_append_c(f->chr.unread, (char)('a' + i % 26));
    chardev_accept_input(&f->chr);
    assert_true(f->chr.unread->len > 0);
    for (size_t got = 0; got < all; got += n) {
        while ((n = read_master(f, buf, sizeof(buf))) == 0)
            g_main_context_iteration(NULL, FALSE);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(buf[i], 'a' + (got + i) % 26);
    }
    assert_int_equal(f->chr.unread->len, 0);
}

/* The guest ended; xenconsoled still holds a part, and then it is gone itself. */
static gpointer xenconsoled(gpointer data)
{
    struct fixture *f = data;
    struct xencons_interface *page = guest_frame(f->mem, mfn(RING));

    g_usleep(100000); /* its own pace */
    assert_int_equal(write(f->master, "last words", 10), 10);
    __atomic_store_n(&page->out_cons, page->out_prod, __ATOMIC_SEQ_CST);
    return NULL;
}

static void test_drain(void **state)
{
    struct fixture *f = *state;
    struct xencons_interface *page = guest_frame(f->mem, mfn(RING));

    terminal_comes(f);
    page->out_prod = 10;
    store_write(f->store, "/local/domain/1/console/ring-ref", G_STRINGIFY(9));
    GThread *thread = g_thread_new("xenconsoled", xenconsoled, f);
    console_backend_drain(f->console);
    assert_string_equal(f->chr.got->str, "last words");
    g_thread_join(thread);

    close(f->master);
    f->master = -1;
    console_backend_drain(f->console); /* returns */
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
    };

    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
