/* xenbus.c: the handshake's table, and a device of no kind against a guest of a few writes. */
#include "xenner/backend/xenbus.h"
#include "xenner/host/local.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <gio/gio.h>
#include <string.h>

#define FRONT "/local/domain/1/device/fake/3"
#define BACK  "/local/domain/0/backend/fake/1/3"

static void decisions(void **state)
{
    /* Per backend state, for each frontend state from Unknown to Reconfigured: the next, and
     * whether it connects (+) or disconnects (-) before that. "": stays. */
    static const struct {
        XenbusState backend;
        const char *next[9];
    } row[] = {
        {XenbusStateUnknown, {"", "", "", "", "", "", "", "", ""}},
        {XenbusStateInitialising, {"", "", "", "", "", "", "", "", ""}},
        {XenbusStateInitWait, {"", "", "", "+4", "+4", "5", "-6", "", ""}},
        {XenbusStateInitialised, {"", "", "", "", "", "", "", "", ""}},
        {XenbusStateConnected, {"-6", "-2", "", "", "", "5", "-6", "", ""}},
        {XenbusStateClosing, {"-6", "-2", "", "", "", "", "-6", "", ""}},
        {XenbusStateClosed, {"", "2", "", "+4", "+4", "", "", "", ""}},
        {XenbusStateReconfiguring, {"", "", "", "", "", "", "", "", ""}},
        {(XenbusState)99, {"", "", "", "", "", "", "", "", ""}},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        for (unsigned f = 0; f < 9; f++) {
            static const char sign[] = {' ', ' ', '+', '-'};
            struct xenbus_decision d = xenbus_decide(row[i].backend, (XenbusState)f);
            g_autofree char *got = g_strdup_printf("%c%d", sign[d.action], d.state);
            if (d.action == XENBUS_STAY) {
                assert_int_equal(d.state, row[i].backend);
                got[0] = '\0';
            }
            if (strcmp(g_strstrip(got), row[i].next[f]) != 0)
                fail_msg("backend %d, frontend %u: '%s'", row[i].backend, f, got);
        }
    }
    assert_int_equal(xenbus_decide(XenbusStateConnected, (XenbusState)-1).action, XENBUS_STAY);
    assert_int_equal(xenbus_decide(XenbusStateConnected, (XenbusState)9).action, XENBUS_STAY);
}

struct fixture {
    struct store *store;
    struct xen_host *host;
    struct store_conn *guest;
    struct xenbus_device *dev;
    bool refuse, connected, error_seen;
    unsigned connects;
    uint64_t port;
    bool guest_failed;
};

static bool fake_connect(void *opaque, GError **error)
{
    struct fixture *f = opaque;

    assert_false(f->connected);
    f->connects++;
    if (!xenbus_read_number(f->dev, "port", 4095, &f->port, error))
        return false;
    if (f->refuse) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "not today");
        return false;
    }
    return f->connected = true;
}

static void fake_disconnect(void *opaque)
{
    struct fixture *f = opaque;

    assert_true(f->connected);
    f->connected = false;
}

static const struct xenbus_ops fake_ops = {"fake", fake_connect, fake_disconnect};

static void on_guest_message(void *opaque, const struct xsd_sockmsg *h, const void *payload)
{
    struct fixture *f = opaque;

    if (h->type != XS_WATCH_EVENT)
        f->guest_failed = h->type == XS_ERROR;
}

static int setup(void **state)
{
    static const struct xenbus_node front[] = {{"flavour", "sweet"}, {NULL}};
    static const struct xenbus_node back[] = {{"feature-x", "1"}, {NULL}};
    struct fixture *f = g_new0(struct fixture, 1);

    f->store = store_new();
    f->host = local_host_new(NULL, NULL, NULL, f->store);
    f->guest = store_connect(f->store, f->host->domid, on_guest_message, f);
    assert_true(xenbus_offer(f->host, "fake", 3, front, back, NULL));
    f->dev = xenbus_device_new(f->host, 3, &fake_ops, f, NULL);
    assert_non_null(f->dev);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    xenbus_device_free(f->dev);
    assert_false(f->connected);
    local_host_free(f->host);
    store_disconnect(f->guest);
    store_free(f->store);
    g_free(f);
    return 0;
}

static bool guest_does(struct fixture *f, uint32_t type, const char *path, const char *value)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();

    g_byte_array_append(payload, (const guint8 *)path, (guint)strlen(path) + 1);
    g_byte_array_append(payload, (const guint8 *)value, (guint)strlen(value));
    struct xsd_sockmsg h = {.type = type, .len = payload->len};
    store_request(f->guest, &h, payload->data);
    return !f->guest_failed;
}

/* The frontend's next state, after its port; what the backend answers. */
static int frontend(struct fixture *f, const char *next)
{
    g_autofree char *answer = NULL;

    assert_true(guest_does(f, XS_WRITE, FRONT "/state", next));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    answer = store_read(f->store, BACK "/state");
    return (int)g_ascii_strtoll(answer, NULL, 10);
}

static void expect_node(struct fixture *f, const char *path, const char *value)
{
    g_autofree char *is = store_read(f->store, path);

    if (g_strcmp0(is, value) != 0)
        fail_msg("%s is '%s'", path, is);
}

static void offered(void **state)
{
    struct fixture *f = *state;

    expect_node(f, FRONT "/backend", BACK);
    expect_node(f, FRONT "/backend-id", "0");
    expect_node(f, FRONT "/state", "1");
    expect_node(f, FRONT "/flavour", "sweet");
    expect_node(f, BACK "/frontend", FRONT);
    expect_node(f, BACK "/frontend-id", "1");
    expect_node(f, BACK "/online", "1");
    expect_node(f, BACK "/state", "2");
    expect_node(f, BACK "/feature-x", "1");
    assert_true(guest_does(f, XS_WRITE, FRONT "/ring-ref", "8"));
    assert_true(guest_does(f, XS_READ, BACK "/feature-x", ""));
    assert_false(guest_does(f, XS_WRITE, FRONT "/flavour", "sour"));
    assert_false(guest_does(f, XS_RM, FRONT "/flavour", ""));
    assert_false(guest_does(f, XS_WRITE, FRONT "/backend", "/somewhere"));
    assert_true(guest_does(f, XS_READ, FRONT "/flavour", ""));
    assert_false(guest_does(f, XS_WRITE, BACK "/state", "4"));
    assert_false(guest_does(f, XS_WRITE, BACK "/new", "4"));
    assert_false(guest_does(f, XS_RM, BACK "/state", ""));
}

/* The directory is the guest's; what we say there and in ours is for reading, but for its own state. */
static void whose_nodes(void **state)
{
    static const struct xenbus_node front[] = {{"flavour", "sweet"}, {"forged", "no"}, {NULL}}, none[] = {{NULL}};
    struct fixture *f = *state;

    assert_true(guest_does(f, XS_WRITE, FRONT "/own", "1"));
    assert_true(guest_does(f, XS_WRITE, FRONT "/forged", "by the guest"));
    assert_false(guest_does(f, XS_WRITE, FRONT "/flavour", "sour"));
    assert_false(guest_does(f, XS_WRITE, FRONT "/backend", "/elsewhere"));
    assert_false(guest_does(f, XS_WRITE, BACK "/feature-x", "0"));
    assert_false(guest_does(f, XS_WRITE, BACK "/state", "1"));
    assert_true(guest_does(f, XS_READ, BACK "/feature-x", ""));
    /* a second offer in the same place does not take over what the guest made there */
    assert_true(xenbus_offer(f->host, "fake", 3, front, none, NULL));
    expect_node(f, FRONT "/forged", "no");
    assert_false(guest_does(f, XS_WRITE, FRONT "/forged", "by the guest"));
    assert_true(guest_does(f, XS_WRITE, FRONT "/state", "1"));
}

/* Up, down as Linux does when a driver goes, and up again. */
static void up_and_down(void **state)
{
    struct fixture *f = *state;

    guest_does(f, XS_WRITE, FRONT "/port", "17");
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(frontend(f, "1"), XenbusStateInitWait);
        assert_int_equal(frontend(f, "3"), XenbusStateConnected);
        assert_true(f->connected);
        assert_int_equal(f->port, 17);
        assert_int_equal(frontend(f, "4"), XenbusStateConnected);
        assert_int_equal(frontend(f, "5"), XenbusStateClosing);
        assert_true(f->connected); /* the last output may still be in the ring */
        assert_int_equal(frontend(f, "6"), XenbusStateClosed);
        assert_false(f->connected);
        assert_int_equal(f->connects, i);
    }
}

/* A new kernel after a kexec finds a device that is connected and starts from the beginning. */
static void dead_kernel(void **state)
{
    struct fixture *f = *state;

    guest_does(f, XS_WRITE, FRONT "/port", "17");
    assert_int_equal(frontend(f, "4"), XenbusStateConnected);
    assert_int_equal(frontend(f, "1"), XenbusStateInitWait);
    assert_false(f->connected);
    guest_does(f, XS_WRITE, FRONT "/port", "18");
    assert_int_equal(frontend(f, "3"), XenbusStateConnected);
    assert_int_equal(f->port, 18);
}

static void frontend_removed(void **state)
{
    struct fixture *f = *state;

    guest_does(f, XS_WRITE, FRONT "/port", "17");
    assert_int_equal(frontend(f, "3"), XenbusStateConnected);
    assert_true(guest_does(f, XS_RM, FRONT, ""));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    expect_node(f, BACK "/state", "6");
    assert_false(f->connected);
}

static void swallow(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
    if (level & G_LOG_LEVEL_WARNING)
        (*(unsigned *)data)++;
}

/* Missing or silly keys, a device that can't: told to close, said once, and it may try again. */
static void bad_frontend(void **state)
{
    static const char *const bad[] = {"", "x", "-1", "4096", "17 ", "+17", "0x11", "1e1",
                                      "99999999999999999999999"};
    struct fixture *f = *state;
    unsigned complaints = 0;
    GLogFunc old = g_log_set_default_handler(swallow, &complaints);

    assert_int_equal(frontend(f, "3"), XenbusStateClosing);
    assert_int_equal(f->connects, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_int_equal(frontend(f, "6"), XenbusStateClosed);
        assert_true(guest_does(f, XS_WRITE, FRONT "/port", bad[i]));
        if (frontend(f, "3") != XenbusStateClosing)
            fail_msg("'%s' was taken for a port", bad[i]);
    }
    guest_does(f, XS_WRITE, FRONT "/port", "17");
    f->refuse = true;
    assert_int_equal(frontend(f, "1"), XenbusStateInitWait);
    assert_int_equal(frontend(f, "3"), XenbusStateClosing);
    f->refuse = false;
    assert_int_equal(frontend(f, "1"), XenbusStateInitWait);
    assert_int_equal(frontend(f, "3"), XenbusStateConnected);
    for (unsigned i = 0; i < 3; i++) /* nonsense counts as a frontend that is gone */
        assert_int_equal(frontend(f, ((const char *[]){"9", "four", "-3"})[i]), XenbusStateClosed);
    g_log_set_default_handler(old, NULL);
    assert_int_equal(complaints, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),
        cmocka_unit_test_setup_teardown(offered, setup, teardown),
        cmocka_unit_test_setup_teardown(whose_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(up_and_down, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(frontend_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_frontend, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
