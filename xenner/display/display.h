/*
 * What a guest shows and what a user types, between a device (a framebuffer, a text view) and those
 * who look (VNC, screenshots). Nothing of Xen here.
 *
 * There are two sources of a picture. The guest's framebuffer wins as long as it is there; else the
 * text view is what is shown. Pixels stay where the source has them: nobody copies before somebody
 * looks, and a listener is told only which parts may have changed.
 *
 * Threads: the main loop's.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum surface_format { SURFACE_XRGB8888, SURFACE_RGB565, SURFACE_RGB332 };

/* Pixels that others may write at any time: read each once, believe none. Geometry is fixed. */
struct surface {
    const uint8_t *pixels;
    unsigned width, height;
    size_t stride; /* bytes from row to row, at least width pixels */
    enum surface_format format;
};

unsigned surface_pixel_bytes(enum surface_format format);
/* n pixels of row y from x on, as 0x00RRGGBB. The caller has checked the range. */
void surface_read(const struct surface *s, unsigned x, unsigned y, unsigned n, uint32_t *ret);

struct rect {
    unsigned x, y, width, height;
};

/* The part of (x, y, width, height), numbers of any size, that is inside; false: nothing is. */
bool rect_clip(int64_t x, int64_t y, int64_t width, int64_t height, unsigned max_width,
               unsigned max_height, struct rect *ret);

/* A few rectangles that cover all that was added; they overlap never, and cover more at need. */
#define DIRTY_MAX 8
struct dirty {
    unsigned n;
    struct rect rects[DIRTY_MAX];
};
void dirty_add(struct dirty *d, const struct rect *r); /* not empty */

struct display;

enum display_source { DISPLAY_TEXT, DISPLAY_GUEST, DISPLAY_SOURCES };

struct display_listener {
    /* Another picture, NULL: nothing; it is valid until the next call. */
    void (*changed)(void *opaque, const struct surface *s);
    void (*updated)(void *opaque, const struct rect *r);
};

/* Who takes input: the newest sink. Keys are Linux's numbers, buttons (BTN_LEFT...) too. */
struct input_sink {
    void (*key)(void *opaque, unsigned code, bool down);
    /* The pointer in the picture of that size, and how it moved since. */
    void (*pointer)(void *opaque, unsigned x, unsigned y, unsigned width, unsigned height);
    void (*motion)(void *opaque, int dx, int dy); /* only to one that is not absolute */
    void (*wheel)(void *opaque, int steps);       /* up is negative */
    bool (*absolute)(void *opaque);
};

struct display *display_new(void);
/* Every listener and sink is gone by then. Accepts NULL. */
void display_free(struct display *d);

/* The source's picture, NULL when it has none any more. The surface is copied, its pixels borrowed. */
void display_set_surface(struct display *d, enum display_source source, const struct surface *s);
/* A part of the source's picture changed; the rectangle is inside. */
void display_update(struct display *d, enum display_source source, const struct rect *r);
/* fn brings the source's pixels up to date; called when somebody looks. NULL: they always are. */
void display_set_refresh(struct display *d, enum display_source source, void (*fn)(void *opaque),
                         void *opaque);

/* What is shown now, NULL when there is nothing. */
const struct surface *display_surface(const struct display *d);
/* To be called before looking; may call listeners. */
void display_refresh(struct display *d);
/* Calls changed at once when there is a picture. */
void display_listen(struct display *d, const struct display_listener *l, void *opaque);
void display_unlisten(struct display *d, void *opaque);

/* sink NULL removes opaque's. */
void display_set_sink(struct display *d, enum display_source source, const struct input_sink *sink,
                      void *opaque);
/* Input for what is shown; lost when nobody takes it. */
void display_key(struct display *d, unsigned code, bool down);
void display_pointer(struct display *d, unsigned x, unsigned y);
/* Where it was last. */
void display_where(const struct display *d, unsigned *x, unsigned *y);
/* From where it is; an absolute pointer stays in the picture. */
void display_move(struct display *d, int dx, int dy);
void display_wheel(struct display *d, int steps);
bool display_is_absolute(const struct display *d);
