/*
 * A transaction: it works on a copy of the tree as it was at its start, and notes which nodes it looked at
 * and which it changed. It can be committed unless others changed one of those nodes meanwhile; then its
 * own changes, and nothing else, go into the store. One that changed nothing never fails: what it read was
 * there, all at one time.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/host/store/priv.h"

#define STORE_MAX_ACCESSES 1024u /* different nodes in one transaction of a guest */

enum store_txn_access {
    STORE_TXN_NODE = 1, /* whether it is there, its value and permissions */
    STORE_TXN_LIST = 2, /* the names of its children as well */
    STORE_TXN_TREE = 4, /* everything below it as well */
};

struct store_txn *store_txn_new(struct store *s, domid_t dom);
void store_txn_free(struct store_txn *t); /* accepts NULL */
/* Before a node is looked at or changed, there or not. False: too many for one transaction. */
bool store_txn_access(struct store_txn *t, const char *path, enum store_txn_access how);
/* Before the node is made with all that is missing above it. */
void store_txn_making(struct store_txn *t, const char *path);
/* After a change; gone: the node was removed, and all below it. Its node was noted by the functions above. */
void store_txn_changed(struct store_txn *t, const char *path, bool gone);
/* Brings the changes into the store and fires watches: 0; or -EAGAIN, and nothing was changed. */
int store_txn_commit(struct store *s, struct store_txn *t);
