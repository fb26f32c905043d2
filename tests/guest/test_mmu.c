/* mmu_update, update_va_mapping, mmuext_op; page tables written to by plain instructions. */
#include "mem.h"
#include "trap.h"

#ifdef __x86_64__
#define HYPERVISORS 0xffff830000000000
#define SLOT        300 /* of a base pointer's table: nothing else is there */
#define SLOT_VA     (0xffff000000000000 | (uint64_t)SLOT << 39)
#define L3_FLAGS    KERNEL_RW
#else
#define HYPERVISORS 0xfc000000
#define SLOT        0
#define SLOT_VA     0ul
#define L3_FLAGS    PTE_P /* the other bits are reserved */
#endif

static long update(uint64_t ptr, uint64_t val)
{
    struct mmu_update u = {ptr, val};

    return hypercall(mmu_update, &u, 1, 0, DOMID_SELF);
}

static uint64_t entry(const void *page, uint64_t flags)
{
    return pte_make(mfn_of(page), flags);
}

static void updates(void)
{
    uint64_t *page = page_alloc(), *other = page_alloc(), *pte = pte_of((unsigned long)page, 1);
    uint64_t mine = *pte, maddr = maddr_of(pte);
    struct mmu_update list[3] = {{maddr, 0}, {maddr | 7, 0}, {maddr, mine}};
    uint32_t done = 0;

    page[0] = 1;
    other[0] = 2;
    is(update(maddr | MMU_NORMAL_PT_UPDATE, entry(other, KERNEL_RW)), 0, "mmu_update");
    mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)page, 0);
    is(page[0], 2, "another frame");
    is(*pte & PTE_ADDR, pte_make(mfn_of(other), 0), "the entry says so");
    *(volatile uint64_t *)page = 3;
    is(*pte & (PTE_A | PTE_D), PTE_A | PTE_D, "accessed and dirty");
    is(update(maddr | MMU_PT_UPDATE_PRESERVE_AD, entry(page, PTE_P | PTE_RW)), 0, "preserve_ad");
    is(*pte & (PTE_A | PTE_D), PTE_A | PTE_D, "accessed and dirty stay");
    is(update(maddr | MMU_NORMAL_PT_UPDATE, entry(page, PTE_P | PTE_RW)), 0, "without preserve_ad");
    is(*pte & (PTE_A | PTE_D), 0, "they go");
    mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    is(page[0], 1, "our own frame again");
    is(hypercall(mmu_update, list, 3, &done, DOMID_SELF), -XEN_ENOSYS, "a list with a bad command");
    is(done, 1, "stops there");
    is(*pte, 0, "the first was done");
    is(update(maddr, mine), 0, "restored");
    is(hypercall(mmu_update, list, 0, &done, DOMID_SELF), 0, "an empty list");
    is(done, 0, "nothing done");
}

static void machphys(void)
{
    uint64_t *page = page_alloc(), mfn = mfn_of(page), pfn = pfn_of(page);

    is(update(mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, 77), 0, "machphys update");
    is(M2P[mfn], 77, "read back");
    is(update(mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, pfn), 0, "and again");
    is(M2P[mfn], pfn, "read back");
    is(update(1ull << 50 | MMU_MACHPHYS_UPDATE, 1), -XEN_EINVAL, "machphys update of no frame");
    is(update(0x1000 | MMU_MACHPHYS_UPDATE, 1), -XEN_EINVAL, "machphys update of a frame not ours");
}

static void update_errors(void)
{
    uint64_t *page = page_alloc();
    uint64_t l1 = maddr_of(pte_of((unsigned long)page, 1)),
             l2 = maddr_of(pte_of((unsigned long)page, 2));
    const uint64_t not_ours = 0x1000;
    struct mmu_update u = {l1, 0};

    is(update(l1, 1ull << 45 | KERNEL_RW), -XEN_EPERM, "L1: no memory there");
    is(update(l1, PTE_ADDR | KERNEL_RW), -XEN_EINVAL, "L1: the invalid frame");
    is(update(l1, not_ours | KERNEL_RW), -XEN_EPERM, "L1: a frame that is not ours");
    is(update(l1, 0xfee00000 | KERNEL_RW), -XEN_EPERM, "L1: the LAPIC");
    is(update(l1, entry((void *)start_info->pt_base, KERNEL_RW)), -XEN_EBUSY,
       "L1: the base pointer, writable");
    is(update(l2, not_ours | KERNEL_RW), -XEN_EINVAL, "L2: a frame that is not ours");
    is(update(l2, entry(page, KERNEL_RW) | 0x80), -XEN_EINVAL, "L2: a large page");
#ifdef __x86_64__
    for (unsigned slot = 256; slot < 272; slot += 3)
        is(update(pte_make(root_mfn(), slot * 8), 0), -XEN_EINVAL,
           "L4: slot %u is the hypervisor's", slot);
#endif
    is(update(not_ours, 0), -XEN_EINVAL, "an entry in a frame that is not ours");
    is(update(1ull << 50, 0), -XEN_EINVAL, "an entry nowhere");
    is(update(l1 | 5, 0), -XEN_ENOSYS, "command 5");
    is(hypercall(mmu_update, NOWHERE, 1, 0, DOMID_SELF), -XEN_EFAULT, "bad list");
    is(hypercall(mmu_update, &u, 1, NOWHERE, DOMID_SELF), 0, "bad count of what is done");
    is(update(l1, entry(page, KERNEL_RW)), 0, "restored");
    is(hypercall(mmu_update, &u, 1, 0, 0), -XEN_EPERM, "frames of domain 0");
    is(hypercall(mmu_update, &u, 1, 0, 1234), -XEN_ESRCH, "frames of no domain");
    page[0] = 1;
    is(page[0], 1, "our page is where it was");
}

/* The M2P may be mapped, but not to write to it. */
static void map_m2p(void)
{
    uint64_t *page = page_alloc();
    xen_pfn_t list = 0;
    struct xen_machphys_mfn_list m2p = {.max_extents = 1};

    m2p.extent_start.p = &list;
    hypercall(memory_op, XENMEM_machphys_mfn_list, &m2p);
    is(update_va(page, pte_make(list, KERNEL_RW), UVMF_INVLPG), -XEN_EBUSY,
       "the M2P can't be mapped writable");
    remap(page, KERNEL_RW);
}

static long other_domain(const void *va, uint64_t pte, domid_t dom)
{
#ifdef __x86_64__
    return hypercall(update_va_mapping_otherdomain, va, pte, 0, dom);
#else
    return hypercall(update_va_mapping_otherdomain, va, (uint32_t)pte, (uint32_t)(pte >> 32), 0,
                     dom);
#endif
}

static void va_mapping(void)
{
    static const struct {
        uint64_t flags;
        const char *name;
    } flush[] = {{UVMF_INVLPG | UVMF_LOCAL, "INVLPG local"},
                 {UVMF_INVLPG | UVMF_ALL, "INVLPG all"},
                 {UVMF_TLB_FLUSH | UVMF_LOCAL, "TLB_FLUSH local"},
                 {UVMF_TLB_FLUSH | UVMF_ALL, "TLB_FLUSH all"}};
    uint64_t *page = page_alloc(), *other = page_alloc();
    static unsigned long mask __attribute__((aligned(8))) = 1;

    other[0] = 2;
    for (unsigned i = 0; i < ARRAY_SIZE(flush); i++) {
        page[0] = 1;
        is(update_va(page, entry(other, KERNEL_RW), flush[i].flags), 0, "update_va_mapping, %s",
           flush[i].name);
        is(READ_ONCE(page[0]), 2, "%s: flushed", flush[i].name);
        remap(page, KERNEL_RW);
    }
    is(update_va(page, entry(other, KERNEL_RW), (unsigned long)&mask | UVMF_INVLPG), 0,
       "update_va_mapping with a mask of vCPUs");
    is(READ_ONCE(page[0]), 2, "with a mask: flushed");
    is(update_va(page, entry(page, KERNEL_RW), NOWHERE | UVMF_INVLPG), -XEN_EFAULT,
       "with a bad mask");
    remap(page, KERNEL_RW);
    is(update_va((void *)NOWHERE, entry(page, KERNEL_RW), 0), -XEN_EINVAL,
       "update_va_mapping without a table");
    is(update_va((void *)M2P, 0, 0), -XEN_EINVAL, "update_va_mapping of the M2P");
    is(update_va((void *)HYPERVISORS, entry(page, KERNEL_RW), 0), -XEN_EINVAL,
       "update_va_mapping in the hypervisor's area");
    is(update_va(page, 1ull << 45 | KERNEL_RW, 0), -XEN_EPERM,
       "update_va_mapping: no memory there");
    is(other_domain(page, entry(page, KERNEL_RW), DOMID_SELF), 0,
       "update_va_mapping_otherdomain with ourselves");
    is(other_domain(page, entry(page, KERNEL_RW), 1234), -XEN_ESRCH,
       "update_va_mapping_otherdomain, no domain");
    page[0] = 1;
    is(page[0], 1, "our page is where it was");
}

/* A tree of our own, from the base pointer's table down, maps a page at SLOT; pins hold it
 * read-only. */
static void pins(void)
{
    uint64_t *t[PT_LEVELS + 1], *page = page_alloc();
    unsigned long va = SLOT_VA + PAGE_SIZE;

    for (unsigned level = 1; level <= PT_LEVELS; level++)
        t[level] = page_alloc();
    memcpy(t[PT_LEVELS], (void *)start_info->pt_base, PT_LEVELS == 4 ? PAGE_SIZE : 32);
    for (unsigned level = PT_LEVELS; level > 1; level--)
        t[level][level == PT_LEVELS ? SLOT : 0] = entry(t[level - 1],
                                                        level == 3 ? L3_FLAGS : KERNEL_RW);
    t[1][1] = entry(page, KERNEL_RW);
    for (unsigned level = 1; level <= PT_LEVELS; level++)
        remap(t[level], KERNEL_RO);
    for (unsigned level = 1; level <= PT_LEVELS; level++) {
        is(mmuext(MMUEXT_PIN_L1_TABLE + level - 1, mfn_of(t[level]), 0), 0, "pin an L%u", level);
        is(mmuext(MMUEXT_PIN_L1_TABLE + level - 1, mfn_of(t[level]), 0), -XEN_EINVAL, "twice");
        is(update_va(t[level], entry(t[level], KERNEL_RW), UVMF_INVLPG), -XEN_EBUSY,
           "a pinned L%u can't be mapped writable", level);
    }
    page[0] = 0x77;
    is(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(t[PT_LEVELS]), 0), 0, "new_baseptr");
    is(*(volatile uint64_t *)va, 0x77, "it maps our page");
    is(hypercall(xen_version, XENVER_version) >> 16, 4, "hypercalls work on it");
    is(M2P[mfn_of(page)], pfn_of(page), "and the M2P is there");
    *(volatile uint64_t *)(va + 8) = 0x78;
    is(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(t[PT_LEVELS]), 0), 0, "unpin the one in use");
    is(update_va(t[PT_LEVELS], entry(t[PT_LEVELS], KERNEL_RW), UVMF_INVLPG), -XEN_EBUSY,
       "in use it can't be mapped writable either");
    is(mmuext(MMUEXT_NEW_BASEPTR, root_mfn(), 0), 0, "new_baseptr: back");
    is(page[1], 0x78, "what was written there");
    try_read(va);
    expect_trap(14, 0, "the old tables do not map it");
    for (unsigned level = PT_LEVELS - 1; level >= 1; level--)
        is(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(t[level]), 0), 0, "unpin the L%u", level);
    is(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(t[1]), 0), -XEN_EINVAL, "unpin what is not pinned");
    for (unsigned level = 1; level <= PT_LEVELS; level++) {
        remap(t[level], KERNEL_RW);
        t[level][0] = 0;
        is(t[level][0], 0, "the page of the L%u is writable again", level);
    }
}

/* Pinned tables are mapped read-only; the hypervisor lets plain instructions through all the same.
 */
static void plain_writes(void)
{
    uint64_t *page = page_alloc(), *other = page_alloc(), *pte = pte_of((unsigned long)page, 1);
    uint64_t mine = entry(page, KERNEL_RW), theirs = entry(other, KERNEL_RW), old;

    hypercall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    page[0] = 1;
    other[0] = 2;
    mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(pte), 0);
    update_va((void *)((unsigned long)pte & ~(PAGE_SIZE - 1)), pte_make(mfn_of(pte), KERNEL_RO),
              UVMF_INVLPG);
    *(volatile uint64_t *)pte = theirs;
    mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)page, 0);
    is(READ_ONCE(page[0]), 2, "a plain write to an L1");
    old = *(volatile uint64_t *)pte; /* has got its accessed bit */
    ok(__sync_bool_compare_and_swap(pte, old, mine), "cmpxchg on an L1");
    *(volatile uint32_t *)pte = (uint32_t)mine;
    mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)page, 0);
    is(READ_ONCE(page[0]), 1, "a write of its low half");
    old = __sync_fetch_and_and(pte, 0);
    mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)page, 0);
    is(old & PTE_ADDR, mine & PTE_ADDR, "clearing an L1 by a locked instruction");
    try_read((unsigned long)page);
    expect_trap(14, 0, "the page is away");
    *(volatile uint64_t *)pte = mine;
    is(READ_ONCE(page[0]), 1, "and back");
    __sync_fetch_and_and(pte, ~(uint64_t)PTE_RW);
    mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)page, 0);
    try_write((unsigned long)page);
    expect_trap(14, 3, "made read-only by a locked and");
    remap(page, KERNEL_RW);
    mmuext(MMUEXT_UNPIN_TABLE, mfn_of(pte), 0);
}

static void pages(void)
{
    uint64_t *from = page_alloc(), *to = page_alloc();

    for (unsigned i = 0; i < 512; i++)
        from[i] = i * 3;
    is(mmuext(MMUEXT_COPY_PAGE, mfn_of(to), mfn_of(from)), 0, "COPY_PAGE");
    is(memcmp(to, from, PAGE_SIZE), 0, "copied");
    is(mmuext(MMUEXT_CLEAR_PAGE, mfn_of(to), 0), 0, "CLEAR_PAGE");
    is(to[0] | to[1] | to[511], 0, "cleared");
    is(mmuext(MMUEXT_CLEAR_PAGE, root_mfn(), 0), -XEN_EINVAL, "CLEAR_PAGE of a page table");
    is(mmuext(MMUEXT_COPY_PAGE, root_mfn(), mfn_of(from)), -XEN_EINVAL,
       "COPY_PAGE to a page table");
    is(mmuext(MMUEXT_CLEAR_PAGE, 1, 0), -XEN_EINVAL, "CLEAR_PAGE of a frame not ours");
    is(mmuext(MMUEXT_CLEAR_PAGE, NO_FRAME, 0), -XEN_EINVAL, "CLEAR_PAGE of no frame");
    is(mmuext(MMUEXT_COPY_PAGE, mfn_of(to), NO_FRAME), -XEN_EINVAL, "COPY_PAGE of no frame");
}

static void ext_errors(void)
{
    struct mmuext_op list[2] = {{.cmd = MMUEXT_TLB_FLUSH_LOCAL}, {.cmd = 99}};
    uint32_t done = 0;

    is(hypercall(mmuext_op, list, 2, &done, DOMID_SELF), -XEN_ENOSYS, "an unknown command");
    is(done, 1, "the one before it was done");
    is(hypercall(mmuext_op, list, 1, &done, DOMID_SELF), 0, "without it");
    is(hypercall(mmuext_op, NOWHERE, 1, &done, DOMID_SELF), -XEN_EFAULT, "mmuext_op, bad list");
    is(hypercall(mmuext_op, list, 1, NOWHERE, DOMID_SELF), 0, "mmuext_op, bad count");
    is(hypercall(mmuext_op, list, 1, 0, 1234), -XEN_ESRCH, "mmuext_op, no domain");
    is(hypercall(mmuext_op, list, 1, 0, 0), -XEN_EPERM, "mmuext_op, domain 0");
    is(mmuext(MMUEXT_FLUSH_CACHE, 0, 0), -XEN_EACCES, "FLUSH_CACHE");
    is(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), -XEN_EINVAL, "FLUSH_CACHE_GLOBAL");
    is(mmuext(MMUEXT_MARK_SUPER, 0, 0), -XEN_EOPNOTSUPP, "MARK_SUPER");
    is(mmuext(MMUEXT_NEW_BASEPTR, NO_FRAME, 0), -XEN_EINVAL, "new_baseptr: no frame");
    is(mmuext(MMUEXT_NEW_BASEPTR, 1, 0), -XEN_EINVAL, "new_baseptr: a frame not ours");
    is(mmuext(MMUEXT_NEW_USER_BASEPTR, NO_FRAME, 0), -XEN_EINVAL, "new_user_baseptr: no frame");
    is(mmuext(MMUEXT_PIN_L2_TABLE, NO_FRAME, 0), -XEN_EINVAL, "pin: no frame");
    is(mmuext(MMUEXT_PIN_L1_TABLE + PT_LEVELS - 1, 1, 0), -XEN_EINVAL, "pin: a frame not ours");
    is(mmuext(MMUEXT_UNPIN_TABLE, NO_FRAME, 0), -XEN_EINVAL, "unpin: no frame");
}

void test_mmu(void)
{
    updates();
    machphys();
    update_errors();
    map_m2p();
    va_mapping();
    pins();
    plain_writes();
    pages();
    ext_errors();
}
