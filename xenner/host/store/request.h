/* Between the files of the requests: one request while it is served, and what serves it. */
#pragma once

#include "xenner/host/store/priv.h"
#include "xenner/host/store/txn.h"

struct request {
    struct store_conn *conn;
    struct store_txn *txn;   /* NULL: none */
    struct store_node *root; /* the transaction's, or the store's */
    const char *data;        /* payload, with a NUL added behind it */
    size_t len;
    GByteArray *reply;
};

void request_text(struct request *r, const char *text);
/* Answers "OK"; returns 0. */
int request_ok(struct request *r);
/* String n of the payload (they end with NUL), or NULL. */
const char *request_arg(const struct request *r, unsigned n);
/* Relative paths start at the guest's own directory. NULL: no valid path; caller frees. */
char *request_path(const struct request *r, const char *path);
/* A decimal number of at most max, without anything behind it. */
bool request_number(const char *text, unsigned long max, unsigned long *ret);

/* Each returns 0, with its answer in r->reply, or an errno. */
int do_read(struct request *r);
int do_directory(struct request *r);
int do_directory_part(struct request *r);
int do_write(struct request *r);
int do_mkdir(struct request *r);
int do_rm(struct request *r);
int do_get_perms(struct request *r);
int do_set_perms(struct request *r);
int do_watch(struct request *r);
int do_unwatch(struct request *r);
int do_reset_watches(struct request *r);
int do_transaction_start(struct request *r);
int do_transaction_end(struct request *r);
int do_get_domain_path(struct request *r);
int do_is_domain_introduced(struct request *r);
int do_introduce(struct request *r);
int do_release(struct request *r);
int do_resume(struct request *r);
