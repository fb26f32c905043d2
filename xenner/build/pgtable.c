#include "xenner/build/pgtable.h"

#define ENTRIES 512u

/* No PTE_USER in L1: in ring 1 a kernel's pages are supervisor pages, whoever made them. */
#define L1_BITS (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define UP_BITS (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

/* Bytes that one entry of that level maps, as a shift: 12, 21, 30, 39. */
static unsigned entry_shift(unsigned level)
{
    return FRAME_SHIFT + 9 * (level - 1);
}

static unsigned top_level(bool is32)
{
    return is32 ? 3 : 4;
}

/* Tables of one level that [start, end) needs. */
static uint64_t span(uint64_t start, uint64_t end, unsigned level)
{
    unsigned shift = entry_shift(level + 1);

    return ((end - 1) >> shift) - (start >> shift) + 1;
}

uint64_t pgtable_count(bool is32, uint64_t start, uint64_t end)
{
    uint64_t count = 1;

    if (is32)
        return count + 4 + span(start, end, 1);
    for (unsigned level = 1; level < 4; level++)
        count += span(start, end, level);
    return count;
}

uint64_t pgtable_count_more(uint64_t start, uint64_t end, uint64_t more, uint64_t more_end)
{
    uint64_t count = 0;

    for (unsigned level = 1; level < 4; level++) {
        unsigned shift = entry_shift(level + 1);
        uint64_t lo = MAX(start >> shift, more >> shift);
        uint64_t hi = MIN((end - 1) >> shift, (more_end - 1) >> shift);

        count += span(more, more_end, level);
        if (lo <= hi) /* these are there already */
            count -= hi - lo + 1;
    }
    return count;
}

static pfn_t take_table(struct pgtable *pt)
{
    g_assert(pt->pool.count); /* pgtable_count() */
    pt->pool.count--;
    return pfn(pt->pool.first.v++);
}

/* The entry for va in its table of that level, with all tables above it. */
static uint64_t *find_entry(struct pgtable *pt, uint64_t va, unsigned level)
{
    uint64_t *table = pfn_ptr(pt->space, pt->root);

    for (unsigned l = top_level(pt->is32);; l--) {
        uint64_t *e = &table[(va >> entry_shift(l)) % ENTRIES];

        if (l == level)
            return e;
        if (!*e) {
            /* In PAE's L3 every bit but this one is reserved. */
            uint64_t bits = pt->is32 && l == 3 ? PTE_PRESENT : UP_BITS;

            *e = mfn_to_gpa(pfn_to_mfn(pt->space, take_table(pt))) | bits;
        }
        table = guest_ptr(pt->space->mem, *e & PTE_FRAME, FRAME_SIZE);
    }
}

void pgtable_init(struct pgtable *ret, const struct pfn_space *space, bool is32,
                  struct pfn_range tables)
{
    *ret = (struct pgtable){.space = space, .is32 = is32, .read_only = tables, .pool = tables};
    ret->root = take_table(ret);
    /* PAE wants all four; the last is the one in which Xen has its own entries. */
    for (uint64_t i = 0; is32 && i < 4; i++)
        find_entry(ret, i << entry_shift(3), 2);
}

void pgtable_add_pool(struct pgtable *pt, struct pfn_range tables)
{
    pt->pool = tables;
}

/* Every table of one level for [start, end), so that the levels lie in the order root, L3, L2, L1.
 */
static void make_tables(struct pgtable *pt, uint64_t start, uint64_t end, unsigned level)
{
    unsigned shift = entry_shift(level + 1);

    for (uint64_t i = start >> shift; i <= (end - 1) >> shift; i++)
        find_entry(pt, i << shift, level);
}

static uint64_t l1_entry(const struct pgtable *pt, uint64_t p)
{
    uint64_t e = mfn_to_gpa(pfn_to_mfn(pt->space, pfn(p))) | L1_BITS;

    if (p - pt->read_only.first.v < pt->read_only.count)
        e &= ~PTE_WRITE;
    return e;
}

void pgtable_map(struct pgtable *pt, uint64_t start, uint64_t end, pfn_t first)
{
    uint64_t pages = (end - start) >> FRAME_SHIFT, done = 0;

    for (unsigned level = top_level(pt->is32) - 1; level > 0; level--)
        make_tables(pt, start, end, level);
    while (done < pages) {
        uint64_t va = start + (done << FRAME_SHIFT);
        uint64_t *e = find_entry(pt, va, 1);
        uint64_t n = MIN(pages - done, ENTRIES - (va >> FRAME_SHIFT) % ENTRIES);

        for (uint64_t i = 0; i < n; i++)
            e[i] = l1_entry(pt, first.v + done + i);
        done += n;
    }
}
