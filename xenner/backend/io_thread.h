/*
 * A thread with a GMainContext of its own, for a device's data: so that disks and networks neither
 * wait for the main loop nor hold it up.
 */
#pragma once

#include <glib.h>

struct io_thread;

struct io_thread *io_thread_new(const char *name);
/* Ends the thread: what its context still has to do is left undone. Accepts NULL. */
void io_thread_free(struct io_thread *t);
/* Sources are attached here. Borrowed. */
GMainContext *io_thread_context(struct io_thread *t);
/* Runs fn in the thread and returns when it has returned. From any other thread. */
void io_thread_call(struct io_thread *t, void (*fn)(void *opaque), void *opaque);
