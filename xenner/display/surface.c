/* Pixels and rectangles: pure. */
#include "xenner/display/display.h"

#include <string.h>

unsigned surface_pixel_bytes(enum surface_format format)
{
    static const unsigned bytes[] = {
        [SURFACE_XRGB8888] = 4, [SURFACE_RGB565] = 2, [SURFACE_RGB332] = 1};

    return bytes[format];
}

/* n bits, of which the highest are repeated below, so that all ones become 255. */
static uint32_t widen(uint32_t v, unsigned n)
{
    v <<= 8 - n;
    return v | v >> n | v >> (2 * n);
}

static uint32_t from_565(uint16_t p)
{
    return widen(p >> 11, 5) << 16 | widen(p >> 5 & 63, 6) << 8 | widen(p & 31, 5);
}

/* Two bits of blue need one more doubling than widen() does. */
static uint32_t from_332(uint8_t p)
{
    return widen(p >> 5, 3) << 16 | widen(p >> 2 & 7, 3) << 8 | (p & 3) * 85u;
}

/* Every pixel that is sent comes by here: two at a time. */
static void mask(uint32_t *pixels, unsigned n)
{
    unsigned i = 0;

    for (uint64_t two; i + 2 <= n; i += 2) {
        memcpy(&two, pixels + i, sizeof(two));
        two &= UINT64_C(0x00ffffff00ffffff);
        memcpy(pixels + i, &two, sizeof(two));
    }
    if (i < n)
        pixels[i] &= 0xffffff;
}

void surface_read(const struct surface *s, unsigned x, unsigned y, unsigned n, uint32_t *ret)
{
    const uint8_t *row = s->pixels + y * s->stride + (size_t)x * surface_pixel_bytes(s->format);

    switch (s->format) {
    case SURFACE_XRGB8888:
        memcpy(ret, row, n * sizeof(*ret));
        mask(ret, n);
        break;
    case SURFACE_RGB565:
        for (unsigned i = 0; i < n; i++) {
            uint16_t p;
            memcpy(&p, row + 2 * (size_t)i, sizeof(p));
            ret[i] = from_565(p);
        }
        break;
    case SURFACE_RGB332:
        for (unsigned i = 0; i < n; i++)
            ret[i] = from_332(row[i]);
        break;
    }
}

/* [*at, *at + *len) cut to [0, max). Sums of two int32_t fit; wider numbers are cut before. */
static bool clip(int64_t at, int64_t len, unsigned max, unsigned *ret_at, unsigned *ret_len)
{
    at = CLAMP(at, -(INT64_C(1) << 40), INT64_C(1) << 40);
    len = CLAMP(len, 0, INT64_C(1) << 41);
    int64_t from = MAX(at, 0), to = MIN(at + len, (int64_t)max);

    if (from >= to)
        return false;
    *ret_at = (unsigned)from;
    *ret_len = (unsigned)(to - from);
    return true;
}

bool rect_clip(int64_t x, int64_t y, int64_t width, int64_t height, unsigned max_width,
               unsigned max_height, struct rect *ret)
{
    return clip(x, width, max_width, &ret->x, &ret->width) &&
           clip(y, height, max_height, &ret->y, &ret->height);
}

static struct rect join(const struct rect *a, const struct rect *b)
{
    unsigned x = MIN(a->x, b->x), y = MIN(a->y, b->y);
    unsigned right = MAX(a->x + a->width, b->x + b->width);
    unsigned bottom = MAX(a->y + a->height, b->y + b->height);

    return (struct rect){x, y, right - x, bottom - y};
}

static uint64_t area(const struct rect *r)
{
    return (uint64_t)r->width * r->height;
}

/* They overlap, or together are no larger than the two: neighbours with a whole side in common. */
static bool belong(const struct rect *a, const struct rect *b)
{
    struct rect both = join(a, b);
    bool apart = a->x + a->width <= b->x || b->x + b->width <= a->x ||
                 a->y + a->height <= b->y || b->y + b->height <= a->y;

    return !apart || area(&both) <= area(a) + area(b);
}

/* The two whose union adds the least become one. */
static void squeeze(struct dirty *d)
{
    uint64_t best = UINT64_MAX;
    unsigned a = 0, b = 1;

    for (unsigned i = 0; i < d->n; i++) {
        for (unsigned j = i + 1; j < d->n; j++) {
            struct rect both = join(&d->rects[i], &d->rects[j]);
            uint64_t more = area(&both) - area(&d->rects[i]) - area(&d->rects[j]);
            if (more < best) {
                best = more;
                a = i;
                b = j;
            }
        }
    }
    struct rect both = join(&d->rects[a], &d->rects[b]);
    d->rects[b] = d->rects[--d->n];
    d->rects[a] = d->rects[--d->n];
    dirty_add(d, &both);
}

void dirty_add(struct dirty *d, const struct rect *r)
{
    struct rect add = *r;

    for (unsigned i = 0; i < d->n;) {
        if (belong(&d->rects[i], &add)) {
            add = join(&d->rects[i], &add);
            d->rects[i] = d->rects[--d->n];
            i = 0; /* it is larger now, and may reach those that were passed */
        } else {
            i++;
        }
    }
    d->rects[d->n++] = add;
    if (d->n == DIRTY_MAX)
        squeeze(d);
}
