/*
 * The page tables that a guest starts with: four levels for 64-bit, PAE's three for 32-bit. They
 * hold machine frames, and map their own frames read-only, as Xen wants of every page table.
 */
#pragma once

#include "xenner/build/p2m.h"

/* The bits of an entry that the builder uses. */
#define PTE_PRESENT  0x001ull
#define PTE_WRITE    0x002ull
#define PTE_USER     0x004ull
#define PTE_ACCESSED 0x020ull
#define PTE_DIRTY    0x040ull
#define PTE_FRAME    0x000ffffffffff000ull

/* Tables for mapping [start, end), page-aligned, the root included; for PAE all four L2. */
uint64_t pgtable_count(bool is32, uint64_t start, uint64_t end);
/* Further tables for [more, more_end) below the same (64-bit) root. */
uint64_t pgtable_count_more(uint64_t start, uint64_t end, uint64_t more, uint64_t more_end);

struct pgtable {
    const struct pfn_space *space; /* borrowed */
    bool is32;
    struct pfn_range read_only; /* the tables themselves */
    struct pfn_range pool;      /* zeroed frames for tables, not taken yet */
    pfn_t root;
};

/* tables are the frames counted above, zeroed; the first becomes the root. */
void pgtable_init(struct pgtable *ret, const struct pfn_space *space, bool is32,
                  struct pfn_range tables);
/* The frames for the next mapping's tables, when those of pgtable_init() are used up. */
void pgtable_add_pool(struct pgtable *pt, struct pfn_range tables);
/* Maps [start, end) to the frames from first on, read-write except for the tables. */
void pgtable_map(struct pgtable *pt, uint64_t start, uint64_t end, pfn_t first);
