/*
 * Something to be done later in a main context, by its thread: at once or at a time, once. Setting the time
 * (g_source_set_ready_time(); -1: never) is all that other threads may do with it.
 */
#pragma once

#include <glib.h>

/* context: NULL for the default one. At first it is not set. */
GSource *ready_source_new(GMainContext *context, void (*fn)(void *opaque), void *opaque);
/* fn is not called any more. Accepts NULL. */
void ready_source_free(GSource *source);
