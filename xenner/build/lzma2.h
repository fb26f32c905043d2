/*
 * Unpacks LZMA2 from memory straight to its place. It takes a quarter less CPU than liblzma, which
 * must be able to stop at any byte and copies all output out of a dictionary of its own; a kernel's
 * payload is most of what building a domain costs.
 *
 * Trusts nothing: false means "not as expected", and the caller asks liblzma, which also finds the
 * right words for what is wrong. So nothing is lost by giving up early.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many bytes must follow the last compressed one; an .xz file always has them. */
#define LZMA2_TAIL 24u

/* Up to and including the end mark: *ret_used bytes of in became *ret_len bytes of out. */
bool lzma2_unpack(const uint8_t *in, size_t len, size_t *ret_used, uint8_t *out, size_t room,
                  size_t *ret_len);
