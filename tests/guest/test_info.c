/* What the domain builder left: start_info, shared_info, P2M, M2P, the first page tables. */
#include "trap.h"
#include "mem.h"

static void info_page(void)
{
    ok(memcmp(start_info->magic, GUEST_KIND, sizeof(GUEST_KIND) - 1) == 0, "start_info: magic");
    ok(start_info->nr_pages >= 4096, "start_info: nr_pages");
    is(start_info->flags & (SIF_PRIVILEGED | SIF_INITDOMAIN), 0, "start_info: no privileges");
    is(start_info->shared_info & (PAGE_SIZE - 1), 0, "start_info: shared_info is a page");
    ok(start_info->store_mfn != 0, "start_info: xenstore's frame");
    ok(start_info->store_evtchn != 0, "start_info: xenstore's port");
    ok(start_info->console.domU.evtchn != 0, "start_info: the console's port");
    ok(start_info->store_evtchn != start_info->console.domU.evtchn, "start_info: two ports");
    is(start_info->pt_base & (PAGE_SIZE - 1), 0, "start_info: pt_base is a page");
    ok(start_info->nr_pt_frames >= PT_LEVELS && start_info->nr_pt_frames < 512,
       "start_info: nr_pt_frames");
    is(start_info->cmd_line[MAX_GUEST_CMDLINE - 1], 0, "start_info: cmd_line ends");
    is(start_info->mod_len, 0, "start_info: no initrd");
}

static void shared_page(void)
{
    const struct vcpu_info *v = &shared_info->vcpu_info[0];
    unsigned long masked = 0;

    ok(shared_info->wc_sec > 1000000000, "shared_info: the wall clock is set");
    is(shared_info->wc_version & 1, 0, "shared_info: the wall clock is stable");
    ok(v->time.tsc_to_system_mul != 0, "shared_info: pvclock's factor");
    is(v->time.version & 1, 0, "shared_info: pvclock is stable");
    is(READ_ONCE(v->evtchn_upcall_mask), 1, "shared_info: events begin held back");
    for (unsigned i = 0; i < ARRAY_SIZE(shared_info->evtchn_mask); i++)
        masked |= shared_info->evtchn_mask[i];
    is(masked, 1ul << start_info->console.domU.evtchn,
       "shared_info: no port begins masked, ours is the console's");
}

static void frames(void)
{
    const unsigned long *p2m = (const unsigned long *)start_info->mfn_list;
    struct xen_machphys_mapping map;
    unsigned outside = 0, differ = 0;

    is(hypercall(memory_op, XENMEM_machphys_mapping, &map), 0, "machphys_mapping");
    is(map.v_start, HYPERVISOR_VIRT_START, "M2P: its address");
    ok(map.v_end > map.v_start, "M2P: its end");
    for (unsigned long pfn = 0; pfn < start_info->nr_pages; pfn++) {
        outside += p2m[pfn] > map.max_mfn;
        if (p2m[pfn] <= map.max_mfn)
            differ += M2P[p2m[pfn]] != pfn;
    }
    is(outside, 0, "P2M: all frames are in the M2P");
    is(differ, 0, "M2P: the inverse of the P2M");
    try_write((unsigned long)&M2P[p2m[0]]);
    expect_trap(14, 3, "M2P: a write");
}

static void tables(void)
{
    const unsigned long places[] = {VIRT_BASE, (unsigned long)start_info, start_info->mfn_list,
                                    start_info->pt_base, (unsigned long)hypercall_page};
    unsigned writable = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        const uint64_t *pte = pte_of(places[i], 1);
        ok(pte && (*pte & PTE_P), "tables: place %u is mapped", i);
        if (pte)
            is((*pte & PTE_ADDR) >> PAGE_SHIFT, mfn_of((void *)places[i]),
               "tables: place %u maps its pfn", i);
    }
    for (unsigned long i = 0; i < start_info->nr_pt_frames; i++) {
        const uint64_t *pte = pte_of(start_info->pt_base + i * PAGE_SIZE, 1);
        writable += !pte || (*pte & PTE_RW);
    }
    is(writable, 0, "tables: mapped read-only");
}

static void hypercall_entries(void)
{
    unsigned empty = 0;

    for (unsigned i = 0; i < 64; i++)
        empty += hypercall_page[i * 32] == 0xcc;
    is(empty, 0, "the hypercall page is filled");
    is(hypercall(xen_version, XENVER_version) >> 16, 4, "and works");
}

void test_info(void)
{
    info_page();
    shared_page();
    frames();
    tables();
    hypercall_entries();
}
