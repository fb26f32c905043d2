/* The requests of the wire protocol: a table of functions, and the checks that belong to all of them. */
#include "xenner/host/store/priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One request while it is served. */
struct request {
    struct store_conn *conn;
    struct store_txn *txn;   /* NULL: none */
    struct store_node *root; /* the transaction's, or the store's */
    const char *data;        /* payload, with a NUL added behind it */
    size_t len;
    GByteArray *reply;
};

static void reply_text(struct request *r, const char *text)
{
    g_byte_array_append(r->reply, (const guint8 *)text, (guint)strlen(text) + 1);
}

static int ok(struct request *r)
{
    g_byte_array_append(r->reply, (const guint8 *)"OK", 3);
    return 0;
}

/* String n of the payload (they end with NUL), or NULL. */
static const char *arg(const struct request *r, unsigned n)
{
    size_t at = 0;

    for (; n; n--) {
        const char *end = memchr(r->data + at, '\0', r->len - at);
        if (!end)
            return NULL;
        at = (size_t)(end - r->data) + 1;
    }
    return at < r->len && memchr(r->data + at, '\0', r->len - at) ? r->data + at : NULL;
}

/* Relative paths start at the guest's own directory. NULL: no valid path. */
static char *full_path(const struct request *r, const char *path)
{
    g_autofree char *full = NULL;

    if (!path || !*path)
        return NULL;
    full = path[0] == '/' ? g_strdup(path)
                          : g_strdup_printf("/local/domain/%u/%s", r->conn->dom, path);
    return store_path_valid(full) ? g_steal_pointer(&full) : NULL;
}

/* The node at string 0, if the connection has `access` there. *err says what is wrong. */
static struct store_node *get_node(struct request *r, unsigned access, char **ret_path, int *err)
{
    g_autofree char *path = full_path(r, arg(r, 0));

    if (!path) {
        *err = EINVAL;
        return NULL;
    }
    struct store_node *n = store_tree_find(r->root, path);
    unsigned have = n ? store_node_access(n, r->conn->dom)
                      : store_tree_access(r->root, path, r->conn->dom);
    if ((have & access) != access) {
        *err = EACCES;
        return NULL;
    }
    if ((access & (STORE_WRITE | STORE_OWNER)) && r->conn->dom != 0 && r->txn &&
        r->txn->changed->len >= STORE_MAX_CHANGES) {
        *err = ENOSPC;
        return NULL;
    }
    if (!n)
        *err = ENOENT;
    if (ret_path)
        *ret_path = g_steal_pointer(&path);
    return n;
}

static int do_read(struct request *r)
{
    int err = 0;
    struct store_node *n = get_node(r, STORE_READ, NULL, &err);

    if (!n)
        return err;
    g_byte_array_append(r->reply, n->value->data, n->value->len);
    return 0;
}

static int do_directory(struct request *r)
{
    int err = 0;
    struct store_node *n = get_node(r, STORE_READ, NULL, &err);

    if (!n)
        return err;
    for (GSequenceIter *i = g_sequence_get_begin_iter(n->children); !g_sequence_iter_is_end(i);
         i = g_sequence_iter_next(i))
        reply_text(r, ((const struct store_node *)g_sequence_get(i))->name);
    return r->reply->len > XENSTORE_PAYLOAD_MAX ? E2BIG : 0;
}

/* A long directory in pieces: "generation", names from the offset on, an empty name at the end. */
static int do_directory_part(struct request *r)
{
    const char *offset_text = arg(r, 1);
    g_autoptr(GByteArray) all = NULL;
    char generation[24];

    if (!offset_text)
        return EINVAL;
    size_t offset = strtoul(offset_text, NULL, 10);
    int rc = do_directory(r);
    if (rc && rc != E2BIG)
        return rc;
    all = g_steal_pointer(&r->reply);
    r->reply = g_byte_array_new();
    snprintf(generation, sizeof(generation), "%" G_GUINT64_FORMAT, r->conn->store->generation);
    reply_text(r, generation);
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

/* Is there room for the node at path, with what is missing above it? */
static int may_own(struct request *r, const char *path)
{
    domid_t dom = r->conn->dom;

    if (dom == 0)
        return 0;
    unsigned more = store_tree_missing(r->root, path);
    return store_tree_count(r->root, dom) + more <= STORE_MAX_NODES ? 0 : ENOSPC;
}

static int do_write(struct request *r)
{
    g_autofree char *path = NULL;
    const char *name = arg(r, 0);
    int err = 0;

    if (!name)
        return EINVAL;
    size_t skip = strlen(name) + 1, len = r->len - skip;
    if (len > STORE_MAX_VALUE)
        return ENOSPC;
    struct store_node *n = get_node(r, STORE_WRITE, &path, &err);
    if (!n && err != ENOENT)
        return err;
    if (!n && (err = may_own(r, path)))
        return err;
    n = n ? n : store_tree_make(r->root, path, r->conn->dom);
    if (!n)
        return ENOSPC;
    g_byte_array_set_size(n->value, 0);
    g_byte_array_append(n->value, (const guint8 *)r->data + skip, (guint)len);
    store_changed(r->conn->store, r->txn, path, false);
    return ok(r);
}

static int do_mkdir(struct request *r)
{
    g_autofree char *path = NULL;
    int err = 0;
    struct store_node *n = get_node(r, STORE_WRITE, &path, &err);

    if (n)
        return ok(r);
    if (err != ENOENT)
        return err;
    if ((err = may_own(r, path)))
        return err;
    if (!store_tree_make(r->root, path, r->conn->dom))
        return ENOSPC;
    store_changed(r->conn->store, r->txn, path, false);
    return ok(r);
}

/* Removing what isn't there is fine, as long as its parent is. */
static int do_rm(struct request *r)
{
    g_autofree char *path = NULL;
    int err = 0;
    struct store_node *n = get_node(r, STORE_WRITE, &path, &err);

    if (!n && err != ENOENT)
        return err;
    if (!n) {
        g_autofree char *parent = g_path_get_dirname(path);
        return store_tree_find(r->root, parent) ? ok(r) : ENOENT;
    }
    if (!store_tree_remove(r->root, path))
        return EINVAL;
    store_changed(r->conn->store, r->txn, path, true);
    return ok(r);
}

static int do_get_perms(struct request *r)
{
    static const char letters[] = "nrwb";
    int err = 0;
    struct store_node *n = get_node(r, STORE_READ, NULL, &err);

    if (!n)
        return err;
    for (guint i = 0; i < n->perms->len; i++) {
        const struct store_perm *p = &g_array_index(n->perms, struct store_perm, i);
        char text[16];
        snprintf(text, sizeof(text), "%c%u", letters[p->access & 3], p->dom);
        reply_text(r, text);
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

static int do_set_perms(struct request *r)
{
    g_autoptr(GArray) perms = g_array_new(FALSE, FALSE, sizeof(struct store_perm));
    g_autofree char *path = NULL;
    int err = 0;

    for (unsigned i = 1; arg(r, i); i++) {
        struct store_perm p;
        if (!parse_perm(arg(r, i), &p) || perms->len >= STORE_MAX_PERMS)
            return EINVAL;
        g_array_append_val(perms, p);
    }
    if (!perms->len)
        return EINVAL;
    struct store_node *n = get_node(r, STORE_OWNER, &path, &err);
    if (!n)
        return err;
    /* only domain 0 gives nodes away */
    if (r->conn->dom != 0 && g_array_index(perms, struct store_perm, 0).dom !=
                                 g_array_index(n->perms, struct store_perm, 0).dom)
        return EPERM;
    g_array_unref(n->perms);
    n->perms = g_steal_pointer(&perms);
    store_changed(r->conn->store, r->txn, path, false);
    return ok(r);
}

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
    return text && text[0] == '@' ? g_strdup(text) : full_path(r, text);
}

/* A decimal number of at most max, without anything behind it. */
static bool number(const char *text, unsigned long max, unsigned long *ret)
{
    char *end;

    if (!text || !g_ascii_isdigit(*text))
        return false;
    errno = 0;
    *ret = strtoul(text, &end, 10);
    return !errno && !*end && *ret <= max;
}

/* Path, token and, at will, how many levels below the path count. */
static int do_watch(struct request *r)
{
    const char *text = arg(r, 0), *token = text ? arg(r, 1) : NULL;
    const char *depth_text = token ? arg(r, 2) : NULL;
    g_autofree char *path = watch_path(r, text);
    struct store_conn *c = r->conn;
    unsigned long depth = 0;

    if (!path || !token || (depth_text && !number(depth_text, INT32_MAX, &depth)))
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
    return ok(r);
}

static int do_unwatch(struct request *r)
{
    const char *text = arg(r, 0), *token = text ? arg(r, 1) : NULL;
    g_autofree char *path = watch_path(r, text);
    int at = path && token ? find_watch(r->conn, path, token) : -1;

    if (!path || !token)
        return EINVAL;
    if (at < 0)
        return ENOENT;
    g_ptr_array_remove_index(r->conn->watches, (guint)at);
    return ok(r);
}

static int do_reset_watches(struct request *r)
{
    g_ptr_array_set_size(r->conn->watches, 0);
    g_ptr_array_set_size(r->conn->txns, 0);
    return ok(r);
}

static void change_free(gpointer data)
{
    struct store_change *change = data;

    g_free(change->path);
    g_free(change);
}

static int do_transaction_start(struct request *r)
{
    struct store_conn *c = r->conn;
    char text[16];

    if (r->txn)
        return EBUSY;
    if (c->txns->len >= (c->dom ? STORE_MAX_TXNS : STORE_MAX_TXNS_DOM0))
        return ENOSPC;
    struct store_txn *t = g_new0(struct store_txn, 1);
    c->store->next_txn = c->store->next_txn % 0x7fffffff + 1;
    t->id = c->store->next_txn;
    t->generation = c->store->generation;
    t->root = store_tree_copy(c->store->root);
    t->changed = g_ptr_array_new_with_free_func(change_free);
    g_ptr_array_add(c->txns, t);
    snprintf(text, sizeof(text), "%u", t->id);
    reply_text(r, text);
    return 0;
}

/* "T" commits: EAGAIN when the store has changed since the start, and the guest tries again. */
static int do_transaction_end(struct request *r)
{
    struct store *s = r->conn->store;
    const char *how = arg(r, 0);
    bool conflict, commit;

    if (!r->txn)
        return ENOENT;
    if (!how || (strcmp(how, "T") && strcmp(how, "F")))
        return EINVAL;
    commit = how[0] == 'T';
    conflict = commit && r->txn->changed->len && r->txn->generation != s->generation;
    g_autoptr(GPtrArray) changed = g_steal_pointer(&r->txn->changed);
    r->txn->changed = g_ptr_array_new();
    if (commit && !conflict && changed->len) {
        struct store_node *old = s->root;
        s->root = r->txn->root;
        r->txn->root = old;
    }
    g_ptr_array_remove(r->conn->txns, r->txn);
    r->txn = NULL;
    for (guint i = 0; commit && !conflict && i < changed->len; i++) {
        const struct store_change *change = g_ptr_array_index(changed, i);
        store_changed(s, NULL, change->path, change->gone);
    }
    return conflict ? EAGAIN : ok(r);
}

static bool domain_arg(const struct request *r, domid_t *ret)
{
    unsigned long dom;

    if (!number(arg(r, 0), UINT16_MAX, &dom))
        return false;
    *ret = dom == DOMID_SELF ? r->conn->dom : (domid_t)dom;
    return true;
}

static int do_get_domain_path(struct request *r)
{
    char path[40];
    domid_t dom;

    if (!domain_arg(r, &dom))
        return EINVAL;
    snprintf(path, sizeof(path), "/local/domain/%u", dom);
    reply_text(r, path);
    return 0;
}

static int do_is_domain_introduced(struct request *r)
{
    domid_t dom;

    if (!domain_arg(r, &dom))
        return EINVAL;
    reply_text(r, store_is_introduced(r->conn->store, dom) ? "T" : "F");
    return 0;
}

/* Domain, frame of its ring, port: the domain is one that is here, for there is no way to map another. */
static int do_introduce(struct request *r)
{
    unsigned long frame, port;
    domid_t dom;

    if (r->conn->dom != 0)
        return EACCES;
    if (!domain_arg(r, &dom) || !number(arg(r, 1), ULONG_MAX - 1, &frame) ||
        !number(arg(r, 2), UINT32_MAX, &port) || dom == 0)
        return EINVAL;
    if (!store_is_introduced(r->conn->store, dom))
        return ENOENT;
    store_introduce(r->conn->store, dom);
    return ok(r);
}

static int do_release(struct request *r)
{
    domid_t dom;

    if (r->conn->dom != 0)
        return EACCES;
    if (!domain_arg(r, &dom) || dom == 0)
        return EINVAL;
    if (!store_is_introduced(r->conn->store, dom))
        return ENOENT;
    store_release(r->conn->store, dom);
    return ok(r);
}

/* Of a domain that is here: nothing was suspended, so there is nothing to resume. */
static int do_resume(struct request *r)
{
    domid_t dom;

    if (r->conn->dom != 0)
        return EACCES;
    if (!domain_arg(r, &dom) || dom == 0)
        return EINVAL;
    return store_is_introduced(r->conn->store, dom) ? ok(r) : ENOENT;
}

/* Commands for xenstored itself, and rights over other domains: known, and none is granted. */
static int do_refused(struct request *r)
{
    return r->conn->dom == 0 ? EINVAL : EACCES;
}

static int (*const table[])(struct request *r) = {
    [XS_CONTROL] = do_refused,
    [XS_DIRECTORY] = do_directory,
    [XS_READ] = do_read,
    [XS_GET_PERMS] = do_get_perms,
    [XS_WATCH] = do_watch,
    [XS_UNWATCH] = do_unwatch,
    [XS_TRANSACTION_START] = do_transaction_start,
    [XS_TRANSACTION_END] = do_transaction_end,
    [XS_INTRODUCE] = do_introduce,
    [XS_RELEASE] = do_release,
    [XS_GET_DOMAIN_PATH] = do_get_domain_path,
    [XS_WRITE] = do_write,
    [XS_MKDIR] = do_mkdir,
    [XS_RM] = do_rm,
    [XS_SET_PERMS] = do_set_perms,
    [XS_IS_DOMAIN_INTRODUCED] = do_is_domain_introduced,
    [XS_RESUME] = do_resume,
    [XS_SET_TARGET] = do_refused,
    [XS_RESET_WATCHES] = do_reset_watches,
    [XS_DIRECTORY_PART] = do_directory_part,
};

static struct store_txn *find_txn(const struct store_conn *c, uint32_t id)
{
    for (guint i = 0; i < c->txns->len; i++) {
        struct store_txn *t = g_ptr_array_index(c->txns, i);
        if (t->id == id)
            return t;
    }
    return NULL;
}

static int run(struct request *r, const struct xsd_sockmsg *h)
{
    if (h->type >= G_N_ELEMENTS(table) || !table[h->type])
        return ENOSYS;
    if (r->conn->released)
        return EIO;
    if (h->tx_id) {
        r->txn = find_txn(r->conn, h->tx_id);
        if (!r->txn)
            return ENOENT;
        r->root = r->txn->root;
    }
    return table[h->type](r);
}

static const char *error_name(int err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(xsd_errors); i++) {
        if (xsd_errors[i].errnum == err)
            return xsd_errors[i].errstring;
    }
    return "EINVAL";
}

/* A new watch fires at once, after the reply to its request. */
static void fire_new_watch(struct store_conn *c, guint before)
{
    if (c->watches->len > before) {
        const struct store_watch *w = g_ptr_array_index(c->watches, c->watches->len - 1);
        store_send_event(c, w, w->path);
    }
}

void store_request(struct store_conn *c, const struct xsd_sockmsg *header, const uint8_t *payload)
{
    g_autofree char *data = g_malloc(header->len + 1);
    struct request r = {.conn = c, .root = c->store->root, .data = data, .len = header->len,
                        .reply = g_byte_array_new()};
    struct xsd_sockmsg h = *header;
    guint watches = c->watches->len;

    memcpy(data, payload, header->len);
    data[header->len] = '\0';
    int err = run(&r, header);
    if (!err && r.reply->len > XENSTORE_PAYLOAD_MAX)
        err = E2BIG;
    if (err) {
        g_byte_array_set_size(r.reply, 0);
        reply_text(&r, error_name(err));
        h.type = XS_ERROR;
    }
    h.len = r.reply->len;
    c->send(c->opaque, &h, r.reply->data);
    g_byte_array_unref(r.reply);
    if (!err)
        fire_new_watch(c, watches);
}
