/*
 * A display over VNC, with LibVNCServer (see vnc_private.h).
 *
 * The server keeps a copy of the picture and sends only what differs from it, some thirty times a
 * second at most, and nothing is copied while nobody looks. Each client has threads of its own
 * (LibVNCServer's), so one that says nothing, or nonsense, holds up no other; what it types is
 * passed to the main loop.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/display/display.h"
#include "xenner/display/vnc_info.h"

struct vnc;

/* Listens. title: what a client shows as the window's. display and c are borrowed. */
struct vnc *vnc_new(const struct vnc_config *c, const char *layout, const char *title,
                    struct display *display, GError **error);
/* Disconnects all. Accepts NULL. */
void vnc_free(struct vnc *v);

/* Only for a server with password=on. secret NULL: nobody comes in any more. */
bool vnc_set_password(struct vnc *v, const char *secret, GError **error);
/* Seconds since 1970 from which on the password is not good any more; 0: now, -1: never. */
void vnc_expire_password(struct vnc *v, int64_t when);
/* A connected socket as a new client; fd is taken over. */
void vnc_add_client(struct vnc *v, int fd, bool skip_auth);
unsigned vnc_clients(const struct vnc *v);
/* Borrowed, until the main loop runs again. */
const struct vnc_address *vnc_client_address(const struct vnc *v, unsigned i);
/* Where it listens, false: nowhere. */
bool vnc_server_address(const struct vnc *v, struct vnc_address *ret);
/* Who wants to hear of clients that come and go. */
void vnc_set_events(struct vnc *v, vnc_event_fn fn, void *opaque);
/* "127.0.0.1:5901", "unix:PATH" */
const char *vnc_label(const struct vnc *v);
