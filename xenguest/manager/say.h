/*
 * What the manager says: on stderr, as far as its verbosity goes, and in its log file, where
 * everything goes with date and time. Threads: one.
 */
#pragma once

#include <glib.h>

enum say_level { SAY_ERROR, SAY_WARNING, SAY_VERBOSE, SAY_DEBUG };

/* program: "xenguest-manager". log_dir: made if need be; without write access there is no log. */
void say_setup(const char *program, int verbosity, const char *log_dir);
/* One line, without its newline. */
void say(enum say_level level, const char *format, ...) G_GNUC_PRINTF(2, 3);
