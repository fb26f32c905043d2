#include "xenner/backend/console_tty.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include <xen/io/console.h>

/* A guest that writes without end must not keep the main loop: the rest has its turn later. */
#define MAX_STEPS 32

struct console_tty {
    struct xen_host *host;
    const char *node;
    struct chardev *chr;
    void (*escape)(void *opaque, char key);
    void *opaque;
    void (*tap)(void *opaque, const uint8_t *data, size_t len);
    void *tap_opaque;
    struct xs_watch *watch; /* until the terminal is there */
    int fd;                 /* -1: not yet, or no more */
    guint reading, writing; /* sources; writing: input waits for room */
    uint8_t held[1024];     /* read, and the chardev did not take it yet */
    size_t nr_held;
};

/* False: the chardev has no room. */
static bool put_out(struct console_tty *t, const uint8_t *data, size_t len)
{
    while (len) {
        size_t n = chardev_write(t->chr, data, len);
        if (!n)
            break;
        if (t->tap)
            t->tap(t->tap_opaque, data, n);
        data += n;
        len -= n;
    }
    memmove(t->held, data, len);
    t->nr_held = len;
    return len == 0;
}

static void hang_up(struct console_tty *t)
{
    g_clear_handle_id(&t->reading, g_source_remove);
    g_clear_handle_id(&t->writing, g_source_remove);
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

/* False: there is nothing to read, or no room for it. */
static bool output_step(struct console_tty *t)
{
    uint8_t buf[sizeof(t->held)];

    if (t->fd < 0 || (t->nr_held && !put_out(t, t->held, t->nr_held)))
        return false;
    ssize_t n = read(t->fd, buf, sizeof(buf));
    if (n > 0)
        return put_out(t, buf, (size_t)n);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        hang_up(t); /* xenconsoled is gone, or the domain for it */
    return false;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct console_tty *t = data;

    for (unsigned i = 0; i < MAX_STEPS && output_step(t); i++)
        ;
    if (t->fd >= 0 && !t->nr_held)
        return G_SOURCE_CONTINUE;
    t->reading = 0; /* if there is output left, on_writable() goes on */
    return G_SOURCE_REMOVE;
}

static gboolean on_room(gint fd, GIOCondition condition, gpointer data)
{
    struct console_tty *t = data;

    t->writing = 0;
    chardev_accept_input(t->chr);
    return G_SOURCE_REMOVE;
}

static size_t on_input(void *opaque, const uint8_t *data, size_t len)
{
    struct console_tty *t = opaque;

    if (t->fd < 0 || t->writing)
        return 0;
    ssize_t n = write(t->fd, data, len);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return len; /* there is nobody to read it */
    if (n < (ssize_t)len)
        t->writing = g_unix_fd_add(t->fd, G_IO_OUT, on_room, t);
    return n < 0 ? 0 : (size_t)n;
}

static void on_writable(void *opaque)
{
    struct console_tty *t = opaque;

    if (t->nr_held && put_out(t, t->held, t->nr_held) && t->fd >= 0 && !t->reading)
        t->reading = g_unix_fd_add(t->fd, G_IO_IN, on_readable, t);
}

static void on_escape(void *opaque, char key)
{
    struct console_tty *t = opaque;

    if (t->escape)
        t->escape(t->opaque, key);
}

static const struct chardev_user user = {
    .input = on_input, .writable = on_writable, .escape = on_escape};

static void on_tty(void *opaque, const char *path)
{
    struct console_tty *t = opaque;
    g_autofree char *node = g_strdup_printf("/local/domain/%u/%s", t->host->domid, t->node);
    g_autofree char *tty = t->host->xs->read(t->host, 0, node, NULL);
    struct termios mode;

    if (!tty || !*tty || t->fd >= 0)
        return;
    t->fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0) {
        g_warning("the console's terminal %s: %s", tty, g_strerror(errno));
        return;
    }
    if (tcgetattr(t->fd, &mode) == 0) {
        cfmakeraw(&mode);
        tcsetattr(t->fd, TCSANOW, &mode);
    }
    t->reading = g_unix_fd_add(t->fd, G_IO_IN, on_readable, t);
    chardev_accept_input(t->chr);
}

struct console_tty *console_tty_new(struct xen_host *host, const char *node, struct chardev *chr,
                                    void (*escape)(void *opaque, char key), void *opaque)
{
    g_autofree char *path = g_strdup_printf("/local/domain/%u/%s", host->domid, node);
    struct console_tty *t = g_new0(struct console_tty, 1);

    t->host = host;
    t->chr = chr;
    t->escape = escape;
    t->opaque = opaque;
    t->fd = -1;
    chardev_set_user(chr, &user, t);
    t->node = node;
    t->watch = host->xs->watch(host, path, on_tty, t);
    return t;
}

void console_tty_set_tap(struct console_tty *t,
                         void (*fn)(void *opaque, const uint8_t *data, size_t len), void *opaque)
{
    t->tap = fn;
    t->tap_opaque = opaque;
}

static struct xencons_interface *map_ring(struct console_tty *t)
{
    g_autofree char *node = g_strdup_printf("/local/domain/%u/console/ring-ref", t->host->domid);
    g_autofree char *text = t->host->xs->read(t->host, 0, node, NULL);
    xen_pfn_t gfn = text ? strtoul(text, NULL, 10) : 0;

    return gfn ? t->host->ops->map_foreign(t->host, &gfn, 1, PROT_READ, NULL) : NULL;
}

/*
 * xenconsoled paces itself (some events each 200 ms), so the guest's last words may still be in the ring.
 * When they have left it, they come through the terminal at once.
 */
void console_tty_drain(struct console_tty *t)
{
    const gint64 until = g_get_monotonic_time() + G_USEC_PER_SEC;
    struct xencons_interface *page = map_ring(t);
    bool empty = false;

    if (t->fd < 0)
        on_tty(t, NULL); /* a guest that was quicker than the main loop */
    while (!empty && t->fd >= 0 && g_get_monotonic_time() < until) {
        empty = !page || __atomic_load_n(&page->out_cons, __ATOMIC_SEQ_CST) ==
                             __atomic_load_n(&page->out_prod, __ATOMIC_SEQ_CST);
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        if (poll(&p, 1, empty ? 50 : 5) > 0)
            empty = false;
        while (output_step(t))
            ;
        if (t->nr_held)
            break; /* nobody takes it */
    }
    t->host->ops->unmap_foreign(t->host, page, 1);
}

void console_tty_text(struct console_tty *t, const char *text, size_t len)
{
    while (len && !t->nr_held) {
        size_t n = chardev_write(t->chr, (const uint8_t *)text, len);
        if (!n)
            return;
        text += n;
        len -= n;
    }
}

void console_tty_free(struct console_tty *t)
{
    if (!t)
        return;
    t->host->xs->unwatch(t->watch);
    hang_up(t);
    chardev_set_user(t->chr, NULL, NULL);
    g_free(t);
}
