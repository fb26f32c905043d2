/*
 * New images over others, which a qemu-storage-daemon makes.
 *
 * Threads: the main loop's.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Makes the file, or makes it anew, with `backing` (of that format) below; waits. QEMU's words. */
bool qsd_make_overlay(const char *path, const char *format, uint64_t bytes, const char *backing,
                      const char *backing_format, GError **error);
