/*
 * xenstore in this process: the tree, its transactions and watches, and the requests of the wire
 * protocol (xen/io/xs_wire.h). A connection is whoever talks to it: the guest through its ring
 * (ring.h), a backend through the functions below.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/host/store/tree.h"

#include <xen/io/xs_wire.h>

struct store;
struct store_conn;

/* A complete message for the connection: header and payload. */
typedef void (*store_send_fn)(void *opaque, const struct xsd_sockmsg *header, const void *payload);

struct store *store_new(void);
void store_free(struct store *s); /* all connections closed; accepts NULL */

struct store_conn *store_connect(struct store *s, domid_t dom, store_send_fn send, void *opaque);
/* Ends its transactions and watches. Accepts NULL. */
void store_disconnect(struct store_conn *c);
/* Whether a connection of dom, to the store of c, watches that path. */
bool store_is_watched(const struct store_conn *c, domid_t dom, const char *path);
/* To another store: its watches go with it and fire, its transactions end. */
void store_move(struct store_conn *c, struct store *to);
/* Answers through send(), once, and fires watches. payload has header->len bytes, at most
 * XENSTORE_PAYLOAD_MAX. */
void store_request(struct store_conn *c, const struct xsd_sockmsg *header, const uint8_t *payload);

/*
 * Which domains there are, for clients that ask; whoever watches @introduceDomain or @releaseDomain is
 * told. Domain 0 always is there. Connections of a released domain are not served any more.
 */
void store_introduce(struct store *s, domid_t dom);
void store_release(struct store *s, domid_t dom);

/* For this process, as domain 0. */
void store_write(struct store *s, const char *path, const char *value);
char *store_read(struct store *s, const char *path); /* NULL: none; caller frees */
void store_remove(struct store *s, const char *path);
/* One owner, and what others may do: "n0", "r1" as in xenstore-chmod; up to three. */
void store_chmod(struct store *s, const char *path, struct store_perm owner, struct store_perm other);
