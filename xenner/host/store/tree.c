#include "xenner/host/store/tree.h"

#include <string.h>

static void node_free(gpointer data)
{
    struct store_node *n = data;

    g_free(n->name);
    g_byte_array_unref(n->value);
    g_array_unref(n->perms);
    g_sequence_free(n->children);
    g_free(n);
}

static struct store_node *node_new(const char *name, size_t len)
{
    struct store_node *n = g_new0(struct store_node, 1);

    n->name = g_strndup(name, len);
    n->value = g_byte_array_new();
    n->perms = g_array_new(FALSE, FALSE, sizeof(struct store_perm));
    n->children = g_sequence_new(node_free);
    return n;
}

struct store_node *store_tree_new(void)
{
    struct store_node *root = node_new("", 0);
    struct store_perm perm = {0, STORE_READ};

    g_array_append_val(root->perms, perm);
    root->changed = 1;
    return root;
}

void store_tree_free(struct store_node *root)
{
    if (root)
        node_free(root);
}

void store_tree_assign(struct store_node *to, const struct store_node *from)
{
    g_byte_array_set_size(to->value, 0);
    g_byte_array_append(to->value, from->value->data, from->value->len);
    g_array_set_size(to->perms, 0);
    g_array_append_vals(to->perms, from->perms->data, from->perms->len);
}

struct store_node *store_tree_copy(const struct store_node *root)
{
    struct store_node *n = node_new(root->name, strlen(root->name));

    store_tree_assign(n, root);
    n->changed = root->changed;
    n->children_changed = root->children_changed;
    n->number = root->number;
    n->next_number = root->next_number;
    for (GSequenceIter *i = g_sequence_get_begin_iter(root->children); !g_sequence_iter_is_end(i);
         i = g_sequence_iter_next(i))
        g_sequence_append(n->children, store_tree_copy(g_sequence_get(i)));
    return n;
}

static gint by_number(gconstpointer a, gconstpointer b)
{
    const struct store_node *x = *(struct store_node *const *)a, *y = *(struct store_node *const *)b;

    return (x->number > y->number) - (x->number < y->number);
}

GPtrArray *store_node_list(const struct store_node *n)
{
    GPtrArray *list = g_ptr_array_sized_new((guint)g_sequence_get_length(n->children));

    for (GSequenceIter *i = g_sequence_get_begin_iter(n->children); !g_sequence_iter_is_end(i);
         i = g_sequence_iter_next(i))
        g_ptr_array_add(list, g_sequence_get(i));
    g_ptr_array_sort(list, by_number);
    return list;
}

static bool name_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("-/_@", c));
}

/* "/", or "/a/b" without empty parts; the characters that the protocol allows. */
bool store_path_valid(const char *path)
{
    size_t len = strlen(path);

    if (path[0] != '/' || len > STORE_MAX_PATH)
        return false;
    if (len == 1)
        return true;
    for (size_t i = 0; i < len; i++) {
        if (!name_char(path[i]) || (path[i] == '/' && (path[i + 1] == '/' || !path[i + 1])))
            return false;
    }
    return true;
}

static gint by_name(gconstpointer a, gconstpointer b, gpointer data)
{
    const struct store_node *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static struct store_node *find_child(struct store_node *n, const char *name, size_t len)
{
    g_autofree char *copy = g_strndup(name, len);
    struct store_node key = {.name = copy};
    GSequenceIter *i = g_sequence_lookup(n->children, &key, by_name, NULL);

    return i ? g_sequence_get(i) : NULL;
}

/* The next part of *path: sets *name and its length, moves behind it; false at the end. */
static bool next_part(const char **path, const char **name, size_t *len)
{
    const char *p = *path;

    if (*p == '/')
        p++;
    if (!*p)
        return false;
    *name = p;
    *len = strcspn(p, "/");
    *path = p + *len;
    return true;
}

/* Goes down as far as there are nodes; *rest is what is left of the path. */
static struct store_node *nearest(struct store_node *root, const char *path, const char **rest)
{
    const char *name;
    size_t len;

    for (;;) {
        *rest = path;
        if (!next_part(&path, &name, &len))
            return root;
        struct store_node *child = find_child(root, name, len);
        if (!child)
            return root;
        root = child;
    }
}

struct store_node *store_tree_find(struct store_node *root, const char *path)
{
    const char *rest, *name;
    size_t len;
    struct store_node *n = nearest(root, path, &rest);

    return next_part(&rest, &name, &len) ? NULL : n;
}

struct store_node *store_tree_make(struct store_node *root, const char *path, domid_t dom)
{
    const char *rest, *name;
    size_t len;
    struct store_node *n = nearest(root, path, &rest);

    while (next_part(&rest, &name, &len)) {
        if (g_sequence_get_length(n->children) >= (gint)STORE_MAX_CHILDREN && dom != 0)
            return NULL;
        struct store_node *child = node_new(name, len);
        g_array_append_vals(child->perms, n->perms->data, n->perms->len);
        if (dom != 0)
            g_array_index(child->perms, struct store_perm, 0).dom = dom;
        child->number = n->next_number++;
        g_sequence_insert_sorted(n->children, child, by_name, NULL);
        n = child;
    }
    return n;
}

unsigned store_tree_missing(struct store_node *root, const char *path)
{
    const char *rest, *name;
    unsigned n = 0;
    size_t len;

    nearest(root, path, &rest);
    while (next_part(&rest, &name, &len))
        n++;
    return n;
}

bool store_tree_remove(struct store_node *root, const char *path)
{
    g_autofree char *parent_path = g_path_get_dirname(path);
    struct store_node *n = store_tree_find(root, path);

    if (!n || n == root)
        return false;
    struct store_node *parent = store_tree_find(root, parent_path);
    g_sequence_remove(g_sequence_lookup(parent->children, n, by_name, NULL));
    return true;
}

unsigned store_node_access(const struct store_node *n, domid_t dom)
{
    const struct store_perm *first = &g_array_index(n->perms, struct store_perm, 0);

    if (dom == 0 || first->dom == dom)
        return STORE_READ | STORE_WRITE | STORE_OWNER;
    for (guint i = 1; i < n->perms->len; i++) {
        const struct store_perm *p = &g_array_index(n->perms, struct store_perm, i);
        if (p->dom == dom)
            return p->access;
    }
    return first->access;
}

unsigned store_tree_access(struct store_node *root, const char *path, domid_t dom)
{
    const char *rest;

    return store_node_access(nearest(root, path, &rest), dom);
}

char *store_tree_nearest(struct store_node *root, const char *path)
{
    const char *rest;

    nearest(root, path, &rest);
    return rest == path ? g_strdup("/") : g_strndup(path, (gsize)(rest - path));
}

void store_tree_stamp(struct store_node *root, const char *path, uint64_t generation)
{
    struct store_node *n = root;
    const char *name;
    size_t len;

    while (next_part(&path, &name, &len)) {
        struct store_node *child = find_child(n, name, len);
        if (!child || !child->changed)
            n->children_changed = generation;
        if (!child)
            return;
        n = child;
        if (!n->changed)
            n->changed = n->children_changed = generation;
    }
    n->changed = generation;
}

uint64_t store_tree_changed(const struct store_node *n)
{
    uint64_t latest = MAX(n->changed, n->children_changed);

    for (GSequenceIter *i = g_sequence_get_begin_iter(n->children); !g_sequence_iter_is_end(i);
         i = g_sequence_iter_next(i)) {
        uint64_t below = store_tree_changed(g_sequence_get(i));
        latest = MAX(latest, below);
    }
    return latest;
}

unsigned store_tree_count(const struct store_node *root, domid_t dom)
{
    unsigned n = g_array_index(root->perms, struct store_perm, 0).dom == dom;

    for (GSequenceIter *i = g_sequence_get_begin_iter(root->children); !g_sequence_iter_is_end(i);
         i = g_sequence_iter_next(i))
        n += store_tree_count(g_sequence_get(i), dom);
    return n;
}
