/* VCPUOP_initialise of a 32-bit guest: its struct vcpu_guest_context (xen-x86_32.h, arch-x86/xen.h). */
#include "emu/emu.h"

struct regs32 {
    uint32_t ebx, ecx, edx, esi, edi, ebp, eax;
    uint16_t error_code, entry_vector;
    uint32_t eip;
    uint16_t cs;
    uint8_t saved_upcall_mask, pad0;
    uint32_t eflags, esp;
    uint16_t ss, pad1, es, pad2, ds, pad3, fs, pad4, gs, pad5;
};

struct context32 {
    uint8_t fpu[512];
    uint32_t flags;
    struct regs32 regs;
    struct {
        uint8_t vector, flags;
        uint16_t cs;
        uint32_t address;
    } trap[256];
    uint32_t ldt_base, ldt_ents;
    uint32_t gdt_frames[16], gdt_ents;
    uint32_t kernel_ss, kernel_sp;
    uint32_t ctrlreg[8], debugreg[8];
    uint32_t event_cs, event_eip, failsafe_cs, failsafe_eip;
    uint32_t vm_assist;
};

_Static_assert(sizeof(struct regs32) == 68, "cpu_user_regs");
_Static_assert(sizeof(struct context32) == 512 + 4 + 68 + 2048 + 8 + 68 + 8 + 64 + 20, "context");

static void load_registers(struct vcpu *v, const struct regs32 *r)
{
    v->start_regs = (struct cpu_user_regs){
        .rbx = r->ebx, .rcx = r->ecx, .rdx = r->edx, .rsi = r->esi, .rdi = r->edi, .rbp = r->ebp,
        .rax = r->eax, .rip = r->eip, .rsp = r->esp, .rflags = r->eflags,
    };
    v->in_kernel = (r->cs & 3) != 3;
    v->start_regs.cs = v->in_kernel ? (uint16_t)v->kernel_cs : r->cs;
    v->start_regs.ss = v->in_kernel ? (uint16_t)v->kernel_ss : r->ss;
    v->iopl = r->eflags >> 12 & 3;
}

static int load(struct vcpu *v, const struct context32 *c)
{
    /* The base pointer's frame number, rotated: xen_pfn_to_cr3() of xen-x86_32.h. */
    uint64_t root = (uint64_t)(c->ctrlreg[3] >> 12 | c->ctrlreg[3] << 20) << PAGE_SHIFT;
    uint64_t frames[16];

    if (c->gdt_ents > 14 * 512)
        return -XEN_EINVAL;
    if (mmu_new_kernel_root(v, root) < 0)
        return -XEN_EINVAL;
    pt_mark_tree(root, 3);
    for (unsigned i = 0; i < 16; i++)
        frames[i] = c->gdt_frames[i];
    int rc = segments_set_gdt(v, frames, c->gdt_ents);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < 256; i++)
        v->traps[i] = (struct trap_gate){c->trap[i].address, c->trap[i].cs, c->trap[i].flags};
    v->event_cb = (struct callback){c->event_eip, (uint16_t)c->event_cs, 1};
    v->failsafe_cb = (struct callback){c->failsafe_eip, (uint16_t)c->failsafe_cs,
                                       !!(c->flags & VGCF_failsafe_disables_events)};
    v->kernel_sp = c->kernel_sp;
    v->kernel_ss_guest = (uint16_t)c->kernel_ss;
    v->start_ldt_base = c->ldt_base;
    v->start_ldt_ents = c->ldt_ents;
    load_registers(v, &c->regs);
    v->initialised = true;
    return 0;
}

/* One call at a time: op_initialise() holds a lock. */
int vcpu_load_context32(struct vcpu *v, uint64_t at)
{
    static struct context32 ctx; /* too large for the stack */

    return copy_from_guest(&ctx, at, sizeof(ctx)) ? -XEN_EFAULT : load(v, &ctx);
}
