/* backend/console.c and console_ring.c: both rings against a chardev that takes as much as the test says. */
#include "fake_host.h"

#include "xenner/backend/console.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/io/console.h>

enum { OUT_SIZE = 2048, IN_SIZE = 1024 };

/* Stands for chardev.c. */
struct chardev {
    const struct chardev_user *user;
    void *opaque;
    GString *got;
    size_t room;     /* that chardev_write() still takes */
    struct xencons_interface *refill; /* this guest writes as fast as it is read */
    GString *unread; /* input that the backend did not take */
};

struct fixture {
    struct fake_host *host;
    struct chardev chr;
    struct console_backend *b;
    struct xencons_interface *ring;
};

size_t chardev_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    size_t n = MIN(len, chr->room);

    g_string_append_len(chr->got, (const char *)data, (gssize)n);
    chr->room -= n;
    if (chr->refill) {
        g_string_truncate(chr->got, 0);
        chr->refill->out_prod += (XENCONS_RING_IDX)n;
    }
    return n;
}

const char *chardev_label(const struct chardev *chr)
{
    return "pty:/dev/pts/9";
}

void chardev_set_user(struct chardev *chr, const struct chardev_user *user, void *opaque)
{
    chr->user = user;
    chr->opaque = opaque;
}

void chardev_accept_input(struct chardev *chr)
{
    size_t n = 1;

    while (chr->unread->len && n) {
        n = chr->user->input(chr->opaque, (const uint8_t *)chr->unread->str, chr->unread->len);
        assert_true(n <= chr->unread->len);
        g_string_erase(chr->unread, 0, (gssize)n);
    }
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->host = fake_host_new();
    f->ring = f->host->page;
    f->chr = (struct chardev){.got = g_string_new(NULL), .unread = g_string_new(NULL),
                              .room = SIZE_MAX};
    f->b = console_backend_new(&f->host->base, FAKE_FRAME, FAKE_PORT, &f->chr, NULL);
    assert_non_null(f->b);
    assert_string_equal(f->host->written, "/local/domain/1/console/tty=/dev/pts/9");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    console_backend_free(f->b);
    assert_null(f->chr.user);
    fake_host_free(f->host);
    g_string_free(f->chr.got, TRUE);
    g_string_free(f->chr.unread, TRUE);
    g_free(f);
    return 0;
}

/* The guest's side. */
static size_t guest_put(struct fixture *f, const char *text, size_t len)
{
    size_t n = MIN(len, OUT_SIZE - (f->ring->out_prod - f->ring->out_cons));

    for (size_t i = 0; i < n; i++)
        f->ring->out[MASK_XENCONS_IDX(f->ring->out_prod + i, f->ring->out)] = text[i];
    f->ring->out_prod += (XENCONS_RING_IDX)n;
    return n;
}

static void guest_get(struct fixture *f, GString *to)
{
    for (; f->ring->in_cons != f->ring->in_prod; f->ring->in_cons++)
        g_string_append_c(to, f->ring->in[MASK_XENCONS_IDX(f->ring->in_cons, f->ring->in)]);
}

static char *sample(size_t len)
{
    char *text = g_malloc(len + 1);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)('!' + i % 90);
    text[len] = '\0';
    return text;
}

static void output(void **state)
{
    struct fixture *f = *state;
    g_autofree char *text = sample(5 * OUT_SIZE);
    size_t len = strlen(text), piece = 1;

    for (size_t at = 0; at < len; piece = piece * 2 % 2500 + 1) {
        at += guest_put(f, text + at, MIN(piece, len - at));
        unsigned before = f->host->notified;
        fake_host_event(f->host);
        assert_int_equal(f->ring->out_cons, f->ring->out_prod);
        assert_int_equal(f->host->notified, before + 1); /* there is room again */
    }
    assert_string_equal(f->chr.got->str, text);
    unsigned before = f->host->notified;
    fake_host_event(f->host);
    assert_int_equal(f->host->notified, before); /* nothing new */
}

/* While nobody reads, it waits in the ring, and the guest is not told of room that isn't there. */
static void slow_reader(void **state)
{
    struct fixture *f = *state;
    g_autofree char *text = sample(3 * OUT_SIZE);
    size_t len = strlen(text), at = 0;

    f->chr.room = 0;
    at += guest_put(f, text, len);
    assert_int_equal(at, OUT_SIZE);
    fake_host_event(f->host);
    fake_host_event(f->host);
    assert_int_equal(f->ring->out_cons, 0);
    assert_int_equal(f->host->notified, 0);
    while (f->chr.got->len < len) {
        unsigned before = f->host->notified;
        f->chr.room = 100;
        f->chr.user->writable(f->chr.opaque);
        assert_int_equal(f->host->notified, before + 1);
        at += guest_put(f, text + at, len - at);
    }
    assert_string_equal(f->chr.got->str, text);
}

/* Indices run freely and pass 2^32. */
static void wraps(void **state)
{
    struct fixture *f = *state;
    g_autofree char *text = sample(600);
    g_autoptr(GString) got = g_string_new(NULL);

    f->ring->out_prod = f->ring->out_cons = UINT32_MAX - 299;
    f->ring->in_prod = f->ring->in_cons = UINT32_MAX - 299;
    guest_put(f, text, 600);
    fake_host_event(f->host);
    assert_string_equal(f->chr.got->str, text);
    assert_int_equal(f->ring->out_cons, 300);
    g_string_append(f->chr.unread, text);
    chardev_accept_input(&f->chr);
    guest_get(f, got);
    assert_string_equal(got->str, text);
    assert_int_equal(f->ring->in_prod, 300);
}

/* More input than the ring holds comes in pieces, as the guest reads them. */
static void long_input(void **state)
{
    struct fixture *f = *state;
    g_autofree char *text = sample(5 * IN_SIZE + 77);
    g_autoptr(GString) got = g_string_new(NULL);

    g_string_append(f->chr.unread, text);
    chardev_accept_input(&f->chr);
    assert_int_equal(f->ring->in_prod, IN_SIZE);
    assert_int_equal(f->host->notified, 1);
    fake_host_event(f->host); /* it read nothing: there is no room for more */
    assert_int_equal(f->ring->in_prod, IN_SIZE);
    for (unsigned i = 0; i < 6; i++) {
        guest_get(f, got);
        fake_host_event(f->host);
    }
    assert_string_equal(got->str, text);
    assert_int_equal(f->chr.unread->len, 0);
}

/* The guest lies about its indices: nothing outside the ring is touched, and it goes on. */
static void hostile(void **state)
{
    static const uint32_t lies[][2] = { /* producer, consumer */
        {OUT_SIZE + 1, 0}, {0, 1}, {UINT32_MAX, 0}, {0x80000000, 0}, {0, 0x80000000},
        {5, UINT32_MAX - OUT_SIZE}, {12345, 5},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        f->ring->out_prod = lies[i][0];
        f->ring->out_cons = lies[i][1];
        g_string_set_size(f->chr.got, 0);
        fake_host_event(f->host);
        assert_int_equal(f->chr.got->len, 0);
        assert_int_equal(f->ring->out_cons, lies[i][0]); /* caught up */
        assert_int_equal(guest_put(f, "alive", 5), 5);
        fake_host_event(f->host);
        assert_string_equal(f->chr.got->str, "alive");

        f->ring->in_prod = lies[i][0];
        f->ring->in_cons = lies[i][1];
        g_string_assign(f->chr.unread, "lost");
        chardev_accept_input(&f->chr); /* must not wait for ever either */
        assert_int_equal(f->chr.unread->len, 0);
        f->ring->in_prod = f->ring->in_cons = 0;
        g_string_assign(f->chr.unread, "kept");
        chardev_accept_input(&f->chr);
        assert_int_equal(f->ring->in_prod, 4);
    }
}

/* Output without end: each event and each turn of the main loop comes back, and goes on later. */
static void endless(void **state)
{
    struct fixture *f = *state;

    f->chr.refill = f->ring;
    guest_put(f, "again", 5);
    fake_host_event(f->host);
    assert_int_equal(f->ring->out_prod - f->ring->out_cons, 5);
    XENCONS_RING_IDX before = f->ring->out_cons;
    assert_true(g_main_context_iteration(NULL, FALSE));
    assert_true(f->ring->out_cons != before);
    console_backend_drain(f->b);
    f->chr.refill = NULL;
    while (g_main_context_iteration(NULL, FALSE))
        ;
    assert_int_equal(f->ring->out_cons, f->ring->out_prod);
    /* one that waits for its turn goes with the console */
    f->chr.refill = f->ring;
    guest_put(f, "again", 5);
    fake_host_event(f->host);
    console_backend_free(f->b);
    f->b = NULL;
    assert_false(g_main_context_iteration(NULL, FALSE));
}

static void last_words(void **state)
{
    struct fixture *f = *state;

    guest_put(f, "one ", 4);
    console_backend_drain(f->b);
    assert_string_equal(f->chr.got->str, "one ");
    /* text beside the ring comes after what is in it */
    guest_put(f, "two ", 4);
    console_backend_debug_out(f->b, "three ", 6);
    assert_string_equal(f->chr.got->str, "one two three ");
    f->chr.room = 3;
    console_backend_debug_out(f->b, "lost", 4);
    console_backend_debug_out(f->b, "lost", 4);
    assert_string_equal(f->chr.got->str, "one two three los");
    /* without an event, the end fetches what is left */
    f->chr.room = SIZE_MAX;
    guest_put(f, " end", 4);
    console_backend_free(f->b);
    assert_string_equal(f->chr.got->str, "one two three los end");
    f->b = NULL;
    console_backend_free(NULL);
}

static void note_key(void *opaque, struct console_backend *b, char key)
{
    *(char *)opaque = key;
}

static void escape_keys(void **state)
{
    struct fixture *f = *state;
    char key = 0;

    f->chr.user->escape(f->chr.opaque, 'x'); /* nobody wants it */
    console_backend_set_escape(f->b, note_key, &key);
    f->chr.user->escape(f->chr.opaque, 'c');
    assert_int_equal(key, 'c');
}

static void needs_page_and_port(void **state)
{
    struct fixture *f = *state;
    struct fake_host *other = fake_host_new();
    struct chardev chr = {0};
    g_autoptr(GError) no_page = NULL;
    g_autoptr(GError) no_port = NULL;

    assert_null(console_backend_new(&other->base, FAKE_FRAME + 1, FAKE_PORT, &chr, &no_page));
    assert_string_equal(no_page->message, "no frame");
    assert_null(console_backend_new(&other->base, FAKE_FRAME, FAKE_PORT + 1, &chr, &no_port));
    assert_string_equal(no_port->message, "no port 8");
    assert_null(chr.user);
    fake_host_free(other);
    assert_non_null(f->chr.user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(output, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(wraps, setup, teardown),
        cmocka_unit_test_setup_teardown(long_input, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(endless, setup, teardown),
        cmocka_unit_test_setup_teardown(last_words, setup, teardown),
        cmocka_unit_test_setup_teardown(escape_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(needs_page_and_port, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
