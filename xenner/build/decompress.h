/*
 * Unpacks kernels: gzip, bzip2, xz, lzma, lz4 (frames and Linux's old form) and zstd, told apart by
 * their first bytes. Bytes after the packed stream are ignored: Linux appends the unpacked size.
 */
#pragma once

#include "xenner/build/blob.h"

/* The format's name, for messages, or NULL when the bytes are not packed in a way that we know. */
const char *decompress_format(const uint8_t *data, size_t len);

/* Of a known format: it unpacks so fast that nothing could be gained. */
bool decompress_is_quick(const uint8_t *data, size_t len);

/*
 * Unpacks into *ret (the caller clears it). Fails when the data is damaged or cut off, or when it
 * would become larger than max_out, or absurdly larger than it is (a bomb).
 */
bool decompress(const uint8_t *data, size_t len, size_t max_out, struct blob *ret, GError **error);
