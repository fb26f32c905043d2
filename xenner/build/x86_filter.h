/* The x86 filter of .xz files: with absolute targets of calls and jumps, code packs better. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes the targets relative again, in all of a file at once. Any bytes will do. */
void x86_unfilter(uint8_t *data, size_t len);
