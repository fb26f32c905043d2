/*
 * The framebuffer device `vfb` (xen/io/fbif.h): the guest's own pages become the surface that a
 * display shows. The pages are mapped, never copied; what the guest says about them is copied once
 * and checked, and nonsense closes the device.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/display/display.h"
#include "xenner/host/xen_host.h"

#define FB_MAX_MEMORY (64u << 20) /* bytes of pixels: offered to the guest, and enforced */

struct fb;

/* Offers device vfb/number to the guest. display and host are borrowed. */
struct fb *fb_new(struct xen_host *host, unsigned number, struct display *display, GError **error);
/* Accepts NULL. */
void fb_free(struct fb *fb);

/* What the guest says of its pixels; depth in bits, the rest in pixels and bytes. */
struct fb_geometry {
    int32_t width, height, stride, depth, offset;
};
/* The surface on memory of that size; false, with the reason: it is none. Pure. */
bool fb_check(const struct fb_geometry *g, const uint8_t *memory, size_t size, struct surface *ret,
              const char **ret_why);
