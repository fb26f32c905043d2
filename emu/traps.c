/* Exceptions and interrupts: to emu's own code, to the emulator of privileged instructions, or to the
 * guest; and what is due before the guest goes on. */
#include "emu/emu.h"

#include <stdarg.h>

#define OP_INT3  0xcc
#define OP_INT_N 0xcd

struct idt_gate {
    uint16_t off0, sel;
    uint8_t ist, type;
    uint16_t off1;
    uint32_t off2, reserved;
};

struct extable {
    int32_t at, to; /* relative to themselves */
};
extern const struct extable __extable_start[], __extable_end[];

/* One table serves all vCPUs: the ISTs are in each one's TSS. */
static struct idt_gate idt[256] __attribute__((aligned(16)));

static void set_gate(unsigned n, unsigned dpl, unsigned ist)
{
    uint64_t addr = (uint64_t)trap_stubs + n * 16;

    idt[n] = (struct idt_gate){.off0 = (uint16_t)addr, .sel = SEL_RING0_CS, .ist = (uint8_t)ist,
                               .type = (uint8_t)(0x8e | dpl << 5), .off1 = (uint16_t)(addr >> 16),
                               .off2 = (uint32_t)(addr >> 32)};
}

void traps_init(struct vcpu *v)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr = {sizeof(idt) - 1, (uint64_t)idt};

    if (v->id == 0) {
        for (unsigned n = 0; n < 256; n++)
            set_gate(n, n == TRAP_BP || n == TRAP_OF ? 3 : 0, 0);
        set_gate(TRAP_DF, 0, 1);
        set_gate(TRAP_NMI, 0, 2);
        set_gate(TRAP_MC, 0, 2);
        if (emu.pae32)
            set_gate(0x82, 1, 0); /* 32-bit hypercalls */
    }
    __asm__ volatile("lidt %0" ::"m"(idtr));
}

static uint64_t fault_address(void)
{
    uint64_t cr2;

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    return cr2;
}

static const struct extable *extable_find(uint64_t rip)
{
    for (const struct extable *e = __extable_start; e < __extable_end; e++) {
        if ((uint64_t)&e->at + (uint64_t)(int64_t)e->at == rip)
            return e;
    }
    return NULL;
}

/*
 * IRET to the guest faulted: its selectors are no good. The frame that IRET could not load is on top
 * of the stack; the guest takes a #GP at the place it wanted to go to. A handler that can't be returned
 * to either is pushed frame after frame until the guest's stack ends.
 */
_Noreturn static void iret_fault(struct vcpu *v, struct cpu_user_regs *regs)
{
    struct cpu_user_regs guest = *regs;
    const uint64_t *frame = (const uint64_t *)regs->rsp;
    uint32_t error = regs->error_code;

    guest.rip = frame[0];
    guest.cs = (uint16_t)frame[1];
    guest.rflags = frame[2];
    guest.rsp = frame[3];
    guest.ss = (uint16_t)frame[4];
    *v->top_regs = guest;
    inject_trap(v, v->top_regs, TRAP_GP, error);
    return_with(v->top_regs);
}

static void interrupt(struct vcpu *v, unsigned vector)
{
    switch (vector) {
    case EMU_VECTOR_FLUSH:
        flush_serve(v);
        break;
    case EMU_VECTOR_TIMER:
        timer_interrupt(v);
        break;
    case EMU_VECTOR_SPURIOUS:
        return; /* no EOI (SDM 11.9) */
    default:
        evtchn_fifo_take_pending();
        if (__atomic_exchange_n(&v->shared->nmi, 0, __ATOMIC_SEQ_CST))
            __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
        timer_rearm(v); /* a kick: the way out looks for work; another vCPU may have set a timer */
        break;
    }
    lapic_eoi();
}

/* An exception of emu's own code: an access to the guest's memory that is allowed to fail, or a bug. */
static void trap_in_emu(struct vcpu *v, struct cpu_user_regs *regs)
{
    const struct extable *e = extable_find(regs->rip);

    if (regs->entry_vector >= 32) {
        if (regs->rip == (uint64_t)wait_hlt)
            regs->rip = (uint64_t)wait_end;
        interrupt(v, regs->entry_vector);
        return;
    }
    if (e) {
        if (regs->entry_vector == TRAP_PF && (regs->error_code & 3) == 3 &&
            mmu_fix_write_fault(v, fault_address(), false))
            return;
        regs->rip = (uint64_t)&e->to + (uint64_t)(int64_t)e->to;
        return;
    }
    if (regs->rip == (uint64_t)guest_iret)
        iret_fault(v, regs);
    emu_panic("emu: vCPU %u: exception %u (error %x) at 0x%lx, cr2 0x%lx, rsp 0x%lx", v->id,
              regs->entry_vector, regs->error_code, regs->rip, fault_address(), regs->rsp);
}

static void page_fault(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint64_t va = fault_address();
    uint32_t error = regs->error_code;

    if ((regs->cs & 3) == 3 && mmu_fix_user_fault(v, va, error))
        return;
    if (v->in_kernel && (error & 0xb) == 3 && mmu_fix_write_fault(v, va, true))
        return;
    inject_page_fault(v, regs, va, error);
}

/*
 * A kernel that returned to itself with its own IRET took the selectors that it was shown, with ring
 * 3 in them (xen-x86_64.h invites it to): back into its ring.
 */
static bool kernel_in_wrong_ring(struct vcpu *v, struct cpu_user_regs *regs)
{
    if (!v->in_kernel || emu.ring3 || emu.pae32 || (regs->cs & 3) != 3)
        return false;
    regs->cs = (uint16_t)v->kernel_cs;
    regs->ss = (uint16_t)v->kernel_ss;
    return true;
}

/*
 * INT n with a gate that the guest opened for its user mode arrives as #GP with the IDT bit. The
 * error code should be n * 8 + 2 (SDM vol. 3A, 6.13); QEMU's TCG makes it n * 16 + 2 in long mode, so
 * n is taken from the instruction and the guest is told what a CPU would say.
 */
static bool software_interrupt(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint8_t op[2];

    if ((regs->error_code & 7) != 2)
        return false;
    if (copy_from_guest(op, regs->rip, sizeof(op)) || op[0] != OP_INT_N)
        return false;
    unsigned vector = op[1];
    const struct trap_gate *t = &v->traps[vector];
    unsigned needed = v->in_kernel ? 1 : 3;
    if (!t->address || (t->flags & 3) < needed) {
        regs->error_code = vector << 3 | 2;
        return false;
    }
    regs->rip += 2;
    inject_trap(v, regs, vector, 0);
    return true;
}

/*
 * A breakpoint that is no longer in memory: another vCPU patched the code meanwhile, and what is there now
 * is to run. On a CPU that would be all. QEMU's TCG (seen with 7.2) reads the code that it translates before
 * it watches the page for writes, so that a write in between leaves it with the old instruction for ever;
 * writing the byte once more, unchanged, makes it throw that translation away.
 */
static bool breakpoint_is_gone(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint8_t op, before;
    uint64_t at = regs->rip - 1, maddr;

    if (copy_from_guest(&op, at, 1) || op == OP_INT3)
        return false;
    if (op == 3 && !copy_from_guest(&before, at - 1, 1) && before == OP_INT_N)
        return false;
    if (!pt_translate(v, at, &maddr) || !maddr_is_ram(maddr))
        return false;
    __asm__ volatile("lock orb $0, %0" : "+m"(*(uint8_t *)direct(maddr)));
    regs->rip = at;
    return true;
}

static void trap_in_guest(struct vcpu *v, struct cpu_user_regs *regs)
{
    unsigned vector = regs->entry_vector;

    if (vector >= 32 && vector < 256) {
        v->shared->interrupts++;
        interrupt(v, vector);
        return;
    }
    v->shared->kernel_entries++;
    switch (vector) {
    case TRAP_PF:
        if (kernel_in_wrong_ring(v, regs))
            return;
        page_fault(v, regs);
        return;
    case TRAP_GP:
        if (kernel_in_wrong_ring(v, regs))
            return;
        if (software_interrupt(v, regs))
            return;
        if (v->in_kernel && regs->error_code == 0 && emulate_privileged(v, regs))
            return;
        break;
    case TRAP_BP:
        if (breakpoint_is_gone(v, regs))
            return;
        break;
    case TRAP_UD:
        if (emulate_xen_prefix(v, regs))
            return;
        break;
    case TRAP_NM:
        /* TS was the guest's wish (fpu_taskswitch); it is told with TS clear, as under Xen */
        __asm__ volatile("clts");
        break;
    case TRAP_DB: {
        uint64_t dr6;
        __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
        v->debugreg[6] = dr6;
        break;
    }
    case TRAP_NMI:
        __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
        return;
    case TRAP_DF:
        guest_crash(v, regs, "double fault at 0x%lx", regs->rip);
    case VECTOR_SYSCALL:
        if (!v->syscall_cb)
            inject_trap(v, regs, TRAP_UD, 0);
        else
            bounce(v, regs, v->syscall_cb, 0, v->syscall_masks, BOUNCE_SYSCALL, 0);
        return;
    case VECTOR_SYSCALL32:
        if (v->in_kernel || !v->syscall32_cb.address)
            inject_trap(v, regs, TRAP_UD, 0);
        else
            bounce(v, regs, v->syscall32_cb.address, 0, v->syscall32_cb.masks, BOUNCE_SYSCALL, 0);
        return;
    }
    inject_trap(v, regs, vector, regs->error_code);
}

void emu_trap(struct cpu_user_regs *regs)
{
    struct vcpu *v = this_vcpu();

    if ((regs->cs & 3) == 0)
        trap_in_emu(v, regs);
    else if (emu.pae32 && regs->entry_vector == 0x82 && (regs->cs & 3) == 1)
        emu_hypercall(regs);
    else
        trap_in_guest(v, regs);
}

static void do_exit_work(struct vcpu *v, struct cpu_user_regs *regs)
{
    for (;;) {
        if (__atomic_load_n(&emu.stopping, __ATOMIC_RELAXED)) {
            for (;;)
                wait_for_interrupt();
        }
        watchdog_check(v, regs);
        flush_serve(v);
        if (!__atomic_load_n(&v->online, __ATOMIC_RELAXED)) {
            vcpu_wait_online(v);
            continue;
        }
        break;
    }
    deliver_pending(v, regs);
}

/*
 * All that is due before guest code runs again: mostly nothing, which is found with one branch. What comes
 * later brings an interrupt, which is taken behind the return.
 */
void emu_exit_work(struct cpu_user_regs *regs)
{
    struct vcpu *v = this_vcpu();
    uint32_t domain = __atomic_load_n(&emu.stopping, __ATOMIC_RELAXED) |
                      __atomic_load_n(&emu.watchdog_bit, __ATOMIC_RELAXED);
    uint32_t vcpu = __atomic_load_n(&v->flush_all, __ATOMIC_RELAXED) |
                    __atomic_load_n(&v->flush_one, __ATOMIC_RELAXED) |
                    __atomic_load_n(&v->nmi_pending, __ATOMIC_RELAXED) |
                    !__atomic_load_n(&v->online, __ATOMIC_RELAXED);

    if (domain | vcpu | (v->vinfo[0] && !v->vinfo[1]))
        do_exit_work(v, regs);
}

/* For the host's crash report. */
static void save_state(struct vcpu *v, const struct cpu_user_regs *regs)
{
    struct emu_vcpu_shared *s = v->shared;

    memcpy(s->regs, regs, sizeof(*regs));
    s->cr2 = fault_address();
    s->cr3 = v->kernel_root;
    s->fs_base = rdmsr(0xc0000100);
    s->gs_base = rdmsr(0xc0000101);
    s->gs_base_user = rdmsr(0xc0000102);
    uint32_t left = (uint32_t)guest_copy(s->stack, (const void *)regs->rsp, sizeof(s->stack));
    s->stack_valid = (uint32_t)sizeof(s->stack) - left;
}

void guest_shutdown(struct vcpu *v, struct cpu_user_regs *regs, unsigned reason)
{
    uint32_t code = __atomic_load_n(&emu.shutdown_code, __ATOMIC_SEQ_CST);

    if (code)
        reason = code - 1;
    save_state(v, regs);
    __atomic_store_n(&emu.stopping, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < emu.nr_vcpus; i++) {
        if (i != v->id)
            vcpu_kick(i);
    }
    uint8_t unused = 0;
    hostcall(v, EMU_HOSTCALL_SHUTDOWN, reason, &unused, sizeof(unused));
    for (;;)
        wait_for_interrupt();
}

void guest_crash(struct vcpu *v, struct cpu_user_regs *regs, const char *fmt, ...)
{
    char buf[200];
    va_list ap;

    va_start(ap, fmt);
    vformat(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    printk("vCPU %u: the guest can't go on: %s (rip %x:0x%lx)\n", v->id, buf, regs->cs, regs->rip);
    guest_shutdown(v, regs, SHUTDOWN_crash);
}
