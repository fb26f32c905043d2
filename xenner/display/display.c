#include "xenner/display/display.h"

#include <string.h>

struct listener {
    const struct display_listener *fns;
    void *opaque;
};

struct source {
    bool present;
    struct surface surface;
    void (*refresh)(void *opaque);
    void *refresh_opaque;
    const struct input_sink *sink;
    void *sink_opaque;
};

struct display {
    struct source sources[DISPLAY_SOURCES];
    GArray *listeners; /* struct listener */
    unsigned x, y;     /* where the pointer was last */
};

struct display *display_new(void)
{
    struct display *d = g_new0(struct display, 1);

    d->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
    return d;
}

void display_free(struct display *d)
{
    if (!d)
        return;
    g_array_unref(d->listeners);
    g_free(d);
}

/* The one that is shown, or NULL. */
static const struct source *shown(const struct display *d)
{
    for (int i = DISPLAY_SOURCES - 1; i >= 0; i--) {
        if (d->sources[i].present)
            return &d->sources[i];
    }
    return NULL;
}

void display_set_surface(struct display *d, enum display_source source, const struct surface *s)
{
    const struct source *before = shown(d);

    d->sources[source].present = s != NULL;
    if (s)
        d->sources[source].surface = *s;
    const struct source *now = shown(d);
    /* A picture that is hidden by a better one comes and goes unseen. */
    if (now == before && now != &d->sources[source])
        return;
    for (guint i = 0; i < d->listeners->len; i++) {
        struct listener *l = &g_array_index(d->listeners, struct listener, i);
        l->fns->changed(l->opaque, now ? &now->surface : NULL);
    }
}

void display_update(struct display *d, enum display_source source, const struct rect *r)
{
    if (shown(d) != &d->sources[source])
        return;
    for (guint i = 0; i < d->listeners->len; i++) {
        struct listener *l = &g_array_index(d->listeners, struct listener, i);
        l->fns->updated(l->opaque, r);
    }
}

void display_set_refresh(struct display *d, enum display_source source, void (*fn)(void *opaque),
                         void *opaque)
{
    d->sources[source].refresh = fn;
    d->sources[source].refresh_opaque = opaque;
}

const struct surface *display_surface(const struct display *d)
{
    const struct source *s = shown(d);

    return s ? &s->surface : NULL;
}

void display_refresh(struct display *d)
{
    const struct source *s = shown(d);

    if (s && s->refresh)
        s->refresh(s->refresh_opaque);
}

void display_listen(struct display *d, const struct display_listener *l, void *opaque)
{
    const struct listener entry = {l, opaque};

    g_array_append_val(d->listeners, entry);
    const struct source *s = shown(d);
    if (s)
        l->changed(opaque, &s->surface);
}

void display_unlisten(struct display *d, void *opaque)
{
    for (guint i = 0; i < d->listeners->len; i++) {
        if (g_array_index(d->listeners, struct listener, i).opaque == opaque) {
            g_array_remove_index(d->listeners, i);
            return;
        }
    }
}

void display_set_sink(struct display *d, enum display_source source, const struct input_sink *sink,
                      void *opaque)
{
    struct source *s = &d->sources[source];

    if (!sink && s->sink_opaque != opaque)
        return;
    s->sink = sink;
    s->sink_opaque = sink ? opaque : NULL;
}

/*
 * The text view's sink is for what the text view shows. A guest's keyboard works without a
 * framebuffer, too, when the text view takes no input.
 */
static const struct source *taker(const struct display *d)
{
    const struct source *s = shown(d);

    if (s && s->sink)
        return s;
    return d->sources[DISPLAY_GUEST].sink ? &d->sources[DISPLAY_GUEST] : NULL;
}

void display_key(struct display *d, unsigned code, bool down)
{
    const struct source *s = taker(d);

    if (s && s->sink->key)
        s->sink->key(s->sink_opaque, code, down);
}

void display_pointer(struct display *d, unsigned x, unsigned y)
{
    const struct source *s = taker(d), *picture = shown(d);

    if (!s || !s->sink->pointer || !picture)
        return;
    const struct surface *p = &picture->surface;
    d->x = MIN(x, p->width - 1);
    d->y = MIN(y, p->height - 1);
    s->sink->pointer(s->sink_opaque, d->x, d->y, p->width, p->height);
}

void display_where(const struct display *d, unsigned *x, unsigned *y)
{
    *x = d->x;
    *y = d->y;
}

static unsigned moved(unsigned from, int by)
{
    return (unsigned)CLAMP((int64_t)from + by, 0, G_MAXINT);
}

void display_move(struct display *d, int dx, int dy)
{
    const struct source *s = taker(d);

    if (s && s->sink->motion && !display_is_absolute(d))
        s->sink->motion(s->sink_opaque, dx, dy);
    else
        display_pointer(d, moved(d->x, dx), moved(d->y, dy));
}

void display_wheel(struct display *d, int steps)
{
    const struct source *s = taker(d);

    if (s && s->sink->wheel)
        s->sink->wheel(s->sink_opaque, steps);
}

bool display_is_absolute(const struct display *d)
{
    const struct source *s = taker(d);

    return s && s->sink->absolute && s->sink->absolute(s->sink_opaque);
}
