/* console.c: a console that the guest asks for through xenstore, on a chardev with a socket. */
#include "device_guest.h"
#include "xenner/backend/console.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/io/console.h>

#define FRONT "/local/domain/1/device/console/1"
#define BACK  "/local/domain/0/backend/console/1/1"

enum { RING = 10, RING2 = 11, REF = 9 };

struct fixture {
    struct device_guest g;
    struct chardev_config config;
    struct chardev *chr;
    struct console_backend *console;
    char *dir;
    int peer; /* the chardev's other end */
};

static void *frame(struct fixture *f, uint64_t n)
{
    return device_guest_frame(&f->g, n);
}

/* Listens where the chardev connects to. */
static void make_chardev(struct fixture *f)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    f->dir = g_dir_make_tmp("console-XXXXXX", NULL);
    f->config = (struct chardev_config){.id = (char *)"c", .kind = CHARDEV_SOCKET};
    f->config.path = g_build_filename(f->dir, "sock", NULL);
    g_strlcpy(addr.sun_path, f->config.path, sizeof(addr.sun_path));
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(listener, 1), 0);
    f->chr = chardev_new(&f->config, NULL);
    assert_non_null(f->chr);
    f->peer = accept(listener, NULL, NULL);
    assert_true(f->peer >= 0);
    close(listener);
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    device_guest_init(&f->g, 2 << 20);
    make_chardev(f);
    f->console = console_backend_new_device(f->g.host, 1, f->chr, NULL);
    assert_non_null(f->console);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    console_backend_free(f->console);
    chardev_free(f->chr);
    device_guest_done(&f->g);
    close(f->peer);
    g_unlink(f->config.path);
    g_rmdir(f->dir);
    g_free(f->config.path);
    g_free(f->dir);
    g_free(f);
    return 0;
}

static void run_loop(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void guest_writes(struct fixture *f, const char *key, const char *value)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    g_autofree char *path = g_strdup_printf(FRONT "/%s", key);

    g_byte_array_append(payload, (const guint8 *)path, (guint)strlen(path) + 1);
    g_byte_array_append(payload, (const guint8 *)value, (guint)strlen(value));
    struct xsd_sockmsg h = {.type = XS_WRITE, .len = payload->len};
    store_request(f->g.conn, &h, payload->data);
}

static void expect_backend(struct fixture *f, const char *state)
{
    g_autofree char *is = NULL;

    run_loop();
    is = store_read(f->g.store, BACK "/state");
    assert_string_equal(is, state);
}

/* A driver comes up on that ring; returns it, and the port. */
static struct xencons_interface *frontend(struct fixture *f, unsigned ring, evtchn_port_t *ret_port)
{
    struct grant_entry_v1 *table = frame(f, GUEST_TABLE);
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};
    g_autofree char *port = NULL;

    assert_int_equal(evtchn_guest_op(f->g.evtchn, EVTCHNOP_alloc_unbound, 0, &op, sizeof(op)), 0);
    port = g_strdup_printf("%u", op.port);
    table[REF] = (struct grant_entry_v1){GTF_permit_access, 0, ring};
    memset(frame(f, ring), 0, FRAME_SIZE);
    guest_writes(f, "ring-ref", "9");
    guest_writes(f, "port", port);
    guest_writes(f, "state", "3");
    expect_backend(f, "4");
    guest_writes(f, "state", "4");
    *ret_port = op.port;
    return frame(f, ring);
}

static void ring_bell(struct fixture *f, evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};

    evtchn_guest_op(f->g.evtchn, EVTCHNOP_send, 0, &op, sizeof(op));
    local_host_doorbell(f->g.host);
    run_loop();
}

static void put(struct xencons_interface *page, const char *text)
{
    for (; *text; text++)
        page->out[MASK_XENCONS_IDX(page->out_prod++, page->out)] = *text;
}

/* Waits for exactly this from the chardev. */
static void expect_heard(struct fixture *f, const char *text)
{
    char buf[256] = "";

    for (size_t have = 0; have < strlen(text);) {
        run_loop();
        ssize_t n = read(f->peer, buf + have, sizeof(buf) - 1 - have);
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_string_equal(buf, text);
}

/* Types on the other end; the main loop hears of it. */
static void type(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->peer, text, strlen(text)), strlen(text));
    run_loop();
}

static void talk(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t port;
    struct xencons_interface *page = frontend(f, RING, &port);

    assert_int_equal(gnttab_mapped(f->g.gnttab), 1);
    put(page, "hello");
    ring_bell(f, port);
    expect_heard(f, "hello");
    type(f, "hi");
    assert_int_equal(page->in_prod, 2);
    assert_memory_equal(page->in, "hi", 2);
    /* what is in the ring when the driver closes is not lost */
    put(page, "bye");
    guest_writes(f, "state", "6");
    expect_backend(f, "6");
    expect_heard(f, "bye");
}

/* Typed before there is a driver, and between two drivers: kept for the next. */
static void early_input(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t port;

    type(f, "early");
    struct xencons_interface *page = frontend(f, RING, &port);
    run_loop();
    assert_int_equal(page->in_prod, 5);
    assert_memory_equal(page->in, "early", 5);
    guest_writes(f, "state", "1"); /* a kernel that died; the next one has another ring */
    expect_backend(f, "2");
    type(f, "next");
    page = frontend(f, RING2, &port);
    run_loop();
    assert_int_equal(page->in_prod, 4);
    put(page, "x");
    ring_bell(f, port);
    expect_heard(f, "x");
}

/* A reboot: the backend goes, another takes the chardev with what was typed and not taken yet. */
static void input_over_reboot(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t port;

    type(f, "typed");
    console_backend_free(f->console);
    f->g.host->xs->rm(f->g.host, 0, FRONT, NULL);
    f->console = console_backend_new_device(f->g.host, 1, f->chr, NULL);
    assert_non_null(f->console);
    struct xencons_interface *page = frontend(f, RING, &port);
    run_loop();
    assert_int_equal(page->in_prod, 5);
    assert_memory_equal(page->in, "typed", 5);
}

static void swallow(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
}

/* Each of these is told to close, leaves nothing mapped, and the next, good one works. */
static void bad_frontends(void **state)
{
    static const struct {
        uint16_t flags;
        domid_t dom;
        uint32_t frame;
        const char *ref, *port;
    } row[] = {
        {GTF_permit_access, 0, RING, "", "1"},
        {GTF_permit_access, 0, RING, "4294967296", "1"},
        {GTF_permit_access, 0, RING, "4294967295", "1"},
        {GTF_permit_access, 0, RING, "512", "1"},
        {GTF_permit_access, 0, RING, "9", ""},
        {GTF_permit_access, 0, RING, "9", "0"},
        {GTF_permit_access, 0, RING, "9", "2"}, /* there is none */
        {GTF_permit_access, 0, RING, "9", "4294967295"},
        {GTF_permit_access | GTF_readonly, 0, RING, "9", "1"},
        {GTF_permit_access, 5, RING, "9", "1"},
        {GTF_permit_access, 0, 0x200, "9", "1"},
        {GTF_permit_access, 0, GUEST_TABLE, "9", "1"},
        {GTF_invalid, 0, RING, "9", "1"},
    };
    struct fixture *f = *state;
    struct grant_entry_v1 *table = frame(f, GUEST_TABLE);
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};
    GLogFunc old = g_log_set_default_handler(swallow, NULL);

    assert_int_equal(evtchn_guest_op(f->g.evtchn, EVTCHNOP_alloc_unbound, 0, &op, sizeof(op)), 0);
    assert_int_equal(op.port, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        table[REF] = (struct grant_entry_v1){row[i].flags, row[i].dom, row[i].frame};
        guest_writes(f, "ring-ref", row[i].ref);
        guest_writes(f, "port", row[i].port);
        guest_writes(f, "state", "3");
        expect_backend(f, "5");
            assert_int_equal(f->g.ports[1].type, EMU_PORT_UNBOUND);
        guest_writes(f, "state", "1");
        expect_backend(f, "2");
    }
    g_log_set_default_handler(old, NULL);
    struct xencons_interface *page = frontend(f, RING, &op.port);
    put(page, "fine");
    ring_bell(f, op.port);
    expect_heard(f, "fine");
}

/* The guest pulls everything away without a word: port, grant, directory. */
static void vanishing(void **state)
{
    struct fixture *f = *state;
    evtchn_port_t port;
    struct xencons_interface *page = frontend(f, RING, &port);
    struct evtchn_close op = {.port = port};

    memset(frame(f, GUEST_TABLE), 0, FRAME_SIZE);
    assert_int_equal(evtchn_guest_op(f->g.evtchn, EVTCHNOP_close, 0, &op, sizeof(op)), 0);
    type(f, "nobody"); /* into the ring, and a port that is gone */
    assert_int_equal(page->in_prod, 6);
    memset(page, 0xff, FRAME_SIZE);
    page->out_cons = 0;
    GLogFunc old = g_log_set_default_handler(swallow, NULL);
    console_backend_drain(f->console);
    g_log_set_default_handler(old, NULL);
    f->g.host->xs->rm(f->g.host, 0, FRONT, NULL);
    expect_backend(f, "6");
}

/* Tools on the host read there which terminal to open; the guest must not say so. */
static void tty_node(void **state)
{
    struct fixture *f = *state;
    struct chardev_config config = {.id = (char *)"p", .kind = CHARDEV_PTY};
    struct chardev *pty = chardev_new(&config, NULL);
    g_autofree char *name = NULL, *none = NULL;

    assert_non_null(pty);
    struct console_backend *second = console_backend_new_device(f->g.host, 2, pty, NULL);
    assert_non_null(second);
    name = store_read(f->g.store, "/local/domain/1/device/console/2/tty");
    assert_true(g_str_has_prefix(name, "/dev/"));
    assert_string_equal(name, chardev_label(pty) + 4);
    none = store_read(f->g.store, FRONT "/tty");
    assert_string_equal(none, "");
    guest_writes(f, "tty", "/etc/passwd");
    g_free(g_steal_pointer(&none));
    none = store_read(f->g.store, FRONT "/tty");
    assert_string_equal(none, "");
    console_backend_free(second);
    chardev_free(pty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(talk, setup, teardown),
        cmocka_unit_test_setup_teardown(early_input, setup, teardown),
        cmocka_unit_test_setup_teardown(input_over_reboot, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_frontends, setup, teardown),
        cmocka_unit_test_setup_teardown(vanishing, setup, teardown),
        cmocka_unit_test_setup_teardown(tty_node, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
