/*
 * struct xen_store_ops on the store in this process: a connection of domain 0 that speaks the
 * protocol without a wire. Answers come before store_request() returns; watch events wait for the
 * main loop.
 */
#include "xenner/host/local_priv.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Paths of one watch that wait to be told; a guest that changes more is told of as one change. */
#define MAX_EVENTS 64

struct xs_watch {
    struct local_xs *xs;
    unsigned id; /* its token is this number */
    char *path;
    xs_watch_fn fn;
    void *opaque;
    unsigned events;
};

struct event {
    unsigned id;
    char *path;
};

struct local_xs {
    struct store_conn *conn;
    uint32_t reply_type;
    GByteArray *reply;
    GHashTable *watches; /* id -> struct xs_watch, owned */
    unsigned last_id;
    GQueue events;       /* struct event, owned */
    guint source;
};

static void event_free(gpointer data)
{
    struct event *e = data;

    g_free(e->path);
    g_free(e);
}

static void watch_free(gpointer data)
{
    struct xs_watch *w = data;

    g_free(w->path);
    g_free(w);
}

/* What is there now; what comes meanwhile has its turn later. fn may take any watch away. */
static gboolean tell(gpointer data)
{
    struct local_xs *xs = data;

    for (guint n = g_queue_get_length(&xs->events); n; n--) {
        struct event *e = g_queue_pop_head(&xs->events);
        struct xs_watch *w = g_hash_table_lookup(xs->watches, GUINT_TO_POINTER(e->id));
        if (w) {
            w->events--;
            w->fn(w->opaque, e->path);
        }
        event_free(e);
    }
    if (!g_queue_is_empty(&xs->events))
        return G_SOURCE_CONTINUE;
    xs->source = 0;
    return G_SOURCE_REMOVE;
}

static void add_event(struct xs_watch *w, const char *path)
{
    struct local_xs *xs = w->xs;

    if (w->events >= MAX_EVENTS)
        path = w->path;
    for (GList *i = xs->events.head; i; i = i->next) {
        const struct event *e = i->data;
        if (e->id == w->id && strcmp(e->path, path) == 0)
            return;
    }
    struct event *e = g_new0(struct event, 1);
    e->id = w->id;
    e->path = g_strdup(path);
    w->events++;
    g_queue_push_tail(&xs->events, e);
    if (!xs->source)
        xs->source = g_idle_add_full(G_PRIORITY_DEFAULT, tell, xs, NULL);
}

static void on_send(void *opaque, const struct xsd_sockmsg *header, const void *payload)
{
    struct local_xs *xs = opaque;
    const char *path = payload;

    if (header->type != XS_WATCH_EVENT) {
        xs->reply_type = header->type;
        g_byte_array_set_size(xs->reply, 0);
        g_byte_array_append(xs->reply, payload, header->len);
        return;
    }
    unsigned id = (unsigned)strtoul(path + strlen(path) + 1, NULL, 10);
    struct xs_watch *w = g_hash_table_lookup(xs->watches, GUINT_TO_POINTER(id));
    if (w)
        add_event(w, path);
}

struct local_xs *local_xs_new(struct store *store)
{
    struct local_xs *xs = g_new0(struct local_xs, 1);

    xs->conn = store_connect(store, 0, on_send, xs);
    xs->reply = g_byte_array_new();
    xs->watches = g_hash_table_new_full(NULL, NULL, NULL, watch_free);
    g_queue_init(&xs->events);
    return xs;
}

void local_xs_free(struct local_xs *xs)
{
    if (!xs)
        return;
    g_assert(g_hash_table_size(xs->watches) == 0);
    store_disconnect(xs->conn);
    if (xs->source)
        g_source_remove(xs->source);
    g_queue_clear_full(&xs->events, event_free);
    g_hash_table_unref(xs->watches);
    g_byte_array_unref(xs->reply);
    g_free(xs);
}

static int reply_errno(const struct local_xs *xs)
{
    for (size_t i = 0; i < G_N_ELEMENTS(xsd_errors); i++) {
        if (xs->reply->len && strcmp(xsd_errors[i].errstring, (const char *)xs->reply->data) == 0)
            return xsd_errors[i].errnum;
    }
    return EIO;
}

/* One request: strings, each with its NUL, and then a value, which has none. 0 or an errno. */
static int ask(struct local_xs *xs, uint32_t type, uint32_t txn, const char *const strings[],
               const char *value)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();

    for (unsigned i = 0; strings[i]; i++)
        g_byte_array_append(payload, (const guint8 *)strings[i], (guint)strlen(strings[i]) + 1);
    if (value)
        g_byte_array_append(payload, (const guint8 *)value, (guint)strlen(value));
    if (payload->len > XENSTORE_PAYLOAD_MAX)
        return E2BIG;
    struct xsd_sockmsg h = {.type = type, .tx_id = txn, .len = payload->len};
    store_request(xs->conn, &h, payload->data);
    return xs->reply_type == XS_ERROR ? reply_errno(xs) : 0;
}

#define STRINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct local_xs *xs_of(struct xen_host *h)
{
    return ((struct local_host *)h)->xs;
}

static bool check(int err, const char *path, GError **error)
{
    if (err)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(err), "xenstore: %s: %s", path,
                    g_strerror(err));
    return !err;
}

static char *xs_read(struct xen_host *h, uint32_t txn, const char *path, GError **error)
{
    struct local_xs *xs = xs_of(h);

    if (!check(ask(xs, XS_READ, txn, STRINGS(path), NULL), path, error))
        return NULL;
    return g_strndup(xs->reply->len ? (const char *)xs->reply->data : "", xs->reply->len);
}

static bool xs_write(struct xen_host *h, uint32_t txn, const char *path, const char *value,
                     GError **error)
{
    return check(ask(xs_of(h), XS_WRITE, txn, STRINGS(path), value), path, error);
}

static bool xs_rm(struct xen_host *h, uint32_t txn, const char *path, GError **error)
{
    return check(ask(xs_of(h), XS_RM, txn, STRINGS(path), NULL), path, error);
}

static char **xs_list(struct xen_host *h, uint32_t txn, const char *path, GError **error)
{
    struct local_xs *xs = xs_of(h);
    GPtrArray *names = NULL;

    if (!check(ask(xs, XS_DIRECTORY, txn, STRINGS(path), NULL), path, error))
        return NULL;
    names = g_ptr_array_new();
    for (const char *at = (const char *)xs->reply->data, *end = at + xs->reply->len; at < end;
         at += strlen(at) + 1)
        g_ptr_array_add(names, g_strdup(at));
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static bool xs_set_perms(struct xen_host *h, uint32_t txn, const char *path, domid_t owner,
                         domid_t reader, GError **error)
{
    char first[16], second[16];

    snprintf(first, sizeof(first), "n%u", owner);
    snprintf(second, sizeof(second), "r%u", reader);
    return check(ask(xs_of(h), XS_SET_PERMS, txn, STRINGS(path, first, second), NULL), path, error);
}

static bool xs_transact(struct xen_host *h,
                        bool (*body)(struct xen_host *h, uint32_t txn, void *opaque,
                                     GError **error),
                        void *opaque, GError **error)
{
    struct local_xs *xs = xs_of(h);
    int err;

    do {
        err = ask(xs, XS_TRANSACTION_START, 0, STRINGS(""), NULL);
        if (!check(err, "transaction", error))
            return false;
        uint32_t txn = (uint32_t)strtoul((const char *)xs->reply->data, NULL, 10);
        if (!body(h, txn, opaque, error)) {
            ask(xs, XS_TRANSACTION_END, txn, STRINGS("F"), NULL);
            return false;
        }
        err = ask(xs, XS_TRANSACTION_END, txn, STRINGS("T"), NULL);
    } while (err == EAGAIN);
    return check(err, "transaction", error);
}

static struct xs_watch *xs_watch(struct xen_host *h, const char *path, xs_watch_fn fn,
                                 void *opaque)
{
    struct local_xs *xs = xs_of(h);
    struct xs_watch *w = g_new0(struct xs_watch, 1);
    char token[16];

    w->xs = xs;
    w->id = ++xs->last_id;
    w->path = g_strdup(path);
    w->fn = fn;
    w->opaque = opaque;
    g_hash_table_insert(xs->watches, GUINT_TO_POINTER(w->id), w);
    snprintf(token, sizeof(token), "%u", w->id);
    int err = ask(xs, XS_WATCH, 0, STRINGS(path, token), NULL);
    g_assert(!err); /* domain 0 has no quota, and our paths are valid */
    return w;
}

static void xs_unwatch(struct xs_watch *w)
{
    char token[16];

    if (!w)
        return;
    snprintf(token, sizeof(token), "%u", w->id);
    ask(w->xs, XS_UNWATCH, 0, STRINGS(w->path, token), NULL);
    g_hash_table_remove(w->xs->watches, GUINT_TO_POINTER(w->id));
}

static bool xs_guest_watches(struct xen_host *h, const char *path)
{
    return store_is_watched(xs_of(h)->conn, h->domid, path);
}

const struct xen_store_ops local_xs_ops = {
    .read = xs_read,
    .write = xs_write,
    .rm = xs_rm,
    .list = xs_list,
    .set_perms = xs_set_perms,
    .transact = xs_transact,
    .watch = xs_watch,
    .unwatch = xs_unwatch,
    .guest_watches = xs_guest_watches,
};
