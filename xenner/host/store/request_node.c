/* Requests about nodes: values, names, permissions; in a transaction or not. */
#include "xenner/host/store/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The node at string 0, if the connection has `access` there. *err says what is wrong. how: what a
 * transaction will have seen of it.
 */
static struct store_node *get_node(struct request *r, unsigned access, enum store_txn_access how,
                                   char **ret_path, int *err)
{
    g_autofree char *path = request_path(r, request_arg(r, 0));

    if (!path) {
        *err = EINVAL;
        return NULL;
    }
    if (r->txn && !store_txn_access(r->txn, path, how)) {
        *err = ENOSPC;
        return NULL;
    }
    struct store_node *n = store_tree_find(r->root, path);
    unsigned have = n ? store_node_access(n, r->conn->dom)
                      : store_tree_access(r->root, path, r->conn->dom);
    if ((have & access) != access) {
        *err = EACCES;
        return NULL;
    }
    if (!n)
        *err = ENOENT;
    if (ret_path)
        *ret_path = g_steal_pointer(&path);
    return n;
}

int do_read(struct request *r)
{
    int err = 0;
    struct store_node *n = get_node(r, STORE_READ, STORE_TXN_NODE, NULL, &err);

    if (!n)
        return err;
    g_byte_array_append(r->reply, n->value->data, n->value->len);
    return 0;
}

int do_directory(struct request *r)
{
    int err = 0;
    struct store_node *n = get_node(r, STORE_READ, STORE_TXN_LIST, NULL, &err);

    if (!n)
        return err;
    g_autoptr(GPtrArray) list = store_node_list(n);
    for (guint i = 0; i < list->len; i++)
        request_text(r, ((const struct store_node *)g_ptr_array_index(list, i))->name);
    return r->reply->len > XENSTORE_PAYLOAD_MAX ? E2BIG : 0;
}

/* A long directory in pieces: its generation, by which the client sees that it changed; names from the offset on, an empty name at the end. */
int do_directory_part(struct request *r)
{
    const char *offset_text = request_arg(r, 1);
    g_autoptr(GByteArray) all = NULL;
    g_autofree char *path = NULL;
    char generation[24];

    if (!offset_text)
        return EINVAL;
    size_t offset = strtoul(offset_text, NULL, 10);
    int rc = do_directory(r);
    if (rc && rc != E2BIG)
        return rc;
    all = g_steal_pointer(&r->reply);
    r->reply = g_byte_array_new();
    path = request_path(r, request_arg(r, 0));
    snprintf(generation, sizeof(generation), "%" G_GUINT64_FORMAT,
             store_tree_find(r->root, path)->children_changed);
    request_text(r, generation);
    if (offset > all->len)
        offset = all->len;
    size_t room = XENSTORE_PAYLOAD_MAX - r->reply->len - 1, n = all->len - offset;
    if (n > room) {
        for (n = room; n && all->data[offset + n - 1]; n--)
            ;
    } else {
        g_byte_array_append(all, (const guint8 *)"", 1);
        n++;
    }
    g_byte_array_append(r->reply, all->data + offset, (guint)n);
    return 0;
}

/* Makes the node with what is missing above it, if there is room. NULL: there is none. */
static struct store_node *make_node(struct request *r, const char *path)
{
    domid_t dom = r->conn->dom;

    if (dom != 0 && store_tree_count(r->root, dom) + store_tree_missing(r->root, path) >
                        STORE_MAX_NODES)
        return NULL;
    if (r->txn)
        store_txn_making(r->txn, path);
    return store_tree_make(r->root, path, dom);
}

int do_write(struct request *r)
{
    g_autofree char *path = NULL;
    const char *name = request_arg(r, 0);
    int err = 0;

    if (!name)
        return EINVAL;
    size_t skip = strlen(name) + 1, len = r->len - skip;
    if (len > STORE_MAX_VALUE)
        return ENOSPC;
    struct store_node *n = get_node(r, STORE_WRITE, STORE_TXN_NODE, &path, &err);
    if (!n && err != ENOENT)
        return err;
    n = n ? n : make_node(r, path);
    if (!n)
        return ENOSPC;
    g_byte_array_set_size(n->value, 0);
    g_byte_array_append(n->value, (const guint8 *)r->data + skip, (guint)len);
    store_changed(r->conn->store, r->txn, path, false);
    return request_ok(r);
}

int do_mkdir(struct request *r)
{
    g_autofree char *path = NULL;
    int err = 0;
    struct store_node *n = get_node(r, STORE_WRITE, STORE_TXN_NODE, &path, &err);

    if (n)
        return request_ok(r);
    if (err != ENOENT)
        return err;
    if (!make_node(r, path))
        return ENOSPC;
    store_changed(r->conn->store, r->txn, path, false);
    return request_ok(r);
}

/* Removing what isn't there is fine, as long as its parent is. */
int do_rm(struct request *r)
{
    g_autofree char *path = NULL;
    int err = 0;
    struct store_node *n = get_node(r, STORE_WRITE, STORE_TXN_TREE, &path, &err);

    if (!n && err != ENOENT)
        return err;
    if (!n) {
        g_autofree char *parent = g_path_get_dirname(path);
        return store_tree_find(r->root, parent) ? request_ok(r) : ENOENT;
    }
    if (!store_tree_remove(r->root, path))
        return EINVAL;
    store_changed(r->conn->store, r->txn, path, true);
    return request_ok(r);
}

int do_get_perms(struct request *r)
{
    static const char letters[] = "nrwb";
    int err = 0;
    struct store_node *n = get_node(r, STORE_READ, STORE_TXN_NODE, NULL, &err);

    if (!n)
        return err;
    for (guint i = 0; i < n->perms->len; i++) {
        const struct store_perm *p = &g_array_index(n->perms, struct store_perm, i);
        char text[16];
        snprintf(text, sizeof(text), "%c%u", letters[p->access & 3], p->dom);
        request_text(r, text);
    }
    return 0;
}

static bool parse_perm(const char *text, struct store_perm *ret)
{
    static const char letters[] = "nrwb";
    const char *at = text[0] ? strchr(letters, text[0]) : NULL;
    char *end;
    unsigned long dom = at && g_ascii_isdigit(text[1]) ? strtoul(text + 1, &end, 10) : 0;

    if (!at || !g_ascii_isdigit(text[1]) || *end || dom > UINT16_MAX)
        return false;
    *ret = (struct store_perm){(domid_t)dom, (uint8_t)(at - letters)};
    return true;
}

int do_set_perms(struct request *r)
{
    g_autoptr(GArray) perms = g_array_new(FALSE, FALSE, sizeof(struct store_perm));
    g_autofree char *path = NULL;
    int err = 0;

    for (unsigned i = 1; request_arg(r, i); i++) {
        struct store_perm p;
        if (!parse_perm(request_arg(r, i), &p) || perms->len >= STORE_MAX_PERMS)
            return EINVAL;
        g_array_append_val(perms, p);
    }
    if (!perms->len)
        return EINVAL;
    struct store_node *n = get_node(r, STORE_OWNER, STORE_TXN_NODE, &path, &err);
    if (!n)
        return err;
    /* only domain 0 gives nodes away */
    if (r->conn->dom != 0 && g_array_index(perms, struct store_perm, 0).dom !=
                                 g_array_index(n->perms, struct store_perm, 0).dom)
        return EPERM;
    g_array_unref(n->perms);
    n->perms = g_steal_pointer(&perms);
    store_changed(r->conn->store, r->txn, path, false);
    return request_ok(r);
}
