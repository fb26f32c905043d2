/*
 * The PV console (hvc): a ring page with two byte rings (xen/io/console.h) and an event channel, against
 * a chardev. Output waits in the guest's ring while the chardev takes none, so nothing is lost.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/chardev/chardev.h"
#include "xenner/host/xen_host.h"

struct console_backend;

/* A letter of an escape command on the console's chardev (chardev.h). */
typedef void (*console_escape_fn)(void *opaque, char key);

/* Takes the chardev's user slot; chr is borrowed. */
struct console_backend *console_backend_new(struct xen_host *host, xen_pfn_t ring,
                                            evtchn_port_t port, struct chardev *chr,
                                            GError **error);
void console_backend_set_escape(struct console_backend *b, console_escape_fn fn, void *opaque);
/* What is in the ring goes to the chardev as far as it takes it now. For when the guest stands still. */
void console_backend_drain(struct console_backend *b);
/* Text beside the ring: HYPERVISOR_console_io. */
void console_backend_debug_out(struct console_backend *b, const char *text, size_t len);
/* Accepts NULL. */
void console_backend_free(struct console_backend *b);
