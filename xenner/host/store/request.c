/* Requests of the wire protocol: a table of functions, and what belongs to all of them. */
#include "xenner/host/store/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void request_text(struct request *r, const char *text)
{
    g_byte_array_append(r->reply, (const guint8 *)text, (guint)strlen(text) + 1);
}

int request_ok(struct request *r)
{
    g_byte_array_append(r->reply, (const guint8 *)"OK", 3);
    return 0;
}

/* String n of the payload (they end with NUL), or NULL. */
const char *request_arg(const struct request *r, unsigned n)
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
char *request_path(const struct request *r, const char *path)
{
    g_autofree char *full = NULL;

    if (!path || !*path)
        return NULL;
    full = path[0] == '/' ? g_strdup(path)
                          : g_strdup_printf("/local/domain/%u/%s", r->conn->dom, path);
    return store_path_valid(full) ? g_steal_pointer(&full) : NULL;
}

/* A decimal number of at most max, without anything behind it. */
bool request_number(const char *text, unsigned long max, unsigned long *ret)
{
    char *end;

    if (!text || !g_ascii_isdigit(*text))
        return false;
    errno = 0;
    *ret = strtoul(text, &end, 10);
    return !errno && !*end && *ret <= max;
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
        request_text(&r, error_name(err));
        h.type = XS_ERROR;
    }
    h.len = r.reply->len;
    c->send(c->opaque, &h, r.reply->data);
    g_byte_array_unref(r.reply);
    if (!err)
        fire_new_watch(c, watches);
}
