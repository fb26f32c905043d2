/* Effects of the privileged instructions that the guest's kernel executes in ring 1 or 3. */
#include "emu/emu.h"
#include "emu/insn.h"

#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_EFER           0xc0000080

#define CR0_TS 0x8ul

#define PIT_COUNTER_2 0x42

/* The instruction set's order of registers. */
static uint64_t *gpr(struct cpu_user_regs *regs, unsigned n)
{
    uint64_t *const order[16] = {&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx,
                                 &regs->rsp, &regs->rbp, &regs->rsi, &regs->rdi,
                                 &regs->r8,  &regs->r9,  &regs->r10, &regs->r11,
                                 &regs->r12, &regs->r13, &regs->r14, &regs->r15};
    return order[n & 15];
}

static uint64_t memory_address(struct cpu_user_regs *regs, const struct insn *i)
{
    uint64_t va = (uint64_t)i->disp;

    if (i->rip_relative)
        va += regs->rip + i->len;
    if (i->base >= 0)
        va += *gpr(regs, (unsigned)i->base);
    if (i->index >= 0)
        va += *gpr(regs, (unsigned)i->index) * i->scale;
    if (i->segment == 0x64)
        va += rdmsr(MSR_FS_BASE);
    if (i->segment == 0x65)
        va += rdmsr(MSR_GS_BASE);
    return emu.pae32 ? (uint32_t)va : va;
}

static void set_ts(bool on)
{
    uint64_t cr0;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    cr0 = on ? cr0 | CR0_TS : cr0 & ~CR0_TS;
    __asm__ volatile("mov %0, %%cr0" ::"r"(cr0));
}

HYPERCALL(do_fpu_taskswitch)
{
    set_ts(a[0] != 0);
    v->cr0_guest = a[0] ? v->cr0_guest | CR0_TS : v->cr0_guest & ~CR0_TS;
    return 0;
}

/* Breakpoints may lie anywhere but in emu (Intel SDM vol. 3B, 18.2.4: reserved bits of DR7). */
static int set_debugreg(struct vcpu *v, unsigned n, uint64_t val)
{
    switch (n) {
    case 0 ... 3:
        if (!canonical(val) || hypervisor_va(val))
            return -XEN_EPERM;
        break;
    case 6:
        val = (val & 0xefff) | 0xffff0ff0;
        break;
    case 7:
        if (val & 0x2000) /* GD: the debug registers are not the guest's alone */
            return -XEN_EPERM;
        val = (uint32_t)(val & ~0xd800ull) | 0x400;
        break;
    default:
        return -XEN_ENODEV;
    }
    v->debugreg[n] = val;
    switch (n) {
    case 0:
        __asm__ volatile("mov %0, %%dr0" ::"r"(val));
        break;
    case 1:
        __asm__ volatile("mov %0, %%dr1" ::"r"(val));
        break;
    case 2:
        __asm__ volatile("mov %0, %%dr2" ::"r"(val));
        break;
    case 3:
        __asm__ volatile("mov %0, %%dr3" ::"r"(val));
        break;
    case 6:
        __asm__ volatile("mov %0, %%dr6" ::"r"(val));
        break;
    case 7:
        __asm__ volatile("mov %0, %%dr7" ::"r"(val));
        break;
    }
    return 0;
}

/* Numbers 4 and 5 are other names of 6 and 7. */
static unsigned debugreg_number(uint64_t n)
{
    return (uint32_t)n == 4 || (uint32_t)n == 5 ? (uint32_t)n + 2 : (uint32_t)n;
}

HYPERCALL(do_set_debugreg)
{
    return set_debugreg(v, debugreg_number(a[0]), a[1]);
}

HYPERCALL(do_get_debugreg)
{
    unsigned n = debugreg_number(a[0]);

    return n < 8 ? (int64_t)v->debugreg[n] : -XEN_ENODEV;
}

static bool read_cr(struct vcpu *v, unsigned n, uint64_t *ret)
{
    switch (n) {
    case 0:
        *ret = v->cr0_guest;
        return true;
    case 2:
        *ret = emu.pae32 ? *(uint32_t *)(v->vinfo + 8)
                         : *(uint64_t *)(v->vinfo + offsetof(struct vcpu_info, arch.cr2));
        return true;
    case 3:
        *ret = v->kernel_root;
        return true;
    case 4:
        *ret = v->cr4_guest;
        return true;
    default:
        return false;
    }
}

static bool write_cr(struct vcpu *v, unsigned n, uint64_t val)
{
    switch (n) {
    case 0:
        /* only TS is the guest's to change */
        if ((val ^ v->cr0_guest) & ~CR0_TS)
            return false;
        set_ts(val & CR0_TS);
        v->cr0_guest = (v->cr0_guest & ~CR0_TS) | (val & CR0_TS);
        return true;
    case 2:
        if (emu.pae32)
            *(uint32_t *)(v->vinfo + 8) = (uint32_t)val;
        else
            *(uint64_t *)(v->vinfo + offsetof(struct vcpu_info, arch.cr2)) = val;
        return true;
    case 3:
        if (mmu_new_kernel_root(v, val & PTE_ADDR) < 0)
            return false;
        mmu_load_root(v);
        return true;
    case 4:
        v->cr4_guest = val;
        return true;
    default:
        return false;
    }
}

/*
 * MSRs that PV kernels read for their own information have a harmless answer here; all others fault,
 * and kernels that only try are prepared for it.
 */
static bool read_msr(struct vcpu *v, uint32_t msr, uint64_t *ret)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        return rdmsr_safe(msr, ret) == 0;
    case MSR_EFER:
        *ret = 0xd01; /* SCE, LME, LMA, NXE */
        return true;
    case 0x1b: /* APIC_BASE: enabled; the BSP says so */
        *ret = 0xfee00800 | (v->id == 0 ? 0x100 : 0);
        return true;
    case 0x277: /* PAT: Xen's own, which its guests' page tables rely on */
        *ret = 0x0000050100070406ull;
        return true;
    case 0x10: /* TSC */
        *ret = rdtsc();
        return true;
    case 0x8b:  /* microcode revision */
    case 0x17:  /* platform id */
    case 0xfe:  /* MTRRcap: none */
    case 0x1a0: /* MISC_ENABLE */
    case 0xc0010015: /* HWCR */
    case 0xc001001f: /* NB_CFG */
    case 0xc0010140: /* OSVW */
    case 0xc0010141:
    case 0xc0011029: /* DE_CFG */
    case 0x140: /* MISC_FEATURES_ENABLES */
        *ret = msr == 0xc0011029 ? 2 : 0; /* LFENCE serialises */
        return true;
    default:
        return false;
    }
}

static bool write_msr(struct vcpu *v, uint32_t msr, uint64_t val)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        /* TCG's WRMSR takes what a CPU would refuse */
        return canonical(val) && wrmsr_safe(msr, val) == 0;
    case MSR_EFER:
    case 0x1b:
    case 0x277:
    case 0x8b:
    case 0x79: /* microcode update: ignored */
    case 0x1a0:
    case 0x10:
    case 0xc0010015:
    case 0xc001001f:
    case 0xc0011029:
        return true;
    default:
        return false;
    }
}

static bool emulate_msr(struct vcpu *v, struct cpu_user_regs *regs, enum insn_op op)
{
    uint64_t val;

    if (op == INSN_WRMSR)
        return write_msr(v, (uint32_t)regs->rcx, (uint32_t)regs->rax | regs->rdx << 32);
    if (!read_msr(v, (uint32_t)regs->rcx, &val))
        return false;
    regs->rax = (uint32_t)val;
    regs->rdx = val >> 32;
    return true;
}

/*
 * A domU has no ports: with the IOPL to try, reads float high and writes are lost. But a timer's counter 2 is at
 * its end: Linux calibrates by it, waiting for its first step, and takes 100,000 reads to lose hope in one that floats.
 */
static bool emulate_port(struct vcpu *v, struct cpu_user_regs *regs, const struct insn *i)
{
    uint64_t mask = i->bytes == 4 ? ~0ull : (1ull << 8 * i->bytes) - 1;

    if (v->iopl < 1)
        return false;
    if (i->op == INSN_IN) {
        uint16_t port = i->imm_port ? i->port : (uint16_t)regs->rdx;
        uint64_t value = i->bytes == 1 && port == PIT_COUNTER_2 ? 0 : mask;
        regs->rax = i->bytes == 4 ? (uint32_t)value : (regs->rax & ~mask) | value;
        return true;
    }
    return i->op == INSN_OUT;
}

static bool emulate_hlt(struct vcpu *v, struct cpu_user_regs *regs)
{
    const uint64_t block[6] = {SCHEDOP_block};

    do_sched_op(v, regs, block);
    return true;
}

static bool emulate_xsetbv(struct vcpu *v, struct cpu_user_regs *regs)
{
    return xsetbv_safe((uint32_t)regs->rcx, (uint32_t)regs->rax | regs->rdx << 32) == 0;
}

static void cpuid_to_regs(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint32_t r[4];

    guest_cpuid(v, (uint32_t)regs->rax, (uint32_t)regs->rcx, r);
    regs->rax = r[0];
    regs->rbx = r[1];
    regs->rcx = r[2];
    regs->rdx = r[3];
}

static bool execute(struct vcpu *v, struct cpu_user_regs *regs, const struct insn *i)
{
    uint64_t val;

    switch (i->op) {
    case INSN_HLT:
        return emulate_hlt(v, regs);
    case INSN_CLI:
    case INSN_STI: /* as Xen: PV kernels don't use them, so they do nothing */
    case INSN_WBINVD:
    case INSN_INVD:
        return true;
    case INSN_CLTS:
        set_ts(false);
        v->cr0_guest &= ~CR0_TS;
        return true;
    case INSN_CPUID:
        cpuid_to_regs(v, regs);
        return true;
    case INSN_RDMSR:
    case INSN_WRMSR:
        return emulate_msr(v, regs, i->op);
    case INSN_XSETBV:
        return emulate_xsetbv(v, regs);
    case INSN_INVLPG:
        invlpg(memory_address(regs, i));
        return true;
    case INSN_MOV_FROM_CR:
        if (!read_cr(v, i->special, &val))
            return false;
        *gpr(regs, i->gpr) = val;
        return true;
    case INSN_MOV_TO_CR:
        return write_cr(v, i->special, *gpr(regs, i->gpr));
    case INSN_MOV_FROM_DR:
        *gpr(regs, i->gpr) = v->debugreg[debugreg_number(i->special) & 7];
        return i->special < 8;
    case INSN_MOV_TO_DR:
        return set_debugreg(v, debugreg_number(i->special), *gpr(regs, i->gpr)) == 0;
    case INSN_IN:
    case INSN_OUT:
        return emulate_port(v, regs, i);
    default:
        return false;
    }
}

bool emulate_privileged(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint8_t code[INSN_MAX];
    struct insn i;
    size_t got = sizeof(code) - guest_copy(code, (const void *)regs->rip, sizeof(code));

    if (!insn_decode(code, got, !emu.pae32, &i))
        return false;
    uint64_t rip = regs->rip;
    if (!execute(v, regs, &i))
        return false;
    if (regs->rip == rip)
        regs->rip += i.len;
    return true;
}

/* ud2; "xen"; cpuid: how PV kernels, and programs in them, ask for the virtual CPUID. */
bool emulate_xen_prefix(struct vcpu *v, struct cpu_user_regs *regs)
{
    static const uint8_t sequence[] = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2};
    uint8_t code[sizeof(sequence)];

    if (copy_from_guest(code, regs->rip, sizeof(code)) || memcmp(code, sequence, sizeof(code)))
        return false;
    cpuid_to_regs(v, regs);
    regs->rip += sizeof(sequence);
    return true;
}
