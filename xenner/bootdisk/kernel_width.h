/* Whether a kernel is one of 32 or of 64 bits, by its first bytes. */
#pragma once

#include <stddef.h>

enum kernel_width { KERNEL_UNKNOWN, KERNEL_32, KERNEL_64 };

enum { KERNEL_WIDTH_BYTES = 4096 }; /* that are enough */

/*
 * An ELF file, or a bzImage of boot protocol 2.12 (Linux 3.8) or newer, whose xloadflags say it (Linux:
 * Documentation/x86/boot.rst). All else is unknown.
 */
enum kernel_width kernel_width(const void *head, size_t len);
