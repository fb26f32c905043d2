/*
 * The kernel as an image in the guest's memory: where its segments go (Xen's rules, elfnote.h
 * VIRT_BASE and PADDR_OFFSET), and whether what its notes claim fits that.
 */
#pragma once

#include "xenner/build/elf_notes.h"
#include "xenner/build/p2m.h"

struct kernel_image {
    struct elf_file elf;
    struct xen_notes notes;
    uint64_t virt_base;    /* pfn 0 */
    uint64_t paddr_offset; /* a segment goes to p_paddr - paddr_offset + virt_base */
    uint64_t start, end;   /* virtual, of all segments; bytes */
    uint64_t entry;
    uint64_t hypercall_page; /* 0: none */
    bool separate_p2m;       /* INIT_P2M, in notes.init_p2m */
};

/* data is borrowed by *ret. */
bool image_open(struct kernel_image *ret, const uint8_t *data, size_t len, GError **error);
/* Copies the segments; their place is inside the guest (layout_plan() checked it). */
void image_load(const struct kernel_image *img, const struct pfn_space *space);
