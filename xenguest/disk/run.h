/*
 * Runs another program to its end: what it says on stderr becomes the error, its stdout is kept or
 * dropped. It dies with us. Threads: any that may fork.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* What the program reads: up to len bytes; 0: the end; -1 with error set. */
typedef ssize_t (*run_input_fn)(void *opaque, void *buffer, size_t len, GError **error);

/*
 * argv[0] is looked up in PATH, then in /sbin and /usr/sbin. ret_out (may be NULL) is what it wrote
 * to stdout, owned. Error: could not be run, or ended with another status than 0: its last line.
 */
bool run_program(const char *const argv[], char **ret_out, GError **error);
/* The same with input, fed while it runs. */
bool run_program_input(const char *const argv[], run_input_fn input, void *opaque, GError **error);
/* Is there such a program? */
bool run_exists(const char *name);
