/*
 * The address plan of a new guest: xen.h, "Start-of-day memory layout". Arithmetic only.
 *
 * From virt_base on, one page a pfn from pfn 0: kernel, initrd, P2M, start_info, xenstore ring,
 * console ring, page tables, boot stack, and at least 512 KiB of room up to a 4 MiB boundary. After
 * that region, without an address: an initrd for a kernel that takes it by pfn (MOD_START_PFN), and
 * a P2M that has an address of its own (INIT_P2M), followed by the page tables which that needs.
 */
#pragma once

#include "xenner/build/p2m.h"

/* Where Xen's part of a 32-bit PAE guest's address space begins (arch-x86/xen-x86_32.h, which can't
 * be included beside the 64-bit one). */
#define XEN_PAE_HV_START 0xf5800000ull

struct layout_request {
    bool is32;
    uint64_t nr_pages;
    uint64_t virt_base;
    uint64_t kernel_start, kernel_end; /* virtual, bytes; at or above virt_base */
    uint64_t initrd_bytes;             /* 0: none */
    bool initrd_by_pfn;
    bool separate_p2m;
    uint64_t p2m_va; /* with separate_p2m */
};

struct layout {
    struct pfn_range kernel, initrd, p2m;
    pfn_t start_info, store_ring, console_ring, stack;
    struct pfn_range tables;
    struct pfn_range p2m_tables;  /* none unless separate_p2m */
    uint64_t virt_base, virt_end; /* the region; virt_end is exclusive */
    uint64_t p2m_va;
};

/* Fails when the guest's memory or address space is too small. */
bool layout_plan(const struct layout_request *req, struct layout *ret, GError **error);

/* The address of a pfn of the region. */
static inline uint64_t layout_va(const struct layout *l, pfn_t p)
{
    return l->virt_base + (p.v << FRAME_SHIFT);
}
