/*
 * Linux's bzImage: 16-bit setup code, then a small program that carries the packed kernel. Only the
 * setup header is read (Linux: Documentation/x86/boot.rst); none of that code ever runs.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool bzimage_probe(const uint8_t *data, size_t len);
/* Where the packed kernel lies inside data. Boot protocol 2.08 or newer. */
bool bzimage_payload(const uint8_t *data, size_t len, const uint8_t **ret_payload, size_t *ret_len,
                     GError **error);
