/*
 * The guest's frames: which machine frame a pfn is, how to reach it, and the lists that tell both
 * ways, P2M (the guest's, made here) and M2P (Xen's, in emu's area).
 */
#pragma once

#include "xenner/build/builder.h"

/* The guest's RAM, counted in pfns. Frame nr_pages, one above the guest's last, is shared_info. */
struct pfn_space {
    struct guest_mem *mem; /* borrowed */
    mfn_t first;
    uint64_t nr_pages;
};

/* A run of pfns. */
struct pfn_range {
    pfn_t first;
    uint64_t count;
};

/* False when RAM does not hold all the frames and shared_info behind them. */
bool pfn_space_init(struct pfn_space *ret, struct guest_mem *mem, mfn_t first, uint64_t nr_pages,
                    GError **error);

/* From here on RAM is known to be there. */
mfn_t pfn_to_mfn(const struct pfn_space *space, pfn_t p);
/* One frame; p at most nr_pages. */
void *pfn_ptr(const struct pfn_space *space, pfn_t p);
/* At least one byte and at most want from offset on (a byte address counted in pfns), as far as the
 * frames lie together; *ret_bytes says how many. offset must be below the end of the guest. */
uint8_t *pfn_run(const struct pfn_space *space, uint64_t offset, uint64_t want,
                 uint64_t *ret_bytes);
/* Copies len bytes to offset; whole frames of zeros are left untouched (they are zero already). */
void pfn_write(const struct pfn_space *space, uint64_t offset, const uint8_t *bytes, uint64_t len);

/* The frames that a P2M list takes. */
uint64_t p2m_frames(uint64_t nr_pages, bool is32);
/* Writes the list: one 32- or 64-bit mfn a pfn. */
void p2m_write(const struct pfn_space *space, struct pfn_range list, bool is32);

/* The other way: m2p[mfn] = pfn for the guest's frames below entries, ~0 for the rest. */
void build_fill_m2p(uint64_t *m2p, uint64_t entries, mfn_t first, uint64_t nr_pages);

/* The same for a 32-bit guest: entries of 32 bits. */
void build_fill_m2p32(uint32_t *m2p, uint64_t entries, mfn_t first, uint64_t nr_pages);
