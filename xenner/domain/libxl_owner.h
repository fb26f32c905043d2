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
/* Destroys the domains that xenner made and whose process is gone. */
void libxl_owner_sweep(struct libxl_loop *loop);
/* Ends a domain and takes its directories away, ours included. */
bool libxl_owner_destroy(struct libxl_loop *loop, uint32_t domid, GError **error);
