/* What VNC clients see: a copy of the display's picture that is brought up to date while somebody looks. */
#include "xenner/display/vnc_private.h"

#include <rfb/rfbregion.h>
#include <string.h>
#include <sys/mman.h>

#define FRAME_US 33000 /* between two looks at the picture */
#define BAND     16    /* rows that are compared together */

/*
 * The copy's address never changes, and there is memory for any size behind it: client threads read
 * it without a lock, perhaps with the geometry of a moment ago.
 */
#define COPY_BYTES ((size_t)VNC_MAX_SIDE * VNC_MAX_SIDE * 4)

static gboolean look(gpointer data);

/* The next look, soon but not sooner than a frame after the last. */
static void want_look(struct vnc *v)
{
    if (v->timer || !v->clients->len || !v->dirty.n)
        return;
    gint64 wait = v->last_look + FRAME_US - g_get_monotonic_time();
    v->timer = g_timeout_add((guint)(CLAMP(wait, 0, FRAME_US) / 1000), look, v);
}

/* Compares and copies rows [y, end) of a rectangle; one rectangle holds all that differs. */
static void copy_band(struct vnc *v, const struct surface *s, const struct rect *r, unsigned y,
                      unsigned end)
{
    uint32_t row[VNC_MAX_SIDE];
    unsigned first = r->width, last = 0, top = end, bottom = y;

    for (unsigned at = y; at < end; at++) {
        uint32_t *to = (uint32_t *)(void *)(v->copy + (size_t)at * v->screen->width * 4) + r->x;
        surface_read(s, r->x, at, r->width, row);
        if (memcmp(to, row, r->width * sizeof(*row)) == 0)
            continue;
        unsigned a = 0, b = r->width;
        while (to[a] == row[a])
            a++;
        while (to[b - 1] == row[b - 1])
            b--;
        memcpy(to + a, row + a, (b - a) * sizeof(*row));
        first = MIN(first, a);
        last = MAX(last, b);
        top = MIN(top, at);
        bottom = at + 1;
    }
    if (first < last)
        rfbMarkRectAsModified(v->screen, (int)(r->x + first), (int)top, (int)(r->x + last),
                              (int)bottom);
}

static gboolean look(gpointer data)
{
    struct vnc *v = data;

    v->timer = 0;
    v->last_look = g_get_monotonic_time();
    if (v->clients->len)
        display_refresh(v->display); /* may add to what is dirty */
    if (v->timer) {
        g_source_remove(v->timer);
        v->timer = 0;
    }
    const struct surface *s = display_surface(v->display);
    if (!s || !v->clients->len)
        return G_SOURCE_REMOVE;
    for (unsigned i = 0; i < v->dirty.n; i++) {
        const struct rect *r = &v->dirty.rects[i];
        for (unsigned y = r->y; y < r->y + r->height; y += BAND)
            copy_band(v, s, r, y, MIN(y + BAND, r->y + r->height));
    }
    v->dirty.n = 0;
    return G_SOURCE_REMOVE;
}

/*
 * Another size. The library's rfbNewFramebuffer() could deadlock with a client that leaves at that
 * moment; as the copy's memory stays, it is enough to tell each client.
 */
static void set_size(struct vnc *v, unsigned width, unsigned height)
{
    rfbScreenInfoPtr screen = v->screen;

    if (screen->width == (int)width && screen->height == (int)height)
        return;
    madvise(v->copy, COPY_BYTES, MADV_DONTNEED); /* black, and no memory in use */
    screen->width = (int)width;
    screen->height = (int)height;
    screen->paddedWidthInBytes = (int)width * 4;
    rfbClientIteratorPtr i = rfbGetClientIterator(screen);
    for (rfbClientPtr cl; (cl = rfbClientIteratorNext(i));) {
        LOCK(cl->updateMutex);
        sraRgnDestroy(cl->modifiedRegion);
        cl->modifiedRegion = sraRgnCreateRect(0, 0, screen->width, screen->height);
        sraRgnMakeEmpty(cl->copyRegion);
        if (cl->useNewFBSize)
            cl->newFBSizePending = TRUE;
        TSIGNAL(cl->updateCond);
        UNLOCK(cl->updateMutex);
    }
    rfbReleaseClientIterator(i);
}

static void on_changed(void *opaque, const struct surface *s)
{
    struct vnc *v = opaque;

    v->dirty.n = 0;
    if (!s)
        return; /* the last picture stays */
    set_size(v, s->width, s->height);
    dirty_add(&v->dirty, &(struct rect){0, 0, s->width, s->height});
    want_look(v);
}

static void on_updated(void *opaque, const struct rect *r)
{
    struct vnc *v = opaque;

    dirty_add(&v->dirty, r);
    want_look(v);
}

static const struct display_listener listener = {on_changed, on_updated};

bool vnc_picture_init(struct vnc *v)
{
    v->copy = mmap(NULL, COPY_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return v->copy != MAP_FAILED;
}

void vnc_picture_hook(struct vnc *v)
{
    v->screen->frameBuffer = (char *)v->copy;
    display_listen(v->display, &listener, v);
}

void vnc_picture_all(struct vnc *v)
{
    const struct surface *s = display_surface(v->display);

    if (!s)
        return;
    dirty_add(&v->dirty, &(struct rect){0, 0, s->width, s->height});
    want_look(v);
}

void vnc_picture_clear(struct vnc *v)
{
    if (v->timer)
        g_source_remove(v->timer);
    if (v->copy && v->copy != MAP_FAILED)
        munmap(v->copy, COPY_BYTES);
}
