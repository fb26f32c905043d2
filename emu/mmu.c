/* mmu_update and update_va_mapping: write the entry, note what became a table, flush as asked. */
#include "emu/emu.h"

#define DOMID_GUEST 1
#define MMU_UPDATE_PREEMPTED 0x80000000u

/* foreigndom: low half the owner of the frame, high half (plus one) the owner of the table. */
static bool is_self(uint32_t domid)
{
    return domid == DOMID_SELF || domid == DOMID_GUEST;
}

/* The tables and frames of other domains: there is domain 0, which allows nothing, and no other. */
static int foreign_error(domid_t dom)
{
    return is_self(dom) ? 0 : dom == 0 ? -XEN_EPERM : -XEN_ESRCH;
}

static bool is_grant_frame(uint64_t maddr)
{
    const struct emu_gnttab *t = emu.gnttab;

    for (uint32_t i = 0; i < t->nr_frames; i++) {
        if (t->frame[i] == maddr)
            return true;
    }
    for (uint32_t i = 0; i < t->nr_status; i++) {
        if (t->status[i] == maddr)
            return true;
    }
    return false;
}

/*
 * May the guest map this? Its own frames but those that it gave back, its grant table, and the M2P for
 * reading; a frame that is no RAM is some device's. A page table that is pinned or in use can't be
 * writable; another one is a table no more when it is. The errors are Xen's.
 */
static int check_page(uint64_t val)
{
    uint64_t maddr = val & PTE_ADDR, mfn = maddr >> PAGE_SHIFT;
    bool writable = val & PTE_RW;

    if (is_guest_frame(mfn)) {
        if (emu.frame_info[mfn] & FRAME_RELEASED)
            return -XEN_EBUSY;
        if (!writable || frame_type(mfn) == FRAME_NONE)
            return 0;
        if ((emu.frame_info[mfn] & FRAME_PINNED) || pt_is_root(mfn))
            return -XEN_EBUSY;
        frame_set_type(mfn, FRAME_NONE);
        return 0;
    }
    if (!maddr_is_ram(maddr))
        return maddr == PTE_ADDR ? -XEN_EINVAL : -XEN_EPERM;
    if (is_grant_frame(maddr))
        return 0;
    if (maddr - emu.boot.m2p_maddr >= emu.boot.m2p_bytes)
        return -XEN_EPERM;
    return writable ? -XEN_EBUSY : 0;
}

/* level: of the table that val is for; FRAME_NONE: not known to be a table. */
static int check_entry(uint64_t val, unsigned level)
{
    if (!(val & PTE_P))
        return 0;
    if (level <= FRAME_L1)
        return check_page(val);
    return !is_guest_frame((val & PTE_ADDR) >> PAGE_SHIFT) || (val & PTE_PS) ? -XEN_EINVAL : 0;
}

/* Another vCPU may run on this L3: its own four entries follow the guest's. */
static void pae_root_changed(uint64_t maddr)
{
    uint64_t page = maddr & PTE_ADDR;

    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        struct vcpu *other = vcpu_by_id(i);
        if (!other->own_l4 || (other->kernel_root & PTE_ADDR) != page)
            continue;
        unsigned index = (maddr - (other->kernel_root & ~31ull)) / 8;
        if (index >= 4)
            continue;
        uint64_t *own = direct(*(uint64_t *)direct(other->own_l4) & PTE_ADDR);
        own[index] = pt_pae_l3_entry(*(uint64_t *)direct(maddr), index);
    }
}

static int write_entry(uint64_t maddr, uint64_t val, bool preserve_ad)
{
    uint64_t *p = direct(maddr);
    unsigned level = frame_type(maddr >> PAGE_SHIFT);
    int rc = level == FRAME_NONE ? 0 : check_entry(val, level);

    if (rc < 0)
        return rc;
    if (level == FRAME_L4 && (maddr & (PAGE_SIZE - 1)) / 8 >= 256 &&
        (maddr & (PAGE_SIZE - 1)) / 8 <= 271)
        return -XEN_EINVAL;
    if (preserve_ad) {
        uint64_t old = __atomic_load_n(p, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(p, &old, val | (old & (PTE_A | PTE_D)), false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            ;
    } else {
        __atomic_store_n(p, val, __ATOMIC_RELAXED);
    }
    if (level >= FRAME_L2 && (val & PTE_P))
        pt_mark_tree(val & PTE_ADDR, level - 1);
    if (emu.pae32 && level == FRAME_L3)
        pae_root_changed(maddr);
    return 0;
}

static int machphys_update(uint64_t maddr, uint64_t pfn)
{
    if (!is_guest_frame(maddr >> PAGE_SHIFT))
        return -XEN_EINVAL;
    if (emu.pae32)
        ((uint32_t *)emu.m2p)[maddr >> PAGE_SHIFT] = (uint32_t)pfn;
    else
        emu.m2p[maddr >> PAGE_SHIFT] = pfn;
    return 0;
}

static int update_one(const struct mmu_update *req)
{
    uint64_t maddr = req->ptr & ~7ull;

    switch (req->ptr & 7) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_PRESERVE_AD:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        if (!is_guest_frame(maddr >> PAGE_SHIFT))
            return -XEN_EINVAL;
        return write_entry(maddr, req->val, (req->ptr & 3) == MMU_PT_UPDATE_PRESERVE_AD);
    case MMU_MACHPHYS_UPDATE:
        return machphys_update(maddr, req->val);
    default:
        return -XEN_ENOSYS;
    }
}

HYPERCALL(do_mmu_update)
{
    uint32_t count = (uint32_t)a[1] & ~MMU_UPDATE_PREEMPTED, done = 0;
    uint32_t dom = (uint32_t)a[3];
    int rc = foreign_error(dom & 0xffff);

    if (rc == 0 && dom >> 16 && !is_self((dom >> 16) - 1))
        rc = (dom >> 16) - 1 == 0 ? -XEN_EPERM : -XEN_EINVAL;
    if (rc < 0)
        return rc;
    for (; done < count && rc == 0; done++) {
        struct mmu_update req;
        rc = copy_from_guest(&req, a[0] + done * sizeof(req), sizeof(req));
        if (rc == 0)
            rc = update_one(&req);
        if (rc < 0)
            break;
    }
    if (a[2])
        copy_to_guest(a[2], &done, sizeof(done)); /* Xen does not look whether it could */
    return rc;
}

static uint64_t all_vcpus(void)
{
    return emu.nr_vcpus == 64 ? ~0ull : (1ull << emu.nr_vcpus) - 1;
}

static int flush_flags(struct vcpu *v, uint64_t va, uint64_t flags)
{
    uint64_t mask = 1ull << v->id, bitmap = flags & ~UVMF_FLUSHTYPE_MASK;

    if (!(flags & UVMF_FLUSHTYPE_MASK))
        return 0;
    if (bitmap == UVMF_ALL) {
        mask = all_vcpus();
    } else if (bitmap) {
        mask = 0;
        if (copy_from_guest(&mask, bitmap, (emu.nr_vcpus + 7) / 8))
            return -XEN_EFAULT;
        mask &= all_vcpus();
    }
    flush_vcpus(v, mask, (flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG ? va : FLUSH_EVERYTHING);
    return 0;
}

static int64_t update_va(struct vcpu *v, uint64_t va, uint64_t val, uint64_t flags)
{
    uint64_t *pte;

    if (!emu.pae32 && hypervisor_va(va))
        return -XEN_EINVAL;
    pte = pt_lookup(v, v->kernel_root, va);
    if (!pte)
        return -XEN_EINVAL;
    int rc = check_entry(val, FRAME_L1);
    if (rc < 0)
        return rc;
    __atomic_store_n(pte, val, __ATOMIC_RELAXED);
    return flush_flags(v, va, flags);
}

/* PAE guests pass the 64-bit entry in two registers. */
HYPERCALL(do_update_va_mapping)
{
    if (emu.pae32)
        return update_va(v, (uint32_t)a[0], (uint32_t)a[1] | a[2] << 32, a[3]);
    return update_va(v, a[0], a[1], a[2]);
}

HYPERCALL(do_update_va_mapping_otherdomain)
{
    uint64_t dom = emu.pae32 ? a[4] : a[3];

    if (!is_self((uint16_t)dom))
        return foreign_error((uint16_t)dom);
    return do_update_va_mapping(v, regs, a);
}
