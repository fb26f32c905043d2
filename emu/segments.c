/* GDT, LDT and segment bases: set_gdt, update_descriptor, set_segment_base. */
#include "emu/emu.h"

#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#define GDT_GUEST_ENTRIES (14 * 512)
#define DESC_P   (1ull << 47)
#define DESC_S   (1ull << 44)
#define DESC_DPL (3ull << 45)

static uint64_t *gdt_of(const struct vcpu *v)
{
    return (uint64_t *)(EMU_BASE_VA + EMU_GDT_OFF + (uint64_t)v->id * EMU_GDT_SIZE);
}

/* The L1 entry behind a page of the GDT area: xenner mapped emu's own pages, the rest is ours. */
static uint64_t *gdt_pte(const struct vcpu *v, unsigned page)
{
    return pt_lookup(NULL, read_cr3() & PTE_ADDR, (uint64_t)gdt_of(v) + page * PAGE_SIZE);
}

/* A flat segment: base 0, limit 4 GiB; type as in the SDM (vol. 3A, table 3-1), 0xb code, 3 data. */
static uint64_t flat(unsigned type, unsigned dpl, bool code64)
{
    uint64_t size = code64 ? 1ull << 53 /* L */ : 1ull << 54 /* D */;

    return 0x008f00000000ffffull | size | DESC_P | DESC_S | (uint64_t)dpl << 45 |
           (uint64_t)type << 40;
}

static void system_descriptor(uint64_t d[2], unsigned type, uint64_t base, uint32_t limit)
{
    d[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)type << 40 | DESC_P |
           (uint64_t)(limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56;
    d[1] = base >> 32;
}

/* Page 14 of the GDT, after Xen's own layout (FIRST_RESERVED_GDT_ENTRY); asm_offsets.h names it. */
static void fill_reserved_page(struct vcpu *v, uint64_t *g)
{
    const unsigned data = 3, code = 0xb; /* accessed, writable / readable */

    g[1] = flat(code, 0, true);
    g[2] = flat(data, 0, false);
    g[3] = flat(code, 1, false); /* 0xe019 FLAT_RING1_CS */
    if (emu.pae32) {
        g[4] = flat(data, 1, false); /* 0xe021 FLAT_RING1_DS */
        g[5] = flat(code, 3, false);  /* 0xe02b FLAT_RING3_CS */
        g[6] = flat(data, 3, false); /* 0xe033 FLAT_RING3_DS */
    } else {
        g[4] = flat(code, 3, false);  /* 0xe023 FLAT_RING3_CS32 */
        g[5] = flat(data, 3, false); /* 0xe02b FLAT_RING3_DS */
        g[6] = flat(code, 3, true);   /* 0xe033 FLAT_RING3_CS64 */
    }
    g[8] = flat(code, 1, true);
    g[9] = flat(data, 1, false);
    g[10] = flat(code, 3, true);
    g[11] = flat(data, 3, false);
    system_descriptor(&g[12], 0x9, (uint64_t)&v->tss, sizeof(v->tss) - 1);
    g[14] = g[15] = 0;
}

/* Pages without descriptors read as empty, so that a selector there is a #GP, as on Xen. */
static int map_gdt(struct vcpu *v, const uint64_t *frames, unsigned pages)
{
    for (unsigned i = 0; i < 14; i++) {
        uint64_t *pte = gdt_pte(v, i);
        if (!pte)
            return -XEN_ENOMEM;
        *pte = i < pages ? frames[i] << PAGE_SHIFT | PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX
                         : emu.no_descriptors | PTE_P | PTE_A | PTE_NX;
        invlpg((uint64_t)gdt_of(v) + i * PAGE_SIZE);
        v->gdt_frames[i] = i < pages ? frames[i] : 0;
    }
    return 0;
}

static void load_gdt(struct vcpu *v)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr = {SEL_GDT_LIMIT, (uint64_t)gdt_of(v)};

    __asm__ volatile("lgdt %0" ::"m"(gdtr));
}

void segments_init(struct vcpu *v)
{
    uint64_t *reserved = gdt_of(v) + GDT_GUEST_ENTRIES;

    fill_reserved_page(v, reserved);
    map_gdt(v, NULL, 0);
    load_gdt(v);
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(SEL_RING0_CS)
                     : "rax", "memory");
    __asm__ volatile("mov %0, %%ss; mov %1, %%ds; mov %1, %%es; mov %1, %%fs; mov %1, %%gs" ::"r"(
                         SEL_RING0_DS),
                     "r"(0));
    v->tss.rsp[0] = (uint64_t)v + EMU_VCPU_SIZE - STACK_TOP_PAD;
    v->tss.ist[0] = (uint64_t)v + VCPU_IST_DF_TOP;
    v->tss.ist[1] = (uint64_t)v + VCPU_IST_NMI_TOP;
    v->tss.iopb = sizeof(v->tss);
    __asm__ volatile("ltr %0" ::"r"((uint16_t)SEL_TSS));
    __asm__ volatile("lldt %0" ::"r"((uint16_t)0));
    if (emu.pae32) {
        __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" ::"r"(0xe021));
    }
}

/*
 * The guest writes descriptors for a kernel in ring 0; ours runs in ring 1 (or 3), so present code and
 * data segments of DPL 0 get the DPL that it can load, as Xen's own check raises them. Gates and
 * system descriptors have no business in a guest's table.
 */
static bool descriptor_fix(uint64_t *d)
{
    unsigned dpl = emu.ring3 ? 3 : 1;

    if (!(*d & DESC_P))
        return true;
    if (!(*d & DESC_S)) {
        /* Not code or data: all that Xen lets pass is what can't be used. */
        return (*d >> 40 & 0x1f) == 0;
    }
    if ((*d >> 45 & 3) < dpl)
        *d = (*d & ~DESC_DPL) | (uint64_t)dpl << 45;
    return true;
}

/* All of the page counts, also what is behind the entries that are used: as Xen has it. */
static int check_table(uint64_t frame)
{
    uint64_t *d = direct(frame << PAGE_SHIFT);

    for (unsigned e = 0; e < 512; e++) {
        uint64_t fixed = d[e];
        if (!descriptor_fix(&fixed))
            return -XEN_EINVAL;
        if (fixed != d[e])
            d[e] = fixed;
    }
    return 0;
}

int segments_set_gdt(struct vcpu *v, const uint64_t *frames, uint32_t ents)
{
    unsigned pages = (ents + 511) / 512;

    if (ents > GDT_GUEST_ENTRIES)
        return -XEN_EINVAL;
    for (unsigned i = 0; i < pages; i++) {
        if (!is_plain_frame(frames[i]) || check_table(frames[i]) < 0)
            return -XEN_EINVAL;
    }
    v->gdt_ents = ents;
    return map_gdt(v, frames, pages);
}

HYPERCALL(do_set_gdt)
{
    uint64_t frames[16];
    uint32_t ents = (uint32_t)a[1];
    unsigned pages = (ents + 511) / 512;

    if (ents > GDT_GUEST_ENTRIES)
        return -XEN_EINVAL;
    if (emu.pae32) {
        uint32_t f32[16];
        if (copy_from_guest(f32, a[0], pages * sizeof(f32[0])))
            return -XEN_EFAULT;
        for (unsigned i = 0; i < pages; i++)
            frames[i] = f32[i];
    } else if (copy_from_guest(frames, a[0], pages * sizeof(frames[0]))) {
        return -XEN_EFAULT;
    }
    return segments_set_gdt(v, frames, ents);
}

/* PAE guests pass each 64-bit argument in two registers. */
HYPERCALL(do_update_descriptor)
{
    uint64_t maddr = emu.pae32 ? (uint32_t)a[0] | a[1] << 32 : a[0];
    uint64_t desc = emu.pae32 ? (uint32_t)a[2] | a[3] << 32 : a[1];

    if ((maddr & 7) || !is_plain_frame(maddr >> PAGE_SHIFT) || !descriptor_fix(&desc))
        return -XEN_EINVAL;
    __atomic_store_n((uint64_t *)direct(maddr), desc, __ATOMIC_RELAXED);
    return 0;
}

/* The table is where the guest has it: emu shares its address space. */
int segments_set_ldt(struct vcpu *v, uint64_t base, uint32_t ents)
{
    uint64_t *g = gdt_of(v) + SEL_LDT / 8;

    if (ents > 8192 || (base & (PAGE_SIZE - 1)))
        return -XEN_EINVAL;
    v->ldt_base = base;
    v->ldt_ents = ents;
    if (!ents) {
        __asm__ volatile("lldt %0" ::"r"((uint16_t)0));
        return 0;
    }
    system_descriptor(g, 0x2, base, ents * 8 - 1);
    __asm__ volatile("lldt %0" ::"r"((uint16_t)SEL_LDT));
    return 0;
}

/* While the kernel runs, its own GS base is the active one and the user's waits in KERNEL_GS_BASE. */
HYPERCALL(do_set_segment_base)
{
    if (emu.pae32)
        return -XEN_ENOSYS;
    if (a[0] != SEGBASE_GS_USER_SEL && !canonical(a[1]))
        return -XEN_EINVAL;
    switch (a[0]) {
    case SEGBASE_FS:
        wrmsr(MSR_FS_BASE, a[1]);
        return 0;
    case SEGBASE_GS_USER:
        wrmsr(MSR_KERNEL_GS_BASE, a[1]);
        return 0;
    case SEGBASE_GS_KERNEL:
        wrmsr(MSR_GS_BASE, a[1]);
        return 0;
    case SEGBASE_GS_USER_SEL:
        load_gs_user((uint16_t)a[1]);
        return 0;
    default:
        return -XEN_EINVAL;
    }
}
