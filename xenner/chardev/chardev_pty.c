/*
 * pty: a terminal for others. Whether somebody has its other end open is learned from inotify, not by
 * polling: the kernel tells of opens and closes of the slave's node.
 */
#include "xenner/chardev/chardev_priv.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

struct pty {
    int master, watch;
    guint source;
    char *link;
};

/*
 * The terminal hangs up while nobody has its other end open. Counting opens and closes would not do:
 * inotify makes one event of several alike. What was typed before the end is still read, then read()
 * tells of the end.
 */
static void look(struct chardev *chr)
{
    struct pty *p = chr->kind;
    struct pollfd poll_fd = {p->master, POLLIN, 0};

    poll(&poll_fd, 1, 0);
    bool typed = (poll_fd.revents & POLLIN) && !chr->input_stopped;
    bool there = !(poll_fd.revents & POLLHUP) || typed;
    if (there && chr->out_fd < 0)
        chardev_connected(chr, p->master, p->master, false);
    else if (!there && chr->out_fd >= 0)
        chardev_disconnected(chr);
}

static gboolean on_watch(gint fd, GIOCondition condition, gpointer data)
{
    char events[4096];

    /* What they say does not matter. */
    while (read(fd, events, sizeof(events)) > 0)
        ;
    look(data);
    return G_SOURCE_CONTINUE;
}

static bool open_pair(struct pty *p, char name[64])
{
    struct termios raw;

    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0 ||
        ptsname_r(p->master, name, 64) != 0)
        return false;
    /* The mode outlives this; and from its close on the master hangs up, as without a reader. */
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return false;
    bool ok = tcgetattr(slave, &raw) == 0;
    cfmakeraw(&raw);
    ok = ok && tcsetattr(slave, TCSANOW, &raw) == 0;
    close(slave);
    return ok && chardev_set_nonblocking(p->master);
}

static bool pty_open(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    struct pty *p = g_new0(struct pty, 1);
    char name[64];

    p->master = p->watch = -1;
    chr->kind = p;
    if (!open_pair(p, name))
        return chardev_fail(error, "make", "a pty");
    p->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (p->watch < 0 || inotify_add_watch(p->watch, name, IN_OPEN | IN_CLOSE) < 0)
        return chardev_fail(error, "watch", name);
    if (cfg->path) {
        if (symlink(name, cfg->path) < 0)
            return chardev_fail(error, "make the link", cfg->path);
        p->link = g_strdup(cfg->path);
    }
    p->source = g_unix_fd_add(p->watch, G_IO_IN, on_watch, chr);
    chr->label = g_strdup_printf("pty:%s", name);
    return true;
}

static void pty_hung_up(struct chardev *chr)
{
}

static void pty_close(struct chardev *chr)
{
    struct pty *p = chr->kind;

    if (!p)
        return;
    if (p->source)
        g_source_remove(p->source);
    if (p->link)
        unlink(p->link);
    const int fds[] = {p->watch, p->master};
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    g_free(p->link);
    g_free(p);
}

const struct chardev_kind_ops chardev_pty_ops = {
    .open = pty_open, .close = pty_close, .hung_up = pty_hung_up};
