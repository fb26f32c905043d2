#include "xenner/host/store/store.h"
#include "xenner/host/store/priv.h"
#include "xenner/host/store/txn.h"

#include <errno.h>
#include <string.h>

struct store *store_new(void)
{
    struct store *s = g_new0(struct store, 1);

    s->root = store_tree_new();
    s->generation = 1;
    s->conns = g_ptr_array_new();
    s->domains = g_array_new(FALSE, FALSE, sizeof(domid_t));
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    g_assert(s->conns->len == 0);
    g_ptr_array_unref(s->conns);
    g_array_unref(s->domains);
    store_tree_free(s->root);
    g_free(s);
}

static void watch_free(gpointer data)
{
    struct store_watch *w = data;

    g_free(w->path);
    g_free(w->token);
    g_free(w);
}

static void txn_free(gpointer data)
{
    store_txn_free(data);
}

struct store_conn *store_connect(struct store *s, domid_t dom, store_send_fn send, void *opaque)
{
    struct store_conn *c = g_new0(struct store_conn, 1);

    c->store = s;
    c->dom = dom;
    c->send = send;
    c->opaque = opaque;
    c->watches = g_ptr_array_new_with_free_func(watch_free);
    c->txns = g_ptr_array_new_with_free_func(txn_free);
    g_ptr_array_add(s->conns, c);
    return c;
}

void store_disconnect(struct store_conn *c)
{
    if (!c)
        return;
    g_ptr_array_remove_fast(c->store->conns, c);
    g_ptr_array_unref(c->watches);
    g_ptr_array_unref(c->txns);
    g_free(c);
}

bool store_is_watched(const struct store_conn *c, domid_t dom, const char *path)
{
    for (guint i = 0; i < c->store->conns->len; i++) {
        const struct store_conn *other = g_ptr_array_index(c->store->conns, i);
        for (guint k = 0; other->dom == dom && k < other->watches->len; k++) {
            const struct store_watch *w = g_ptr_array_index(other->watches, k);
            if (strcmp(w->path, path) == 0)
                return true;
        }
    }
    return false;
}

void store_move(struct store_conn *c, struct store *to)
{
    if (c->store == to)
        return;
    g_ptr_array_remove_fast(c->store->conns, c);
    g_ptr_array_set_size(c->txns, 0);
    c->store = to;
    g_ptr_array_add(to->conns, c);
    for (guint i = 0; i < c->watches->len; i++) {
        const struct store_watch *w = g_ptr_array_index(c->watches, i);
        store_send_event(c, w, w->path);
    }
}

static int find_domain(const struct store *s, domid_t dom)
{
    for (guint i = 0; i < s->domains->len; i++) {
        if (g_array_index(s->domains, domid_t, i) == dom)
            return (int)i;
    }
    return -1;
}

bool store_is_introduced(const struct store *s, domid_t dom)
{
    return dom == 0 || find_domain(s, dom) >= 0;
}

static void set_released(struct store *s, domid_t dom, bool released)
{
    for (guint i = 0; i < s->conns->len; i++) {
        struct store_conn *c = g_ptr_array_index(s->conns, i);
        if (c->dom != dom)
            continue;
        c->released = released;
        g_ptr_array_set_size(c->watches, 0);
        g_ptr_array_set_size(c->txns, 0);
    }
}

void store_introduce(struct store *s, domid_t dom)
{
    if (!store_is_introduced(s, dom))
        set_released(s, dom, false);
    if (find_domain(s, dom) < 0)
        g_array_append_val(s->domains, dom);
    store_fire(s, "@introduceDomain", false);
}

void store_release(struct store *s, domid_t dom)
{
    int at = find_domain(s, dom);

    if (at < 0)
        return;
    g_array_remove_index(s->domains, (guint)at);
    set_released(s, dom, true);
    store_fire(s, "@releaseDomain", false);
}

/* Is path the watched node, or below it? */
static bool covers(const char *watched, const char *path)
{
    size_t len = strlen(watched);

    if (strcmp(watched, "/") == 0)
        return path[0] == '/';
    return strncmp(watched, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Levels from watched, which covers path, down to path. */
static int levels_below(const char *watched, const char *path)
{
    int n = 0;

    for (path += strcmp(watched, "/") == 0 ? 0 : strlen(watched); *path; path++)
        n += path[0] == '/' && path[1];
    return n;
}

void store_send_event(struct store_conn *c, const struct store_watch *w, const char *path)
{
    GByteArray *payload = g_byte_array_new();
    const char *shown = path;

    /* A watch set by a relative path hears relative paths. */
    if (w->relative && g_str_has_prefix(path, w->home))
        shown = path + strlen(w->home) + 1;
    g_byte_array_append(payload, (const guint8 *)shown, (guint)strlen(shown) + 1);
    g_byte_array_append(payload, (const guint8 *)w->token, (guint)strlen(w->token) + 1);
    struct xsd_sockmsg h = {.type = XS_WATCH_EVENT, .len = payload->len};
    /* A long path and a long token: none at all, the guest would take it for a broken stream. */
    if (h.len <= XENSTORE_PAYLOAD_MAX)
        c->send(c->opaque, &h, payload->data);
    g_byte_array_unref(payload);
}

/* Only who may read the node hears of it. gone: the node was removed, so what was below is gone too. */
void store_fire(struct store *s, const char *path, bool gone)
{
    for (guint i = 0; i < s->conns->len; i++) {
        struct store_conn *c = g_ptr_array_index(s->conns, i);
        /* what begins with '@' is domain 0's business */
        if (path[0] == '@' ? c->dom != 0 : !(store_tree_access(s->root, path, c->dom) & STORE_READ))
            continue;
        for (guint k = 0; k < c->watches->len; k++) {
            const struct store_watch *w = g_ptr_array_index(c->watches, k);
            if (covers(w->path, path)) {
                if (w->depth < 0 || levels_below(w->path, path) <= w->depth)
                    store_send_event(c, w, path);
            } else if (gone && covers(path, w->path)) {
                store_send_event(c, w, w->path);
            }
        }
    }
}

void store_changed(struct store *s, struct store_txn *t, const char *path, bool gone)
{
    if (t) {
        store_txn_changed(t, path, gone);
        return;
    }
    store_tree_stamp(s->root, path, ++s->generation);
    store_fire(s, path, gone);
}

void store_write(struct store *s, const char *path, const char *value)
{
    struct store_node *n = store_tree_make(s->root, path, 0);

    g_byte_array_set_size(n->value, 0);
    g_byte_array_append(n->value, (const guint8 *)value, (guint)strlen(value));
    store_changed(s, NULL, path, false);
}

char *store_read(struct store *s, const char *path)
{
    struct store_node *n = store_tree_find(s->root, path);

    if (!n)
        return NULL;
    /* an empty value has no data at all */
    return g_strndup(n->value->len ? (const char *)n->value->data : "", n->value->len);
}

void store_remove(struct store *s, const char *path)
{
    if (store_tree_remove(s->root, path))
        store_changed(s, NULL, path, true);
}

void store_chmod(struct store *s, const char *path, struct store_perm owner, struct store_perm other)
{
    struct store_node *n = store_tree_make(s->root, path, 0);

    g_array_set_size(n->perms, 0);
    g_array_append_val(n->perms, owner);
    if (other.dom != owner.dom)
        g_array_append_val(n->perms, other);
    store_tree_stamp(s->root, path, ++s->generation);
}
