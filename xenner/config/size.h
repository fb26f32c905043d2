/* Numbers as QEMU's users write them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * "512M", "1.5G", "0x100k", "256" (times unit): bytes. Suffixes b k m g t p e, either case. False, with
 * a one-line error, for anything else, a negative number or more than 2^63-1.
 */
bool size_parse(const char *text, uint64_t unit, uint64_t *ret_bytes, GError **error);
/* A plain decimal or 0x number from 0 to max. */
bool number_parse(const char *text, uint64_t max, uint64_t *ret, GError **error);
/* on, yes, true, y / off, no, false, n. */
bool switch_parse(const char *text, bool *ret, GError **error);
