/* host/store/ring.c: requests in pieces, hostile indices and lengths, guests that fetch nothing. */
#include "fake_host.h"

#include "xenner/host/store/ring.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

struct fixture {
    struct fake_host *host;
    struct store *store;
    struct store_ring *ring;
    struct xenstore_domain_interface *page;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->host = fake_host_new();
    f->store = store_new();
    f->page = f->host->page;
    f->ring = store_ring_new(&f->host->base, FAKE_FRAME, FAKE_PORT, f->store, NULL);
    assert_non_null(f->ring);
    store_chmod(f->store, "/local/domain/1", (struct store_perm){FAKE_GUEST, 0},
                (struct store_perm){FAKE_GUEST, 0});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_ring_free(f->ring);
    store_free(f->store);
    fake_host_free(f->host);
    g_free(f);
    return 0;
}

/* The guest's side: puts what fits, returns how much it was. */
static size_t put(struct fixture *f, const void *data, size_t len)
{
    size_t room = XENSTORE_RING_SIZE - (f->page->req_prod - f->page->req_cons);
    size_t n = MIN(len, room);

    for (size_t i = 0; i < n; i++)
        f->page->req[MASK_XENSTORE_IDX(f->page->req_prod + i)] = ((const char *)data)[i];
    f->page->req_prod += (XENSTORE_RING_IDX)n;
    return n;
}

static void get_all(struct fixture *f, GByteArray *to)
{
    for (; f->page->rsp_cons != f->page->rsp_prod; f->page->rsp_cons++)
        g_byte_array_append(to, (guint8 *)&f->page->rsp[MASK_XENSTORE_IDX(f->page->rsp_cons)], 1);
}

static GByteArray *message(uint32_t type, uint32_t id, const void *payload, size_t len)
{
    GByteArray *m = g_byte_array_new();
    struct xsd_sockmsg h = {.type = type, .req_id = id, .len = (uint32_t)len};

    g_byte_array_append(m, (const guint8 *)&h, sizeof(h));
    g_byte_array_append(m, payload, (guint)len);
    return m;
}

/* Sends m in pieces of at most `piece` bytes, fetches what comes. */
static void exchange(struct fixture *f, const GByteArray *m, size_t piece, GByteArray *answers)
{
    for (size_t at = 0; at < m->len;) {
        size_t n = put(f, m->data + at, MIN(piece, m->len - at));
        assert_true(n > 0);
        at += n;
        fake_host_event(f->host);
        get_all(f, answers);
    }
    for (unsigned before = 0; before != answers->len;) { /* the rest of a long answer */
        before = answers->len;
        fake_host_event(f->host);
        get_all(f, answers);
    }
}

static void expect(const GByteArray *answers, uint32_t type, uint32_t id, const char *payload,
                   size_t len)
{
    struct xsd_sockmsg h;

    assert_int_equal(answers->len, sizeof(h) + len);
    memcpy(&h, answers->data, sizeof(h));
    assert_int_equal(h.type, type);
    assert_int_equal(h.req_id, id);
    assert_int_equal(h.len, len);
    assert_memory_equal(answers->data + sizeof(h), payload, len);
}

static void pieces(void **state)
{
    struct fixture *f = *state;
    g_autofree char *value = g_malloc0(4 + 2000);

    memcpy(value, "key", 4);
    memset(value + 4, 'v', 2000);
    for (size_t piece = 1; piece < 1100; piece = piece * 3 + 1) {
        g_autoptr(GByteArray) write = message(XS_WRITE, 5, value, 4 + 2000);
        g_autoptr(GByteArray) read = message(XS_READ, 6, "key", 4);
        g_autoptr(GByteArray) first = g_byte_array_new();
        g_autoptr(GByteArray) second = g_byte_array_new();

        exchange(f, write, piece, first);
        expect(first, XS_WRITE, 5, "OK", 3);
        exchange(f, read, piece, second); /* the answer is longer than the ring */
        expect(second, XS_READ, 6, value + 4, 2000);
    }
    assert_true(f->host->notified > 0);
}

/* Indices run freely and pass 2^32. */
static void wraps(void **state)
{
    struct fixture *f = *state;

    f->page->req_prod = f->page->req_cons = UINT32_MAX - 20;
    f->page->rsp_prod = f->page->rsp_cons = UINT32_MAX - 5;
    for (unsigned i = 0; i < 4; i++) {
        g_autoptr(GByteArray) m = message(XS_MKDIR, i, "dir", 4);
        g_autoptr(GByteArray) answers = g_byte_array_new();

        exchange(f, m, 7, answers);
        expect(answers, XS_MKDIR, i, "OK", 3);
    }
    assert_true(f->page->req_prod < 1000);
}

static void several_at_once(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) m = message(XS_MKDIR, 9, "dir", 4);
    g_autoptr(GByteArray) answers = g_byte_array_new();
    unsigned n = 0;

    while (XENSTORE_RING_SIZE - (f->page->req_prod - f->page->req_cons) >= m->len)
        n += put(f, m->data, m->len) == m->len;
    assert_true(n > 10);
    fake_host_event(f->host);
    while (g_main_context_iteration(NULL, FALSE)) /* those that were too many for one turn */
        ;
    assert_int_equal(f->page->req_cons, f->page->req_prod);
    get_all(f, answers);
    assert_int_equal(answers->len, n * (sizeof(struct xsd_sockmsg) + 3));
}

static void no_event_without_news(void **state)
{
    struct fixture *f = *state;

    fake_host_event(f->host);
    assert_int_equal(f->host->notified, 0);
}

/* Each of the guest's lies in a fresh ring: no crash, no access outside, silence from then on. */
static void hostile(void **state)
{
    static const struct {
        uint32_t req_prod, req_cons, rsp_prod, rsp_cons, len;
    } lies[] = {
        {XENSTORE_RING_SIZE + 1, 0, 0, 0, 0},
        {UINT32_MAX, 0, 0, 0, 0},
        {0x80000000, 0, 0, 0, 0},
        {0, 1, 0, 0, 0},
        {5, UINT32_MAX, XENSTORE_RING_SIZE + 1, 0, 0},
        {20, 0, 0, 1, 0},
        {20, 0, 0, 0x80000000, 0},
        {20, 0, XENSTORE_RING_SIZE + 1, 0, 0},
        {16, 0, 0, 0, XENSTORE_PAYLOAD_MAX + 1},
        {16, 0, 0, 0, UINT32_MAX},
        {16, 0, 0, 0, UINT32_MAX - 15},
        {1024, 0, 0, 0, XENSTORE_PAYLOAD_MAX},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        struct fixture *f = *state;
        struct xsd_sockmsg h = {.type = XS_READ, .len = lies[i].len};

        memset(f->page, 0, FRAME_SIZE);
        memcpy(f->page->req, &h, sizeof(h));
        f->page->req_prod = lies[i].req_prod;
        f->page->req_cons = lies[i].req_cons;
        f->page->rsp_prod = lies[i].rsp_prod;
        f->page->rsp_cons = lies[i].rsp_cons;
        fake_host_event(f->host);
        fake_host_event(f->host);
        store_write(f->store, "/x", "1");
        if (f->page->req_prod - lies[i].req_cons > XENSTORE_RING_SIZE)
            assert_int_equal(f->page->req_cons, lies[i].req_cons);
        if (lies[i].rsp_prod - lies[i].rsp_cons > XENSTORE_RING_SIZE)
            assert_int_equal(f->page->rsp_prod, lies[i].rsp_prod);
        /* it goes on talking; a message that is too long must not be taken in */
        for (unsigned k = 0; lies[i].len && k < 8; k++) {
            uint32_t taken = f->page->req_cons;
            f->page->req_prod = taken + XENSTORE_RING_SIZE;
            fake_host_event(f->host);
            if (lies[i].len > XENSTORE_PAYLOAD_MAX)
                assert_int_equal(f->page->req_cons, taken);
        }
        teardown(state);
        setup(state);
    }
}

/* It watches, and never fetches: what is kept for it ends somewhere, others go on. */
static void never_fetches(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) watch = message(XS_WATCH, 1, "/\0token", 8);
    g_autoptr(GByteArray) answers = g_byte_array_new();
    char path[2001];

    assert_int_equal(put(f, watch->data, watch->len), watch->len);
    fake_host_event(f->host);
    memset(path, 'p', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    for (unsigned i = 0; i < 2000; i++) /* 4 MB of events */
        store_write(f->store, path, "1");
    for (unsigned before = 1; before != answers->len;) {
        before = answers->len;
        get_all(f, answers);
        fake_host_event(f->host);
    }
    assert_true(answers->len > 1 << 20);
    assert_true(answers->len < (1 << 20) + 8192);
    /* all messages in it are whole */
    size_t at = 0;
    for (struct xsd_sockmsg h; at < answers->len; at += sizeof(h) + h.len) {
        assert_true(answers->len - at >= sizeof(h));
        memcpy(&h, answers->data + at, sizeof(h));
        assert_true(h.type == XS_WATCH_EVENT || at == 0);
    }
    assert_int_equal(at, answers->len);
    /* and it may go on */
    g_autoptr(GByteArray) read = message(XS_READ, 2, path, sizeof(path));
    g_byte_array_set_size(answers, 0);
    exchange(f, read, 1024, answers);
    expect(answers, XS_READ, 2, "1", 1);
}

/* A ring full of requests, and the guest may fill it again meanwhile: a turn serves some of them. */
static void many(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) reset = message(XS_RESET_WATCHES, 1, "", 0);
    g_autoptr(GByteArray) answers = g_byte_array_new();
    unsigned sent = 0;

    for (; put(f, reset->data, reset->len); sent++)
        ;
    assert_int_equal(sent, 64);
    fake_host_event(f->host);
    uint32_t first = f->page->req_cons;
    assert_in_range(first, 1, f->page->req_prod - 1);
    assert_true(g_main_context_iteration(NULL, FALSE));
    assert_true(f->page->req_cons > first);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    assert_int_equal(f->page->req_cons, f->page->req_prod);
    for (unsigned i = 0; i < 2; i++, fake_host_event(f->host))
        get_all(f, answers);
    assert_int_equal(answers->len, sent * (sizeof(struct xsd_sockmsg) + sizeof("OK")));
    /* a turn that is still to come goes with the ring */
    while (put(f, reset->data, reset->len))
        ;
    fake_host_event(f->host);
}

static void needs_page_and_port(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GError) no_page = NULL;
    g_autoptr(GError) no_port = NULL;
    struct fake_host *other = fake_host_new();

    assert_null(store_ring_new(&other->base, FAKE_FRAME + 1, FAKE_PORT, f->store, &no_page));
    assert_string_equal(no_page->message, "no frame");
    assert_null(store_ring_new(&other->base, FAKE_FRAME, FAKE_PORT + 1, f->store, &no_port));
    assert_string_equal(no_port->message, "no port 8");
    store_ring_free(NULL);
    fake_host_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(wraps, setup, teardown),
        cmocka_unit_test_setup_teardown(several_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(no_event_without_news, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(never_fetches, setup, teardown),
        cmocka_unit_test_setup_teardown(many, setup, teardown),
        cmocka_unit_test_setup_teardown(needs_page_and_port, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
