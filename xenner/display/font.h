/* The text view's font, which font.py makes at build time of one for the Linux console. */
#pragma once

#include <stdint.h>

enum { FONT_WIDTH = 8, FONT_HEIGHT = 16 };

struct glyph {
    uint32_t character; /* Unicode */
    uint8_t rows[FONT_HEIGHT];
};

extern const struct glyph font_glyphs[]; /* sorted by character */
extern const unsigned font_nr_glyphs;
