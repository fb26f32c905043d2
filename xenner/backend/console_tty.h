/*
 * Console 0 of a domain whose ring xenconsoled serves, or serial port the device model: the other end of its terminal,
 * which a node names, as soon as it does. The same shape as console_ring.h.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/chardev/chardev.h"
#include "xenner/host/xen_host.h"

struct console_tty;

/* Takes chr's user slot; all are borrowed. node: below the domain's directory, a string constant. */
struct console_tty *console_tty_new(struct xen_host *host, const char *node, struct chardev *chr,
                                    void (*escape)(void *opaque, char key), void *opaque);
/* fn hears what the guest writes, as the chardev takes it. */
void console_tty_set_tap(struct console_tty *t,
                         void (*fn)(void *opaque, const uint8_t *data, size_t len), void *opaque);
/* The guest stands still: waits (a second at most) until xenconsoled has passed on what it wrote. */
void console_tty_drain(struct console_tty *t);
/* Text of our own, in order with the guest's. */
void console_tty_text(struct console_tty *t, const char *text, size_t len);
/* Accepts NULL. */
void console_tty_free(struct console_tty *t);
