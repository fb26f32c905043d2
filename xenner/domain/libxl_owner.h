/*
 * Whose domains there are. A domain outlives the process that made it, if that was killed; each says in
 * xenstore which process that was, and the next xenner ends those whose process is gone.
 */
#pragma once

#include "xenner/domain/libxl_loop.h"

#include <stdbool.h>

/* What to write for this process. */
char *libxl_owner_self(void);
/* Is the process that wrote that still there? Pure but for /proc. */
bool libxl_owner_alive(const char *owner);
/*
 * A note that this process makes a domain of that uuid, for the time in which Xen has the domain and xenstore does not:
 * between libxl_owner_begin() and libxl_owner_end(), which accepts NULL. NULL: no answer of xenstored's.
 */
struct libxl_making *libxl_owner_begin(const libxl_uuid *uuid, const char *owner, GError **error);
void libxl_owner_end(struct libxl_making *making);
/* Destroys the domains that xenner made, or was making, and whose process is gone. */
void libxl_owner_sweep(struct libxl_loop *loop);
/* Ends a domain and takes its directories away, ours included. */
bool libxl_owner_destroy(struct libxl_loop *loop, uint32_t domid, GError **error);
