/* User mode: system calls, exceptions, events, and the ways back by HYPERVISOR_iret. */
#include "event.h"
#include "mem.h"
#include "user.h"

static const struct regs *const regs = &seen[0].regs;

static void came_from_user(unsigned vector, uint64_t error, const char *name)
{
    expect_trap(vector, error, name);
    is(regs->cs & 0xffff, FLAT_USER_CS64, "%s: cs", name);
    is(regs->ss & 0xffff, FLAT_USER_SS64, "%s: ss", name);
    is(regs->rflags & RFLAGS_IF, RFLAGS_IF, "%s: IF", name);
    is(FRAME_MASK(regs->cs), 0, "%s: saved mask", name);
    is((seen[0].frame + sizeof(struct regs)) & 15, 0, "%s: the frame is aligned", name);
    ok(seen[0].frame < ENTRY_STACK && seen[0].frame >= ENTRY_STACK - 1024,
       "%s: on the stack of stack_switch", name);
}

static void syscalls(void)
{
    user_run(user_syscall, 0x42);
    came_from_user(VECTOR_SYSCALL, 0, "syscall");
    is(regs->rcx, regs->rip, "syscall: rcx is the return address");
    is(regs->r11 & ~0x10000ul, regs->rflags & ~0x10000ul, "syscall: r11 is rflags");
    is(regs->rdi, 0x42, "syscall: rdi");
    is(regs->rax, 0x1001, "syscall: rax");
    is(regs->rbx, 0x1002, "syscall: rbx");
    is(regs->rdx, 0x1003, "syscall: rdx");
    is(regs->rsi, 0x1004, "syscall: rsi");
    is(regs->r10, 0x1005, "syscall: r10");
    is(regs->r15, 0x1006, "syscall: r15");
    is(regs->rsp, USER_STACK, "syscall: rsp");
    is(seen[0].mask, 1, "syscall: events are held back, as the callback wants");
}

/* Both ways of iret: registers from the frame, or as SYSRET leaves them. */
static void returns(void)
{
    struct user_entry e = {.rip = USER_AT(user_int80),
                           .rsp = USER_STACK,
                           .rflags = RFLAGS_IF | 2,
                           .cs = FLAT_USER_CS64,
                           .ss = FLAT_USER_SS64,
                           .rdi = 1,
                           .rcx = 0x2222,
                           .r11 = 0x3333};

    user_enter(&e);
    came_from_user(0x80, 0, "iret, int 0x80");
    is(regs->rcx, 0x2222, "iret: rcx from the frame");
    is(regs->r11, 0x3333, "iret: r11 from the frame");
    is(regs->rip, e.rip + 2, "iret, int 0x80: rip");
    e.flags = VGCF_in_syscall;
    user_enter(&e);
    came_from_user(0x80, 0, "iret in a system call");
    is(regs->rcx, e.rip, "in a system call: rcx is rip");
    is(regs->r11, e.rflags, "in a system call: r11 is rflags");
    e.flags = 0;
    e.rcx = e.rip;
    e.r11 = e.rflags;
    user_enter(&e);
    came_from_user(0x80, 0, "iret with what SYSRET would leave");
    is(regs->rcx, e.rip, "rcx");
    e.rflags = RFLAGS_IF | 2 | 0x3000 | 0x4000;
    user_enter(&e);
    is(regs->rflags >> 12 & 3, 0, "IOPL does not reach user mode");
    is_or(regs->rflags >> 14 & 1, 0, 1, "Xen lets NT through", "nor does NT");
    e.rflags = RFLAGS_IF | 2 | 0xcd5;
    user_enter(&e);
    is(regs->rflags & 0xcd5, 0xcd5, "the flags of arithmetic and DF do");
}

/* Selectors of the guest's own, with the numbers that Linux gives them: the ways that are taken
 * most. */
static void own_selectors(void)
{
    uint64_t *gdt = page_alloc(), frame;
    unsigned port = port_ipi(0);
    struct user_entry e = {.rip = USER_AT(user_int80),
                           .rsp = USER_STACK,
                           .rflags = RFLAGS_IF | 2,
                           .cs = 0x33,
                           .ss = 0x2b,
                           .rcx = 0x2222,
                           .r11 = 0x3333};

    gdt[5] = 0x00cff3000000ffff; /* flat data, DPL 3 */
    gdt[6] = 0x00affb000000ffff; /* flat 64-bit code, DPL 3 */
    remap(gdt, KERNEL_RO);
    frame = mfn_of(gdt);
    is(hypercall(set_gdt, &frame, 512), 0, "set_gdt");
    for (unsigned i = 0; i < 4; i++) {
        e.flags = i == 1 ? VGCF_in_syscall : 0;
        e.rcx = i == 2 ? e.rip : 0x2222;
        e.r11 = i == 2 ? e.rflags : 0x3333;
        if (i == 3)
            port_send(port);
        user_enter(&e);
        expect_trap(0x80, 0, "own selectors");
        const char *why = "Xen goes back by SYSRET, which loads its selectors";
        is_or(regs->cs & 0xffff, 0x33, i == 1 ? FLAT_USER_CS64 : 0x33, why, "own selectors: cs");
        is_or(regs->ss & 0xffff, 0x2b, i == 1 ? FLAT_USER_SS64 : 0x2b, why, "own selectors: ss");
        is(regs->rcx, i == 1 ? e.rip : e.rcx, "own selectors: rcx (%u)", i);
        is(regs->r11, i == 1 ? e.rflags : e.r11, "own selectors: r11 (%u)", i);
        is(regs->rsp, e.rsp, "own selectors: rsp (%u)", i);
    }
    is(port_count[port], 1, "own selectors: a pending event is delivered on the way");
    port_close(port);
    e.rip = USER_AT(user_syscall);
    user_enter(&e);
    came_from_user(VECTOR_SYSCALL, 0, "own selectors, syscall");
    e.rip = 0x8000000000000000;
    e.flags = VGCF_in_syscall;
    user_enter(&e);
    expect_trap(13, 0, "own selectors: a bad rip");
    hypercall(set_gdt, &frame, 0);
}

static void exceptions(void)
{
    user_run(user_int3, 0);
    came_from_user(3, 0, "user #BP");
    user_run(user_ud2, 0);
    came_from_user(6, 0, "user #UD");
    is(regs->rip, USER_AT(user_ud2), "user #UD: rip");
    user_run(user_divide, 0);
    came_from_user(0, 0, "user #DE");
    user_run(user_int81, 0);
    came_from_user(13, regs->error, "user int 0x81");
    is_or(regs->error, NO_GATE(0x81), NO_GATE_TCG(0x81), NO_GATE_WHY, "user int 0x81: error code");
    user_run(user_hlt, 0);
    came_from_user(13, 0, "user hlt");
    user_run(user_cli, 0);
    came_from_user(13, 0, "user cli");
    user_run(user_out, 0);
    came_from_user(13, 0, "user out");
    user_run(user_jump, 0x8000000000000000);
    came_from_user(13, 0, "user jump nowhere");
}

static void page_faults(void)
{
    user_data[0] = 0x5eed;
    user_run(user_read, USER_DATA);
    came_from_user(VECTOR_SYSCALL, 0, "user read");
    is(regs->rax, 0x5eed, "user read: the value");
    user_run(user_read, 0x123000);
    came_from_user(14, 4, "user read of nothing");
    is(seen[0].cr2, 0x123000, "user read of nothing: cr2");
    user_run(user_write, 0x123008);
    came_from_user(14, 6, "user write to nothing");
    user_run(user_write, USER_CODE);
    came_from_user(14, 7, "user write to its code");
    is(seen[0].cr2, USER_CODE, "user write to its code: cr2");
    user_run(user_jump, USER_DATA);
    came_from_user(14, 0x15, "user jump to its data");
    /* present or not is for the hypervisor to say: its user tables may lack the kernel's part */
    user_run(user_read, (uint64_t)user_data);
    is(regs->vector, 14, "user read of the kernel's memory");
    is(regs->error & ~1ul, 4, "user read of the kernel's memory: error code");
    is(seen[0].cr2, (uint64_t)user_data, "user read of the kernel's memory: cr2");
    user_run(user_read, (uint64_t)M2P);
    is(regs->vector, 14, "user read of the M2P");
    user_run(user_read, 0xffff830000000000);
    is(regs->vector, 14, "user read of the hypervisor's memory");
    user_run(user_write, 0xffff830000000000);
    is(regs->vector, 14, "user write to the hypervisor's memory");
}

static void single_step(void)
{
    struct user_entry e = {.rip = USER_AT(user_nops),
                           .rsp = USER_STACK,
                           .rflags = RFLAGS_IF | RFLAGS_TF | 2,
                           .cs = FLAT_USER_CS64,
                           .ss = FLAT_USER_SS64};

    user_enter(&e);
    came_from_user(1, 0, "single step");
    is(regs->rip, e.rip + 1, "single step: one instruction");
}

static void code32(void)
{
    struct user_entry e = {.rip = USER_AT(user_int80_32),
                           .rsp = USER_STACK,
                           .rflags = RFLAGS_IF | 2,
                           .cs = FLAT_USER_CS32,
                           .ss = FLAT_USER_SS32};

    user_enter(&e);
    expect_trap(0x80, 0, "32-bit int 0x80");
    is(regs->cs & 0xffff, FLAT_USER_CS32, "32-bit int 0x80: cs");
    is(regs->rax, 0x3001, "32-bit int 0x80: eax");
    is(regs->rip, e.rip + 7, "32-bit int 0x80: rip");
}

static void fpu(void)
{
    is(hypercall(fpu_taskswitch, 1), 0, "fpu_taskswitch 1");
    user_run(user_fpu, 0);
    came_from_user(7, 0, "user #NM");
    user_run(user_fpu, 0);
    came_from_user(VECTOR_SYSCALL, 0, "the handler is entered with TS clear");
    hypercall(fpu_taskswitch, 1);
    ok(!TRY("fnop", NO_OUTS, "m"(seen[0])), "the kernel's own use of the FPU");
    expect_trap(7, 0, "kernel #NM");
    hypercall(fpu_taskswitch, 1);
    is(hypercall(fpu_taskswitch, 0), 0, "fpu_taskswitch 0");
    ok(TRY("fnop", NO_OUTS, "m"(seen[0])), "no #NM");
}

static void stacks_switched(void)
{
    uint8_t *stack = page_alloc();

    is(hypercall(stack_switch, FLAT_KERNEL_SS64, stack + PAGE_SIZE - 8), 0, "stack_switch");
    user_run(user_int80, 0);
    expect_trap(0x80, 0, "on another stack");
    is(seen[0].frame & ~(PAGE_SIZE - 1), (uint64_t)stack, "the frame is there");
    is((seen[0].frame + sizeof(struct regs)) & 15, 0, "aligned");
    user_run(user_syscall, 0);
    is(seen[0].frame & ~(PAGE_SIZE - 1), (uint64_t)stack, "that of a system call too");
    hypercall(stack_switch, FLAT_KERNEL_SS64, ENTRY_STACK);
}

static unsigned timer_port;

static void let_go(unsigned port)
{
    if (port == timer_port)
        user_data[1] = 1;
}

/* The timer comes while user mode spins, and again and again: registers survive. */
static void interrupted(void)
{
    timer_port = port_virq(VIRQ_TIMER, 0);
    event_hook = let_go;
    for (unsigned i = 0; i < 20; i++) {
        user_data[1] = 0;
        port_count[timer_port] = 0;
        set_timer(now() + MS / 2 + i * 1000);
        user_run(user_spin, USER_DATA + 8);
        if (seen[0].count != 1 || regs->vector != 0x80 || regs->rax != 0x2001 ||
            regs->rcx != 0x2002 || regs->r11 != 0x2003 || regs->r9 != 0x2004 ||
            port_count[timer_port] != 1)
            break;
        if (i == 19)
            came_from_user(0x80, 0, "after 20 interruptions");
    }
    is(regs->vector, 0x80, "vector");
    is(regs->rax, 0x2001, "rax");
    is(regs->rcx, 0x2002, "rcx");
    is(regs->r11, 0x2003, "r11");
    is(regs->r9, 0x2004, "r9");
    is(port_count[timer_port], 1, "one event");
    event_hook = NULL;
    port_close(timer_port);
}

/* An event that is pending when user mode is entered comes first. */
static void pending_on_entry(void)
{
    unsigned port = port_ipi(0);

    port_send(port);
    user_run(user_int80, 7);
    came_from_user(0x80, 0, "with an event pending");
    is(port_count[port], 1, "the event was delivered");
    is(regs->rdi, 7, "and user mode ran");
    port_close(port);
}

static void bases(void)
{
    user_data[2] = 0xaaaa;
    user_data[3] = 0xbbbb;
    hypercall(set_segment_base, SEGBASE_GS_USER, USER_DATA + 16);
    hypercall(set_segment_base, SEGBASE_FS, USER_DATA + 24);
    hypercall(set_segment_base, SEGBASE_GS_KERNEL, user_data);
    user_data[0] = 0xcccc;
    user_run(user_gs, 0);
    came_from_user(VECTOR_SYSCALL, 0, "user gs and fs");
    is(regs->rax, 0xaaaa, "user gs");
    is(regs->rbx, 0xbbbb, "user fs");
    uint64_t val;
    __asm__ volatile("movq %%gs:0, %[val]" : [val] "=r"(val));
    is(val, 0xcccc, "and the kernel has its own gs");
    hypercall(set_segment_base, SEGBASE_GS_KERNEL, 0);
    hypercall(set_segment_base, SEGBASE_FS, 0);
}

/* An iret that the CPU refuses is a #GP at where it should have gone. */
static void bad_frames(void)
{
    struct user_entry e = {.rip = USER_AT(user_int80),
                           .rsp = USER_STACK,
                           .rflags = RFLAGS_IF | 2,
                           .cs = 0x1003,
                           .ss = FLAT_USER_SS64};

    user_enter(&e);
    expect_trap(13, 0x1000, "iret: a bad cs");
    is(regs->rip, e.rip, "iret: a bad cs: rip");
    e.cs = FLAT_USER_CS64;
    e.ss = 0x1003;
    user_enter(&e);
    expect_trap(13, 0x1000, "iret: a bad ss");
    e.ss = FLAT_USER_SS64;
    e.rip = 0x8000000000000000;
    user_enter(&e);
    expect_trap(13, 0, "iret: a bad rip");
    is(regs->rip, e.rip, "iret: a bad rip: rip");
    user_run(user_int80, 0);
    came_from_user(0x80, 0, "user mode works after that");
}

void test_user(void)
{
    user_init();
    events_off();
    syscalls();
    returns();
    own_selectors();
    exceptions();
    page_faults();
    single_step();
    code32();
    fpu();
    stacks_switched();
    interrupted();
    pending_on_entry();
    bases();
    bad_frames();
}
