/*
 * Page tables as memory: walking them, telling which frames are tables, emu's own slots.
 *
 * Nothing is counted or type-checked (no frame is shared with another domain). The only thing that
 * emu remembers of a frame is "it is a table of level n": the guest maps its pinned tables read-only
 * and may still write to them, which Xen emulates write by write. emu makes the mapping writable at
 * the first such write instead, so that the following ones cost nothing.
 */
#include "emu/emu.h"

bool maddr_is_ram(uint64_t maddr)
{
    const struct emu_boot_info *b = &emu.boot;
    uint64_t mfn = maddr >> PAGE_SHIFT;

    return mfn < b->guest_end_mfn && (mfn < 0xc0000 || mfn >= 0x100000);
}

bool is_guest_frame(uint64_t mfn)
{
    return mfn >= emu.boot.guest_first_mfn && mfn < emu.boot.guest_end_mfn &&
           maddr_is_ram(mfn << PAGE_SHIFT);
}

bool pt_is_root(uint64_t mfn)
{
    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        const struct vcpu *v = vcpu_by_id(i);
        if (v->kernel_root >> PAGE_SHIFT == mfn || (v->user_root && v->user_root >> PAGE_SHIFT == mfn))
            return true;
    }
    return false;
}

uint64_t scratch_alloc(void)
{
    uint64_t maddr = 0;

    spin_lock(&emu.scratch_lock);
    if (emu.scratch_next < emu.scratch_end) {
        maddr = emu.scratch_next;
        emu.scratch_next += PAGE_SIZE;
    }
    spin_unlock(&emu.scratch_lock);
    return maddr;
}

static uint64_t *table_at(uint64_t entry)
{
    return direct(entry & PTE_ADDR);
}

/* v == NULL: root is an L4 whatever the guest is. */
uint64_t *pt_lookup(struct vcpu *v, uint64_t root, uint64_t va)
{
    int level = v && emu.pae32 ? 3 : 4;
    uint64_t *table = direct(root & PTE_ADDR);

    for (; level > 1; level--) {
        unsigned index = va >> (12 + 9 * (level - 1)) & 511;
        uint64_t entry = table[level == 3 && v && emu.pae32 ? index & 3 : index];
        if (!(entry & PTE_P) || (level < 4 && (entry & PTE_PS)) || !maddr_is_ram(entry & PTE_ADDR))
            return NULL;
        table = table_at(entry);
    }
    return &table[va >> 12 & 511];
}

bool pt_translate(struct vcpu *v, uint64_t va, uint64_t *ret_maddr)
{
    uint64_t *pte = pt_lookup(v, v->kernel_root, va);

    if (!pte || !(*pte & PTE_P))
        return false;
    *ret_maddr = (*pte & PTE_ADDR) + (va & (PAGE_SIZE - 1));
    return true;
}

/* A tree that is marked already stays as it is: what changes in it later comes through mmu_update. */
void pt_mark_tree(uint64_t maddr, unsigned level)
{
    uint64_t mfn = maddr >> PAGE_SHIFT;
    uint64_t *table = direct(maddr & PTE_ADDR);
    unsigned entries = emu.pae32 && level == 3 ? 4 : 512;

    if (!is_guest_frame(mfn) || frame_type(mfn) == level)
        return;
    frame_set_type(mfn, (enum frame_type)level);
    if (level == 1)
        return;
    for (unsigned i = 0; i < entries; i++) {
        uint64_t e = table[i];
        if (!(e & PTE_P) || (level < 4 && (e & PTE_PS)))
            continue;
        if (level == 4 && i >= 256 && i <= 271)
            continue;
        pt_mark_tree(e & PTE_ADDR, level - 1);
    }
}

static void set_slot(uint64_t *l4, unsigned slot, unsigned which)
{
    if (l4[slot] != emu.boot.l4_entry[which])
        l4[slot] = emu.boot.l4_entry[which];
}

void pt_install_emu_slots(uint64_t l4_maddr)
{
    uint64_t *l4 = direct(l4_maddr);

    set_slot(l4, EMU_L4_M2P, 0);
    set_slot(l4, EMU_L4_BASE, 1);
    set_slot(l4, EMU_L4_DIRECT, 2);
}

void pt_clear_emu_slots(uint64_t l4_maddr)
{
    uint64_t *l4 = direct(l4_maddr);

    memset(&l4[EMU_L4_M2P], 0, 16 * sizeof(*l4));
}

static bool is_kernel_root(uint64_t l4_maddr)
{
    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        if (vcpu_by_id(i)->kernel_root == l4_maddr)
            return true;
    }
    return false;
}

/*
 * User mode of a split guest gets the code and the vCPU areas that take it into ring 0, and neither the
 * direct map nor the M2P: on a CPU with Meltdown user code can read whatever its tables map.
 */
static void install_user_slots(uint64_t l4_maddr)
{
    for (unsigned i = EMU_L4_M2P; i < EMU_L4_M2P + 16 && !is_kernel_root(l4_maddr); i++) {
        if (i != EMU_L4_BASE) /* which another vCPU may be running on */
            ((uint64_t *)direct(l4_maddr))[i] = 0;
    }
    set_slot(direct(l4_maddr), EMU_L4_BASE, 1);
}

/*
 * The upper end of a PAE guest's address space is the hypervisor's: the L2 of the last GiB gets the M2P,
 * read-only, in the place that XENMEM_machphys_mapping names.
 */
static void install_pae_m2p(uint64_t l3_entry)
{
    uint64_t *l2 = direct(l3_entry & PTE_ADDR);
    uint64_t bytes = (emu.boot.guest_end_mfn * 4 + 0x1fffff) & ~0x1fffffull;

    if (!(l3_entry & PTE_P) || !is_guest_frame((l3_entry & PTE_ADDR) >> PAGE_SHIFT))
        return;
    for (unsigned i = EMU_PAE_M2P_VA >> 21 & 511; i < 512; i++) {
        uint64_t at = (i - (EMU_PAE_M2P_VA >> 21 & 511)) * 0x200000ull;
        uint64_t e = at < bytes ? (emu.boot.m2p_maddr + at) | PTE_P | PTE_A | PTE_PS | PTE_NX : 0;
        if (l2[i] != e)
            l2[i] = e;
    }
}

uint64_t pt_pae_l3_entry(uint64_t guest, unsigned index)
{
    if (index == 3)
        install_pae_m2p(guest);
    return guest & PTE_P ? (guest & PTE_ADDR) | PTE_P | PTE_RW | PTE_US | PTE_A : 0;
}

/* PAE guests run on an L4 of emu's, one a vCPU, with the guest's four L3 entries made 4-level. */
static void load_pae_root(struct vcpu *v)
{
    if (!v->own_l4) {
        uint64_t l4 = scratch_alloc(), l3 = scratch_alloc();
        if (!l4 || !l3)
            emu_panic("no memory for page tables");
        *(uint64_t *)direct(l4) = l3 | PTE_P | PTE_RW | PTE_US | PTE_A;
        pt_install_emu_slots(l4);
        v->own_l4 = l4;
    }
    uint64_t *own = direct(*(uint64_t *)direct(v->own_l4) & PTE_ADDR);
    const uint64_t *guest = direct(v->kernel_root & ~31ull);
    for (unsigned i = 0; i < 4; i++) {
        own[i] = pt_pae_l3_entry(guest[i], i);
    }
    write_cr3(v->own_l4);
}

void mmu_load_root(struct vcpu *v)
{
    if (emu.pae32) {
        load_pae_root(v);
        return;
    }
    v->kernel_cr3 = v->kernel_root;
    v->user_cr3 = emu.split ? v->user_root : 0;
    if (v->user_cr3)
        install_user_slots(v->user_cr3);
    write_cr3(v->kernel_cr3);
}

int mmu_new_kernel_root(struct vcpu *v, uint64_t maddr)
{
    if (!is_guest_frame(maddr >> PAGE_SHIFT))
        return -XEN_EINVAL;
    v->kernel_root = maddr;
    if (!emu.pae32)
        pt_install_emu_slots(maddr);
    return 0;
}

enum { WALK_WRITE = 1, WALK_USER = 2, WALK_EXEC = 4 };

/*
 * Do the tables, as they are now, allow this to the kernel? Then a fault came from a TLB that had not
 * heard of it yet (another vCPU mended the entry), and the access only needs to be tried again.
 */
static bool walk_permits(struct vcpu *v, uint64_t va, unsigned want)
{
    uint64_t *table = direct(v->kernel_root & PTE_ADDR);
    bool pae = emu.pae32;

    for (int level = pae ? 3 : 4; level >= 1; level--) {
        unsigned index = va >> (12 + 9 * (level - 1)) & (pae && level == 3 ? 3 : 511);
        uint64_t e = table[index];
        if (!(e & PTE_P))
            return false;
        if (!(pae && level == 3) &&
            (((want & WALK_WRITE) && !(e & PTE_RW)) || ((want & WALK_USER) && !(e & PTE_US)) ||
             ((want & WALK_EXEC) && (e & PTE_NX))))
            return false;
        if (level > 1 && (e & PTE_PS))
            return true;
        if (level > 1 && !maddr_is_ram(e & PTE_ADDR))
            return false;
        table = table_at(e);
    }
    return true;
}

/* As under Xen only L1 tables can be written to plainly, and only by the guest itself. */
bool mmu_fix_write_fault(struct vcpu *v, uint64_t va, bool by_guest)
{
    uint64_t *pte = pt_lookup(v, v->kernel_root, va);

    if (!pte || !(*pte & PTE_P))
        return false;
    if (!(*pte & PTE_RW)) {
        uint64_t mfn = (*pte & PTE_ADDR) >> PAGE_SHIFT;
        if (!by_guest || !is_guest_frame(mfn) || frame_type(mfn) != FRAME_L1)
            return false;
        __atomic_fetch_or(pte, PTE_RW, __ATOMIC_SEQ_CST);
    }
    if (!walk_permits(v, va, WALK_WRITE | (emu.ring3 ? WALK_USER : 0)))
        return false;
    invlpg(va);
    return true;
}

/*
 * Ring 3 kernels: the tables that the guest wrote for a supervisor, made good for ring 3. True when
 * that, or nothing at all, was in the way of the access.
 */
static bool make_user(struct vcpu *v, uint64_t va, uint32_t error)
{
    uint64_t *table = direct(v->kernel_root & PTE_ADDR);

    for (int level = 4; level >= 1; level--) {
        uint64_t *e = &table[va >> (12 + 9 * (level - 1)) & 511];
        if (!(*e & PTE_P))
            return false;
        if (!(*e & PTE_US))
            __atomic_fetch_or(e, PTE_US, __ATOMIC_SEQ_CST);
        if (level > 1 && (*e & PTE_PS))
            break;
        if (level > 1 && !maddr_is_ram(*e & PTE_ADDR))
            return false;
        table = table_at(*e);
    }
    invlpg(va);
    return walk_permits(v, va, (error & 2 ? WALK_WRITE : 0) | (error & 16 ? WALK_EXEC : 0));
}

/*
 * A fault in ring 3 that the guest has no part in: its kernel in ring 3 met a supervisor page, or its
 * user mode needs a mapping that only its own L4 has (then the guest gets split page tables).
 */
bool mmu_fix_user_fault(struct vcpu *v, uint64_t va, uint32_t error)
{
    if (emu.pae32)
        return false;
    if (v->in_kernel)
        return emu.ring3 && (error & 9) == 1 && make_user(v, va, error);
    if (emu.split || emu.boot.user_tables == 1 || !v->user_root || va >> 47)
        return false;
    unsigned slot = va >> 39 & 511;
    uint64_t user = ((uint64_t *)direct(v->user_root))[slot] & (PTE_ADDR | PTE_P);
    uint64_t kernel = ((uint64_t *)direct(v->kernel_root))[slot] & (PTE_ADDR | PTE_P);
    if (!(user & PTE_P) || user == kernel)
        return false;
    trace("user mode has mappings of its own: separate page tables for it from now on\n");
    emu.split = true;
    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        struct vcpu *other = vcpu_by_id(i);
        other->fast = 0;
        if (other->user_root) {
            install_user_slots(other->user_root);
            other->user_cr3 = other->user_root;
        }
    }
    return true;
}
