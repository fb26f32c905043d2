/* A guest of 4 MiB with a store, event channels and a vfb or vkbd frontend, on the in-process host. */
#pragma once

#include "device_guest.h"

#include <xen/event_channel.h>

enum { FB_PAGE = 20, FB_DIR = 21, FB_DIR2 = 22, FB_FIRST = 32, FB_GUEST_FRAMES = 1024 };

struct fb_guest {
    struct device_guest g;
    evtchn_port_t port;
};

struct fb_guest *fb_guest_new(void);
/* Every backend is gone by then. */
void fb_guest_free(struct fb_guest *g);
void *fb_guest_frame(struct fb_guest *g, uint64_t frame);
/* The guest writes device/TYPE/0/KEY. */
void fb_guest_write(struct fb_guest *g, const char *type, const char *key, const char *value);
/* page-ref, event-channel (a new one), protocol; then state 3. */
void fb_guest_connect(struct fb_guest *g, const char *type, const char *protocol);
/* Free with g_free(). */
char *fb_guest_backend(struct fb_guest *g, const char *type, const char *key);
/* The guest sends on its port, and the main loop runs dry. */
void fb_guest_send(struct fb_guest *g);
void fb_guest_run(void);
