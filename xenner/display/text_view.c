#include "xenner/display/text_view.h"
#include "xenner/display/font.h"
#include "xenner/display/vt.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = VT_COLUMNS * FONT_WIDTH, HEIGHT = VT_ROWS * FONT_HEIGHT };

struct text_view {
    struct display *display;
    struct vt vt;
    struct vt_cell drawn[VT_ROWS][VT_COLUMNS]; /* what the pixels show */
    bool told; /* that something changed, since the last drawing */
    uint32_t pixels[HEIGHT][WIDTH];
};

/* The colours of Linux's console. */
static const uint32_t palette[16] = {
    0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
    0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff};

static int compare_glyph(const void *key, const void *entry)
{
    uint32_t c = *(const uint32_t *)key, other = ((const struct glyph *)entry)->character;

    return c < other ? -1 : c > other;
}

static void draw(struct text_view *t, unsigned y, unsigned x, const struct vt_cell *cell)
{
    static const uint8_t empty[FONT_HEIGHT];
    const struct glyph *g = bsearch(&cell->character, font_glyphs, font_nr_glyphs,
                                    sizeof(*font_glyphs), compare_glyph);
    const uint8_t *rows = g && cell->character ? g->rows : empty;

    for (unsigned py = 0; py < FONT_HEIGHT; py++) {
        uint32_t *to = &t->pixels[y * FONT_HEIGHT + py][x * FONT_WIDTH];
        for (unsigned px = 0; px < FONT_WIDTH; px++)
            to[px] = palette[(rows[py] & 0x80 >> px ? cell->fg : cell->bg) & 15];
    }
}

static bool same(const struct vt_cell *a, const struct vt_cell *b)
{
    return a->character == b->character && a->fg == b->fg && a->bg == b->bg;
}

/* A block, as the cursor. */
static struct vt_cell cell_at(const struct vt *vt, unsigned y, unsigned x)
{
    struct vt_cell c = vt->cells[y][x];

    if (vt->cursor && y == vt->y && x == (vt->x < VT_COLUMNS ? vt->x : VT_COLUMNS - 1))
        c = (struct vt_cell){c.character, c.bg, c.fg};
    return c;
}

/* Draws what differs from the pixels; one update a row. */
static void refresh(void *opaque)
{
    struct text_view *t = opaque;

    t->told = false;
    for (unsigned y = 0; y < VT_ROWS; y++) {
        unsigned first = VT_COLUMNS, last = 0;
        for (unsigned x = 0; x < VT_COLUMNS; x++) {
            struct vt_cell c = cell_at(&t->vt, y, x);
            if (same(&c, &t->drawn[y][x]))
                continue;
            draw(t, y, x, &c);
            t->drawn[y][x] = c;
            first = MIN(first, x);
            last = x + 1;
        }
        if (first < last) {
            const struct rect r = {first * FONT_WIDTH, y * FONT_HEIGHT, (last - first) * FONT_WIDTH,
                                   FONT_HEIGHT};
            display_update(t->display, DISPLAY_TEXT, &r);
        }
    }
}

/* Those who look come back for the picture itself; where it changed they learn then. */
static void tell(struct text_view *t)
{
    static const struct rect corner = {0, 0, 1, 1};

    if (!t->told)
        display_update(t->display, DISPLAY_TEXT, &corner);
    t->told = true;
}

struct text_view *text_view_new(struct display *display)
{
    struct text_view *t = g_new0(struct text_view, 1);
    const struct surface s = {(const uint8_t *)t->pixels, WIDTH, HEIGHT, sizeof(t->pixels[0]),
                              SURFACE_XRGB8888};

    t->display = display;
    vt_reset(&t->vt);
    display_set_refresh(display, DISPLAY_TEXT, refresh, t);
    display_set_surface(display, DISPLAY_TEXT, &s);
    return t;
}

void text_view_free(struct text_view *t)
{
    if (!t)
        return;
    display_set_refresh(t->display, DISPLAY_TEXT, NULL, NULL);
    display_set_surface(t->display, DISPLAY_TEXT, NULL);
    g_free(t);
}

void text_view_write(struct text_view *t, const uint8_t *data, size_t len)
{
    vt_write(&t->vt, data, len);
    tell(t);
}

void text_view_reset(struct text_view *t)
{
    vt_reset(&t->vt);
    tell(t);
}
