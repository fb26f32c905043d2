/*
 * The keyboard and pointer device `vkbd` (xen/io/kbdif.h): takes the input of a display's guest.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/display/display.h"
#include "xenner/host/xen_host.h"

struct kbd;

struct kbd_config {
    unsigned width, height; /* the range of absolute positions */
    bool absolute;          /* offer an absolute pointer, not only a relative one */
};

/* Offers device vkbd/number to the guest. display and host are borrowed. */
struct kbd *kbd_new(struct xen_host *host, unsigned number, const struct kbd_config *config,
                    struct display *display, GError **error);
/* Accepts NULL. */
void kbd_free(struct kbd *kbd);
