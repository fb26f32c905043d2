/*
 * Shared libraries that are loaded when somebody needs them: linking with them all costs every start of xenner the
 * time in which the loader finds their symbols. A file of assembler (lazy_calls.h) stands for such a library: it
 * has its functions by their names, each a jump through a table, which is filled here. Callers look as ever, but
 * somebody has to have loaded the library before the first call.
 *
 * Threads: load in the main loop's, before others call into the library.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct lazy_call {
    const char *name;
    void *address;
};

/* What an assembler file defines with LAZY_LIBRARY; never unloaded. */
struct lazy_library {
    const char *file; /* "libnbd.so.0" */
    void *handle;
    struct lazy_call calls[]; /* the last has no name */
};

/* Once or more often; one-line errors. */
bool lazy_library_load(struct lazy_library *library, GError **error);
/* A variable of a loaded library; not NULL. */
void *lazy_library_variable(struct lazy_library *library, const char *name);
