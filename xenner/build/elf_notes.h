/*
 * What a kernel says about itself to Xen: the ELF notes of elfnote.h, or in old kernels the string
 * in the section __xen_guest. Only read here; image.c checks the addresses against the image.
 */
#pragma once

#include "xenner/build/elf.h"

#define XEN_NOTE_TEXT 32

struct xen_notes {
    uint32_t found; /* bit n: note n (XEN_ELFNOTE_*) was there */
    bool legacy;    /* from __xen_guest */

    uint64_t entry;
    uint64_t hypercall_page; /* virtual address; legacy: a frame above virt_base */
    uint64_t virt_base;
    uint64_t paddr_offset;
    uint64_t hv_start_low;
    uint64_t init_p2m;
    uint64_t l1_mfn_valid_mask, l1_mfn_valid_value;
    bool suspend_cancel;
    bool mod_start_pfn;
    bool bsd_symtab;
    bool pae; /* a 32-bit kernel that runs on PAE page tables */

    /* printable, cut at the end */
    char guest_os[XEN_NOTE_TEXT], guest_version[XEN_NOTE_TEXT];
    char xen_version[XEN_NOTE_TEXT], loader[XEN_NOTE_TEXT];

    uint32_t features;          /* 1 << XENFEAT_*: what it can use */
    uint32_t required_features; /* what it can't do without */
};

static inline bool xen_notes_has(const struct xen_notes *notes, unsigned type)
{
    return (notes->found >> type & 1) != 0;
}

/*
 * Fails when the notes are broken, or when the kernel is not one for Xen PV guests; BUILD_ERROR_PVH_ONLY: it is one
 * for PVH guests only.
 */
bool xen_notes_read(const struct elf_file *elf, struct xen_notes *ret, GError **error);
