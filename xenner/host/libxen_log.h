/*
 * What Xen's libraries say: everything goes to the log domain "libxl" at debug level, and the first error
 * is kept, because it is the reason and those after it are consequences.
 */
#pragma once

#include <glib.h>
#include <xentoollog.h>

struct libxen_log;

struct libxen_log *libxen_log_new(void);
/* For the libraries' functions that want a logger. */
xentoollog_logger *libxen_log_logger(struct libxen_log *log);
/* The first error since the last call, then NULL. Freed by the caller. */
char *libxen_log_take_error(struct libxen_log *log);
void libxen_log_free(struct libxen_log *log); /* accepts NULL */
