/* First code of each vCPU, and the way into the guest. */
#include "emu/emu.h"

#define MSR_EFER   0xc0000080
#define MSR_STAR   0xc0000081
#define MSR_LSTAR  0xc0000082
#define MSR_CSTAR  0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFER_SCE   0x001
#define EFER_NXE   0x800

#define CR0_MP 0x2ul
#define CR0_EM 0x4ul
#define CR0_TS 0x8ul
#define CR0_NE 0x20ul
#define CR0_WP 0x10000ul
#define CR4_OSFXSR     0x200ul
#define CR4_OSXMMEXCPT 0x400ul
#define CR4_OSXSAVE    0x40000ul

struct emu emu;

_Static_assert(offsetof(struct shared_info, evtchn_pending) == 32 * 64, "evtchn_2l.h");
_Static_assert(offsetof(struct shared_info, evtchn_mask) == 32 * 64 + 64 * 8, "evtchn_2l.h");

static uint32_t emu_ready;

static void emu_init_domain(void)
{
    const struct emu_boot_info *b = direct(EMU_AREA_GPA);

    emu.boot = *b;
    emu.nr_vcpus = b->nr_vcpus;
    emu.pae32 = b->guest_pae32;
    emu.ring3 = b->kernel_ring == 3 && !emu.pae32;
    emu.split = b->user_tables == 2 || emu.ring3;
    emu.m2p = direct(b->m2p_maddr);
    emu.frame_info = direct(b->frame_info_maddr);
    emu.ports = direct(b->ports_maddr);
    emu.host_pending = direct(b->host_pending_maddr);
    emu.log = direct(b->log_maddr);
    gnttab_init();
    emu.shared_info = direct(b->shared_info_maddr);
    emu.scratch_next = b->scratch_maddr;
    emu.scratch_end = b->scratch_maddr + b->scratch_frames * PAGE_SIZE;
    emu.no_descriptors = scratch_alloc();
    emu.evtchn = (struct evtchn_2l){
        .pending = emu.shared_info + evtchn_2l_pending_offset(emu.pae32),
        .mask = emu.shared_info + evtchn_2l_mask_offset(emu.pae32),
        .is32 = emu.pae32,
    };
    emu.evtchn_ops = &evtchn_2l_ops;
    emu.guest_pending = direct(b->guest_pending_maddr);
    emu.nr_pages_now = emu.max_pages = b->nr_pages;
    emu.tsc0 = rdtsc();
}

/*
 * Control registers as PV guests find them under Xen. No PGE: global bits of the guest mean nothing,
 * so a write of CR3 flushes all that is the guest's. No SMEP and SMAP: the kernel runs in ring 1,
 * which is supervisor mode for them, and PV kernels don't know them.
 */
static void cpu_init(struct vcpu *v)
{
    uint64_t cr0, cr4;
    uint32_t r[4];

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    cr0 = (cr0 | CR0_MP | CR0_NE | CR0_WP) & ~(CR0_EM | CR0_TS);
    __asm__ volatile("mov %0, %%cr0" ::"r"(cr0));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    cpuid(1, 0, r);
    cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | (r[2] & (1u << 26) ? CR4_OSXSAVE : 0);
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
    __asm__ volatile("fninit");

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
    /*
     * SYSCALL: CS and SS of ring 0. SYSRET: 0x23 + 16 and 0x23 + 8 are the selectors that Linux gives
     * its user code; the code that would need others goes through IRET.
     */
    wrmsr(MSR_STAR, (uint64_t)0x23 << 48 | (uint64_t)SEL_RING0_CS << 32);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_stubs + v->id * 32);
    wrmsr(MSR_CSTAR, (uint64_t)syscall32_stubs + v->id * 32);
    wrmsr(MSR_SFMASK, X86_FLAGS_IF | X86_FLAGS_TF | 0x400 | X86_FLAGS_NT | X86_FLAGS_AC |
                          X86_FLAGS_IOPL);
    v->cr0_guest = cr0;
    v->cr4_guest = CR4_OSFXSR | CR4_OSXMMEXCPT | 0x20 /* PAE */;
}

static void vcpu_init(struct vcpu *v, uint32_t id)
{
    memset(v, 0, sizeof(*v));
    v->id = id;
    v->shared = direct(emu.boot.vcpu_shared_maddr + (uint64_t)id * PAGE_SIZE);
    v->vinfo = emu.shared_info + (uint64_t)id * sizeof(struct vcpu_info);
    v->top_regs = (struct cpu_user_regs *)((uint8_t *)v + EMU_VCPU_SIZE - REGS_SIZE);
    v->shared->vcpu_info_maddr = (uint64_t)v->vinfo - EMU_DIRECT_VA;
    if (emu.pae32) {
        v->kernel_cs = 0xe019;
        v->kernel_ss = 0xe021;
    } else {
        v->kernel_cs = emu.ring3 ? SEL_USER_CS64 : SEL_RING1_CS64;
        v->kernel_ss = emu.ring3 ? SEL_USER_SS : SEL_RING1_SS;
    }
    v->in_kernel = 1;
    v->runstate = RS_OFFLINE;
}

static void start_first_vcpu(struct vcpu *v)
{
    const struct emu_boot_info *b = &emu.boot;

    if (b->hypercall_page_maddr)
        hypercall_page_fill(direct(b->hypercall_page_maddr));
    pt_mark_tree(b->start_root_maddr, emu.pae32 ? 3 : 4);
    emu.frame_info[b->start_root_maddr >> PAGE_SHIFT] |= FRAME_PINNED;
    if (mmu_new_kernel_root(v, b->start_root_maddr) < 0)
        emu_panic("the guest's first page table is unusable");
    v->start_regs.rip = b->start_rip;
    v->start_regs.rsp = b->start_rsp;
    v->start_regs.rsi = b->start_info_va;
    v->kernel_sp = b->start_rsp & ~15ull;
    v->start_regs.rflags = X86_FLAGS_IF;
    v->initialised = true;
    __atomic_store_n(&v->online, 1, __ATOMIC_SEQ_CST);
}

void emu_main(uint32_t id)
{
    struct vcpu *v = vcpu_by_id(id);

    if (id == 0) {
        emu_init_domain();
        if (emu.boot.magic != EMU_ABI_MAGIC || emu.boot.version != EMU_ABI_VERSION)
            for (;;)
                __asm__ volatile("cli; hlt");
        lapic_init();
        doorbell_init();
        /* All areas first: another vCPU's request may look at any of them. */
        for (uint32_t i = 0; i < emu.nr_vcpus; i++)
            vcpu_init(vcpu_by_id(i), i);
        __atomic_store_n(&emu_ready, 1, __ATOMIC_SEQ_CST);
    } else {
        while (!__atomic_load_n(&emu_ready, __ATOMIC_SEQ_CST))
            pause();
        lapic_init();
    }
    segments_init(v);
    traps_init(v);
    cpu_init(v);
    timer_init_vcpu(v);
    if (id == 0)
        start_first_vcpu(v);
    vcpu_wait_online(v);
    vcpu_start_guest(v);
}

void vcpu_start_guest(struct vcpu *v)
{
    struct cpu_user_regs *regs = v->top_regs;

    /* We write over the end of the stack that we run on. */
    if ((uint64_t)__builtin_frame_address(0) > (uint64_t)regs)
        emu_panic("the stack of vCPU %u reaches into its frame", v->id);
    *regs = v->start_regs;
    if (v->in_kernel) {
        regs->cs = (uint16_t)v->kernel_cs;
        regs->ss = (uint16_t)v->kernel_ss;
    }
    regs->rflags = (regs->rflags & ~(X86_FLAGS_IOPL | X86_FLAGS_NT | X86_FLAGS_VM)) | X86_FLAGS_IF | 2;
    mmu_load_root(v);
    if (!emu.pae32) {
        wrmsr(MSR_FS_BASE, v->start_fs);
        wrmsr(v->in_kernel ? MSR_GS_BASE : MSR_KERNEL_GS_BASE, v->start_gs_kernel);
        wrmsr(v->in_kernel ? MSR_KERNEL_GS_BASE : MSR_GS_BASE, v->start_gs_user);
    }
    segments_set_ldt(v, v->start_ldt_base, v->start_ldt_ents);
    return_with(regs);
}
