/*
 * A descriptor that a thread's main context watches.
 *
 * GLib takes a source's descriptors away while its callback runs and puts them back afterwards, and
 * putting back wakes the loop: a write, a read and a whole round more for each callback. It does so
 * for all sources that must not run in the middle of themselves; these here may
 * (g_source_set_can_recurse()), as no callback of theirs runs the context.
 */
#pragma once

#include <glib-unix.h>

/* Watched from here on; the caller destroys and unrefs it. fd is borrowed. */
GSource *fd_source_new(GMainContext *context, int fd, GIOCondition what, GUnixFDSourceFunc fn,
                       void *opaque);
