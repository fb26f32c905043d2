/* .xz files as Linux packs itself, unpacked faster than by liblzma (see lzma2.h). */
#pragma once

#include "xenner/build/blob.h"

/*
 * One block, LZMA2 with or without the x86 filter, CRC32, and all of it good: unpacks to out->data,
 * sets out->len. Otherwise false, with out->len as it was; liblzma then says what there is to say.
 */
bool xz_unpack_kernel(const uint8_t *in, size_t len, struct blob *out);
