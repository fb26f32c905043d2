#include "xenner/host/store/txn.h"

#include <errno.h>
#include <string.h>

/* Was there when the transaction first looked; beside the STORE_TXN_* in the table of accesses. */
#define EXISTED 8u

static void change_free(gpointer data)
{
    struct store_change *change = data;

    g_free(change->path);
    g_free(change);
}

struct store_txn *store_txn_new(struct store *s, domid_t dom)
{
    struct store_txn *t = g_new0(struct store_txn, 1);

    s->next_txn = s->next_txn % 0x7fffffff + 1;
    t->id = s->next_txn;
    t->dom = dom;
    t->generation = s->generation;
    t->root = store_tree_copy(s->root);
    t->owned = dom ? store_tree_count(s->root, dom) : 0;
    t->accesses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    t->changed = g_ptr_array_new_with_free_func(change_free);
    return t;
}

void store_txn_free(struct store_txn *t)
{
    if (!t)
        return;
    store_tree_free(t->root);
    g_hash_table_unref(t->accesses);
    g_ptr_array_unref(t->changed);
    g_free(t);
}

static void note(struct store_txn *t, const char *path, unsigned flags)
{
    unsigned have = GPOINTER_TO_UINT(g_hash_table_lookup(t->accesses, path));

    if (!have && store_tree_find(t->root, path))
        have = EXISTED;
    if ((have | flags) != have || !(have & STORE_TXN_NODE))
        g_hash_table_insert(t->accesses, g_strdup(path),
                            GUINT_TO_POINTER(have | flags | STORE_TXN_NODE));
}

bool store_txn_access(struct store_txn *t, const char *path, enum store_txn_access how)
{
    g_autofree char *above = NULL;

    if (t->dom != 0 && g_hash_table_size(t->accesses) >= STORE_MAX_ACCESSES &&
        !g_hash_table_contains(t->accesses, path))
        return false;
    note(t, path, how);
    if (store_tree_find(t->root, path))
        return true;
    /* who may know of a node that isn't there is said by the nearest one that is */
    above = store_tree_nearest(t->root, path);
    note(t, above, STORE_TXN_NODE);
    return true;
}

void store_txn_making(struct store_txn *t, const char *path)
{
    g_autofree char *part = g_strdup(path);

    for (char *end = part + strlen(part); end > part && !store_tree_find(t->root, part);) {
        note(t, part, STORE_TXN_NODE);
        while (end > part && *end != '/')
            end--;
        *end = '\0';
    }
}

static bool is_below(const char *path, const char *above)
{
    size_t len = strlen(above);

    return strncmp(path, above, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool is_noted(const struct store_txn *t, const char *path)
{
    for (guint i = 0; i < t->changed->len; i++) {
        const struct store_change *change = g_ptr_array_index(t->changed, i);
        if (!change->gone && strcmp(change->path, path) == 0)
            return true;
    }
    return false;
}

static void add_change(struct store_txn *t, const char *path, bool gone)
{
    struct store_change *change = g_new0(struct store_change, 1);

    change->path = g_strdup(path);
    change->gone = gone;
    g_ptr_array_add(t->changed, change);
}

void store_txn_changed(struct store_txn *t, const char *path, bool gone)
{
    if (!gone) {
        if (!is_noted(t, path))
            add_change(t, path, false);
        return;
    }
    /* what was changed below it before is of no interest any more */
    for (guint i = t->changed->len; i-- > 0;) {
        const struct store_change *change = g_ptr_array_index(t->changed, i);
        if (is_below(change->path, path))
            g_ptr_array_remove_index(t->changed, i);
    }
    add_change(t, path, true);
}

/* Did others change what the transaction saw there? */
static bool is_stale(const struct store *s, const struct store_txn *t, const char *path,
                     unsigned flags)
{
    const struct store_node *n = store_tree_find(s->root, path);

    if (!n)
        return flags & EXISTED;
    if (n->changed > t->generation)
        return true;
    if ((flags & STORE_TXN_LIST) && n->children_changed > t->generation)
        return true;
    return (flags & STORE_TXN_TREE) && store_tree_changed(n) > t->generation;
}

static bool is_conflict(const struct store *s, const struct store_txn *t)
{
    GHashTableIter i;
    gpointer path, flags;

    g_hash_table_iter_init(&i, t->accesses);
    while (g_hash_table_iter_next(&i, &path, &flags)) {
        if (is_stale(s, t, path, GPOINTER_TO_UINT(flags)))
            return true;
    }
    return false;
}

/*
 * Limits were kept in the transaction's tree. Would they be broken in the store, others have been busy, and
 * who begins again sees it.
 */
static bool is_too_much(const struct store *s, const struct store_txn *t)
{
    unsigned now = t->dom ? store_tree_count(t->root, t->dom) : 0;

    if (t->dom == 0)
        return false;
    if (now > t->owned && store_tree_count(s->root, t->dom) + now - t->owned > STORE_MAX_NODES)
        return true;
    for (guint i = 0; i < t->changed->len; i++) {
        const struct store_change *change = g_ptr_array_index(t->changed, i);
        g_autofree char *above = g_path_get_dirname(change->path);
        const struct store_node *n = store_tree_find(s->root, above);
        if (!change->gone && n && n->children_changed > t->generation &&
            (guint)g_sequence_get_length(n->children) + t->changed->len > STORE_MAX_CHILDREN)
            return true;
    }
    return false;
}

/* The node as the transaction has it, and those above it that only the transaction has. */
static void put(struct store *s, const struct store_txn *t, const char *path)
{
    g_autofree char *part = g_strdup(path);

    for (char *end = part; end; *end = '/') {
        end = strchr(end + 1, '/');
        if (end)
            *end = '\0';
        if (!end || !store_tree_find(s->root, part))
            store_tree_assign(store_tree_make(s->root, part, 0), store_tree_find(t->root, part));
        if (!end)
            return;
    }
}

static void apply(struct store *s, const struct store_txn *t, const struct store_change *change)
{
    if (change->gone) {
        if (!store_tree_remove(s->root, change->path))
            return;
    } else {
        put(s, t, change->path);
    }
    store_tree_stamp(s->root, change->path, ++s->generation);
}

int store_txn_commit(struct store *s, struct store_txn *t)
{
    if (!t->changed->len)
        return 0;
    if (is_conflict(s, t) || is_too_much(s, t))
        return -EAGAIN;
    for (guint i = 0; i < t->changed->len; i++)
        apply(s, t, g_ptr_array_index(t->changed, i));
    for (guint i = 0; i < t->changed->len; i++) {
        const struct store_change *change = g_ptr_array_index(t->changed, i);
        store_fire(s, change->path, change->gone);
    }
    return 0;
}
