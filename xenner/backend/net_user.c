/*
 * User-mode network: libslirp plays the router. It lives in the port's thread, driven by one
 * GSource.
 */
#include "xenner/backend/net_user_guestfwd.h"
#include "xenner/backend/net_user_polls.h"
#include "xenner/backend/netport_priv.h"
#include "xenner/util/ready_source.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUE_MAX 512 /* frames for a guest that has no room; as on any network, more get lost */

struct net_user {
    struct netport port;
    const struct netdev_user *cfg; /* until open() is done */
    Slirp *slirp;
    SlirpConfig config;
    GSource *source;
    GPtrArray *guestfwds; /* struct net_user_guestfwd *, owned */
    struct user_polls *polls;
    GQueue queue;     /* GBytes *: frames for the guest */
    bool large;       /* the guest takes large segments */
    struct net_packet joined; /* of what libslirp sent in this round; before the queue */
    bool joined_waits;        /* the guest had no room for it */
    GError **error;   /* of open() */
    bool ok;
};

struct user_source {
    GSource base;
    struct net_user *u;
};

struct user_timer {
    struct net_user *u;
    GSource *source;
    SlirpTimerId id;
    SlirpTimerCb cb;
    void *opaque;
};

/* False: the guest has no room. */
static bool deliver_joined(struct net_user *u)
{
    struct net_headers at;

    if (!u->joined.len)
        return true;
    net_csum_prepare(&u->joined, &at);
    u->joined_waits = !netport_receive(&u->port, 0, &u->joined);
    if (!u->joined_waits)
        u->joined.len = 0;
    return !u->joined_waits;
}

/*
 * libslirp cuts a stream into frames of its MTU, a burst of them at once. What was one goes to the
 * guest as one large segment, before the thread sleeps.
 */
static bool deliver(struct net_user *u, struct net_packet *p)
{
    if (u->joined_waits || !g_queue_is_empty(&u->queue))
        return false;
    if (u->large && net_join(&u->joined, p->data, p->len))
        return true;
    if (!deliver_joined(u))
        return false;
    return (u->large && net_join(&u->joined, p->data, p->len)) || netport_receive(&u->port, 0, p);
}

static ssize_t on_packet(const void *buf, size_t len, void *opaque)
{
    struct net_user *u = opaque;
    /* libslirp made the checksums just now, over no wire */
    struct net_packet p = {(uint8_t *)buf, len, NET_CSUM_VALID};

    if (deliver(u, &p))
        return (ssize_t)len;
    if (g_queue_get_length(&u->queue) < QUEUE_MAX)
        g_queue_push_tail(&u->queue, g_bytes_new(buf, len));
    return (ssize_t)len;
}

static void on_guest_error(const char *msg, void *opaque)
{
    struct net_user *u = opaque;

    g_log("net", G_LOG_LEVEL_DEBUG, "%s: %s", u->port.id, msg);
}

static int64_t on_clock(void *opaque)
{
    return g_get_monotonic_time() * 1000;
}

static void on_time(void *opaque)
{
    struct user_timer *t = opaque;

    if (t->cb)
        t->cb(t->opaque);
    else
        slirp_handle_timer(t->u->slirp, t->id, t->opaque);
}

static struct user_timer *new_timer(struct net_user *u)
{
    struct user_timer *t = g_new0(struct user_timer, 1);

    t->u = u;
    t->source = ready_source_new(io_thread_context(u->port.thread), on_time, t);
    return t;
}

static void *on_timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    struct user_timer *t = new_timer(opaque);

    t->cb = cb;
    t->opaque = cb_opaque;
    return t;
}

static void *on_timer_new_id(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    struct user_timer *t = new_timer(opaque);

    t->id = id;
    t->opaque = cb_opaque;
    return t;
}

static void on_timer_free(void *timer, void *opaque)
{
    struct user_timer *t = timer;

    ready_source_free(t->source);
    g_free(t);
}

static void on_timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    struct user_timer *t = timer;

    g_source_set_ready_time(t->source, expire_ms * 1000);
}

/* Descriptors are asked for in each round. */
static void on_poll_fd(int fd, void *opaque)
{
}

/* In the port's thread the next round comes without, and would only come twice. */
static void on_notify(void *opaque)
{
    struct net_user *u = opaque;
    GMainContext *ctx = io_thread_context(u->port.thread);

    if (!g_main_context_is_owner(ctx))
        g_main_context_wakeup(ctx);
}

static const SlirpCb callbacks = {
    .send_packet = on_packet,
    .guest_error = on_guest_error,
    .clock_get_ns = on_clock,
    .timer_new = on_timer_new,
    .timer_free = on_timer_free,
    .timer_mod = on_timer_mod,
    .register_poll_fd = on_poll_fd,
    .unregister_poll_fd = on_poll_fd,
    .notify = on_notify,
    .timer_new_opaque = on_timer_new_id,
};

static gboolean user_prepare(GSource *source, gint *timeout)
{
    struct net_user *u = ((struct user_source *)source)->u;
    uint32_t ms = UINT32_MAX;

    if (!u->joined_waits)
        deliver_joined(u);
    user_polls_prepare(u->polls, u->slirp, &ms);
    for (guint i = 0; i < u->guestfwds->len; i++)
        net_user_guestfwd_prepare(g_ptr_array_index(u->guestfwds, i));
    *timeout = ms > G_MAXINT ? -1 : (gint)ms;
    return FALSE;
}

/*
 * libslirp does what is due in every round, whether a descriptor is ready or not, as in QEMU's
 * loop.
 */
static gboolean user_check(GSource *source)
{
    return TRUE;
}

static gboolean user_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    struct net_user *u = ((struct user_source *)source)->u;

    user_polls_dispatch(u->polls, u->slirp);
    for (guint i = 0; i < u->guestfwds->len; i++)
        net_user_guestfwd_dispatch(g_ptr_array_index(u->guestfwds, i));
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs user_source = {user_prepare, user_check, user_dispatch, NULL};

static bool user_send(struct netport *port, unsigned queue, struct net_packet *p)
{
    struct net_user *u = (struct net_user *)port;

    slirp_input(u->slirp, p->data, (int)p->len);
    return true;
}

static void user_resume(struct netport *port, unsigned queue)
{
    struct net_user *u = (struct net_user *)port;

    if (!deliver_joined(u))
        return;
    while (!g_queue_is_empty(&u->queue)) {
        gsize len;
        GBytes *frame = g_queue_peek_head(&u->queue);
        const void *data = g_bytes_get_data(frame, &len);
        struct net_packet p = {(uint8_t *)data, len, NET_CSUM_VALID};
        if (!netport_receive(port, 0, &p))
            return;
        g_bytes_unref(g_queue_pop_head(&u->queue));
    }
}

static void user_set_offloads(struct netport *port, const struct netport_offloads *o)
{
    ((struct net_user *)port)->large = o->csum && o->tso4 && o->tso6;
}

static bool add_hostfwd(struct net_user *u, const char *rule, GError **error)
{
    struct net_hostfwd f;

    if (!net_hostfwd_parse(rule, &f, error))
        return false;
    if (!f.guest.s_addr)
        f.guest = u->config.vdhcp_start;
    if (slirp_add_hostfwd(u->slirp, f.udp, f.host, (int)f.host_port, f.guest,
                          (int)f.guest_port) == 0)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                "Could not set up host forwarding rule '%s'", rule);
    return false;
}

static bool add_guestfwds(struct net_user *u)
{
    for (guint i = 0; i < u->cfg->guestfwd->len; i++) {
        struct net_user_guestfwd *f =
            net_user_guestfwd_new(u->slirp, u->source, g_ptr_array_index(u->cfg->guestfwd, i), u->error);
        if (!f)
            return false;
        g_ptr_array_add(u->guestfwds, f);
    }
    return true;
}

static void open_in_thread(void *opaque)
{
    struct net_user *u = opaque;

    u->slirp = slirp_new(&u->config, &callbacks, u);
    u->ok = u->slirp != NULL;
    if (!u->ok)
        g_set_error(u->error, G_IO_ERROR, G_IO_ERROR_FAILED, "libslirp could not start");
    for (guint i = 0; u->ok && i < u->cfg->hostfwd->len; i++)
        u->ok = add_hostfwd(u, g_ptr_array_index(u->cfg->hostfwd, i), u->error);
    if (!u->ok)
        return;
    u->source = g_source_new(&user_source, sizeof(struct user_source));
    ((struct user_source *)u->source)->u = u;
    u->polls = user_polls_new(u->source);
    g_source_set_can_recurse(u->source, TRUE); /* for the reason in fd_source.h */
    u->ok = add_guestfwds(u);
    if (u->ok)
        g_source_attach(u->source, io_thread_context(u->port.thread));
}

static void close_in_thread(void *opaque)
{
    struct net_user *u = opaque;

    g_ptr_array_unref(u->guestfwds);
    if (u->source) {
        g_source_destroy(u->source);
        g_source_unref(u->source);
    }
    if (u->slirp)
        slirp_cleanup(u->slirp);
}

static void user_free(struct netport *port)
{
    struct net_user *u = (struct net_user *)port;

    io_thread_call(port->thread, close_in_thread, u);
    netport_done(port);
    g_queue_clear_full(&u->queue, (GDestroyNotify)g_bytes_unref);
    user_polls_free(u->polls);
    g_free(u->joined.data);
    g_free(u);
}

/*
 * Large segments are welcome: libslirp takes an IP packet of any size, and never sends it on as
 * it is.
 */
static const struct netport_ops user_ops = {
    .name = "user", .gso = true, .send = user_send, .resume = user_resume,
    .set_offloads = user_set_offloads, .free = user_free,
};

/* libslirp warns of what guests do: a trace, for a guest could fill the log with it. */
static void slirp_message(const gchar *domain, GLogLevelFlags level, const gchar *text,
                          gpointer data)
{
    g_log("net", G_LOG_LEVEL_DEBUG, "libslirp: %s", text);
}

struct netport *net_user_new(const struct netdev_config *cfg, GError **error)
{
    static gsize once;
    SlirpConfig config;

    if (g_once_init_enter(&once)) {
        g_log_set_handler("Slirp", G_LOG_LEVEL_MASK, slirp_message, NULL);
        g_once_init_leave(&once, 1);
    }
    if (!net_user_config(&cfg->user, &config, error))
        return NULL;
    struct net_user *u = g_new0(struct net_user, 1);
    g_autoptr(GPtrArray) search = g_ptr_array_new(); /* with a NULL at its end; libslirp copies */
    g_ptr_array_extend(search, cfg->user.dnssearch, NULL, NULL);
    g_ptr_array_add(search, NULL);
    if (search->len > 1)
        config.vdnssearch = (const char **)search->pdata;
    u->config = config;
    u->cfg = &cfg->user;
    u->error = error;
    u->guestfwds = g_ptr_array_new_with_free_func(net_user_guestfwd_free);
    g_queue_init(&u->queue);
    u->joined.data = g_malloc(NET_PACKET_MAX);
    netport_init(&u->port, &user_ops, cfg);
    io_thread_call(u->port.thread, open_in_thread, u);
    if (u->ok)
        return &u->port;
    user_free(&u->port);
    return NULL;
}
