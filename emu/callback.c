/*
 * What the guest registers to be entered at, and entering it: traps, events, system calls; and iret,
 * the way back. The frames are those of Xen's public xen-x86_64.h and xen-x86_32.h.
 */
#include "emu/emu.h"

#define USER_RFLAGS_CLEAR (X86_FLAGS_IOPL | X86_FLAGS_NT | X86_FLAGS_VM | 0x180000ull)
#define FLAT_SS 0xe02b /* FLAT_USER_SS64 */

void toggle_to_kernel(struct vcpu *v)
{
    if (v->in_kernel)
        return;
    v->in_kernel = 1;
    if (emu.pae32)
        return;
    __asm__ volatile("swapgs" ::: "memory");
}

void toggle_to_user(struct vcpu *v)
{
    if (!v->in_kernel)
        return;
    v->in_kernel = 0;
    if (emu.pae32)
        return;
    __asm__ volatile("swapgs" ::: "memory");
}

/* May entry64.S take its short paths? */
void vcpu_update_fast(struct vcpu *v)
{
    v->fast = !emu.pae32 && !emu.ring3 && !emu.split && !v->nmi_blocked && v->syscall_cb &&
              v->kernel_sp && guest_range_ok(v->kernel_sp - 64, 64);
}

/* The selectors that the guest is shown for those that really run. */
static uint16_t cs_shown(const struct vcpu *v, const struct cpu_user_regs *regs, bool from_kernel)
{
    if (from_kernel)
        return emu.pae32 ? regs->cs & ~3 : FLAT_USER_CS64 & ~3;
    return regs->cs == SEL_USER_CS64 ? FLAT_USER_CS64 : regs->cs;
}

static uint16_t ss_shown(const struct vcpu *v, const struct cpu_user_regs *regs, bool from_kernel)
{
    if (emu.pae32)
        return regs->ss;
    return from_kernel || regs->ss == SEL_USER_SS ? FLAT_SS : regs->ss;
}

static unsigned build_frame64(struct vcpu *v, struct cpu_user_regs *regs, bool from_kernel,
                              unsigned flags, uint32_t error, uint64_t w[8])
{
    unsigned n = 0;

    w[n++] = regs->rcx;
    w[n++] = regs->r11;
    if (flags & BOUNCE_ERROR)
        w[n++] = error;
    w[n++] = regs->rip;
    w[n++] = cs_shown(v, regs, from_kernel) | (uint64_t)v->vinfo[1] << 32;
    w[n++] = (regs->rflags & ~(X86_FLAGS_IF | X86_FLAGS_IOPL)) | (v->vinfo[1] ? 0 : X86_FLAGS_IF) |
             (uint64_t)v->iopl << 12;
    w[n++] = regs->rsp;
    w[n++] = ss_shown(v, regs, from_kernel);
    return n;
}

static unsigned build_frame32(struct vcpu *v, struct cpu_user_regs *regs, bool from_kernel,
                              unsigned flags, uint32_t error, uint32_t w[6])
{
    unsigned n = 0;

    if (flags & BOUNCE_ERROR)
        w[n++] = error;
    w[n++] = (uint32_t)regs->rip;
    w[n++] = cs_shown(v, regs, from_kernel) | (uint32_t)v->vinfo[1] << 16;
    w[n++] = (uint32_t)((regs->rflags & ~(X86_FLAGS_IF | X86_FLAGS_IOPL)) |
                        (v->vinfo[1] ? 0 : X86_FLAGS_IF) | (uint64_t)v->iopl << 12);
    if (!from_kernel) {
        w[n++] = (uint32_t)regs->rsp;
        w[n++] = regs->ss;
    }
    return n;
}

/*
 * Makes regs enter the guest's kernel at address with a frame on its stack. A frame that can't be
 * written is the end of the guest, as under Xen.
 */
void bounce(struct vcpu *v, struct cpu_user_regs *regs, uint64_t address, uint16_t cs, bool masks,
            unsigned flags, uint32_t error)
{
    bool from_kernel = v->in_kernel;
    uint64_t sp = from_kernel ? regs->rsp : v->kernel_sp;
    uint64_t words[8];
    size_t bytes;

    if (!address)
        guest_crash(v, regs, "no handler for what must be delivered");
    if (emu.pae32) {
        bytes = 4 * build_frame32(v, regs, from_kernel, flags, error, (uint32_t *)words);
        sp = (uint32_t)sp;
    } else {
        bytes = 8 * build_frame64(v, regs, from_kernel, flags, error, words);
        sp &= ~15ull;
    }
    toggle_to_kernel(v);
    sp -= bytes;
    if (copy_to_guest(sp, words, bytes))
        guest_crash(v, regs, "its kernel stack at 0x%lx can't be written", sp);
    if (masks)
        v->vinfo[1] = 1;
    regs->rip = address;
    regs->rsp = sp;
    regs->cs = emu.pae32 ? (cs ? cs | 1 : 0xe019) : (uint16_t)v->kernel_cs;
    if (!from_kernel || !emu.pae32)
        regs->ss = emu.pae32 ? (v->kernel_ss_guest ? v->kernel_ss_guest | 1 : 0xe021)
                             : (uint16_t)v->kernel_ss;
    regs->rflags &= ~(X86_FLAGS_TF | X86_FLAGS_RF | X86_FLAGS_NT | X86_FLAGS_AC | X86_FLAGS_VM |
                      X86_FLAGS_IOPL);
    regs->rflags |= X86_FLAGS_IF;
}

void inject_trap(struct vcpu *v, struct cpu_user_regs *regs, unsigned vector, uint32_t error)
{
    const struct trap_gate *t = &v->traps[vector];
    bool has_error = vector == TRAP_DF || (vector >= TRAP_TS && vector <= TRAP_PF) ||
                     vector == TRAP_AC;

    if (!t->address)
        guest_crash(v, regs, "exception %u (error %x) without a handler", vector, error);
    v->shared->faults++;
    bounce(v, regs, t->address, t->cs, t->flags & 4, has_error ? BOUNCE_ERROR : 0, error);
}

/* An NMI without a handler is lost. No other comes before the handler's iret, which goes through C. */
static void deliver_nmi(struct vcpu *v, struct cpu_user_regs *regs)
{
    const struct trap_gate *t = &v->traps[TRAP_NMI];

    __atomic_store_n(&v->nmi_pending, 0, __ATOMIC_SEQ_CST);
    if (!t->address)
        return;
    v->nmi_blocked = true;
    vcpu_update_fast(v);
    bounce(v, regs, t->address, t->cs, t->flags & 4, 0, 0);
}

void deliver_pending(struct vcpu *v, struct cpu_user_regs *regs)
{
    if (nmi_deliverable(v))
        deliver_nmi(v, regs);
    if (event_deliverable(v) && v->event_cb.address)
        bounce(v, regs, v->event_cb.address, v->event_cb.cs, true, 0, 0);
}

void inject_page_fault(struct vcpu *v, struct cpu_user_regs *regs, uint64_t va, uint32_t error)
{
    /* vcpu_info.arch.cr2 follows the selector word: at 16 for 64-bit guests, at 8 for 32-bit ones */
    if (emu.pae32)
        *(uint32_t *)(v->vinfo + 8) = (uint32_t)va;
    else
        *(uint64_t *)(v->vinfo + offsetof(struct vcpu_info, arch.cr2)) = va;
    /* Xen's kernels run in ring 3 but see their own faults without the user bit. */
    if (v->in_kernel)
        error &= ~4u;
    else
        error |= 4u;
    if (!v->traps[TRAP_PF].address)
        guest_crash(v, regs, "page fault at 0x%lx (error %x) without a handler", va, error);
    inject_trap(v, regs, TRAP_PF, error);
}

HYPERCALL(do_set_trap_table)
{
    if (!a[0]) {
        memset(v->traps, 0, sizeof(v->traps));
        return 0;
    }
    for (unsigned i = 0;; i++) {
        struct trap_info t;
        if (emu.pae32) {
            struct {
                uint8_t vector, flags;
                uint16_t cs;
                uint32_t address;
            } t32;
            if (copy_from_guest(&t32, a[0] + i * sizeof(t32), sizeof(t32)))
                return -XEN_EFAULT;
            t = (struct trap_info){t32.vector, t32.flags, t32.cs, t32.address};
        } else if (copy_from_guest(&t, a[0] + i * sizeof(t), sizeof(t))) {
            return -XEN_EFAULT;
        }
        if (!t.address)
            return 0;
        if (!canonical(t.address))
            return -XEN_EINVAL;
        v->traps[t.vector] = (struct trap_gate){t.address, t.cs, t.flags};
    }
}

static int set_callback(struct vcpu *v, unsigned type, uint64_t address, uint16_t cs, bool masks)
{
    struct callback cb = {address, cs, masks};

    switch (type) {
    case CALLBACKTYPE_event:
        v->event_cb = cb;
        __atomic_store_n(&v->shared->os_runs, 1, __ATOMIC_RELEASE);
        return 0;
    case CALLBACKTYPE_failsafe:
        v->failsafe_cb = cb;
        return 0;
    case CALLBACKTYPE_syscall:
        if (emu.pae32)
            return -XEN_ENOSYS;
        v->syscall_cb = address;
        v->syscall_masks = masks;
        vcpu_update_fast(v);
        return 0;
    case CALLBACKTYPE_syscall32:
        v->syscall32_cb = cb;
        return 0;
    case CALLBACKTYPE_sysenter:
    case CALLBACKTYPE_sysenter_deprecated:
        v->sysenter_cb = cb;
        return 0;
    case CALLBACKTYPE_nmi:
        v->traps[TRAP_NMI] = (struct trap_gate){address, cs, 4};
        return 0;
    default:
        return -XEN_ENOSYS;
    }
}

HYPERCALL(do_set_callbacks)
{
    if (emu.pae32) {
        set_callback(v, CALLBACKTYPE_event, (uint32_t)a[1], (uint16_t)a[0], true);
        set_callback(v, CALLBACKTYPE_failsafe, (uint32_t)a[3], (uint16_t)a[2], false);
        return 0;
    }
    const unsigned types[] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe, CALLBACKTYPE_syscall};
    for (unsigned i = 0; i < 3; i++) {
        if (canonical(a[i]))
            set_callback(v, types[i], a[i], 0, types[i] == CALLBACKTYPE_event);
    }
    return 0;
}

/* Only the NMI's can be taken back. */
static int64_t unregister_callback(struct vcpu *v, uint64_t at)
{
    struct callback_unregister un;

    if (copy_from_guest(&un, at, sizeof(un)))
        return -XEN_EFAULT;
    switch (un.type) {
    case CALLBACKTYPE_nmi:
        return set_callback(v, CALLBACKTYPE_nmi, 0, 0, false);
    case CALLBACKTYPE_event:
    case CALLBACKTYPE_failsafe:
    case CALLBACKTYPE_sysenter:
    case CALLBACKTYPE_syscall32:
        return -XEN_EINVAL;
    case CALLBACKTYPE_syscall:
        return emu.pae32 ? -XEN_ENOSYS : -XEN_EINVAL;
    default:
        return -XEN_ENOSYS;
    }
}

HYPERCALL(do_callback_op)
{
    struct callback_register reg = {0};

    if ((uint32_t)a[0] == CALLBACKOP_unregister)
        return unregister_callback(v, a[1]);
    if ((uint32_t)a[0] != CALLBACKOP_register)
        return emu.pae32 ? -XEN_EINVAL : -XEN_ENOSYS;
    if (emu.pae32) {
        struct {
            uint16_t type, flags;
            uint32_t cs, eip; /* struct xen_callback of xen-x86_32.h */
        } r32;
        if (copy_from_guest(&r32, a[1], sizeof(r32)))
            return -XEN_EFAULT;
        return set_callback(v, r32.type, r32.eip, (uint16_t)r32.cs,
                            (r32.flags & CALLBACKF_mask_events) || r32.type == CALLBACKTYPE_event);
    }
    if (copy_from_guest(&reg, a[1], sizeof(reg)))
        return -XEN_EFAULT;
    if (!canonical(reg.address))
        return -XEN_EINVAL;
    return set_callback(v, reg.type, reg.address, 0,
                        (reg.flags & CALLBACKF_mask_events) || reg.type == CALLBACKTYPE_event);
}

HYPERCALL(do_nmi_op)
{
    /* XENNMI_register_callback 0: struct xennmi_callback {handler_address, pad}; unregister 1 */
    uint64_t cb[2] = {0};

    if ((uint32_t)a[0] == 1)
        return set_callback(v, CALLBACKTYPE_nmi, 0, 0, false);
    if ((uint32_t)a[0] != 0)
        return -XEN_ENOSYS;
    if (copy_from_guest(cb, a[1], emu.pae32 ? 4 : 8))
        return -XEN_EFAULT;
    if (!canonical(cb[0]))
        return -XEN_EINVAL;
    return set_callback(v, CALLBACKTYPE_nmi, cb[0], 0, false);
}

HYPERCALL(do_stack_switch)
{
    v->kernel_ss_guest = (uint16_t)a[0];
    v->kernel_sp = emu.pae32 ? (uint32_t)a[1] : a[1] & ~15ull;
    if (emu.pae32) {
        if (((uint16_t)a[0] & 3) == 0 && (uint16_t)a[0])
            v->kernel_ss_guest |= 1;
    }
    vcpu_update_fast(v);
    return 0;
}

static void iret64(struct vcpu *v, struct cpu_user_regs *regs)
{
    struct iret_context ctx;

    if (copy_from_guest(&ctx, regs->rsp, sizeof(ctx)))
        guest_crash(v, regs, "iret: no frame at 0x%lx", regs->rsp);
    if ((ctx.cs & 3) == 3) {
        if (!v->user_root && emu.split)
            guest_crash(v, regs, "iret to user mode without a user page table");
        toggle_to_user(v);
        regs->cs = (uint16_t)ctx.cs == FLAT_USER_CS64 ? SEL_USER_CS64 : (uint16_t)ctx.cs;
        regs->ss = (uint16_t)ctx.ss == FLAT_SS ? SEL_USER_SS : (uint16_t)ctx.ss;
    } else {
        regs->cs = (uint16_t)v->kernel_cs;
        regs->ss = (uint16_t)v->kernel_ss;
    }
    regs->rip = ctx.rip;
    regs->rsp = ctx.rsp;
    regs->rflags = (ctx.rflags & ~USER_RFLAGS_CLEAR) | X86_FLAGS_IF | 2;
    v->vinfo[1] = !(ctx.rflags & X86_FLAGS_IF);
    /* as SYSRET leaves them, or as the frame has them */
    regs->r11 = ctx.flags & VGCF_in_syscall ? regs->rflags : ctx.r11;
    regs->rcx = ctx.flags & VGCF_in_syscall ? ctx.rip : ctx.rcx;
    regs->rax = ctx.rax;
}

/* Frame: eax, eip, cs (upcall mask in its bits 16 to 23), eflags, and to outer rings esp, ss. */
static void iret32(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint32_t f[6];

    if (copy_from_guest(f, (uint32_t)regs->rsp, 16))
        guest_crash(v, regs, "iret: no frame at 0x%lx", regs->rsp);
    if ((f[2] & 3) == 3) {
        if (copy_from_guest(f + 4, (uint32_t)regs->rsp + 16, 8))
            guest_crash(v, regs, "iret: no frame at 0x%lx", regs->rsp);
        v->in_kernel = 0;
        regs->rsp = f[4];
        regs->ss = (uint16_t)f[5];
        regs->cs = (uint16_t)f[2];
    } else {
        regs->rsp = (uint32_t)regs->rsp + 16;
        regs->cs = (uint16_t)(f[2] | 1);
    }
    regs->rax = f[0];
    regs->rip = f[1];
    regs->rflags = (f[3] & ~USER_RFLAGS_CLEAR) | X86_FLAGS_IF | 2;
    v->vinfo[1] = !(f[3] & X86_FLAGS_IF);
}

HYPERCALL(do_iret)
{
    if (v->nmi_blocked) {
        v->nmi_blocked = false;
        vcpu_update_fast(v);
    }
    if (emu.pae32)
        iret32(v, regs);
    else
        iret64(v, regs);
    return (int64_t)regs->rax;
}
