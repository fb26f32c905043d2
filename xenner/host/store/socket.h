/*
 * xenstored's Unix socket: any number of clients (up to a limit), each with the rights of domain 0. The
 * wire protocol is the ring's. A client that does not read its answers is not read from; one that
 * does not fetch its watch events either is disconnected.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/host/store/store.h"

#define STORE_SOCKET_CLIENTS 128u

struct store_socket;

/* Listens; serves an empty store until it is given another. path must not exist. */
struct store_socket *store_socket_new(const char *path, GError **error);
/*
 * Clients stay connected and keep their watches, each of which fires; transactions are gone. NULL: an
 * empty store again, before the other one is freed.
 */
void store_socket_serve(struct store_socket *s, struct store *store);
/* Disconnects all, removes the socket. Accepts NULL. */
void store_socket_free(struct store_socket *s);
