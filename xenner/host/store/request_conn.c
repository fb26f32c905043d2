/* Requests about what a connection has: watches and transactions. */
#include "xenner/host/store/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int find_watch(const struct store_conn *c, const char *path, const char *token)
{
    for (guint i = 0; i < c->watches->len; i++) {
        const struct store_watch *w = g_ptr_array_index(c->watches, i);
        if (strcmp(w->path, path) == 0 && strcmp(w->token, token) == 0)
            return (int)i;
    }
    return -1;
}

static char *watch_path(const struct request *r, const char *text)
{
    return text && text[0] == '@' ? g_strdup(text) : request_path(r, text);
}

/* Path, token and, at will, how many levels below the path count. */
int do_watch(struct request *r)
{
    const char *text = request_arg(r, 0), *token = text ? request_arg(r, 1) : NULL;
    const char *depth_text = token ? request_arg(r, 2) : NULL;
    g_autofree char *path = watch_path(r, text);
    struct store_conn *c = r->conn;
    unsigned long depth = 0;

    if (!path || !token || (depth_text && !request_number(depth_text, INT32_MAX, &depth)))
        return EINVAL;
    if (find_watch(c, path, token) >= 0)
        return EEXIST;
    if (c->watches->len >= (c->dom ? STORE_MAX_WATCHES : STORE_MAX_WATCHES_DOM0))
        return E2BIG;
    struct store_watch *w = g_new0(struct store_watch, 1);
    w->path = g_steal_pointer(&path);
    w->token = g_strdup(token);
    w->depth = depth_text ? (int)depth : -1;
    w->relative = text[0] != '/' && text[0] != '@';
    snprintf(w->home, sizeof(w->home), "/local/domain/%u", c->dom);
    g_ptr_array_add(c->watches, w);
    return request_ok(r);
}

int do_unwatch(struct request *r)
{
    const char *text = request_arg(r, 0), *token = text ? request_arg(r, 1) : NULL;
    g_autofree char *path = watch_path(r, text);
    int at = path && token ? find_watch(r->conn, path, token) : -1;

    if (!path || !token)
        return EINVAL;
    if (at < 0)
        return ENOENT;
    g_ptr_array_remove_index(r->conn->watches, (guint)at);
    return request_ok(r);
}

int do_reset_watches(struct request *r)
{
    g_ptr_array_set_size(r->conn->watches, 0);
    g_ptr_array_set_size(r->conn->txns, 0);
    return request_ok(r);
}

int do_transaction_start(struct request *r)
{
    struct store_conn *c = r->conn;
    char text[16];

    if (r->txn)
        return EBUSY;
    if (c->txns->len >= (c->dom ? STORE_MAX_TXNS : STORE_MAX_TXNS_DOM0))
        return ENOSPC;
    struct store_txn *t = store_txn_new(c->store, c->dom);
    g_ptr_array_add(c->txns, t);
    snprintf(text, sizeof(text), "%u", t->id);
    request_text(r, text);
    return 0;
}

/* "T" commits: EAGAIN when others changed what it saw, and the guest tries again. */
int do_transaction_end(struct request *r)
{
    const char *how = request_arg(r, 0);

    if (!r->txn)
        return ENOENT;
    if (!how || (strcmp(how, "T") && strcmp(how, "F")))
        return EINVAL;
    int rc = how[0] == 'T' ? store_txn_commit(r->conn->store, r->txn) : 0;
    g_ptr_array_remove(r->conn->txns, r->txn);
    r->txn = NULL;
    return rc < 0 ? -rc : request_ok(r);
}
