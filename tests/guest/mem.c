#include "mem.h"

static uint8_t pool[384][PAGE_SIZE] __attribute__((aligned(4096), section(".bss.page")));
static unsigned pool_used;

void *page_alloc(void)
{
    if (pool_used == ARRAY_SIZE(pool))
        bail_out("no pages left");
    return pool[pool_used++];
}

unsigned long pfn_of(const void *va)
{
    return ((unsigned long)va - VIRT_BASE) >> PAGE_SHIFT;
}

unsigned long mfn_of(const void *va)
{
    return ((const unsigned long *)start_info->mfn_list)[pfn_of(va)];
}

void *va_of_mfn(unsigned long mfn)
{
    return (void *)(VIRT_BASE + (M2P[mfn] << PAGE_SHIFT));
}

uint64_t maddr_of(const void *p)
{
    return (uint64_t)mfn_of(p) << PAGE_SHIFT | ((unsigned long)p & (PAGE_SIZE - 1));
}

uint64_t *pte_of(unsigned long va, unsigned level)
{
    uint64_t *table = (uint64_t *)start_info->pt_base;

    for (unsigned l = PT_LEVELS;; l--) {
        uint64_t *e = &table[(uint64_t)va >> (12 + 9 * (l - 1)) & 511];
        if (l == level)
            return e;
        if (!(*e & PTE_P))
            return NULL;
        table = va_of_mfn((*e & PTE_ADDR) >> PAGE_SHIFT);
    }
}

long update_va(const void *va, uint64_t pte, unsigned long flags)
{
#ifdef __x86_64__
    return hypercall(update_va_mapping, va, pte, flags);
#else
    return hypercall(update_va_mapping, va, (uint32_t)pte, (uint32_t)(pte >> 32), flags);
#endif
}

void remap(const void *va, uint64_t flags)
{
    if (update_va(va, (uint64_t)mfn_of(va) << PAGE_SHIFT | flags, UVMF_INVLPG | UVMF_ALL))
        bail_out("update_va_mapping of 0x%lx failed", (unsigned long)va);
}

long mmu_write(uint64_t *entry, uint64_t val)
{
    struct mmu_update u = {maddr_of(entry) | MMU_NORMAL_PT_UPDATE, val};

    return hypercall(mmu_update, &u, 1, 0, DOMID_SELF);
}

long mmuext(unsigned cmd, unsigned long arg1, unsigned long arg2)
{
    struct mmuext_op op = {.cmd = cmd};

    op.arg1.mfn = arg1;
    memcpy(&op.arg2, &arg2, sizeof(arg2)); /* a frame or a pointer */
    return hypercall(mmuext_op, &op, 1, 0, DOMID_SELF);
}

unsigned long root_mfn(void)
{
    return mfn_of((void *)start_info->pt_base);
}

#ifdef __x86_64__
/* Tables of slot 0, shared by the kernel's L4 and the user's. */
static uint64_t *user_l1[2];

static uint64_t *new_table(void)
{
    uint64_t *t = page_alloc();

    remap(t, KERNEL_RO);
    return t;
}

static void make_user_tree(void)
{
    uint64_t *l4 = new_table(), *l3 = new_table(), *l2 = new_table();
    const uint64_t flags = PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;
    long rc = 0;

    for (unsigned i = 0; i < 2; i++) {
        user_l1[i] = new_table();
        rc |= mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(user_l1[i]), 0);
    }
    rc |= mmuext(MMUEXT_PIN_L2_TABLE, mfn_of(l2), 0);
    for (unsigned i = 0; i < 2; i++)
        rc |= mmu_write(&l2[i], mfn_of(user_l1[i]) << PAGE_SHIFT | flags);
    rc |= mmuext(MMUEXT_PIN_L3_TABLE, mfn_of(l3), 0);
    rc |= mmu_write(&l3[0], mfn_of(l2) << PAGE_SHIFT | flags);
    rc |= mmuext(MMUEXT_PIN_L4_TABLE, mfn_of(l4), 0);
    rc |= mmu_write(&l4[0], mfn_of(l3) << PAGE_SHIFT | flags);
    rc |= mmu_write((uint64_t *)start_info->pt_base, mfn_of(l3) << PAGE_SHIFT | flags);
    rc |= mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of(l4), 0);
    if (rc)
        bail_out("no page tables for user mode");
}

void map_user(uint64_t va, const void *page, uint64_t flags)
{
    if (!user_l1[0])
        make_user_tree();
    uint64_t *e = &user_l1[va >> 21 & 1][va >> 12 & 511];
    if (mmu_write(e, page ? mfn_of(page) << PAGE_SHIFT | flags : 0))
        bail_out("user page 0x%lx can't be mapped", va);
    mmuext(MMUEXT_INVLPG_ALL, va, 0);
}
#endif
