/*
 * A terminal's grid of characters: what a Linux guest writes to its console, as far as boot messages,
 * shells and simple full-screen programs go (a subset of VT100 and of Linux's own). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VT_COLUMNS = 80, VT_ROWS = 25, VT_MAX_ARGS = 8 };

struct vt_cell {
    uint32_t character; /* Unicode; 0: blank */
    uint8_t fg, bg;     /* 0 to 7, with 8: bright */
};

struct vt {
    struct vt_cell cells[VT_ROWS][VT_COLUMNS];
    unsigned x, y; /* x may be VT_COLUMNS: the next character wraps */
    bool cursor;   /* is to be seen */
    /* the rest is vt.c's */
    unsigned top, bottom; /* scrolling region, bottom excluded */
    unsigned saved_x, saved_y;
    uint8_t fg, bg;
    bool bold, reverse;
    enum { VT_TEXT, VT_ESC, VT_ESC_SKIP, VT_CSI, VT_STRING } state;
    unsigned args[VT_MAX_ARGS], nr_args;
    bool private_mode;
    uint32_t utf8;
    unsigned utf8_left;
};

void vt_reset(struct vt *vt);
void vt_write(struct vt *vt, const uint8_t *data, size_t len);
