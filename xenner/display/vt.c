#include "xenner/display/vt.h"

#include <string.h>

#define MAX_ARG 9999

static void blank(struct vt *vt, unsigned y, unsigned from, unsigned to)
{
    for (unsigned x = from; x < to && x < VT_COLUMNS; x++)
        vt->cells[y][x] = (struct vt_cell){0, 7, vt->bg};
}

void vt_reset(struct vt *vt)
{
    memset(vt, 0, sizeof(*vt));
    vt->fg = 7;
    vt->cursor = true;
    vt->bottom = VT_ROWS;
    for (unsigned y = 0; y < VT_ROWS; y++)
        blank(vt, y, 0, VT_COLUMNS);
}

/* n lines up from row `from` on, within the scrolling region. */
static void scroll_up(struct vt *vt, unsigned from, unsigned n)
{
    for (unsigned y = from; y < vt->bottom; y++) {
        if (n < vt->bottom - y)
            memcpy(vt->cells[y], vt->cells[y + n], sizeof(vt->cells[y]));
        else
            blank(vt, y, 0, VT_COLUMNS);
    }
}

static void scroll_down(struct vt *vt, unsigned from, unsigned n)
{
    for (unsigned y = vt->bottom; y-- > from;) {
        if (y >= from + n)
            memcpy(vt->cells[y], vt->cells[y - n], sizeof(vt->cells[y]));
        else
            blank(vt, y, 0, VT_COLUMNS);
    }
}

static void line_feed(struct vt *vt)
{
    if (vt->y + 1 == vt->bottom)
        scroll_up(vt, vt->top, 1);
    else if (vt->y + 1 < VT_ROWS)
        vt->y++;
}

static void put(struct vt *vt, uint32_t c)
{
    if (vt->x >= VT_COLUMNS) {
        vt->x = 0;
        line_feed(vt);
    }
    uint8_t fg = vt->fg | (vt->bold ? 8 : 0);
    struct vt_cell *cell = &vt->cells[vt->y][vt->x++];
    *cell = vt->reverse ? (struct vt_cell){c, vt->bg, fg} : (struct vt_cell){c, fg, vt->bg};
}

static unsigned limit(unsigned v, unsigned max)
{
    return v < max ? v : max;
}

static unsigned arg(const struct vt *vt, unsigned i, unsigned otherwise)
{
    return i < vt->nr_args && vt->args[i] ? vt->args[i] : otherwise;
}

static void go(struct vt *vt, unsigned y, unsigned x)
{
    vt->y = limit(y, VT_ROWS - 1);
    vt->x = limit(x, VT_COLUMNS - 1);
}

static void attributes(struct vt *vt)
{
    unsigned n = vt->nr_args ? vt->nr_args : 1;

    for (unsigned i = 0; i < n; i++) {
        unsigned a = arg(vt, i, 0);
        if (a == 0) {
            vt->fg = 7;
            vt->bg = 0;
            vt->bold = vt->reverse = false;
        } else if (a == 1 || a == 22) {
            vt->bold = a == 1;
        } else if (a == 7 || a == 27) {
            vt->reverse = a == 7;
        } else if ((a >= 30 && a <= 37) || (a >= 90 && a <= 97)) {
            vt->fg = (uint8_t)(a % 10 | (a >= 90 ? 8 : 0));
        } else if (a == 39) {
            vt->fg = 7;
        } else if ((a >= 40 && a <= 47) || (a >= 100 && a <= 107)) {
            vt->bg = (uint8_t)(a % 10 | (a >= 100 ? 8 : 0));
        } else if (a == 49) {
            vt->bg = 0;
        } else if (a == 38 || a == 48) {
            return; /* 256 colours: not here; their numbers mean nothing else */
        }
    }
}

/* 0: from the cursor on, 1: up to it, 2 and 3: all. */
static void erase_line(struct vt *vt, unsigned how)
{
    blank(vt, vt->y, how == 0 ? vt->x : 0, how == 1 ? vt->x + 1 : VT_COLUMNS);
}

static void erase_display(struct vt *vt, unsigned how)
{
    for (unsigned y = how == 0 ? vt->y + 1 : 0; y < (how == 1 ? vt->y : VT_ROWS); y++)
        blank(vt, y, 0, VT_COLUMNS);
    if (how < 2)
        erase_line(vt, how);
}

static void insert_or_delete(struct vt *vt, char c, unsigned n)
{
    struct vt_cell *row = vt->cells[vt->y];
    unsigned x = limit(vt->x, VT_COLUMNS - 1), rest;

    n = limit(n, VT_COLUMNS - x);
    rest = VT_COLUMNS - x - n;
    if (c == '@') {
        memmove(row + x + n, row + x, rest * sizeof(*row));
        blank(vt, vt->y, x, x + n);
    } else {
        memmove(row + x, row + x + n, rest * sizeof(*row));
        blank(vt, vt->y, VT_COLUMNS - n, VT_COLUMNS);
    }
}

static void set_region(struct vt *vt)
{
    unsigned top = arg(vt, 0, 1) - 1, bottom = limit(arg(vt, 1, VT_ROWS), VT_ROWS);

    if (top + 1 >= bottom)
        return;
    vt->top = top;
    vt->bottom = bottom;
    go(vt, 0, 0);
}

static void lines(struct vt *vt, char c, unsigned n)
{
    if (vt->y < vt->top || vt->y >= vt->bottom)
        return;
    if (c == 'L')
        scroll_down(vt, vt->y, n);
    else
        scroll_up(vt, vt->y, n);
}

static void csi(struct vt *vt, char c)
{
    unsigned n = arg(vt, 0, 1), x = limit(vt->x, VT_COLUMNS - 1);

    switch (c) {
    case 'A': go(vt, vt->y - limit(n, vt->y), x); break;
    case 'B': case 'e': go(vt, vt->y + n, x); break;
    case 'C': case 'a': go(vt, vt->y, x + n); break;
    case 'D': go(vt, vt->y, x - limit(n, x)); break;
    case 'E': go(vt, vt->y + n, 0); break;
    case 'F': go(vt, vt->y - limit(n, vt->y), 0); break;
    case 'G': case '`': go(vt, vt->y, n - 1); break;
    case 'd': go(vt, n - 1, x); break;
    case 'H': case 'f': go(vt, n - 1, arg(vt, 1, 1) - 1); break;
    case 'J': erase_display(vt, arg(vt, 0, 0)); break;
    case 'K': erase_line(vt, arg(vt, 0, 0)); break;
    case 'L': case 'M': lines(vt, c, n); break;
    case 'P': case '@': insert_or_delete(vt, c, n); break;
    case 'X': blank(vt, vt->y, x, x + n); break;
    case 'S': scroll_up(vt, vt->top, n); break;
    case 'T': scroll_down(vt, vt->top, n); break;
    case 'm': attributes(vt); break;
    case 'r': set_region(vt); break;
    case 's': vt->saved_x = x; vt->saved_y = vt->y; break;
    case 'u': go(vt, vt->saved_y, vt->saved_x); break;
    case 'h': case 'l':
        if (vt->private_mode && arg(vt, 0, 0) == 25)
            vt->cursor = c == 'h';
        break;
    }
}

static void csi_byte(struct vt *vt, uint8_t c)
{
    if (c >= '0' && c <= '9') {
        vt->nr_args = vt->nr_args ? vt->nr_args : 1;
        unsigned *a = &vt->args[vt->nr_args - 1];
        *a = limit(*a * 10 + (c - '0'), MAX_ARG);
    } else if (c == ';') {
        vt->nr_args = vt->nr_args ? vt->nr_args : 1;
        if (vt->nr_args < VT_MAX_ARGS)
            vt->args[vt->nr_args++] = 0;
    } else if (c == '?') {
        vt->private_mode = true;
    } else if (c >= 0x40 && c < 0x7f) {
        vt->state = VT_TEXT;
        csi(vt, (char)c);
    }
}

static void escape_byte(struct vt *vt, uint8_t c)
{
    vt->state = VT_TEXT;
    switch (c) {
    case '[':
        vt->state = VT_CSI;
        memset(vt->args, 0, sizeof(vt->args));
        vt->nr_args = 0;
        vt->private_mode = false;
        break;
    case ']': case 'P': case '_': case '^': vt->state = VT_STRING; break;
    case '(': case ')': case '#': case '%': vt->state = VT_ESC_SKIP; break;
    case 'c': vt_reset(vt); break;
    case 'D': line_feed(vt); break;
    case 'E': vt->x = 0; line_feed(vt); break;
    case 'M':
        if (vt->y == vt->top)
            scroll_down(vt, vt->top, 1);
        else if (vt->y)
            vt->y--;
        break;
    case '7': vt->saved_x = limit(vt->x, VT_COLUMNS - 1); vt->saved_y = vt->y; break;
    case '8': go(vt, vt->saved_y, vt->saved_x); break;
    }
}

/* true: it was a control character. */
static bool control(struct vt *vt, uint8_t c)
{
    switch (c) {
    case '\r': vt->x = 0; break;
    case '\n': case '\v': case '\f': line_feed(vt); break;
    case '\b': vt->x = limit(vt->x, VT_COLUMNS - 1); vt->x -= vt->x > 0; break;
    case '\t': vt->x = limit((vt->x | 7) + 1, VT_COLUMNS - 1); break;
    case 0x1b: vt->state = VT_ESC; break;
    case 0x18: case 0x1a: vt->state = VT_TEXT; break;
    default: return c < 0x20 || c == 0x7f;
    }
    return true;
}

static void text_byte(struct vt *vt, uint8_t c)
{
    if (c < 0x80) {
        vt->utf8_left = 0;
        put(vt, c);
    } else if (c < 0xc0) {
        vt->utf8 = vt->utf8 << 6 | (c & 0x3f);
        if (vt->utf8_left && --vt->utf8_left == 0)
            put(vt, vt->utf8);
    } else {
        vt->utf8_left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        vt->utf8 = c & (0x3f >> vt->utf8_left);
    }
}

void vt_write(struct vt *vt, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        if (vt->state == VT_STRING && c != 0x1b && c != 7 && c != 0x18)
            continue;
        if (vt->state == VT_STRING && c == 7)
            vt->state = VT_TEXT;
        else if (control(vt, c))
            continue;
        else if (vt->state == VT_ESC)
            escape_byte(vt, c);
        else if (vt->state == VT_CSI)
            csi_byte(vt, c);
        else if (vt->state == VT_ESC_SKIP)
            vt->state = VT_TEXT;
        else
            text_byte(vt, c);
    }
}
