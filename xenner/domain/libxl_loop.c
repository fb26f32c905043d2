#include "xenner/domain/libxl_loop.h"

#include <gio/gio.h>
#include <libxl_event.h>
#include <poll.h>

struct libxl_loop {
    libxl_ctx *ctx;
    struct libxen_log *log;
    GList *timers; /* struct timer */
    GList *fds;    /* struct fd_source */
};

/* What libxl registered: a descriptor (a GSource of its own kind) or a timer. */
struct fd_source {
    GSource source;
    struct libxl_loop *loop;
    gpointer tag;
    int fd;
    short events;
    void *for_libxl;
};

struct timer {
    struct libxl_loop *loop;
    guint source;
    gint64 at; /* of the monotonic clock, microseconds */
    void *for_libxl;
};

static GIOCondition to_condition(short events)
{
    return (events & POLLIN ? G_IO_IN : 0) | (events & POLLOUT ? G_IO_OUT : 0) |
           (events & POLLPRI ? G_IO_PRI : 0);
}

static short from_condition(GIOCondition c)
{
    return (short)((c & G_IO_IN ? POLLIN : 0) | (c & G_IO_OUT ? POLLOUT : 0) |
                   (c & G_IO_PRI ? POLLPRI : 0) | (c & G_IO_ERR ? POLLERR : 0) |
                   (c & G_IO_HUP ? POLLHUP : 0) | (c & G_IO_NVAL ? POLLNVAL : 0));
}

static gboolean fd_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct fd_source *s = (struct fd_source *)source;
    short revents = from_condition(g_source_query_unix_fd(source, s->tag));

    libxl_osevent_occurred_fd(s->loop->ctx, s->for_libxl, s->fd, s->events, revents);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs fd_funcs = {.dispatch = fd_dispatch};

static int fd_register(void *user, int fd, void **ret, short events, void *for_libxl)
{
    struct fd_source *s = (struct fd_source *)g_source_new(&fd_funcs, sizeof(*s));

    s->loop = user;
    s->fd = fd;
    s->events = events;
    s->for_libxl = for_libxl;
    s->tag = g_source_add_unix_fd(&s->source, fd, to_condition(events));
    g_source_attach(&s->source, NULL);
    s->loop->fds = g_list_prepend(s->loop->fds, s);
    *ret = s;
    return 0;
}

static int fd_modify(void *user, int fd, void **registration, short events)
{
    struct fd_source *s = *registration;

    s->events = events;
    g_source_modify_unix_fd(&s->source, s->tag, to_condition(events));
    return 0;
}

static void fd_deregister(void *user, int fd, void *registration)
{
    struct fd_source *s = registration;

    s->loop->fds = g_list_remove(s->loop->fds, s);
    g_source_destroy(&s->source);
    g_source_unref(&s->source);
}

static void fire(struct timer *t)
{
    struct libxl_loop *loop = t->loop;
    void *for_libxl = t->for_libxl;

    loop->timers = g_list_remove(loop->timers, t);
    g_free(t);
    libxl_osevent_occurred_timeout(loop->ctx, for_libxl);
}

static gboolean timer_dispatch(gpointer data)
{
    fire(data);
    return G_SOURCE_REMOVE;
}

static int timer_register(void *user, void **ret, struct timeval at, void *for_libxl)
{
    struct timer *t = g_new0(struct timer, 1);
    gint64 when = (gint64)at.tv_sec * G_USEC_PER_SEC + at.tv_usec - g_get_real_time();

    t->loop = user;
    t->at = g_get_monotonic_time() + when;
    t->for_libxl = for_libxl;
    t->loop->timers = g_list_prepend(t->loop->timers, t);
    t->source = g_timeout_add((guint)CLAMP(when / 1000 + 1, 0, G_MAXINT), timer_dispatch, t);
    *ret = t;
    return 0;
}

/* Always means: at once, and that libxl has no more use for it. */
static int timer_modify(void *user, void **registration, struct timeval at)
{
    struct timer *t = *registration;

    g_source_remove(t->source);
    t->at = 0;
    t->source = g_idle_add(timer_dispatch, t);
    return 0;
}

static const libxl_osevent_hooks hooks = {
    .fd_register = fd_register,
    .fd_modify = fd_modify,
    .fd_deregister = fd_deregister,
    .timeout_register = timer_register,
    .timeout_modify = timer_modify,
};

/* We have children of our own, which are GLib's and util/child.c's to reap. */
static const libxl_childproc_hooks children = {
    .chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
};

struct libxl_loop *libxl_loop_new(GError **error)
{
    struct libxl_loop *loop = g_new0(struct libxl_loop, 1);

    loop->log = libxen_log_new();
    if (libxl_ctx_alloc(&loop->ctx, LIBXL_VERSION, 0, libxen_log_logger(loop->log))) {
        loop->ctx = NULL;
        libxl_loop_error(loop, error, "Xen's toolstack can't be used");
        libxl_loop_free(loop);
        return NULL;
    }
    libxl_osevent_register_hooks(loop->ctx, &hooks, loop);
    libxl_childproc_setmode(loop->ctx, &children, loop);
    return loop;
}

static void fire_due(struct libxl_loop *loop)
{
    for (GList *l = loop->timers; l; l = l->next) {
        struct timer *t = l->data;
        if (t->at > g_get_monotonic_time())
            continue;
        g_source_remove(t->source);
        fire(t);
        return; /* libxl may have changed the list */
    }
}

/* Descriptors that libxl gives up meanwhile, or gets: each is looked for when it is its turn. */
void libxl_loop_turn(struct libxl_loop *loop)
{
    guint n = g_list_length(loop->fds), i = 0;
    g_autofree struct pollfd *fds = g_new0(struct pollfd, n + 1);
    g_autofree struct fd_source **sources = g_new0(struct fd_source *, n + 1);

    for (GList *l = loop->fds; l; l = l->next, i++) {
        sources[i] = l->data;
        fds[i] = (struct pollfd){.fd = sources[i]->fd, .events = sources[i]->events};
    }
    gint64 wait = 1000;
    for (GList *l = loop->timers; l; l = l->next)
        wait = MIN(wait, (((struct timer *)l->data)->at - g_get_monotonic_time()) / 1000 + 1);
    poll(fds, n, (int)MAX(wait, 0));
    for (i = 0; i < n; i++) {
        if (fds[i].revents && g_list_find(loop->fds, sources[i]))
            libxl_osevent_occurred_fd(loop->ctx, sources[i]->for_libxl, fds[i].fd, fds[i].events,
                                      fds[i].revents);
    }
    fire_due(loop);
}

libxl_ctx *libxl_loop_ctx(struct libxl_loop *loop)
{
    return loop->ctx;
}

struct libxen_log *libxl_loop_log(struct libxl_loop *loop)
{
    return loop->log;
}

void libxl_loop_free(struct libxl_loop *loop)
{
    if (!loop)
        return;
    /* libxl keeps what it knows about a timer until it fired, also of those that it has given up. */
    while (loop->timers) {
        struct timer *t = loop->timers->data;
        g_source_remove(t->source);
        fire(t);
    }
    if (loop->ctx)
        libxl_ctx_free(loop->ctx);
    libxen_log_free(loop->log);
    g_free(loop);
}

bool libxl_loop_error(struct libxl_loop *loop, GError **error, const char *what)
{
    g_autofree char *reason = libxen_log_take_error(loop->log);

    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what,
                reason ? reason : "libxl did not say why");
    return false;
}
