/*
 * emu's own part of the VM's RAM: where everything lies (emu/abi/emu_abi.h says what), emu's image,
 * its page tables. The area is below the guest's frames, so its size must be known first.
 */
#pragma once

#include "emu/abi/emu_abi.h"
#include "xenner/util/guest_mem.h"

struct emu_area {
    unsigned nr_vcpus;
    uint64_t end_mfn;       /* M2P and frame_info have room for frames below this */
    /* all maddr */
    uint64_t log, ports, host_pending, guest_pending, vcpu_shared, gnttab;
    uint64_t image, image_bytes;
    uint64_t vcpu_areas, gdt_pages;
    uint64_t tables, tables_bytes;
    uint64_t frame_info, scratch, scratch_bytes;
    uint64_t m2p, m2p_bytes;
    uint64_t end;           /* the guest's frames may start here */
    uint64_t emu_entry;     /* virtual: emu's first instruction */
    uint64_t boot_cr3;      /* set by emu_area_fill() */
};

/* Lays it out for a guest of nr_pages frames. Pure. */
void emu_area_plan(struct emu_area *a, uint64_t nr_pages, unsigned nr_vcpus);
/* Bytes of RAM that the VM needs in all: area, guest, one frame for shared_info. */
uint64_t emu_area_ram_bytes(const struct emu_area *a, uint64_t nr_pages);
/*
 * Writes image, tables and the parts of *boot_info that follow from the plan into mem. m2p_user makes
 * the M2P readable in ring 3. mem is zeroed and at least emu_area_ram_bytes() large.
 */
struct emu_boot_info *emu_area_fill(struct emu_area *a, struct guest_mem *mem, bool m2p_user,
                                    GError **error);
