/*
 * Keys by their various names. Linux's key codes are what the guest gets; QEMU's names ("ret") and
 * numbers (PC scancodes, 0x80 added for those behind an e0) are what users of QEMU know; a layout
 * says which key has an X keysym, as VNC clients send them. All tables come from text files in
 * keymaps/ at build time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct key {
    const char *qcode;
    uint16_t code;   /* Linux */
    uint16_t number; /* QEMU; 0: none */
};

/* NULL: no such key. */
const struct key *key_by_qcode(const char *qcode);
const struct key *key_by_number(uint32_t number);
const struct key *key_by_code(unsigned code);

struct keymap;

/* NULL: no such layout. */
const struct keymap *keymap_find(const char *layout);
/* The names of all layouts, NULL at the end. */
const char *const *keymap_names(void);
/* The Linux code of the key with that keysym, 0: none. */
unsigned keymap_code(const struct keymap *map, uint32_t keysym);
