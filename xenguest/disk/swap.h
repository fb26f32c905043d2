/* Swap space, as Linux's swapon() wants it: the header of version 1, in the first page. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Pages are 4 KiB; needs at least ten of them, as mkswap does. */
bool swap_write(int fd, uint64_t offset, uint64_t bytes, GError **error);
