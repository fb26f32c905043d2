/* Between store.c (state, watches), txn.c (transactions) and request*.c (the protocol). */
#pragma once

#include "xenner/host/store/store.h"

#define STORE_MAX_WATCHES 128u
#define STORE_MAX_TXNS    10u
/* The same of a client with domain 0's rights: each transaction is a copy of the tree. */
#define STORE_MAX_WATCHES_DOM0 8192u
#define STORE_MAX_TXNS_DOM0    64u
#define STORE_MAX_NODES   1000u /* that one guest may own */

struct store {
    struct store_node *root;
    GPtrArray *conns;    /* struct store_conn *, not owned */
    uint64_t generation; /* counts changes */
    uint32_t next_txn;
    GArray *domains; /* domid_t: those introduced */
};

struct store_watch {
    char *path, *token;
    bool relative;
    int depth;     /* levels below path that count; -1: all */
    char home[32]; /* "/local/domain/1" */
};

struct store_change {
    char *path;
    bool gone;
};

struct store_txn {
    uint32_t id;
    domid_t dom;
    uint64_t generation; /* the store's at the start */
    unsigned owned;      /* dom's nodes then */
    struct store_node *root;
    GHashTable *accesses; /* path, owned -> enum store_txn_access and more */
    GPtrArray *changed;   /* struct store_change *, owned; in order */
};

struct store_conn {
    struct store *store;
    domid_t dom;
    store_send_fn send;
    void *opaque;
    bool released;      /* its domain was: nothing is served any more */
    GPtrArray *watches; /* struct store_watch *, owned */
    GPtrArray *txns;    /* struct store_txn *, owned */
};

bool store_is_introduced(const struct store *s, domid_t dom);
void store_send_event(struct store_conn *c, const struct store_watch *w, const char *path);
void store_fire(struct store *s, const char *path, bool gone);
/* Notes a change in the transaction, or makes it known at once when there is none. */
void store_changed(struct store *s, struct store_txn *t, const char *path, bool gone);
