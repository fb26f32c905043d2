/* Instructions of ring 0 that a PV kernel executes all the same: their effects are emulated. */
#include "event.h"
#include "mem.h"
#include "user.h"

#include <xen/arch-x86/cpuid.h>
#include <xen/physdev.h>

#define CR0_PE 0x1ul
#define CR0_TS 0x8ul
#define CR0_PG (1ul << 31)

struct cpuid {
    uint32_t a, b, c, d;
};

static struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

static struct cpuid xen_cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;

    __asm__ volatile(XEN_CPUID : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

static void cpuids(void)
{
    struct cpuid r = xen_cpuid(0x40000000, 0), plain = cpuid(0, 0);

    is(r.b, XEN_CPUID_SIGNATURE_EBX, "Xen's leaf: ebx");
    is(r.c, XEN_CPUID_SIGNATURE_ECX, "Xen's leaf: ecx");
    is(r.d, XEN_CPUID_SIGNATURE_EDX, "Xen's leaf: edx");
    ok(r.a >= 0x40000002, "Xen's leaf: the last one");
    is(xen_cpuid(0x40000001, 0).a, hypercall(xen_version, XENVER_version), "the version's leaf");
    is(xen_cpuid(0x40000002, 0).a, 1, "a page of hypercalls");
    /* what is above 44 has Linux take grants of version 2 */
    long last = hypercall(memory_op, XENMEM_maximum_ram_page, NULL) - 1;
    is(xen_cpuid(0x40000005, 0).b & 0xff, 12 + 64 - __builtin_clzll((uint64_t)last), "the width of machine addresses");
    is(xen_cpuid(0x40000005, 1).b, 0, "that leaf has no second part");
    r = xen_cpuid(0, 0);
    ok(r.b == plain.b && r.c == plain.c && r.d == plain.d, "the vendor, with prefix and without");
    r = xen_cpuid(1, 0);
    ok(r.c >> 31, "leaf 1: a hypervisor");
    is(r.c >> 5 & 3, 0, "leaf 1: no VMX, no SMX");
    is(r.d >> 13 & 1, 0, "leaf 1: no global pages");
    ok(r.d >> 4 & 1, "leaf 1: a TSC");
    is(xen_cpuid(7, 0).b >> 7 & 1, 0, "leaf 7: no SMEP");
    is(xen_cpuid(7, 0).b >> 20 & 1, 0, "leaf 7: no SMAP");
    is(xen_cpuid(0x80000001, 0).c >> 2 & 1, 0, "leaf 0x80000001: no SVM");
    ok(xen_cpuid(0x80000001, 0).d >> 29 & 1, "leaf 0x80000001: 64 bits");
}

static bool rdmsr(uint32_t msr, uint64_t *ret)
{
    uint32_t lo = 0, hi = 0;
    bool good = TRY("rdmsr", OUTS("=a"(lo), "=d"(hi)), "c"(msr));

    *ret = lo | (uint64_t)hi << 32;
    return good;
}

static bool wrmsr(uint32_t msr, uint64_t val)
{
    return TRY("wrmsr", NO_OUTS, "c"(msr), "a"((uint32_t)val), "d"((uint32_t)(val >> 32)));
}

static void msrs(void)
{
    uint64_t val, *page = page_alloc();

    ok(rdmsr(0xc0000080, &val), "rdmsr EFER");
    ok((val & 0xd01) == 0xd01, "EFER: system calls, long mode, NX");
    ok(wrmsr(0xc0000100, (uint64_t)page), "wrmsr FS_BASE");
    page[0] = 0x1f5;
    __asm__ volatile("movq %%fs:0, %[val]" : [val] "=r"(val));
    is(val, 0x1f5, "FS: base");
    ok(rdmsr(0xc0000100, &val), "rdmsr FS_BASE");
    is(val, (uint64_t)page, "FS_BASE");
    ok(!wrmsr(0xc0000100, 0x8000000000000000), "wrmsr FS_BASE, not canonical");
    expect_trap(13, 0, "wrmsr FS_BASE, not canonical");
    wrmsr(0xc0000100, 0);
    ok(rdmsr(0x10, &val), "rdmsr TSC");
    ok(rdtsc() - val < 1ul << 36, "TSC: now");
    ok(rdmsr(0x277, &val), "rdmsr PAT");
    is(val, 0x0000050100070406, "PAT: Xen's");
    ok(!rdmsr(0xdead0000, &val), "rdmsr of no MSR");
    expect_trap(13, 0, "rdmsr of no MSR");
    ok(!wrmsr(0xdead0000, 0), "wrmsr of no MSR");
    expect_trap(13, 0, "wrmsr of no MSR");
    ok(!wrmsr(0xc0000082, 0), "wrmsr of LSTAR");
    expect_trap(13, 0, "wrmsr of LSTAR");
}

static uint64_t read_cr0(void)
{
    uint64_t val;

    __asm__ volatile("movq %%cr0, %[val]" : [val] "=r"(val));
    return val;
}

static void control_registers(void)
{
    uint64_t val, cr0 = read_cr0();

    is(cr0 & (CR0_PE | CR0_PG | CR0_TS), CR0_PE | CR0_PG, "cr0: protected mode, paging");
    ok(TRY("movq %[v], %%cr0", NO_OUTS, [v] "r"(cr0 | CR0_TS)), "TS set in cr0");
    is(read_cr0() & CR0_TS, CR0_TS, "it reads so");
    ok(!TRY("fnop", NO_OUTS, "m"(seen[0])), "an FPU instruction");
    expect_trap(7, 0, "TS");
    TRY("movq %[v], %%cr0", NO_OUTS, [v] "r"(cr0 | CR0_TS));
    ok(TRY("clts", NO_OUTS, "m"(seen[0])), "clts");
    is(read_cr0() & CR0_TS, 0, "it reads so");
    ok(TRY("fnop", NO_OUTS, "m"(seen[0])), "an FPU instruction after it");
    ok(!TRY("movq %[v], %%cr0", NO_OUTS, [v] "r"(cr0 & ~CR0_PG)), "paging off");
    expect_trap(13, 0, "paging off");
    __asm__ volatile("movq %%cr3, %[val]" : [val] "=r"(val));
    is(val >> PAGE_SHIFT, root_mfn(), "cr3");
    ok(TRY("movq %[v], %%cr3", NO_OUTS, [v] "r"(val)), "cr3 written");
    ok(!TRY("movq %[v], %%cr3", NO_OUTS, [v] "r"(1ul << 50)), "cr3: no frame");
    expect_trap(13, 0, "cr3: no frame");
    ok(TRY("movq %%cr4, %[val]", OUTS([val] "=r"(val)), "m"(seen[0])), "cr4");
    ok(val >> 5 & 1, "cr4: PAE");
    ok(TRY("movq %[v], %%cr4", NO_OUTS, [v] "r"(val)), "cr4 written as it is");
    try_read(0x7000dead008);
    __asm__ volatile("movq %%cr2, %[val]" : [val] "=r"(val));
    is(val, 0x7000dead008, "cr2 after a page fault");
    ok(TRY("movq %[v], %%cr2", NO_OUTS, [v] "r"(5ul)), "cr2 written");
    __asm__ volatile("movq %%cr2, %[val]" : [val] "=r"(val));
    is(val, 5, "cr2");
    is(vcpu_info()->arch.cr2, 5, "cr2 in vcpu_info");
}

static void debug_registers(void)
{
    static uint64_t watched __attribute__((aligned(8)));
    uint64_t val;

    ok(TRY("movq %[v], %%dr0", NO_OUTS, [v] "r"(&watched)), "dr0");
    __asm__ volatile("movq %%dr0, %[val]" : [val] "=r"(val));
    is(val, (uint64_t)&watched, "dr0 read back");
    is(hypercall(get_debugreg, 0), (uint64_t)&watched, "get_debugreg");
    ok(TRY("movq %[v], %%dr7", NO_OUTS, [v] "r"(0x90402ul)), "dr7: writes of 8 bytes");
    TRY("movq $1, %[w]; nop", OUTS([w] "=m"(watched)), "m"(seen[0]));
    expect_trap(1, 0, "a watched write");
    is(watched, 1, "it was done");
    __asm__ volatile("movq %%dr6, %[val]" : [val] "=r"(val));
    is(val & 15, 1, "dr6: the first");
    is(hypercall(set_debugreg, 7, 0), 0, "set_debugreg 7");
    is(hypercall(set_debugreg, 6, 0), 0, "set_debugreg 6");
    watched = 2;
    is(watched, 2, "no more watched");
    is(hypercall(set_debugreg, 1, 0x1234), 0, "set_debugreg 1");
    is(hypercall(get_debugreg, 1), 0x1234, "get_debugreg 1");
    is(hypercall(set_debugreg, 1, 0xffff830000000000), -XEN_EPERM, "in the hypervisor's area");
    is(hypercall(set_debugreg, 7, 0x2000), -XEN_EPERM, "general detection");
    is(hypercall(set_debugreg, 8, 0), -XEN_ENODEV, "set_debugreg 8");
    is(hypercall(get_debugreg, 99), -XEN_ENODEV, "get_debugreg 99");
    ok(!TRY("movq %[v], %%dr0", NO_OUTS, [v] "r"(0xffff830000000000)),
       "dr0 in the hypervisor's area");
    expect_trap(13, 0, "dr0 in the hypervisor's area");
    hypercall(set_debugreg, 0, 0);
}

static void ports(void)
{
    struct physdev_set_iopl iopl = {.iopl = 1};
    uint8_t byte = 0;
    uint16_t word = 0;
    uint32_t dword = 0;

    ok(!TRY("inb $0x80, %%al", OUTS("=a"(byte)), "m"(seen[0])), "in without the IOPL");
    expect_trap(13, 0, "in without the IOPL");
    ok(!TRY("outb %%al, $0x80", NO_OUTS, "a"(0)), "out without the IOPL");
    is(hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl), 0, "set_iopl 1");
    ok(TRY("inb $0x80, %%al", OUTS("=a"(byte)), "m"(seen[0])), "inb");
    is(byte, 0xff, "inb: nothing there");
    ok(TRY("inb $0x42, %%al", OUTS("=a"(byte)), "m"(seen[0])), "inb from the timer");
    if (!real_xen) /* which has a timer */
        is(byte, 0, "the timer's counter is at its end");
    ok(TRY("inw %%dx, %%ax", OUTS("=a"(word)), "d"(0xcf8)), "inw");
    is(word, 0xffff, "inw: nothing there");
    ok(TRY("inl %%dx, %%eax", OUTS("=a"(dword)), "d"(0xcf8)), "inl");
    is_or(dword, 0xffffffff, 0, "a port of CONFIG_ADDRESS that is nobody's reads 0 on Xen", "inl: nothing there");
    ok(TRY("outb %%al, $0xe4", NO_OUTS, "a"(0)), "outb");
    ok(TRY("outl %%eax, %%dx", NO_OUTS, "a"(0), "d"(0xe0)), "outl");
    ok(TRY("cli; sti", NO_OUTS, "m"(seen[0])), "cli and sti");
    TRY("ud2", NO_OUTS, "m"(seen[0]));
    is_or(seen[0].regs.rflags >> 12 & 3, 1, 0, "on Xen only with VMASST_TYPE_architectural_iopl",
          "the IOPL is shown in a frame");
    iopl.iopl = 0;
    is(hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl), 0, "set_iopl 0");
}

static void extended_state(void)
{
    uint32_t lo, hi;

    if (!(xen_cpuid(1, 0).c >> 27 & 1)) {
        skip_rest("xgetbv and xsetbv", "the CPU has no XSAVE");
        return;
    }
    ok(TRY("xgetbv", OUTS("=a"(lo), "=d"(hi)), "c"(0)), "xgetbv");
    is(lo & 1, 1, "xcr0: x87");
    ok(TRY("xsetbv", NO_OUTS, "c"(0), "a"(lo), "d"(hi)), "xsetbv");
    ok(!TRY("xsetbv", NO_OUTS, "c"(0), "a"(0), "d"(0)), "xsetbv without x87");
    expect_trap(13, 0, "xsetbv without x87");
}

/* Xen has no HLT for PV kernels, which have SCHEDOP_block; emu takes it for that. */
static void halt(void)
{
    static const char name[] = "hlt sleeps until an event";
    uint64_t end = now() + 2 * MS;
    unsigned timer = port_virq(VIRQ_TIMER, 0);

    set_timer(end);
    if (real_xen && !TRY("hlt", NO_OUTS, "m"(seen[0]))) {
        expect_trap(13, 0, "hlt");
        skip_rest(name, "Xen has none for PV kernels");
    } else {
        while (!port_count[timer]) {
            __asm__ volatile("hlt" ::: "memory");
            events_off();
        }
        ok(now() >= end, name);
    }
    set_timer(0);
    port_close(timer);
}

static void others(void)
{
    uint64_t val = rdtsc();
    uint32_t lo, hi, aux;

    ok(TRY("wbinvd", NO_OUTS, "m"(seen[0])), "wbinvd");
    ok(rdtsc() > val, "rdtsc");
    if (cpuid(0x80000001, 0).d >> 27 & 1)
        ok(TRY("rdtscp", OUTS("=a"(lo), "=d"(hi), "=c"(aux)), "m"(seen[0])), "rdtscp");
    else
        skip_rest("rdtscp", "the CPU has none");
    extended_state();
    halt();
}

/* The kernel's own IRET, with the selectors that it was told are its own. */
static void own_iret(void)
{
    uint64_t sp, to = 0;

    __asm__ volatile("movq %%rsp, %[sp]\n\t"
                     "pushq %[ss]\n\t"
                     "pushq %[sp]\n\t"
                     "pushfq\n\t"
                     "pushq %[cs]\n\t"
                     "pushq $1f\n\t"
                     "iretq\n"
                     "1:\tmovq %%rsp, %[to]"
                     : [sp] "=&r"(sp), [to] "=r"(to)
                     : [ss] "i"(FLAT_KERNEL_SS64), [cs] "i"(FLAT_KERNEL_CS64)
                     : "memory", "cc");
    is(to, sp, "an iret of the kernel's own");
    is(hypercall(xen_version, XENVER_version) >> 16, 4, "and hypercalls work");
    TRY("ud2", NO_OUTS, "m"(seen[0]));
    expect_trap(6, 0, "and exceptions, after an iret of the kernel's own");
    is(seen[0].regs.cs & 3, 0, "which come from the kernel");
}

static void from_user(void)
{
    user_init();
    user_run(user_cpuid, 0x40000000);
    expect_trap(VECTOR_SYSCALL, 0, "user mode may ask for Xen's leaves");
    is(seen[0].regs.rbx, XEN_CPUID_SIGNATURE_EBX, "the signature");
    user_run(user_rdmsr, 0xc0000100);
    expect_trap(13, 0, "user mode has no MSRs");
    user_run(user_cr, 0);
    expect_trap(13, 0, "user mode has no control registers");
    user_run(user_wbinvd, 0);
    expect_trap(13, 0, "user mode has no wbinvd");
}

void test_priv(void)
{
    events_off();
    cpuids();
    msrs();
    control_registers();
    debug_registers();
    ports();
    others();
    own_iret();
    from_user();
}
