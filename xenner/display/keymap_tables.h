/* Between keymap.c and the tables that keymaps/generate.py makes. */
#pragma once

#include "xenner/display/keymap.h"

struct keysym {
    uint32_t sym;
    uint16_t code;
};

struct keymap {
    const char *name;
    const struct keysym *syms; /* sorted by sym */
    unsigned n;
};

extern const struct key keymap_keys[]; /* sorted by qcode */
extern const unsigned keymap_nr_keys;
extern const struct keymap keymap_layouts[];
extern const unsigned keymap_nr_layouts;
extern const char *const keymap_layout_names[];
