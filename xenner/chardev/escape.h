/* QEMU's escape keys on a multiplexed terminal: Ctrl-a, then a letter. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESCAPE_KEY 0x01 /* Ctrl-a */

struct escape_state {
    uint8_t key; /* 0: ESCAPE_KEY */
    bool after_key;
};

/*
 * Takes one byte. Returns how many bytes (0 or 1) in *out are for the guest; *command is the letter
 * of an escape command (h, x, c, b, s, t), or 0.
 */
size_t escape_feed(struct escape_state *s, uint8_t byte, uint8_t *out, char *command);
