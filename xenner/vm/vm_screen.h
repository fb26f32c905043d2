/*
 * What a guest shows and what is typed: the display, its viewers, and the devices vfb and vkbd. The
 * viewers stay over a guest's reboot, the devices come and go with the domain.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/config/vm_config.h"
#include "xenner/display/vnc_info.h"
#include "xenner/host/xen_host.h"

struct vm_screen;
struct display;
struct vnc;
struct key_queue;

/* i: the server's number in the configuration. */
typedef void (*vm_vnc_fn)(void *opaque, unsigned i, enum vnc_event what,
                          const struct vnc_address *client);

/* Opens the VNC servers. cfg is borrowed. */
struct vm_screen *vm_screen_new(const struct vm_config *cfg, GError **error);
/* Offers the devices to a new domain; close() before it goes. */
bool vm_screen_open(struct vm_screen *s, struct xen_host *host, GError **error);
void vm_screen_close(struct vm_screen *s); /* accepts NULL */
/* Accepts NULL. */
void vm_screen_free(struct vm_screen *s);

/* What the guest writes to its console: the picture as long as there is no framebuffer. */
void vm_screen_text(void *opaque, const uint8_t *data, size_t len);
/* Borrowed. */
struct display *vm_screen_display(struct vm_screen *s);
/* For keys that programs press. Borrowed. */
struct key_queue *vm_screen_keys(struct vm_screen *s);
/* Who wants to hear of VNC clients that come and go. */
void vm_screen_set_vnc_events(struct vm_screen *s, vm_vnc_fn fn, void *opaque);
/* The server with that id, any for NULL; NULL when there is none. Borrowed. */
struct vnc *vm_screen_vnc(struct vm_screen *s, const char *id);
