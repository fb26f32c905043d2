/*
 * Messages of this program on stderr (or -D FILE), in QEMU's shape: "xenner: text",
 * "xenner: warning: text". Debug texts appear for the domains that -d named.
 *
 * Threads: log_setup() before any other thread exists; messages from any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* A name for -d, and what it shows. */
struct log_domain {
    const char *name, *help;
};

/* Ends with a NULL name. */
extern const struct log_domain log_domains[];

/*
 * domains: comma-separated list of names or "all", or NULL. file: or NULL for stderr. One-line error
 * when a name is unknown or the file can't be opened.
 */
bool log_setup(const char *domains, const char *file, bool timestamps, GError **error);
