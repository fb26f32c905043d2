#include "xenner/display/key_queue.h"

#define MAX_WAITING 1024 /* chords: more than anybody has a reason to send in one go */

struct chord {
    unsigned codes[KEY_QUEUE_MAX_KEYS], n, hold_ms;
};

struct key_queue {
    struct display *display;
    GQueue chords; /* struct chord *, owned; the first is down */
    guint timer;
};

static gboolean on_held(gpointer data);

/* Presses the first. */
static void press(struct key_queue *q)
{
    const struct chord *c = g_queue_peek_head(&q->chords);

    if (!c)
        return;
    for (unsigned i = 0; i < c->n; i++)
        display_key(q->display, c->codes[i], true);
    q->timer = g_timeout_add(c->hold_ms, on_held, q);
}

static void release(struct key_queue *q)
{
    g_autofree struct chord *c = g_queue_pop_head(&q->chords);

    for (unsigned i = c->n; i > 0; i--)
        display_key(q->display, c->codes[i - 1], false);
}

static gboolean on_held(gpointer data)
{
    struct key_queue *q = data;

    q->timer = 0;
    release(q);
    press(q);
    return G_SOURCE_REMOVE;
}

struct key_queue *key_queue_new(struct display *d)
{
    struct key_queue *q = g_new0(struct key_queue, 1);

    q->display = d;
    g_queue_init(&q->chords);
    return q;
}

void key_queue_free(struct key_queue *q)
{
    if (!q)
        return;
    if (q->timer) {
        g_source_remove(q->timer);
        release(q);
    }
    g_queue_clear_full(&q->chords, g_free);
    g_free(q);
}

bool key_queue_add(struct key_queue *q, const unsigned *codes, unsigned n, unsigned hold_ms)
{
    if (n > KEY_QUEUE_MAX_KEYS || g_queue_get_length(&q->chords) >= MAX_WAITING)
        return false;
    struct chord *c = g_new0(struct chord, 1);
    for (unsigned i = 0; i < n; i++)
        c->codes[i] = codes[i];
    c->n = n;
    c->hold_ms = hold_ms;
    g_queue_push_tail(&q->chords, c);
    if (!q->timer)
        press(q);
    return true;
}
