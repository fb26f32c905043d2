#include "xenner/backend/net_user_polls.h"

#include <stdbool.h>

/*
 * A descriptor that libslirp asks for. One that it does not want for a while stays, without events:
 * to take it out of what GLib polls and to put it back wakes the loop, a round more each time.
 */
struct user_poll {
    GPollFD fd;     /* first: what GLib has is this */
    unsigned idle;  /* rounds without anything asked for */
};
#define POLL_KEEP 64 /* rounds */

struct user_polls {
    GSource *source;
    GPtrArray *all; /* struct user_poll *, owned */
};

static const struct {
    int slirp;
    GIOCondition glib;
} conditions[] = {
    {SLIRP_POLL_IN, G_IO_IN}, {SLIRP_POLL_OUT, G_IO_OUT}, {SLIRP_POLL_PRI, G_IO_PRI},
    {SLIRP_POLL_ERR, G_IO_ERR}, {SLIRP_POLL_HUP, G_IO_HUP},
};

static guint find_poll(struct user_polls *u, int fd)
{
    guint i = 0;

    while (i < u->all->len && ((struct user_poll *)g_ptr_array_index(u->all, i))->fd.fd != fd)
        i++;
    return i;
}

static int add_poll(int fd, int events, void *opaque)
{
    struct user_polls *u = opaque;
    guint at = find_poll(u, fd);

    if (at == u->all->len) {
        struct user_poll *new = g_new0(struct user_poll, 1);
        new->fd.fd = fd;
        g_ptr_array_add(u->all, new);
        g_source_add_poll(u->source, &new->fd);
    }
    struct user_poll *p = g_ptr_array_index(u->all, at);
    p->idle = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(conditions); i++) {
        if (events & conditions[i].slirp)
            p->fd.events |= conditions[i].glib;
    }
    return (int)at;
}

static int get_revents(int idx, void *opaque)
{
    struct user_polls *u = opaque;
    const struct user_poll *p = g_ptr_array_index(u->all, idx);
    int events = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(conditions); i++) {
        if (p->fd.revents & conditions[i].glib)
            events |= conditions[i].slirp;
    }
    return events;
}

/* Before a round. A descriptor that is ready with what nobody asks for (it was closed) must not stay. */
static void forget_polls(struct user_polls *u)
{
    for (guint i = u->all->len; i-- > 0;) {
        struct user_poll *p = g_ptr_array_index(u->all, i);
        bool gone = p->idle > POLL_KEEP || (p->idle && p->fd.revents);
        p->idle++;
        p->fd.events = p->fd.revents = 0;
        if (gone) {
            g_source_remove_poll(u->source, &p->fd);
            g_ptr_array_remove_index_fast(u->all, i);
        }
    }
}

void user_polls_prepare(struct user_polls *u, Slirp *slirp, uint32_t *timeout)
{
    forget_polls(u);
    slirp_pollfds_fill(slirp, timeout, add_poll, u);
}

void user_polls_dispatch(struct user_polls *u, Slirp *slirp)
{
    slirp_pollfds_poll(slirp, 0, get_revents, u);
}

struct user_polls *user_polls_new(GSource *source)
{
    struct user_polls *u = g_new0(struct user_polls, 1);

    u->source = source;
    u->all = g_ptr_array_new_with_free_func(g_free);
    return u;
}

void user_polls_free(struct user_polls *u)
{
    if (!u)
        return;
    g_ptr_array_unref(u->all);
    g_free(u);
}
