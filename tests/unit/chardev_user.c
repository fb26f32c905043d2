#include "chardev_user.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int chardev_test_setup(void **state)
{
    struct chardev_test *t = g_new0(struct chardev_test, 1);

    alarm(20); /* what waits for ever, fails */
    t->dir = g_dir_make_tmp("test-chardev-XXXXXX", NULL);
    assert_non_null(t->dir);
    t->cfg.id = (char *)"c";
    t->got = g_string_new(NULL);
    t->keys = g_string_new(NULL);
    t->room = SIZE_MAX;
    *state = t;
    return 0;
}

int chardev_test_teardown(void **state)
{
    struct chardev_test *t = *state;
    GDir *dir = g_dir_open(t->dir, 0, NULL);
    const char *name;

    chardev_free(t->chr);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(t->dir, name, NULL);
        g_unlink(path);
    }
    g_dir_close(dir);
    assert_int_equal(g_rmdir(t->dir), 0);
    g_free(t->cfg.path);
    g_free(t->cfg.log);
    g_free(t->dir);
    g_string_free(t->got, TRUE);
    g_string_free(t->keys, TRUE);
    g_free(t);
    return 0;
}

char *chardev_test_path(struct chardev_test *t, const char *name)
{
    return g_build_filename(t->dir, name, NULL);
}

static size_t on_input(void *opaque, const uint8_t *data, size_t len)
{
    struct chardev_test *t = opaque;
    size_t n = MIN(len, t->room);

    g_string_append_len(t->got, (const char *)data, (gssize)n);
    t->room -= t->room == SIZE_MAX ? 0 : n;
    return n;
}

static void on_writable(void *opaque)
{
    ((struct chardev_test *)opaque)->writable++;
}

static void on_escape(void *opaque, char key)
{
    g_string_append_c(((struct chardev_test *)opaque)->keys, key);
}

static const struct chardev_user user = {on_input, on_writable, on_escape};

void chardev_test_open(struct chardev_test *t)
{
    g_autoptr(GError) error = NULL;

    t->chr = chardev_new(&t->cfg, &error);
    if (!t->chr)
        fail_msg("%s", error->message);
    chardev_set_user(t->chr, &user, t);
}

void chardev_test_refused(struct chardev_test *t, const char *error_fmt)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) halves = g_strsplit(error_fmt, "%s", 2);
    g_autofree char *want = g_strjoinv(t->cfg.path, halves);

    t->chr = chardev_new(&t->cfg, &error);
    assert_null(t->chr);
    assert_string_equal(error->message, want);
    assert_null(chardev_new(&t->cfg, NULL));
}

void chardev_test_turn(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

char *chardev_test_text(size_t len)
{
    char *text = g_malloc(len + 1);
    uint32_t x = 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1103515245 + 12345;
        text[i] = (char)('!' + (x >> 16) % 90);
    }
    text[len] = '\0';
    return text;
}

char *chardev_test_read(int fd, size_t len)
{
    char *text = g_malloc0(len + 1);

    for (size_t at = 0; at < len;) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, 0) <= 0) {
            g_main_context_iteration(NULL, FALSE);
            continue;
        }
        ssize_t n = read(fd, text + at, len - at);
        if (n <= 0)
            fail_msg("read: %s after %zu of %zu", n ? g_strerror(errno) : "end", at, len);
        at += (size_t)n;
    }
    return text;
}

static int make_socket(const char *path, struct sockaddr_un *ret)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    g_strlcpy(ret->sun_path, path, sizeof(ret->sun_path));
    assert_true(fd >= 0);
    return fd;
}

int chardev_test_connect(const char *path)
{
    struct sockaddr_un a;
    int fd = make_socket(path, &a);

    while (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        assert_true(errno == ENOENT || errno == ECONNREFUSED); /* not listening yet */
        g_thread_yield();
    }
    return fd;
}

int chardev_test_listen(const char *path)
{
    struct sockaddr_un a;
    int fd = make_socket(path, &a);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}
