/* memory_op: giving frames back and getting some, exchanging, maps, and what a domU is refused. */
#include "mem.h"
#include "trap.h"

#define EXTENTS  4
#define START(n) ((unsigned long)(n) << 6) /* of a call that is continued: MEMOP_EXTENT_SHIFT */

static long reservation(unsigned op, xen_pfn_t *list, unsigned long count, unsigned order)
{
    struct xen_memory_reservation r = {
        .nr_extents = count, .extent_order = order, .domid = DOMID_SELF};

    r.extent_start.p = list;
    return hypercall(memory_op, op, &r);
}

static long current(void)
{
    domid_t self = DOMID_SELF;

    return hypercall(memory_op, XENMEM_current_reservation, &self);
}

static void sizes(void)
{
    domid_t self = DOMID_SELF, zero = 0, none = 1234;

    is(current(), start_info->nr_pages, "current_reservation");
    ok(hypercall(memory_op, XENMEM_maximum_reservation, &self) >= (long)start_info->nr_pages,
       "maximum_reservation");
    shared_info->arch.max_pfn = 77;
    is(hypercall(memory_op, XENMEM_maximum_gpfn, &self), 76, "maximum_gpfn: what we say it is");
    shared_info->arch.max_pfn = 0;
    is(hypercall(memory_op, XENMEM_maximum_gpfn, &self), 0, "maximum_gpfn: we do not say");
    ok(hypercall(memory_op, XENMEM_maximum_ram_page) > (long)start_info->nr_pages,
       "maximum_ram_page");
    is(hypercall(memory_op, XENMEM_current_reservation, &zero), -XEN_EPERM, "that of domain 0");
    is(hypercall(memory_op, XENMEM_current_reservation, &none), -XEN_ESRCH, "that of no domain");
    is(hypercall(memory_op, XENMEM_current_reservation, NOWHERE), -XEN_EFAULT,
       "current_reservation, bad pointer");
    is(hypercall(memory_op, XENMEM_current_reservation | START(1), &self), -XEN_EINVAL,
       "current_reservation can't be continued");
}

/* The frame that our page had is away, and another one comes in its place. */
static void balloon(void)
{
    uint8_t *page = page_alloc();
    xen_pfn_t mfn = mfn_of(page), list = mfn, pfn = pfn_of(page);
    long before = current();

    page[0] = 1;
    update_va(page, 0, UVMF_INVLPG);
    is(reservation(XENMEM_decrease_reservation, &list, 1, 0), 1, "decrease_reservation");
    is(current(), before - 1, "a frame less");
    is(M2P[mfn], ~0ul, "the M2P forgets it");
    is(reservation(XENMEM_decrease_reservation, &list, 1, 0), 0, "the same again");
    is(update_va(page, pte_make(mfn, KERNEL_RW), UVMF_INVLPG), -XEN_EBUSY,
       "it is no more ours to map");
    list = pfn;
    is(reservation(XENMEM_populate_physmap, &list, 1, 0), 1, "populate_physmap");
    is(current(), before, "and it is back");
    is(M2P[list], pfn, "the M2P knows it");
    is(update_va(page, pte_make(list, KERNEL_RW), UVMF_INVLPG), 0, "it can be mapped");
    if (!real_xen) /* where it has what it had */
        is(page[0], 0, "and is clear");
    page[0] = 2;
    ((xen_pfn_t *)start_info->mfn_list)[pfn] = list;
    if (!real_xen) /* Xen's tools allow a MiB more */
        is(reservation(XENMEM_populate_physmap, &list, 1, 0), 0, "no more than the domain's maximum");
}

static void increase(void)
{
    uint8_t *page = page_alloc();
    xen_pfn_t mfn = mfn_of(page), list = mfn;

    update_va(page, 0, UVMF_INVLPG);
    is(reservation(XENMEM_decrease_reservation, &list, 1, 0), 1, "decrease_reservation");
    list = 0;
    is(reservation(XENMEM_increase_reservation, &list, 1, 0), 1, "increase_reservation");
    ok(list != 0, "says which");
    struct mmu_update u = {pte_make(list, 0) | MMU_MACHPHYS_UPDATE, pfn_of(page)};
    is(hypercall(mmu_update, &u, 1, 0, DOMID_SELF), 0, "its place in the M2P is ours to write");
    is(M2P[list], pfn_of(page), "written");
    ((xen_pfn_t *)start_info->mfn_list)[pfn_of(page)] = list;
    remap(page, KERNEL_RW);
}

/* Some frames, a bad one in the middle: what was done is told, and a call can begin in the middle.
 */
static void partial(void)
{
    xen_pfn_t list[EXTENTS], pfns[EXTENTS];

    for (unsigned i = 0; i < EXTENTS; i++) {
        uint8_t *page = page_alloc();
        pfns[i] = pfn_of(page);
        list[i] = mfn_of(page);
        update_va(page, 0, UVMF_INVLPG);
    }
    xen_pfn_t third = list[2];
    list[2] = NO_FRAME;
    is(reservation(XENMEM_decrease_reservation, list, EXTENTS, 0), 2, "two, then no frame");
    list[2] = third;
    is(reservation(XENMEM_decrease_reservation | START(2), list, EXTENTS, 0), 4, "continued");
    memcpy(list, pfns, sizeof(list));
    is(reservation(XENMEM_populate_physmap, list, EXTENTS, 0), 4, "all back");
    for (unsigned i = 0; i < EXTENTS; i++) {
        ((xen_pfn_t *)start_info->mfn_list)[pfns[i]] = list[i];
        remap((void *)(VIRT_BASE + pfns[i] * PAGE_SIZE), KERNEL_RW);
    }
}

/* Wrong from the start: nothing is done, which is what these calls say. */
static void refused(void)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = 0};
    xen_pfn_t list = root_mfn();

    is(hypercall(memory_op, XENMEM_decrease_reservation, NOWHERE), 0, "decrease, bad pointer");
    is(hypercall(memory_op, XENMEM_populate_physmap | START(7), NOWHERE), 7,
       "populate, bad pointer, continued");
    r.extent_start.p = &list;
    is(hypercall(memory_op, XENMEM_decrease_reservation, &r), 0, "decrease of domain 0");
    is(reservation(XENMEM_decrease_reservation, (xen_pfn_t *)NOWHERE, 1, 0), 0,
       "decrease, bad list");
    is(reservation(XENMEM_decrease_reservation, &list, 1, 20), 0, "decrease, order 20");
    is(reservation(XENMEM_increase_reservation, &list, 1, 20), 0, "increase, order 20");
    is(reservation(XENMEM_decrease_reservation, &list, 0, 0), 0, "decrease of nothing");
    list = ~0ul;
    is(reservation(XENMEM_decrease_reservation, &list, 1, 0), 0, "decrease of a wild frame");
}

static void exchange_make(struct xen_memory_exchange *x, xen_pfn_t *in, unsigned long n_in,
                          unsigned order_in, xen_pfn_t *out, unsigned long n_out,
                          unsigned order_out)
{
    memset(x, 0, sizeof(*x));
    x->in.extent_start.p = in;
    x->in.nr_extents = n_in;
    x->in.extent_order = order_in;
    x->in.domid = x->out.domid = DOMID_SELF;
    x->out.extent_start.p = out;
    x->out.nr_extents = n_out;
    x->out.extent_order = order_out;
}

/* An aligned block of pages goes in singly and comes out as one extent, and back. */
static void exchange(void)
{
    static uint8_t block[2 * EXTENTS * 4096] __attribute__((aligned(4096)));
    xen_pfn_t in[EXTENTS], out[EXTENTS];
    struct xen_memory_exchange x;
    uint8_t *pages = block;
    long before = current();

    while (mfn_of(pages) % EXTENTS)
        pages += PAGE_SIZE;
    for (unsigned i = 0; i < EXTENTS; i++) {
        in[i] = mfn_of(pages + i * PAGE_SIZE);
        out[i] = pfn_of(pages + i * PAGE_SIZE);
        update_va(pages + i * PAGE_SIZE, 0, UVMF_INVLPG);
    }
    exchange_make(&x, in, EXTENTS, 0, out, 1, 2);
    is(hypercall(memory_op, XENMEM_exchange, &x), 0, "exchange, four frames for one of order 2");
    is(x.nr_exchanged, EXTENTS, "nr_exchanged");
    is(out[0] % EXTENTS, 0, "aligned");
    is(current(), before, "as many frames as before");
    for (unsigned i = 0; i < EXTENTS; i++)
        is(M2P[out[0] + i], pfn_of(pages) + i, "M2P of frame %u", i);
    in[0] = out[0];
    for (unsigned i = 0; i < EXTENTS; i++)
        out[i] = pfn_of(pages) + i;
    exchange_make(&x, in, 1, 2, out, EXTENTS, 0);
    is(hypercall(memory_op, XENMEM_exchange, &x), 0, "exchange, one of order 2 for four");
    is(x.nr_exchanged, 1, "nr_exchanged");
    for (unsigned i = 0; i < EXTENTS; i++) {
        ((xen_pfn_t *)start_info->mfn_list)[pfn_of(pages) + i] = out[i];
        remap(pages + i * PAGE_SIZE, KERNEL_RW);
        pages[i * PAGE_SIZE] = 1;
    }
}

static void exchange_errors(void)
{
    uint8_t *page = page_alloc();
    xen_pfn_t in[2] = {mfn_of(page), NO_FRAME}, out[2] = {pfn_of(page), 0};
    struct xen_memory_exchange x;

    is(hypercall(memory_op, XENMEM_exchange, NOWHERE), -XEN_EFAULT, "exchange, bad pointer");
    exchange_make(&x, in, 1, 0, out, 2, 0);
    is(hypercall(memory_op, XENMEM_exchange, &x), -XEN_EINVAL, "exchange, sides differ");
    exchange_make(&x, in, 1, 20, out, 1, 20);
    is(hypercall(memory_op, XENMEM_exchange, &x), -XEN_EPERM, "exchange, order 20");
    exchange_make(&x, in, 1, 0, out, 1, 0);
    x.nr_exchanged = 2;
    is(hypercall(memory_op, XENMEM_exchange, &x), -XEN_EINVAL, "exchange, more done than there is");
    x.nr_exchanged = 0;
    x.out.domid = 0;
    is(hypercall(memory_op, XENMEM_exchange, &x), -XEN_EINVAL, "exchange between domains");
    exchange_make(&x, in + 1, 1, 0, out, 1, 0);
    is(hypercall(memory_op, XENMEM_exchange, &x), -XEN_EINVAL, "exchange of no frame");
    is(x.nr_exchanged, 0, "nothing done");
    long before = current();
    update_va(page, 0, UVMF_INVLPG);
    exchange_make(&x, in, 2, 0, out, 1, 1);
    is(hypercall(memory_op, XENMEM_exchange, &x), -XEN_EINVAL, "exchange, the second is no frame");
    is(M2P[in[0]], pfn_of(page), "the first is still ours");
    is(current(), before, "and counts as ours");
    remap(page, KERNEL_RW);
    page[0] = 1;
    is(hypercall(memory_op, XENMEM_exchange | START(1), &x), -XEN_EINVAL,
       "exchange can't be continued this way");
}

static void maps(void)
{
    struct {
        uint64_t addr, size;
        uint32_t type;
    } __attribute__((packed)) e820[4] = {{0}};
    struct xen_memory_map map = {.nr_entries = ARRAY_SIZE(e820)};
    xen_pfn_t list[4] = {0};
    struct xen_machphys_mfn_list m2p_list = {.max_extents = ARRAY_SIZE(list)};

    map.buffer.p = e820;
    is(hypercall(memory_op, XENMEM_memory_map, &map), 0, "memory_map");
    is(map.nr_entries, 1, "one entry");
    is(e820[0].addr, 0, "from 0");
    ok(e820[0].size >= start_info->nr_pages * PAGE_SIZE, "all of the memory");
    is(e820[0].type, 1, "RAM");
    is(hypercall(memory_op, XENMEM_memory_map, NOWHERE), -XEN_EFAULT, "memory_map, bad pointer");
    map.buffer.p = (void *)NOWHERE;
    is(hypercall(memory_op, XENMEM_memory_map, &map), -XEN_EFAULT, "memory_map, bad buffer");
    is(hypercall(memory_op, XENMEM_machine_memory_map, &map), -XEN_EPERM, "machine_memory_map");
    m2p_list.extent_start.p = list;
    is(hypercall(memory_op, XENMEM_machphys_mfn_list, &m2p_list), 0, "machphys_mfn_list");
    ok(m2p_list.nr_extents >= 1 && list[0], "its first extent");
    is(hypercall(memory_op, XENMEM_machphys_mfn_list, NOWHERE), -XEN_EFAULT,
       "machphys_mfn_list, bad pointer");
    is(hypercall(memory_op, XENMEM_machphys_mapping, NOWHERE), -XEN_EFAULT,
       "machphys_mapping, bad pointer");
}

static void translated_only(void)
{
    struct xen_add_to_physmap add = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info};
    struct xen_remove_from_physmap del = {.domid = DOMID_SELF};

    is(hypercall(memory_op, XENMEM_add_to_physmap, &add), -XEN_EACCES, "add_to_physmap");
    is(hypercall(memory_op, XENMEM_remove_from_physmap, &del), -XEN_EACCES, "remove_from_physmap");
    is(hypercall(memory_op, XENMEM_add_to_physmap, NOWHERE), -XEN_EFAULT,
       "add_to_physmap, bad pointer");
    is(hypercall(memory_op, 60, NULL), -XEN_ENOSYS, "unknown command");
}

void test_memory(void)
{
    sizes();
    balloon();
    increase();
    partial();
    refused();
    exchange();
    exchange_errors();
    maps();
    translated_only();
}
