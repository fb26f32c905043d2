#include "xenner/backend/fb_events.h"

#include <string.h>

#define TURN_MS 33
#define ROOM    4 /* events that a busy guest can send in a turn */

void fb_events_init(struct fb_events *e)
{
    e->taken = e->shown = fbpage_index(e->shared, FBPAGE_OUT_CONS);
}

void fb_events_clear(struct fb_events *e)
{
    if (e->turn)
        g_source_remove(e->turn);
    e->turn = 0;
    e->busy = false;
}

/*
 * Who found the ring full waits for a word. It is full by what the guest was told before; whether it
 * became so is to be asked after it was told more, or the word could be missed.
 */
static void show(struct fb_events *e, uint32_t upto)
{
    uint32_t before = e->shown;

    if (upto == before)
        return;
    e->shown = upto;
    fbpage_set_index(e->shared, FBPAGE_OUT_CONS, upto);
    if (fbpage_index(e->shared, FBPAGE_OUT_PROD) - before >= XENFB_OUT_RING_LEN)
        e->shared->host->ops->notify(e->shared->port);
}

static bool read_ring(struct fb_events *e)
{
    uint32_t prod = fbpage_index(e->shared, FBPAGE_OUT_PROD);

    if (prod - e->shown > XENFB_OUT_RING_LEN || prod - e->taken > XENFB_OUT_RING_LEN) {
        g_log("fb", G_LOG_LEVEL_DEBUG, "ring from %u to %u", e->shown, prod);
        return false;
    }
    for (; e->taken != prod; e->taken++) {
        union xenfb_out_event event;
        memcpy(&event, &XENFB_OUT_RING_REF(e->shared->page, e->taken), sizeof(event));
        if (!e->event(e->opaque, &event))
            return false;
        e->busy = true;
    }
    return true;
}

static gboolean on_turn(gpointer data);

/* The first thing that is said after a silence is heard at once. */
static void read_now(struct fb_events *e, bool turn)
{
    if (!read_ring(e)) {
        e->failed(e->opaque);
        return;
    }
    if (turn && !e->busy)
        show(e, e->taken);
    else if (turn && e->taken - e->shown > XENFB_OUT_RING_LEN - ROOM)
        show(e, e->taken - (XENFB_OUT_RING_LEN - ROOM));
    if (e->busy && !e->turn)
        e->turn = g_timeout_add(TURN_MS, on_turn, e);
    if (turn)
        e->busy = false;
}

static gboolean on_turn(gpointer data)
{
    struct fb_events *e = data;

    e->turn = 0;
    read_now(e, true);
    return G_SOURCE_REMOVE;
}

void fb_events_rang(struct fb_events *e)
{
    if (!e->turn)
        read_now(e, true);
}

void fb_events_read(struct fb_events *e)
{
    read_now(e, false);
}
