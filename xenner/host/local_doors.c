/*
 * Doorbells of threads: an eventfd that the guest's send writes to is polled by the thread that serves
 * the port. Doorbell 0, the main loop's, is for all other ports.
 */
#include "xenner/host/local_priv.h"

#include <errno.h>
#include <unistd.h>

struct local_door {
    GSource source; /* lives on while it is dispatched */
    struct local_host *host;
    GMainContext *ctx;
    unsigned number;
    GPtrArray *ports; /* struct host_port */
};

static gboolean door_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct local_door *d = (struct local_door *)source;
    uint64_t n;

    /* Empty it first: what the guest sends from here on brings another round. */
    if (read(d->host->door_fd[d->number], &n, sizeof(n)) < 0 && errno != EAGAIN)
        g_warning("doorbell %u: %s", d->number, g_strerror(errno));
    /* from the end: a port's function may take its port away */
    for (guint i = d->ports->len; i-- > 0;) {
        struct host_port *p = i < d->ports->len ? g_ptr_array_index(d->ports, i) : NULL;
        if (!p)
            continue;
        bool idle = p->wants_idle;
        p->wants_idle = false;
        if (evtchn_host_take(d->host->evtchn, p->port, p->link) || idle)
            p->fn(p->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static void door_finalize(GSource *source)
{
    struct local_door *d = (struct local_door *)source;

    g_ptr_array_unref(d->ports);
    g_main_context_unref(d->ctx);
}

static GSourceFuncs door_source = {.dispatch = door_dispatch, .finalize = door_finalize};

/* With the lock. */
static struct local_door *open_door(struct local_host *l, GMainContext *ctx, unsigned n)
{
    struct local_door *d = (struct local_door *)g_source_new(&door_source, sizeof(*d));

    d->host = l;
    d->ctx = g_main_context_ref(ctx);
    d->number = n;
    d->ports = g_ptr_array_new();
    g_source_add_unix_fd(&d->source, l->door_fd[n], G_IO_IN);
    g_source_set_can_recurse(&d->source, TRUE); /* for the reason in fd_source.h */
    g_source_attach(&d->source, ctx);
    l->doors[n] = d;
    return d;
}

/* With the lock. NULL: all are taken, or there is none. */
static struct local_door *find_door(struct local_host *l, GMainContext *ctx)
{
    unsigned free_one = 0;

    for (unsigned n = 1; n < EMU_DOORBELLS; n++) {
        if (l->doors[n] && l->doors[n]->ctx == ctx)
            return l->doors[n];
        if (!free_one && !l->doors[n] && l->door_fd[n] >= 0)
            free_one = n;
    }
    return free_one ? open_door(l, ctx, free_one) : NULL;
}

struct local_door *local_door_enter(struct local_host *l, GMainContext *ctx, struct host_port *p)
{
    if (!ctx || ctx == g_main_context_default())
        return NULL;
    g_mutex_lock(&l->lock);
    struct local_door *d = find_door(l, ctx);
    g_mutex_unlock(&l->lock);
    if (d)
        g_ptr_array_add(d->ports, p);
    return d;
}

void local_door_leave(struct host_port *p)
{
    struct local_door *d = p->door;

    if (!d)
        return;
    g_ptr_array_remove_fast(d->ports, p);
    if (d->ports->len)
        return;
    g_mutex_lock(&d->host->lock);
    d->host->doors[d->number] = NULL;
    g_mutex_unlock(&d->host->lock);
    g_source_destroy(&d->source);
    g_source_unref(&d->source);
}

unsigned local_door_number(const struct local_door *d)
{
    return d ? d->number : 0;
}

void local_host_set_doorbell(struct xen_host *h, unsigned n, int fd)
{
    struct local_host *l = (struct local_host *)h;

    if (n > 0 && n < EMU_DOORBELLS)
        l->door_fd[n] = fd;
}
