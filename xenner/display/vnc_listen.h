/*
 * The sockets that VNC clients come in on, and the thread that takes them: greeting a client may
 * block for a moment, which is nothing for the main loop.
 */
#pragma once

#include "xenner/config/vm_config.h"

struct vnc_listen;

/* Called in a thread of its own. The descriptor is the callee's. */
typedef void (*vnc_accept_fn)(void *opaque, int fd, bool skip_auth);

/* Sockets on what c says; with to=, the first free port. The thread runs when this returns. */
struct vnc_listen *vnc_listen_new(const struct vnc_config *c, vnc_accept_fn fn, void *opaque,
                                  GError **error);
/* The thread has ended then. Accepts NULL. */
void vnc_listen_free(struct vnc_listen *l);
/* A connection that somebody else made; fd is taken over. */
void vnc_listen_add(struct vnc_listen *l, int fd, bool skip_auth);
/* A socket that it listens on, borrowed; -1: there is none. */
int vnc_listen_socket(const struct vnc_listen *l);
/* The address, for people: "127.0.0.1:5901", "unix:PATH". */
const char *vnc_listen_label(const struct vnc_listen *l);
