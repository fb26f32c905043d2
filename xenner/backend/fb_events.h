/*
 * What a guest tells of its framebuffer: the ring of update and resize events (Xen's io/fbif.h).
 *
 * A guest that draws tells of each stroke, thousands a second, and every one wakes this process. Nobody
 * looks that often, so events are taken in turns, and while the guest is busy all but a few places of the
 * ring stay occupied: Linux's driver then adds its strokes up to one rectangle, which it sends when it is told
 * that there is room.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/backend/fbpage.h"

#include <glib.h>
#include <xen/io/fbif.h>

struct fb_events {
    struct fbpage *shared;
    /* One event, which is a copy. false: the guest may not go on like that. */
    bool (*event)(void *opaque, const union xenfb_out_event *e);
    void (*failed)(void *opaque); /* it may not, or the ring is broken: the device is to end */
    void *opaque;
    uint32_t taken; /* what was read */
    uint32_t shown; /* what the guest was told of that */
    guint turn;     /* timer, while the guest is busy */
    bool busy;      /* it has said something since the last turn */
};

/* shared is bound or will be at once, and stays; the rest is set. */
void fb_events_init(struct fb_events *e);
/* The guest rang: its events are taken now, or with the next turn. */
void fb_events_rang(struct fb_events *e);
/* Somebody looks: what the guest has said up to now. */
void fb_events_read(struct fb_events *e);
void fb_events_clear(struct fb_events *e);
