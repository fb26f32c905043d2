/* local_xs.c: xenstore as a backend sees it, in process, beside a guest's connection. */
#include "xenner/host/local.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <gio/gio.h>
#include <string.h>

#define HOME "/local/domain/1"

struct fixture {
    struct store *store;
    struct xen_host *host;
    struct store_conn *guest;
    uint32_t answer; /* type of the guest's last answer */
    GString *heard;  /* "path path " of the watch */
    struct xs_watch *watch;
    unsigned bodies, interfere;
};

static void on_guest_message(void *opaque, const struct xsd_sockmsg *h, const void *payload)
{
    struct fixture *f = opaque;

    if (h->type != XS_WATCH_EVENT)
        f->answer = h->type;
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->store = store_new();
    f->host = local_host_new(NULL, NULL, NULL, f->store);
    f->guest = store_connect(f->store, 1, on_guest_message, f);
    f->heard = g_string_new(NULL);
    store_chmod(f->store, HOME, (struct store_perm){1, 0}, (struct store_perm){1, 0});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    local_host_free(f->host);
    store_disconnect(f->guest);
    store_free(f->store);
    g_string_free(f->heard, TRUE);
    g_free(f);
    return 0;
}

/* The guest writes (or reads, with no value); true when it may. */
static bool guest(struct fixture *f, const char *path, const char *value)
{
    g_autofree char *payload = g_strdup_printf("%s%c%s", path, '\0', value ? value : "");
    size_t len = strlen(path) + 1 + (value ? strlen(value) : 0);
    struct xsd_sockmsg h = {.type = value ? XS_WRITE : XS_READ, .len = (uint32_t)len};
    g_autofree uint8_t *copy = g_malloc(len);

    memcpy(copy, path, strlen(path) + 1);
    if (value)
        memcpy(copy + strlen(path) + 1, value, strlen(value));
    store_request(f->guest, &h, copy);
    return f->answer != XS_ERROR;
}

static void run_loop(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

#define XS(f, op, ...) ((f)->host->xs->op((f)->host, __VA_ARGS__))

static void read_write_list(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *value = NULL, *none = NULL;

    assert_true(XS(f, write, 0, HOME "/b", "two", NULL));
    assert_true(XS(f, write, 0, HOME "/a", "", NULL));
    value = XS(f, read, 0, HOME "/b", NULL);
    assert_string_equal(value, "two");
    g_auto(GStrv) names = XS(f, list, 0, HOME, NULL);
    assert_int_equal(g_strv_length(names), 2);
    assert_string_equal(names[0], "b"); /* as they were made */
    assert_string_equal(names[1], "a");
    assert_true(XS(f, rm, 0, HOME "/b", NULL));
    none = XS(f, read, 0, HOME "/b", &error);
    assert_null(none);
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
    g_autofree char *long_value = g_strnfill(5000, 'x');
    assert_false(XS(f, write, 0, HOME "/c", long_value, NULL));
    assert_false(XS(f, write, 0, "no path", "x", NULL));
}

/* A node without a value is there, all the same. */
static void empty_values(void **state)
{
    struct fixture *f = *state;
    g_autofree char *value = NULL, *direct = NULL;

    assert_true(guest(f, HOME "/empty", ""));
    direct = store_read(f->store, HOME "/empty");
    assert_string_equal(direct, "");
    value = XS(f, read, 0, HOME "/empty", NULL);
    assert_string_equal(value, "");
}

static void permissions(void **state)
{
    struct fixture *f = *state;

    assert_true(XS(f, write, 0, "/backend/x", "1", NULL));
    assert_true(XS(f, set_perms, 0, "/backend/x", 0, 1, NULL));
    assert_true(guest(f, "/backend/x", NULL));
    assert_false(guest(f, "/backend/x", "2"));
    assert_true(XS(f, set_perms, 0, "/backend/x", 0, 0, NULL));
    assert_false(guest(f, "/backend/x", NULL));
    assert_true(XS(f, write, 0, HOME "/y", "1", NULL));
    assert_true(XS(f, set_perms, 0, HOME "/y", 1, 0, NULL));
    assert_true(guest(f, HOME "/y", "2"));
}

static bool change_two(struct xen_host *h, uint32_t txn, void *opaque, GError **error)
{
    struct fixture *f = opaque;

    f->bodies++;
    assert_true(XS(f, write, txn, HOME "/a", "in", NULL));
    if (f->interfere) {
        f->interfere--;
        assert_true(guest(f, HOME "/a", "x"));
    }
    return XS(f, write, txn, HOME "/b", "in", NULL);
}

static bool change_and_fail(struct xen_host *h, uint32_t txn, void *opaque, GError **error)
{
    change_two(h, txn, opaque, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no");
    return false;
}

static void transactions(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *none = NULL, *value = NULL;

    assert_false(XS(f, transact, change_and_fail, f, &error));
    assert_string_equal(error->message, "no");
    none = XS(f, read, 0, HOME "/a", NULL);
    assert_null(none);
    f->bodies = 0;
    f->interfere = 2;
    assert_true(XS(f, transact, change_two, f, NULL));
    assert_int_equal(f->bodies, 3);
    value = XS(f, read, 0, HOME "/b", NULL);
    assert_string_equal(value, "in");
}

static void on_change(void *opaque, const char *path)
{
    struct fixture *f = opaque;

    g_string_append_printf(f->heard, "%s ", path);
}

static void watches(void **state)
{
    struct fixture *f = *state;
    struct xs_watch *w = XS(f, watch, HOME "/device", on_change, f);

    assert_string_equal(f->heard->str, ""); /* not from inside the call */
    run_loop();
    assert_string_equal(f->heard->str, HOME "/device ");
    g_string_truncate(f->heard, 0);
    guest(f, HOME "/device/a", "1");
    guest(f, HOME "/device/a", "2");
    guest(f, HOME "/devices", "2");
    guest(f, HOME "/device/b", "1");
    run_loop();
    assert_string_equal(f->heard->str, HOME "/device/a " HOME "/device/b ");
    g_string_truncate(f->heard, 0);
    guest(f, HOME "/device/a", "3");
    f->host->xs->unwatch(w);
    run_loop();
    assert_string_equal(f->heard->str, "");
    f->host->xs->unwatch(NULL);
}

/* A guest that changes thousands of nodes in one go can't make us keep a list of them. */
static void flood(void **state)
{
    struct fixture *f = *state;
    struct xs_watch *w = XS(f, watch, HOME "/device", on_change, f);

    for (unsigned i = 0; i < 900; i++) {
        g_autofree char *path = g_strdup_printf(HOME "/device/%u", i);
        assert_true(guest(f, path, "1"));
    }
    run_loop();
    g_auto(GStrv) words = g_strsplit(f->heard->str, " ", -1);
    assert_in_range(g_strv_length(words), 2, 70);
    assert_string_equal(words[0], HOME "/device"); /* "look at all of it" is among them */
    f->host->xs->unwatch(w);
}

static void unwatch_itself(void *opaque, const char *path)
{
    struct fixture *f = opaque;

    g_string_append(f->heard, "x");
    f->host->xs->unwatch(g_steal_pointer(&f->watch));
}

static void unwatch_inside(void **state)
{
    struct fixture *f = *state;

    f->watch = XS(f, watch, HOME, unwatch_itself, f);
    guest(f, HOME "/a", "1");
    run_loop();
    assert_string_equal(f->heard->str, "x");
    guest(f, HOME "/a", "1");
    run_loop();
    assert_string_equal(f->heard->str, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_write_list, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_values, setup, teardown),
        cmocka_unit_test_setup_teardown(permissions, setup, teardown),
        cmocka_unit_test_setup_teardown(transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(watches, setup, teardown),
        cmocka_unit_test_setup_teardown(flood, setup, teardown),
        cmocka_unit_test_setup_teardown(unwatch_inside, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
