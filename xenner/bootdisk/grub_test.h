/* The command "test" of GRUB's scripts, as far as boot menus use it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whether there is a file of such a name, and something in it. */
typedef bool grub_exists_fn(void *opaque, const char *path);

/*
 * args (char *), from at on: what stands behind "test", or within "[" and "]". A condition that is not known
 * sets *unknown, which is never cleared here.
 */
bool grub_test(const GPtrArray *args, guint at, grub_exists_fn *exists, void *opaque, bool *unknown);
