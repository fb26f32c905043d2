/* struct xen_store_ops over libxenstore: xenstored's socket, or its ring when it is a domain. */
#include "xenner/host/libxen_priv.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

/* Events of one turn of the main loop: a guest that changes nodes without end must not keep it. */
#define MAX_EVENTS 64

struct xs_watch {
    struct libxen_xs *xs;
    char token[16]; /* its number */
    char *path;
    xs_watch_fn fn;
    void *opaque;
};

/*
 * With its first watch libxenstore starts a thread for the connection, through which all answers go from then on, two
 * switches between threads for each: so watches have a connection of their own.
 */
struct libxen_xs {
    struct xs_handle *handle, *watching;
    GHashTable *watches; /* token -> struct xs_watch, owned */
    unsigned last;
    guint source;
};

static void watch_free(gpointer data)
{
    struct xs_watch *w = data;

    g_free(w->path);
    g_free(w);
}

/*
 * The descriptor stays readable while there are events. fn may take any watch away; events of a watch that
 * is gone find no token.
 */
static gboolean on_events(gint fd, GIOCondition condition, gpointer data)
{
    struct libxen_xs *xs = data;

    for (unsigned i = 0; i < MAX_EVENTS; i++) {
        char **event = xs_check_watch(xs->watching);
        if (!event && errno == EAGAIN)
            return G_SOURCE_CONTINUE;
        if (!event) {
            g_warning("xenstored: %s", g_strerror(errno));
            xs->source = 0;
            return G_SOURCE_REMOVE;
        }
        struct xs_watch *w = g_hash_table_lookup(xs->watches, event[XS_WATCH_TOKEN]);
        if (w)
            w->fn(w->opaque, event[XS_WATCH_PATH]);
        free(event);
    }
    return G_SOURCE_CONTINUE;
}

struct libxen_xs *libxen_xs_new(GError **error)
{
    struct libxen_xs *xs = g_new0(struct libxen_xs, 1);

    xs->handle = xs_open(0);
    xs->watching = xs->handle ? xs_open(0) : NULL;
    if (!xs->watching) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "xenstored does not answer: %s", g_strerror(errno));
        xs_close(xs->handle);
        g_free(xs);
        return NULL;
    }
    xs->watches = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, watch_free);
    xs->source = g_unix_fd_add(xs_fileno(xs->watching), G_IO_IN, on_events, xs);
    return xs;
}

void libxen_xs_free(struct libxen_xs *xs)
{
    if (!xs)
        return;
    g_assert(g_hash_table_size(xs->watches) == 0);
    if (xs->source)
        g_source_remove(xs->source);
    xs_close(xs->handle);
    xs_close(xs->watching);
    g_hash_table_unref(xs->watches);
    g_free(xs);
}

static struct libxen_xs *xs_of(struct xen_host *h)
{
    return ((struct libxen_host *)h)->xs;
}

static bool check(bool ok, const char *path, GError **error)
{
    if (!ok)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "xenstore: %s: %s", path,
                    g_strerror(errno));
    return ok;
}

static char *libxen_read(struct xen_host *h, uint32_t txn, const char *path, GError **error)
{
    unsigned len;
    char *value = xs_read(xs_of(h)->handle, txn, path, &len);

    if (!check(value, path, error))
        return NULL;
    char *copy = g_strndup(value, len);
    free(value);
    return copy;
}

static bool libxen_write(struct xen_host *h, uint32_t txn, const char *path, const char *value,
                         GError **error)
{
    return check(xs_write(xs_of(h)->handle, txn, path, value, (unsigned)strlen(value)), path,
                 error);
}

static bool libxen_rm(struct xen_host *h, uint32_t txn, const char *path, GError **error)
{
    return check(xs_rm(xs_of(h)->handle, txn, path), path, error);
}

static char **libxen_list(struct xen_host *h, uint32_t txn, const char *path, GError **error)
{
    unsigned n;
    char **names = xs_directory(xs_of(h)->handle, txn, path, &n);

    if (!check(names, path, error))
        return NULL;
    char **copy = g_new0(char *, n + 1);
    for (unsigned i = 0; i < n; i++)
        copy[i] = g_strdup(names[i]);
    free(names);
    return copy;
}

static bool libxen_set_perms(struct xen_host *h, uint32_t txn, const char *path, domid_t owner,
                             domid_t reader, GError **error)
{
    struct xs_permissions perms[] = {{owner, XS_PERM_NONE}, {reader, XS_PERM_READ}};

    return check(xs_set_permissions(xs_of(h)->handle, txn, path, perms, G_N_ELEMENTS(perms)), path,
                 error);
}

static bool libxen_transact(struct xen_host *h,
                            bool (*body)(struct xen_host *h, uint32_t txn, void *opaque,
                                         GError **error),
                            void *opaque, GError **error)
{
    struct xs_handle *handle = xs_of(h)->handle;
    bool done;

    do {
        xs_transaction_t txn = xs_transaction_start(handle);
        if (!check(txn != XBT_NULL, "transaction", error))
            return false;
        if (!body(h, txn, opaque, error)) {
            xs_transaction_end(handle, txn, true);
            return false;
        }
        done = xs_transaction_end(handle, txn, false);
    } while (!done && errno == EAGAIN);
    return check(done, "transaction", error);
}

static struct xs_watch *libxen_watch(struct xen_host *h, const char *path, xs_watch_fn fn,
                                     void *opaque)
{
    struct libxen_xs *xs = xs_of(h);
    struct xs_watch *w = g_new0(struct xs_watch, 1);

    w->xs = xs;
    snprintf(w->token, sizeof(w->token), "%u", ++xs->last);
    w->path = g_strdup(path);
    w->fn = fn;
    w->opaque = opaque;
    g_hash_table_insert(xs->watches, w->token, w);
    if (!xs_watch(xs->watching, path, w->token))
        g_warning("xenstore: no watch on %s: %s", path, g_strerror(errno));
    return w;
}

static void libxen_unwatch(struct xs_watch *w)
{
    if (!w)
        return;
    xs_unwatch(w->xs->watching, w->path, w->token);
    g_hash_table_remove(w->xs->watches, w->token);
}

const struct xen_store_ops libxen_xs_ops = {
    .read = libxen_read,
    .write = libxen_write,
    .rm = libxen_rm,
    .list = libxen_list,
    .set_perms = libxen_set_perms,
    .transact = libxen_transact,
    .watch = libxen_watch,
    .unwatch = libxen_unwatch,
};
