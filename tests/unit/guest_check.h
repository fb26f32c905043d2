/*
 * Looks at a built guest as the CPU would: walks its page tables from the root. Written apart from
 * xenner/build/pgtable.c, so that a mistake there is not repeated here.
 */
#pragma once

#include "xenner/build/builder.h"

/* The L1 entry for va, and in *ret_bits the AND of RW and US of all levels; 0 when nothing is
 * mapped. */
uint64_t guest_walk(const struct guest_mem *mem, const struct dom_image *img, uint64_t va,
                    uint64_t *ret_bits);
/* A pointer to what the guest sees at va (within a page), or NULL. */
void *guest_at(const struct guest_mem *mem, const struct dom_image *img, uint64_t va);

/*
 * Everything that a guest may rely on (xen.h, start of day): each page of the region maps the frame
 * that the guest's P2M names, tables are read-only and nothing else is, start_info points to what
 * it says. Fails the cmocka test otherwise. first_mfn is the builder's.
 */
void guest_check(const struct guest_mem *mem, const struct dom_image *img,
                 const struct build_params *params);
