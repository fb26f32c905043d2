/* VNC clients that don't read, type without end, or talk nonsense: only they are the worse for it. */
#include "xenner/display/vnc.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glib/gstdio.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WIDTH = 1024, HEIGHT = 768, REQUESTS = 2000, KEYS = 50000, FRAMES = 20 };

#define LIMIT_US (20 * G_USEC_PER_SEC)

struct fixture {
    char *dir;
    struct vnc_config config;
    struct display *display;
    struct vnc *vnc;
    uint32_t *pixels;
    unsigned keys, came, left;
};

static void on_key(void *opaque, unsigned code, bool down)
{
    ((struct fixture *)opaque)->keys++;
}

static void on_event(void *opaque, enum vnc_event what, const struct vnc_address *client)
{
    struct fixture *f = opaque;

    f->came += what == VNC_EVENT_CONNECTED;
    f->left += what == VNC_EVENT_DISCONNECTED;
}

static const struct input_sink sink = {.key = on_key};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);
    GError *error = NULL;

    f->dir = g_dir_make_tmp("vnc-XXXXXX", NULL);
    f->config = (struct vnc_config){.path = g_build_filename(f->dir, "sock", NULL)};
    f->pixels = g_new0(uint32_t, WIDTH * HEIGHT);
    f->display = display_new();
    const struct surface s = {(uint8_t *)f->pixels, WIDTH, HEIGHT, WIDTH * 4, SURFACE_XRGB8888};
    display_set_surface(f->display, DISPLAY_GUEST, &s);
    display_set_sink(f->display, DISPLAY_GUEST, &sink, f);
    f->vnc = vnc_new(&f->config, "us", "test", f->display, &error);
    if (!f->vnc)
        fail_msg("%s", error->message);
    vnc_set_events(f->vnc, on_event, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    vnc_free(f->vnc);
    display_free(f->display);
    g_free(f->pixels);
    g_rmdir(f->dir);
    g_free(f->config.path);
    g_free(f->dir);
    g_free(f);
    return 0;
}

static void get(int fd, void *to, size_t n)
{
    assert_int_equal(recv(fd, to, n, MSG_WAITALL), n);
}

static void put(int fd, const void *from, size_t n)
{
    assert_int_equal(send(fd, from, n, 0), n);
}

/* A client of this test's own, past its handshake; its pixels are the server's. */
static int join(struct fixture *f)
{
    unsigned before = f->came;
    uint8_t buf[64];
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    vnc_add_client(f->vnc, fds[0], true);
    get(fds[1], buf, 12);
    put(fds[1], "RFB 003.008\n", 12);
    get(fds[1], buf, 2);
    put(fds[1], "\1", 1);
    get(fds[1], buf, 4);
    put(fds[1], "\1", 1);
    get(fds[1], buf, 24 + 4); /* with the title "test" */
    put(fds[1], "\2\0\0\1\0\0\0\0", 8);
    while (f->came == before)
        g_main_context_iteration(NULL, TRUE);
    return fds[1];
}

static void ask(int fd, bool incremental)
{
    const uint8_t request[10] = {3, incremental, 0, 0, 0, 0, WIDTH >> 8, WIDTH & 255, HEIGHT >> 8,
                                 HEIGHT & 255};

    put(fd, request, sizeof(request));
}

/* Reads updates until the picture's first pixel is the one. */
struct reader {
    int fd;
    uint32_t want;
    gint done;
};

static void read_update(int fd, uint32_t *first)
{
    g_autofree uint8_t *row = g_malloc(WIDTH * 4);
    uint8_t head[12];

    get(fd, head, 4);
    assert_int_equal(head[0], 0);
    for (unsigned n = head[2] << 8 | head[3]; n; n--) {
        get(fd, head, 12);
        unsigned x = head[0] << 8 | head[1], y = head[2] << 8 | head[3];
        unsigned width = head[4] << 8 | head[5], height = head[6] << 8 | head[7];
        for (unsigned i = 0; i < height; i++) {
            get(fd, row, width * 4);
            if (x == 0 && y + i == 0)
                memcpy(first, row, sizeof(*first));
        }
    }
}

static gpointer reader_thread(gpointer data)
{
    struct reader *r = data;
    uint32_t first = 0;

    while (first != r->want) {
        ask(r->fd, first != 0);
        read_update(r->fd, &first);
    }
    g_atomic_int_set(&r->done, 1);
    g_main_context_wakeup(NULL);
    return NULL;
}

static void fill(struct fixture *f, uint32_t color)
{
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        f->pixels[i] = color;
    display_update(f->display, DISPLAY_GUEST, &(struct rect){0, 0, WIDTH, HEIGHT});
}

/* Another client sees pictures one after the other, each in time. */
static void others_see(struct fixture *f)
{
    int fd = join(f);

    for (unsigned i = 1; i <= FRAMES; i++) {
        struct reader r = {fd, i * 0x010203, 0};
        gint64 end = g_get_monotonic_time() + LIMIT_US;
        fill(f, r.want);
        GThread *thread = g_thread_new("reader", reader_thread, &r);
        while (!g_atomic_int_get(&r.done) && g_get_monotonic_time() < end)
            g_main_context_iteration(NULL, TRUE);
        assert_true(g_atomic_int_get(&r.done));
        g_thread_join(thread);
    }
    close(fd);
    for (unsigned before = f->left; f->left == before;)
        g_main_context_iteration(NULL, TRUE);
}

/* Of this process, in bytes. */
static size_t resident(void)
{
    g_autofree char *statm = NULL;

    assert_true(g_file_get_contents("/proc/self/statm", &statm, NULL, NULL));
    return strtoul(strchr(statm, ' '), NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* What it asked for is gigabytes; it costs less memory than a few pictures. */
static void stalled(void **state)
{
    struct fixture *f = *state;

    others_see(f); /* what is allocated once, is */
    size_t before = resident();
    int fd = join(f);
    for (unsigned i = 0; i < REQUESTS; i++)
        ask(fd, false);
    others_see(f);
    assert_in_range(resident(), 0, before + 16 * WIDTH * HEIGHT * 4);
    assert_int_equal(vnc_clients(f->vnc), 1);
    gint64 start = g_get_monotonic_time();
    vnc_free(g_steal_pointer(&f->vnc));
    assert_true(g_get_monotonic_time() - start < LIMIT_US / 4);
    close(fd);
}

/* Everything is read off the socket at once; what no person could have typed is dropped. */
static void typing(void **state)
{
    struct fixture *f = *state;
    const uint8_t event[8] = {4, 1, 0, 0, 0, 0, 0, 'a'};
    int fd = join(f);

    for (unsigned i = 0; i < KEYS; i++)
        put(fd, event, sizeof(event));
    ask(fd, false);
    uint32_t first;
    read_update(fd, &first); /* so all keys were read, while the main loop did nothing */
    while (g_main_context_iteration(NULL, FALSE))
        ;
    assert_in_range(f->keys, 1, 512);
    others_see(f);
    close(fd);
}

static void garbage(void **state)
{
    struct fixture *f = *state;
    GRand *rand = g_rand_new_with_seed(4);
    int fds[16];

    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        uint8_t data[4096];
        fds[i] = join(f);
        for (unsigned at = 0; at < sizeof(data); at++)
            data[at] = (uint8_t)g_rand_int(rand);
        data[0] = (uint8_t)(i < 11 ? i : 240 + i); /* kinds of messages that the library knows */
        if (send(fds[i], data, sizeof(data), 0) < 0) /* it may have hung up half-way */
            assert_int_equal(errno, EPIPE);
    }
    others_see(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
    while (vnc_clients(f->vnc))
        g_main_context_iteration(NULL, TRUE);
    g_rand_free(rand);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_SERVER(stalled), WITH_SERVER(typing), WITH_SERVER(garbage)};

    signal(SIGPIPE, SIG_IGN); /* as main.c */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
