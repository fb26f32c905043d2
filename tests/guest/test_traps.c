/* set_trap_table and the frames of exceptions in the kernel. */
#include "trap.h"
#include "mem.h"

static void divide(void)
{
    unsigned long a = 1, d = 0;

    TRY("div" W " %[zero]", OUTS("+a"(a), "+d"(d)), [zero] "r"(0ul));
    expect_trap(0, 0, "#DE");
}

#ifdef __x86_64__
/* The frame: RCX and R11 as they were, RIP at the instruction (a fault), the stack, selectors. */
static void frame_contents(void)
{
    uint64_t sp, rcx = 0x1234567890abcdef, at;
    register uint64_t r11 __asm__("r11") = 0xfedcba0987654321;
    const struct seen *s = &seen[0];

    TRY("movq %%rsp, %[sp]; leaq 9f(%%rip), %[at]; 9: ud2",
        OUTS([sp] "=&r"(sp), [at] "=&r"(at), "+c"(rcx), "+r"(r11)), "m"(*s));
    expect_trap(6, 0, "#UD");
    is(s->regs.rcx, 0x1234567890abcdef, "#UD: rcx in the frame");
    is(s->regs.r11, 0xfedcba0987654321, "#UD: r11 in the frame");
    is(rcx, 0x1234567890abcdef, "rcx after iret");
    is(s->regs.rip, at, "#UD: rip at the instruction");
    is(s->regs.rsp, sp, "#UD: rsp");
    is(s->regs.cs & 0xffff, FLAT_KERNEL_CS64 & ~3, "#UD: cs is shown as Xen's, RPL 0");
    is(s->regs.ss & 0xfffc, FLAT_KERNEL_SS64 & ~3, "#UD: ss is shown as Xen's");
    is(s->regs.rflags >> 12 & 3, 0, "#UD: IOPL 0");
}

#else
/* A frame within the kernel has no stack pointer. */
static void frame_contents(void)
{
    unsigned long at, ecx = 0x12345678;
    const struct seen *s = &seen[0];

    TRY("movl $9f, %[at]; 9: ud2", OUTS([at] "=&r"(at), "+c"(ecx)), "m"(*s));
    expect_trap(6, 0, "#UD");
    is(s->regs.rcx, 0x12345678, "#UD: ecx");
    is(ecx, 0x12345678, "ecx after iret");
    is(s->regs.rip, at, "#UD: eip at the instruction");
    is(s->regs.cs & 0xffff, FLAT_KERNEL_CS & ~3, "#UD: cs is shown with RPL 0");
    is(s->regs.rflags >> 12 & 3, 0, "#UD: IOPL 0");
}
#endif

/* IF in the frame and the saved mask follow the upcall mask; TI_SET_IF sets it in the handler. */
static void masks(void)
{
    static trap_info_t table[2] = {{.vector = 6, .cs = FLAT_KERNEL_CS}};
    const struct seen *s = &seen[0];

    for (unsigned mask = 0; mask < 2; mask++) {
        vcpu_info()->evtchn_upcall_mask = (uint8_t)mask;
        TRY("ud2", NO_OUTS, "m"(*s));
        is(s->regs.rflags >> 9 & 1, !mask, "mask %u: IF in the frame", mask);
        is(FRAME_MASK(s->regs.cs), mask, "mask %u: saved_upcall_mask in the frame", mask);
        is(s->mask, mask, "mask %u: unchanged in the handler", mask);
        is(vcpu_info()->evtchn_upcall_mask, mask, "mask %u: restored by iret", mask);
    }
    vcpu_info()->evtchn_upcall_mask = 0;
    table[0].flags = 4; /* TI_SET_IF */
    table[0].address = stub(6);
    is(hypercall(set_trap_table, table), 0, "set_trap_table");
    TRY("ud2", NO_OUTS, "m"(*s));
    is(s->mask, 1, "TI_SET_IF masks events in the handler");
    is(vcpu_info()->evtchn_upcall_mask, 0, "TI_SET_IF: iret unmasks");
    vcpu_info()->evtchn_upcall_mask = 1;
    traps_register();
}

static void breakpoint(void)
{
    unsigned long at;
    const struct seen *s = &seen[0];

    TRY("mov" W " $9f, %[at]; int3; 9: nop", OUTS([at] "=&r"(at)), "m"(*s));
    expect_trap(3, 0, "#BP");
    is(s->regs.rip, at, "#BP: rip behind the instruction (a trap)");
    TRY("mov" W " $9f, %[at]; int $0x80; 9: nop", OUTS([at] "=&r"(at)), "m"(*s));
    expect_trap(0x80, 0, "int 0x80");
    is(s->regs.rip, at, "int 0x80: rip behind the instruction");
    TRY("int $0x81", NO_OUTS, "m"(*s));
    is(s->regs.vector, 13, "int 0x81 without a gate");
    is_or(s->regs.error, NO_GATE(0x81), NO_GATE_TCG(0x81), NO_GATE_WHY, "int 0x81: error code");
}

static void protection(void)
{
#ifdef __x86_64__
    try_read(0x8000000000000000);
    expect_trap(13, 0, "#GP of a non-canonical address");
#endif
    TRY("mov %w[sel], %%es", NO_OUTS, [sel] "r"(0x1230));
    expect_trap(13, 0x1230, "#GP of a bad selector");
}

static void page_faults(void)
{
    unsigned long *page = page_alloc(), nowhere = NOWHERE;
    const struct seen *s = &seen[0];

    try_read(nowhere + 8);
    expect_trap(14, 0, "#PF read");
    is(s->cr2, nowhere + 8, "#PF read: cr2");
    try_write(nowhere + 16);
    expect_trap(14, 2, "#PF write");
    is(s->cr2, nowhere + 16, "#PF write: cr2");
    remap(page, KERNEL_RO);
    try_write((unsigned long)(page + 1));
    expect_trap(14, 3, "#PF write to a read-only page");
    is(s->cr2, (unsigned long)(page + 1), "#PF write to a read-only page: cr2");
    ok(try_read((unsigned long)page), "reading it is allowed");
    remap(page, 0);
    try_read((unsigned long)page);
    expect_trap(14, 0, "#PF of a page made not present");
    remap(page, KERNEL_RW | PTE_NX);
    TRY("jmp *%[p]", NO_OUTS, [p] "r"(page));
    expect_trap(14, 0x11, "#PF of executing an NX page");
    is(s->cr2, (unsigned long)page, "#PF of executing an NX page: cr2");
    page[0] = 1;
    is(page[0], 1, "writable again");
}

static void table_errors(void)
{
    is(hypercall(set_trap_table, NOWHERE), -XEN_EFAULT, "set_trap_table, bad pointer");
}

void test_traps(void)
{
    vcpu_info()->evtchn_upcall_mask = 1;
    divide();
    frame_contents();
    breakpoint();
    masks();
    protection();
    page_faults();
    table_errors();
}
