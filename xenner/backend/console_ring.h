/*
 * The ring of a PV console (xen/io/console.h): a page with two byte rings and an event channel,
 * against a chardev. Output waits in the guest's ring while the chardev takes none, and input in
 * the chardev while there is no ring or no room in it, so nothing is lost.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/chardev/chardev.h"
#include "xenner/host/xen_host.h"

#include <xen/io/console.h>

struct console_ring;

/* Hears what the guest wrote, once the chardev has taken it. */
typedef void (*console_tap_fn)(void *opaque, const uint8_t *data, size_t len);

/* Takes the chardev's user slot; chr is borrowed. escape is called for the keys of chardev.h. */
struct console_ring *console_ring_new(struct xen_host *host, struct chardev *chr,
                                      void (*escape)(void *opaque, char key), void *opaque);
void console_ring_set_tap(struct console_ring *r, console_tap_fn fn, void *opaque);
/* Accepts NULL. Detaches. */
void console_ring_free(struct console_ring *r);

/* page is the guest's, and stays the caller's to unmap after console_ring_detach(). */
bool console_ring_attach(struct console_ring *r, struct xencons_interface *page, evtchn_port_t port,
                         GError **error);
/* Takes the last output as far as the chardev does. Harmless when nothing is attached. */
void console_ring_detach(struct console_ring *r);
/* What is in the ring goes to the chardev as far as it takes it now. */
void console_ring_drain(struct console_ring *r);
/* The same, and the guest hears that there is room. */
void console_ring_poll(struct console_ring *r);
/* Text beside the ring. When the chardev is full the rest is dropped: nobody can be held up. */
void console_ring_text(struct console_ring *r, const char *text, size_t len);
