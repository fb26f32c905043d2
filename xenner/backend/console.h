/*
 * PV consoles. Console 0, the primary one, has its ring and port in the guest's start_info; the
 * guest asks for the others through xenstore (device/console/N) and grants their rings. Threads:
 * the main loop's.
 */
#pragma once

#include "xenner/chardev/chardev.h"
#include "xenner/host/xen_host.h"

struct console_backend;

/* A letter of an escape command (chardev.h) that was typed on this console. */
typedef void (*console_escape_fn)(void *opaque, struct console_backend *console, char key);

/* All take the chardev's user slot; chr is borrowed. */
struct console_backend *console_backend_new(struct xen_host *host, xen_pfn_t ring,
                                            evtchn_port_t port, struct chardev *chr,
                                            GError **error);
/*
 * Console 0 of a domain on a Xen host, which another program serves: by way of its terminal, named by a node of the
 * domain ("console/tty": xenconsoled's; "serial/0/tty": of an HVM guest's serial port, the device model's).
 */
struct console_backend *console_backend_new_tty(struct xen_host *host, const char *node, struct chardev *chr);
/* number: 1 to 9, hvcN in Linux. Offers the device and waits for the guest. */
struct console_backend *console_backend_new_device(struct xen_host *host, unsigned number,
                                                   struct chardev *chr, GError **error);
void console_backend_set_escape(struct console_backend *b, console_escape_fn fn, void *opaque);
/* fn hears what the guest writes, as the chardev takes it. */
void console_backend_set_tap(struct console_backend *b,
                             void (*fn)(void *opaque, const uint8_t *data, size_t len), void *opaque);
/* What is in the ring goes to the chardev as far as it takes it now: the guest stands still. */
void console_backend_drain(struct console_backend *b);
/* As if the guest had said that there is something in the ring: GRUB says it late. */
void console_backend_poll(struct console_backend *b);
/* Text beside the ring: HYPERVISOR_console_io, help. */
void console_backend_debug_out(struct console_backend *b, const char *text, size_t len);
/* Accepts NULL. */
void console_backend_free(struct console_backend *b);
