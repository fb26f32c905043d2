/* A kernel's own names for its code, for stack traces. Most distributions strip them. */
#pragma once

#include "xenner/build/elf.h"

/* struct dom_symbol (builder.h), sorted by address, which frees its names; NULL when there are
 * none. */
GArray *elf_symbols(const struct elf_file *elf);
