/* vnc.c against LibVNCClient: passwords, pixels, keys, clients that leave. */
#include "xenner/display/vnc.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <rfb/rfbclient.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { WIDTH = 64, HEIGHT = 32 };

struct fixture {
    char *dir;
    struct vnc_config config;
    struct display *display;
    struct vnc *vnc;
    uint32_t pixels[HEIGHT][WIDTH];
    unsigned keys, down;
    GArray *events; /* unsigned: code, + 10000 when it went down */
};

static void on_key(void *opaque, unsigned code, bool down)
{
    struct fixture *f = opaque;
    unsigned event = code + (down ? 10000 : 0);

    g_array_append_val(f->events, event);
}

static const struct input_sink sink = {.key = on_key};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);
    const struct surface s = {(uint8_t *)f->pixels, WIDTH, HEIGHT, WIDTH * 4, SURFACE_XRGB8888};

    f->dir = g_dir_make_tmp("vnc-XXXXXX", NULL);
    f->config = (struct vnc_config){.path = g_build_filename(f->dir, "sock", NULL)};
    f->events = g_array_new(FALSE, FALSE, sizeof(unsigned));
    f->display = display_new();
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        f->pixels[i / WIDTH][i % WIDTH] = i * 0x10305;
    display_set_surface(f->display, DISPLAY_GUEST, &s);
    display_set_sink(f->display, DISPLAY_GUEST, &sink, f);
    *state = f;
    return 0;
}

static void start(struct fixture *f)
{
    GError *error = NULL;

    f->vnc = vnc_new(&f->config, "us", "test", f->display, &error);
    if (!f->vnc)
        fail_msg("%s", error->message);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    vnc_free(f->vnc);
    assert_false(g_file_test(f->config.path, G_FILE_TEST_EXISTS));
    display_free(f->display);
    g_array_unref(f->events);
    g_rmdir(f->dir);
    g_free(f->config.path);
    g_free(f->dir);
    g_free(f);
    return 0;
}

/* What a client does, in a thread of its own; the main loop is the test's. */
struct job {
    struct fixture *f;
    const char *secret;
    void (*talk)(rfbClient *client, struct job *job);
    bool in, done;
    uint32_t corner; /* pixel 1,1 */
};

static char *get_password(rfbClient *client)
{
    struct job *job = rfbClientGetClientData(client, get_password);

    return strdup(job->secret);
}

static void quiet(const char *format, ...)
{
}

static gboolean job_done(gpointer data)
{
    ((struct job *)data)->done = true;
    return G_SOURCE_REMOVE;
}

static gpointer job_thread(gpointer data)
{
    struct job *job = data;
    rfbClient *client = rfbGetClient(8, 3, 4);

    free(client->serverHost);
    client->serverHost = strdup(job->f->config.path);
    client->GetPassword = get_password;
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
    client->appData.encodingsString = "raw";
    rfbClientSetClientData(client, get_password, job);
    job->in = rfbInitClient(client, NULL, NULL); /* frees the client when it fails */
    if (job->in && job->talk)
        job->talk(client, job);
    if (job->in) {
        free(client->frameBuffer);
        rfbClientCleanup(client);
    }
    g_idle_add(job_done, job);
    return NULL;
}

static bool run(struct fixture *f, struct job *job)
{
    job->f = f;
    job->secret = job->secret ? job->secret : "";
    rfbClientLog = rfbClientErr = quiet;
    GThread *thread = g_thread_new("client", job_thread, job);
    while (!job->done)
        g_main_context_iteration(NULL, TRUE);
    g_thread_join(thread);
    while (vnc_clients(f->vnc)) /* until it has gone */
        g_main_context_iteration(NULL, TRUE);
    return job->in;
}

static void see(rfbClient *client, struct job *job)
{
    while (job->corner != (job->f->pixels[1][1] & 0xffffff) &&
           WaitForMessage(client, 10000000) > 0 && HandleRFBServerMessage(client))
        job->corner = ((uint32_t *)(void *)client->frameBuffer)[client->width + 1] & 0xffffff;
}

static void pixels(void **state)
{
    struct fixture *f = *state;
    struct job job = {.talk = see};
    struct stat st;

    start(f);
    assert_int_equal(g_stat(f->config.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(run(f, &job));
    assert_int_equal(job.corner, f->pixels[1][1] & 0xffffff);
}

static void note_event(void *opaque, enum vnc_event what, const struct vnc_address *client)
{
    static const char *const names[] = {"connected", "initialized", "disconnected"};

    g_string_append_printf(opaque, "%s(%s %s) ", names[what], client->family, client->host);
}

/* Who looks is told of thrice; who is not let in never gets initialized. */
static void events(void **state)
{
    struct fixture *f = *state;
    struct vnc_config tcp = {.display = 30200, .to = 30300, .password = true, .secret = (char *)"s"};
    struct vnc_address own;
    struct job job = {.talk = see}, bad = {.secret = "x"};
    g_autoptr(GString) seen = g_string_new(NULL);

    start(f);
    vnc_set_events(f->vnc, note_event, seen);
    assert_true(vnc_server_address(f->vnc, &own));
    assert_string_equal(own.family, "unix");
    assert_string_equal(own.service, f->config.path);
    vnc_address_clear(&own);
    assert_true(run(f, &job));
    assert_string_equal(seen->str, "connected(unix ) initialized(unix ) disconnected(unix ) ");
    g_string_truncate(seen, 0);
    vnc_free(f->vnc);
    f->config.password = true;
    start(f);
    vnc_set_events(f->vnc, note_event, seen);
    assert_false(run(f, &bad));
    assert_string_equal(seen->str, "connected(unix ) disconnected(unix ) ");
    struct vnc *v = vnc_new(&tcp, "us", "a", f->display, NULL);
    assert_non_null(v);
    assert_true(vnc_server_address(v, &own));
    assert_string_equal(own.family, "ipv4");
    assert_string_equal(own.host, "127.0.0.1");
    assert_true(g_str_has_prefix(own.service, "36"));
    vnc_address_clear(&own);
    vnc_free(v);
}

static void passwords(void **state)
{
    struct fixture *f = *state;
    struct job good = {.secret = "secret"}, again = good, late = good, gone = good, early = good;
    struct job bad = {.secret = "secreT"};

    f->config.password = true;
    start(f);
    assert_false(run(f, &early)); /* nobody has set one */
    assert_true(vnc_set_password(f->vnc, "secret", NULL));
    assert_true(run(f, &good));
    assert_false(run(f, &bad));
    vnc_expire_password(f->vnc, g_get_real_time() / G_USEC_PER_SEC + 1000);
    assert_true(run(f, &again));
    vnc_expire_password(f->vnc, 0);
    assert_false(run(f, &late));
    vnc_expire_password(f->vnc, -1);
    assert_true(vnc_set_password(f->vnc, NULL, NULL));
    assert_false(run(f, &gone));
}

static void no_password(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GError) error = NULL;

    start(f);
    assert_false(vnc_set_password(f->vnc, "x", &error));
    assert_non_null(error);
}

static void type(rfbClient *client, struct job *job)
{
    SendKeyEvent(client, 'A', TRUE);
    SendKeyEvent(client, 'A', FALSE);
    SendKeyEvent(client, 0xffffff, TRUE); /* no key has that */
    SendKeyEvent(client, 0xffe3, TRUE);   /* Ctrl, and away */
}

static void keys(void **state)
{
    struct fixture *f = *state;
    struct job job = {.talk = type};
    const unsigned want[] = {KEY_A + 10000, KEY_A, KEY_LEFTCTRL + 10000, KEY_LEFTCTRL};

    start(f);
    assert_true(run(f, &job));
    assert_int_equal(f->events->len, G_N_ELEMENTS(want));
    assert_memory_equal(f->events->data, want, sizeof(want));
}

/* Given as a descriptor, past the password; the server goes while it is connected. */
static void added(void **state)
{
    struct fixture *f = *state;
    char version[13] = "", kinds[2] = "";
    int fds[2];

    f->config.password = true;
    start(f);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    vnc_add_client(f->vnc, fds[0], true);
    while (!vnc_clients(f->vnc))
        g_main_context_iteration(NULL, TRUE);
    assert_int_equal(read(fds[1], version, 12), 12);
    assert_string_equal(version, "RFB 003.008\n");
    assert_int_equal(write(fds[1], version, 12), 12);
    assert_int_equal(recv(fds[1], kinds, 2, MSG_WAITALL), 2);
    assert_true(kinds[0] == 1 && kinds[1] == 1); /* one way in: none asked */
    vnc_free(g_steal_pointer(&f->vnc));
    while (read(fds[1], version, 12) > 0)
        ;
    close(fds[1]);
}

/* On the loopback address; a display that is taken makes way for the next up to to=. */
static void ports(void **state)
{
    struct fixture *f = *state;
    struct vnc_config first = {.display = 30000, .to = 30100}, taken;
    struct vnc *a = vnc_new(&first, "us", "a", f->display, NULL);
    g_autoptr(GError) error = NULL;

    assert_non_null(a);
    assert_true(g_str_has_prefix(vnc_label(a), "127.0.0.1:359"));
    taken = (struct vnc_config){.display = (unsigned)atoi(strchr(vnc_label(a), ':') + 1) - 5900};
    assert_null(vnc_new(&taken, "us", "b", f->display, &error));
    assert_non_null(strstr(error->message, "in use"));
    taken.to = taken.display + 100;
    struct vnc *b = vnc_new(&taken, "us", "b", f->display, NULL);
    assert_non_null(b);
    assert_string_not_equal(vnc_label(a), vnc_label(b));
    vnc_free(a);
    vnc_free(b);
}

#define WITH_DISPLAY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DISPLAY(pixels), WITH_DISPLAY(events), WITH_DISPLAY(passwords), WITH_DISPLAY(no_password),
        WITH_DISPLAY(keys),   WITH_DISPLAY(added),     WITH_DISPLAY(ports),
    };

    signal(SIGPIPE, SIG_IGN); /* as main.c */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
