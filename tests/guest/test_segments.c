/* set_gdt, update_descriptor, the LDT, set_segment_base. */
#include "mem.h"
#include "trap.h"

#define LOW_VA             0x300000ul /* a page whose address fits a descriptor's base */

#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

/* Intel SDM vol. 3A, 3.4.5: P 47, DPL 45, S 44, type 40, G 55, D 54, L 53. */
static uint64_t descriptor(uint64_t base, uint64_t limit, unsigned type, unsigned s, unsigned dpl)
{
    return (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)type << 40 | (uint64_t)s << 44 |
           (uint64_t)dpl << 45 | 1ul << 47 | (limit >> 16 & 0xf) << 48 | 1ul << 54 | 1ul << 55 |
           (base >> 24 & 0xff) << 56;
}

static bool load_fs(uint16_t selector)
{
    return TRY("movw %w[sel], %%fs", NO_OUTS, [sel] "r"(selector));
}

static uint64_t fs_word(void)
{
    uint64_t val;

    __asm__ volatile("movq %%fs:0, %[val]" : [val] "=r"(val));
    return val;
}

/*
 * The word at the base of a segment that can be loaded. Not kept loaded while lines are printed: Xen loads it
 * anew at every switch of vCPUs, and calls the failsafe handler where it can't, as with an LDT on some CPUs.
 */
static void segment_is(uint16_t selector, uint64_t want, const char *name)
{
    bool good = load_fs(selector);
    uint64_t word = good ? fs_word() : 0;

    if (good)
        load_fs(0);
    ok(good, "%s", name);
    is(word, want, "%s: its base", name);
}

static uint64_t read_msr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return lo | (uint64_t)hi << 32;
}

static uint64_t *gdt, *low_page;

static long set_gdt(const uint64_t *frames, unsigned entries)
{
    return hypercall(set_gdt, frames, entries);
}

static void gdt_set(void)
{
    uint64_t frames[2] = {0};

    gdt = page_alloc();
    low_page = page_alloc();
    low_page[0] = 0xfeed;
    map_user(LOW_VA, low_page, PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D);
    gdt[1] = descriptor(LOW_VA, 0xfffff, 3, 1, 0);
    gdt[2] = descriptor(LOW_VA, 0xfffff, 3, 1, 3);
    gdt[3] = descriptor(0, 0, 9, 0, 0); /* a TSS */
    remap(gdt, KERNEL_RO);
    frames[0] = mfn_of(gdt);
    is(set_gdt(frames, 3), -XEN_EINVAL, "set_gdt: a TSS in the page");
    remap(gdt, KERNEL_RW);
    gdt[3] = 0;
    remap(gdt, KERNEL_RO);
    is(set_gdt(frames, 3), 0, "set_gdt");
    segment_is(1 << 3, 0xfeed, "a data segment of the kernel's");
    ok(gdt[1] >> 45 & 3, "its DPL is no more 0");
    segment_is(2 << 3 | 3, 0xfeed, "a data segment of the user's");
    ok(!load_fs(5 << 3), "an empty descriptor");
    expect_trap(13, 5 << 3, "loading an empty descriptor");
    ok(!load_fs(513 << 3), "beyond the table");
    expect_trap(13, 513 << 3, "loading what is beyond");
    ok(load_fs(0), "null");
}

static void gdt_errors(void)
{
    uint64_t frames[16] = {0};

    frames[0] = 1ul << 40;
    is(set_gdt(frames, 3), -XEN_EINVAL, "set_gdt: no frame");
    frames[0] = 1;
    is(set_gdt(frames, 3), -XEN_EINVAL, "set_gdt: a frame not ours");
    is(set_gdt(frames, 14 * 512 + 1), -XEN_EINVAL, "set_gdt: too many");
    is(set_gdt((const uint64_t *)NOWHERE, 3), -XEN_EFAULT, "set_gdt: bad list");
    segment_is(2 << 3 | 3, 0xfeed, "the GDT is still the old one");
    frames[0] = mfn_of(gdt);
    is(set_gdt(frames, 0), 0, "set_gdt of nothing");
    ok(!load_fs(2 << 3 | 3), "no GDT");
    is(set_gdt(frames, 512), 0, "set_gdt again");
    segment_is(2 << 3 | 3, 0xfeed, "a GDT");
}

static long update(uint64_t *at, uint64_t desc)
{
    return hypercall(update_descriptor, maddr_of(at), desc);
}

static void descriptors(void)
{
    static const struct {
        unsigned type;
        const char *name;
    } system[] = {{0x1, "16-bit TSS"},     {0x2, "LDT"},      {0x9, "TSS"}, {0xb, "busy TSS"},
                  {0xe, "interrupt gate"}, {0xf, "trap gate"}};

    is(update(&gdt[10], descriptor(LOW_VA + 8, 0xfffff, 3, 1, 3)), 0, "update_descriptor");
    low_page[1] = 0xbeef;
    segment_is(10 << 3 | 3, 0xbeef, "loading it");
    is(update(&gdt[10], 0), 0, "update_descriptor: none");
    ok(!load_fs(10 << 3 | 3), "it is gone");
    is(update(&gdt[11], descriptor(0, 0xfffff, 3, 1, 0)), 0, "a kernel's data segment");
    ok(gdt[11] >> 45 & 3, "its DPL is raised");
    is(update(&gdt[11], descriptor(0, 0xfffff, 0xb, 1, 0)), 0, "a kernel's code segment");
    ok(gdt[11] >> 45 & 3, "its DPL is raised");
    for (unsigned i = 0; i < ARRAY_SIZE(system); i++)
        is(update(&gdt[12], descriptor(0, 0, system[i].type, 0, 3)), -XEN_EINVAL, "refused: %s",
           system[i].name);
    is(gdt[12], 0, "nothing was written");
    is(update(&gdt[12], descriptor(0, 0, 9, 0, 0) & ~(1ul << 47)), 0, "one that is not present");
    is(hypercall(update_descriptor, maddr_of(&gdt[12]) + 4, 0), -XEN_EINVAL, "not aligned");
    is(hypercall(update_descriptor, 1ul << 50, 0), -XEN_EINVAL, "no frame");
    is(hypercall(update_descriptor, 0x1008, 0), -XEN_EINVAL, "a frame not ours");
    is(hypercall(update_descriptor, root_mfn() << PAGE_SHIFT, 0), -XEN_EINVAL, "a page table");
    load_fs(0);
}

static void ldt(void)
{
    uint64_t *table = page_alloc();

    table[0] = descriptor(LOW_VA, 0xfffff, 3, 1, 3);
    table[1] = descriptor(LOW_VA + 8, 0xfffff, 3, 1, 3);
    remap(table, KERNEL_RO);
    ok(!load_fs(0 << 3 | 7), "no LDT at first");
    is(mmuext(MMUEXT_SET_LDT, (uint64_t)table, 2), 0, "SET_LDT");
    segment_is(0 << 3 | 7, 0xfeed, "its first entry");
    segment_is(1 << 3 | 7, 0xbeef, "its second entry");
    ok(!load_fs(2 << 3 | 7), "there is no third");
    expect_trap(13, 2 << 3 | 4, "loading it");
    is(update(&table[1], descriptor(LOW_VA, 0xfffff, 3, 1, 3)), 0, "update_descriptor in it");
    segment_is(1 << 3 | 7, 0xfeed, "loading it");
    is(mmuext(MMUEXT_SET_LDT, (uint64_t)table + 8, 2), -XEN_EINVAL, "SET_LDT: not aligned");
    is(mmuext(MMUEXT_SET_LDT, (uint64_t)table, 8193), -XEN_EINVAL, "SET_LDT: too many");
    is(mmuext(MMUEXT_SET_LDT, 0, 0), 0, "SET_LDT: none");
    ok(!load_fs(0 << 3 | 7), "no LDT");
    load_fs(0);
}

static void bases(void)
{
    uint64_t val;

    is(hypercall(set_segment_base, SEGBASE_FS, low_page), 0, "set_segment_base FS");
    is(fs_word(), 0xfeed, "FS: base");
    is(read_msr(MSR_FS_BASE), (uint64_t)low_page, "FS: MSR");
    is(hypercall(set_segment_base, SEGBASE_GS_KERNEL, low_page + 1), 0,
       "set_segment_base GS_KERNEL");
    __asm__ volatile("movq %%gs:0, %[val]" : [val] "=r"(val));
    is(val, 0xbeef, "GS_KERNEL: base");
    is(read_msr(MSR_GS_BASE), (uint64_t)(low_page + 1), "GS_KERNEL: MSR");
    is(hypercall(set_segment_base, SEGBASE_GS_USER, LOW_VA), 0, "set_segment_base GS_USER");
    is(read_msr(MSR_KERNEL_GS_BASE), LOW_VA, "GS_USER: MSR");
    __asm__ volatile("movq %%gs:0, %[val]" : [val] "=r"(val));
    is(val, 0xbeef, "GS_USER: not the kernel's");
    is(hypercall(set_segment_base, SEGBASE_GS_USER_SEL, 2 << 3 | 3), 0,
       "set_segment_base USER_SEL");
    is(read_msr(MSR_KERNEL_GS_BASE), LOW_VA, "USER_SEL: base by the descriptor");
    is(hypercall(set_segment_base, SEGBASE_GS_USER_SEL, 400 << 3 | 3), 0, "USER_SEL: a bad one");
    is(hypercall(set_segment_base, SEGBASE_GS_USER_SEL, 0), 0, "USER_SEL: null");
    is(read_msr(MSR_GS_BASE), (uint64_t)(low_page + 1), "USER_SEL: the kernel's is as before");
    is(hypercall(set_segment_base, SEGBASE_FS, 0x8000000000000000), -XEN_EINVAL,
       "FS: not canonical");
    is(hypercall(set_segment_base, SEGBASE_GS_USER, 1ul << 47), -XEN_EINVAL,
       "GS_USER: not canonical");
    is(hypercall(set_segment_base, SEGBASE_GS_KERNEL, 1ul << 62), -XEN_EINVAL,
       "GS_KERNEL: not canonical");
    is(hypercall(set_segment_base, 9, 0), -XEN_EINVAL, "set_segment_base: unknown");
    hypercall(set_segment_base, SEGBASE_FS, 0);
    hypercall(set_segment_base, SEGBASE_GS_KERNEL, 0);
}

void test_segments(void)
{
    gdt_set();
    gdt_errors();
    descriptors();
    ldt();
    bases();
}
