/*
 * Kernels that were unpacked before: unpacking xz is most of what a start costs xenner. A directory with a file for
 * each, packed with zstd and its checksum, named after the user and the SHA-256 of what was packed, so that it can't
 * be out of date. Only files that are this user's own, and nobody else's to write, are believed. It is a
 * help: whatever goes wrong here, the kernel is unpacked as without it.
 *
 * Threads: any. Several programs may use one directory.
 */
#pragma once

#include "xenner/build/blob.h"

enum { KERNEL_CACHE_FILES = 8 /* of a user; the least recently used one goes */ };

/*
 * Where it is: $XENNER_CACHE_DIR (empty: there is none), else /var/cache/xenner where we may write to it, else
 * xenner/ in the user's cache directory. Caller frees; NULL: none.
 */
char *kernel_cache_default_dir(void);

/*
 * What len bytes of packed data become, into *ret (the caller clears it); at most max_out bytes. False: not there.
 * *ret_key is the name for a later kernel_cache_put(), the caller frees; NULL: don't.
 */
bool kernel_cache_get(const char *dir, const uint8_t *packed, size_t len, size_t max_out,
                      struct blob *ret, char **ret_key);
/* Keeps it, all or nothing, also when killed. Makes dir if need be. */
void kernel_cache_put(const char *dir, const char *key, const struct blob *unpacked);
