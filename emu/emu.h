/*
 * emu: ring 0 of the VM. One struct a vCPU, one struct for the domain, and the prototypes by file.
 *
 * emu trusts the guest as far as the guest trusts itself: both live in one VM and share its fate.
 * What it checks keeps the guest's own view right (error codes, faults delivered to whom they
 * belong). Everything runs with interrupts off, except while waiting (idle, hostcall).
 */
#pragma once

#include "emu/abi/emu_abi.h"
#include "emu/abi/evtchn_2l.h"
#include "emu/asm_offsets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/callback.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#define PAGE_SIZE  4096ul
#define PAGE_SHIFT 12

#define PTE_P    0x001ull
#define PTE_RW   0x002ull
#define PTE_US   0x004ull
#define PTE_A    0x020ull
#define PTE_D    0x040ull
#define PTE_PS   0x080ull
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

#define X86_FLAGS_TF   0x100ull
#define X86_FLAGS_IF   0x200ull
#define X86_FLAGS_IOPL 0x3000ull
#define X86_FLAGS_NT   0x4000ull
#define X86_FLAGS_RF   0x10000ull
#define X86_FLAGS_VM   0x20000ull
#define X86_FLAGS_AC   0x40000ull
#define X86_FLAGS_ID   0x200000ull

/* Exception vectors (Intel SDM vol. 3A, 6.3.1). */
enum { TRAP_DE = 0, TRAP_DB = 1, TRAP_NMI = 2, TRAP_BP = 3, TRAP_OF = 4, TRAP_UD = 6, TRAP_NM = 7,
       TRAP_DF = 8, TRAP_TS = 10, TRAP_NP = 11, TRAP_SS = 12, TRAP_GP = 13, TRAP_PF = 14,
       TRAP_MF = 16, TRAP_AC = 17, TRAP_MC = 18, TRAP_XM = 19 };

struct tss64 {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, iopb;
} __attribute__((packed));

struct trap_gate {
    uint64_t address;
    uint16_t cs;
    uint8_t flags; /* TI_*: DPL and "clears event enable" */
};

struct callback {
    uint64_t address; /* 0: none */
    uint16_t cs;      /* 32-bit guests */
    uint8_t masks;    /* CALLBACKF_mask_events */
};

struct vcpu_timer {
    uint64_t deadline;    /* system time in ns; 0: off */
    uint64_t period;      /* ns; 0: one shot */
};

#define POLL_MAX 128 /* ports of one SCHEDOP_poll, Xen's limit */

enum runstate { RS_RUNNING = 0, RS_RUNNABLE = 1, RS_BLOCKED = 2, RS_OFFLINE = 3 };

/* At the bottom of each vCPU's area; the stack comes down from the top. */
struct vcpu {
    /* touched by entry64.S, see asm_offsets.h */
    uint64_t scratch_rsp;
    uint64_t kernel_sp;
    uint64_t syscall_cb;
    uint8_t *vinfo;       /* the guest's struct vcpu_info, through the direct map */
    uint64_t scratch_rax;
    uint64_t kernel_cs, kernel_ss; /* the selectors that really run */
    uint8_t in_kernel;
    uint8_t fast;         /* entry64.S may take its short paths */
    uint8_t syscall_masks;
    uint64_t kernel_cr3;  /* emu itself always runs on this one */
    uint64_t user_cr3;    /* 0: user mode shares kernel_cr3 */

    uint32_t id;
    struct emu_vcpu_shared *shared;
    struct cpu_user_regs *top_regs; /* where a frame from the guest lies */

    /* memory */
    uint64_t kernel_root; /* maddr of the L4 (PAE guests: of the guest's L3) */
    uint64_t user_root;   /* MMUEXT_NEW_USER_BASEPTR; 0: none */
    uint64_t own_l4;      /* maddr: PAE guests run on an L4 of emu's, one a vCPU */

    /* what the guest told us */
    struct trap_gate traps[256];
    struct callback event_cb, failsafe_cb, syscall32_cb, sysenter_cb;
    uint16_t kernel_ss_guest;
    uint64_t cr0_guest, cr4_guest;
    uint64_t cr3_guest;
    uint64_t debugreg[8];
    uint8_t iopl;
    uint64_t gdt_frames[16];
    uint32_t gdt_ents;
    uint64_t ldt_base;
    uint32_t ldt_ents;
    uint32_t nmi_pending;  /* VCPUOP_send_nmi, the host */
    bool nmi_blocked;      /* from its delivery to the next HYPERVISOR_iret */
    bool initialised;      /* VCPUOP_initialise was done */
    bool vinfo_registered;

    /* life */
    uint32_t online;       /* what VCPUOP_up and _down say */
    uint32_t blocked;      /* waits in emu, takes no notice of a flush until it goes on */
    uint32_t flush_all, flush_one; /* requests from other vCPUs */
    uint64_t flush_va;
    uint32_t started;      /* has left its waiting loop once */
    struct cpu_user_regs start_regs;
    uint64_t start_fs, start_gs_kernel, start_gs_user, start_ldt_base;
    uint32_t start_ldt_ents;

    /* time */
    struct vcpu_timer timer, singleshot, periodic;
    uint64_t armed;        /* the LAPIC timer's deadline, 0: not armed */
    uint16_t virq_port[24];
    int runstate;
    uint64_t runstate_entry, runstate_time[4];
    uint64_t runstate_area; /* guest address or 0 */
    struct vcpu_timer poll_timer; /* deadline 0: the poll timed out; ~0: none */
    uint32_t poll_ports[POLL_MAX], poll_count;
    bool polling;

    struct tss64 tss;
};

_Static_assert(offsetof(struct vcpu, scratch_rsp) == VCPU_SCRATCH_RSP, "asm");
_Static_assert(offsetof(struct vcpu, kernel_sp) == VCPU_KERNEL_SP, "asm");
_Static_assert(offsetof(struct vcpu, syscall_cb) == VCPU_SYSCALL_CB, "asm");
_Static_assert(offsetof(struct vcpu, vinfo) == VCPU_VINFO, "asm");
_Static_assert(offsetof(struct vcpu, scratch_rax) == VCPU_SCRATCH_RAX, "asm");
_Static_assert(offsetof(struct vcpu, kernel_cs) == VCPU_KERNEL_CS, "asm");
_Static_assert(offsetof(struct vcpu, kernel_ss) == VCPU_KERNEL_SS, "asm");
_Static_assert(offsetof(struct vcpu, in_kernel) == VCPU_IN_KERNEL, "asm");
_Static_assert(offsetof(struct vcpu, fast) == VCPU_FAST, "asm");
_Static_assert(offsetof(struct vcpu, syscall_masks) == VCPU_SYSCALL_MASKS, "asm");
_Static_assert(offsetof(struct vcpu, kernel_cr3) == VCPU_KERNEL_CR3, "asm");
_Static_assert(offsetof(struct vcpu, user_cr3) == VCPU_USER_CR3, "asm");
_Static_assert(offsetof(struct cpu_user_regs, entry_vector) == REGS_VECTOR, "asm");
_Static_assert(offsetof(struct cpu_user_regs, rip) == REGS_RIP, "asm");
_Static_assert(offsetof(struct cpu_user_regs, cs) == REGS_CS, "asm");
_Static_assert(sizeof(struct cpu_user_regs) == REGS_SIZE, "asm");
_Static_assert(sizeof(struct vcpu) <= 0x3000, "room for the IST stacks");

/* IST stacks and the main stack of a vCPU's area (EMU_VCPU_SIZE = 0x8000). */
#define VCPU_IST_DF_TOP  0x4000
#define VCPU_IST_NMI_TOP 0x5000

/* What the two forms of event channels do differently. True: the vCPU must be told, see evtchn_2l.h. */
struct evtchn_ops {
    bool (*raise)(struct vcpu *target, unsigned port);
    bool (*unmask)(struct vcpu *target, unsigned port);
    bool (*is_pending)(unsigned port);
    void (*closed)(unsigned port);
};

/* The state that is the domain's and not one vCPU's. One instance: `emu`. */
struct emu {
    struct emu_boot_info boot; /* as the host wrote it */
    uint64_t ram_low_end, ram_high_end; /* maddr: [0, low) and [4 GiB, high) are RAM */
    uint64_t *m2p;
    uint8_t *frame_info;
    struct emu_port *ports;
    uint32_t *host_pending;
    struct emu_log *log;
    uint8_t *shared_info;
    struct evtchn_2l evtchn;
    const struct evtchn_ops *evtchn_ops; /* the form that the guest chose */
    uint32_t *guest_pending; /* ports raised by the host, in the FIFO form */
    bool pae32;            /* the guest is a 32-bit PAE kernel */
    bool ring3;            /* its kernel runs in ring 3 */
    bool split;            /* its user mode runs on its own L4 */
    uint32_t nr_vcpus;
    uint64_t tsc0;
    uint64_t no_descriptors; /* maddr of the empty page where a GDT has none */
    uint64_t scratch_next, scratch_end; /* maddr: frames for emu's own tables */
    uint32_t log_lock, scratch_lock, memory_lock, gnttab_lock;
    uint32_t stopping;     /* a shutdown is on its way: nobody runs guest code again */
    uint64_t vm_assist;
    volatile uint32_t *doorbell; /* ivshmem's doorbell register, or NULL for the port */
    uint32_t unknown_seen[4]; /* hypercalls already said to be unknown */
    bool x2apic;
    struct emu_gnttab *gnttab;
    uint64_t nr_pages_now, max_pages;
    uint32_t sched_lock;
    uint32_t shutdown_code;  /* SCHEDOP_shutdown_code and one more; 0: none */
    uint64_t watchdog[2];    /* system time when it bites, 0: not set; vCPU 0's timer serves them */
    bool watchdog_used[2];
    uint32_t watchdog_bit;   /* one has come to its end */
};

extern struct emu emu;

static inline void *direct(uint64_t maddr)
{
    return (void *)(EMU_DIRECT_VA + maddr);
}

static inline struct vcpu *vcpu_by_id(unsigned id)
{
    return (struct vcpu *)(EMU_BASE_VA + EMU_VCPU_OFF + (uint64_t)id * EMU_VCPU_SIZE);
}

static inline struct vcpu *this_vcpu(void)
{
    uint64_t sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct vcpu *)(sp & ~(EMU_VCPU_SIZE - 1ul));
}

/* cpu.h-like one-liners */
static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return lo | (uint64_t)hi << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t val)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)val), "d"((uint32_t)(val >> 32)) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return lo | (uint64_t)hi << 32;
}

static inline void write_cr3(uint64_t val)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(val) : "memory");
}

static inline uint64_t read_cr3(void)
{
    uint64_t val;

    __asm__ volatile("mov %%cr3, %0" : "=r"(val));
    return val;
}

static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline bool canonical(uint64_t va)
{
    return ((int64_t)va << 16 >> 16) == (int64_t)va;
}

static inline void pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline void outl(uint16_t port, uint32_t val)
{
    __asm__ volatile("outl %0, %1" ::"a"(val), "d"(port) : "memory");
}

static inline void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

#define barrier() __asm__ volatile("" ::: "memory")
#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* entry64.S */
extern uint8_t syscall_stubs[], syscall32_stubs[], trap_stubs[], guest_iret[];
extern uint8_t hypercall_page_template[];
_Noreturn void return_with(struct cpu_user_regs *regs);
int rdmsr_safe(uint32_t msr, uint64_t *ret);
int wrmsr_safe(uint32_t msr, uint64_t val);
int xsetbv_safe(uint32_t index, uint64_t val);
int load_gs_user(uint16_t sel);
unsigned long guest_copy(void *to, const void *from, unsigned long bytes);

/* lib.c */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
void spin_lock(uint32_t *lock);
void spin_unlock(uint32_t *lock);
/* For the user; trace() only for who asked with -d emu. Both take whole lines. */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define trace(...) printk(EMU_LOG_TRACE __VA_ARGS__)
_Noreturn void emu_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int vformat(char *buf, size_t size, const char *fmt, __builtin_va_list ap);

/* Slots 256 to 271 are the hypervisor's: no argument of the guest's lies there. */
static inline bool hypervisor_va(uint64_t va)
{
    return va - EMU_M2P_VA < 16ull << 39;
}

static inline bool guest_range_ok(uint64_t at, size_t n)
{
    return !n || (!hypervisor_va(at) && !hypervisor_va(at + n - 1));
}

/* Guest memory by guest address: 0 or -XEN_EFAULT. */
static inline int copy_from_guest(void *to, uint64_t from, size_t n)
{
    return !guest_range_ok(from, n) || guest_copy(to, (const void *)from, n) ? -XEN_EFAULT : 0;
}

static inline int copy_to_guest(uint64_t to, const void *from, size_t n)
{
    return !guest_range_ok(to, n) || guest_copy((void *)to, from, n) ? -XEN_EFAULT : 0;
}

/* boot.c */
_Noreturn void emu_main(uint32_t id);
/* Runs v from start_regs, which somebody filled in. */
_Noreturn void vcpu_start_guest(struct vcpu *v);

/* hypercall.c */
void emu_hypercall(struct cpu_user_regs *regs);
int64_t hypercall_dispatch(struct vcpu *v, struct cpu_user_regs *regs, uint64_t nr,
                           const uint64_t arg[6]);
#define HYPERCALL(name) int64_t name(struct vcpu *v, struct cpu_user_regs *regs, const uint64_t a[6])

/* mmu.c, mmuext.c, pagetable.c */
HYPERCALL(do_mmu_update);
HYPERCALL(do_update_va_mapping);
HYPERCALL(do_update_va_mapping_otherdomain);
HYPERCALL(do_mmuext_op);
bool maddr_is_ram(uint64_t maddr);
/* Of those that the builder gave the guest; not emu's, and not a device's. */
bool is_guest_frame(uint64_t mfn);
bool is_plain_frame(uint64_t mfn);
/* Some vCPU runs on it, or will when it goes to user mode. */
bool pt_is_root(uint64_t mfn);
/* Points to the L1 entry that maps va on root, or NULL. */
uint64_t *pt_lookup(struct vcpu *v, uint64_t root, uint64_t va);
/* True when va is mapped for reading; *ret_maddr is where. */
bool pt_translate(struct vcpu *v, uint64_t va, uint64_t *ret_maddr);
/* What emu's own L3 has for an entry of a PAE guest's; readies the table that it names. */
uint64_t pt_pae_l3_entry(uint64_t guest, unsigned index);
void pt_mark_tree(uint64_t maddr, unsigned level);
void pt_install_emu_slots(uint64_t l4_maddr);
/* What a guest copied into an L4 from another. */
void pt_clear_emu_slots(uint64_t l4_maddr);
/* Loads kernel_root, and says what the way out to user mode must load. */
void mmu_load_root(struct vcpu *v);
int mmu_new_kernel_root(struct vcpu *v, uint64_t maddr);
/*
 * A write fault of the guest's kernel, or of emu on the guest's memory: true when it is mended, because
 * it was the guest on a page table page, or a TLB that had not heard of a mended entry yet.
 */
bool mmu_fix_write_fault(struct vcpu *v, uint64_t va, bool by_guest);
bool mmu_fix_user_fault(struct vcpu *v, uint64_t va, uint32_t error);
uint64_t scratch_alloc(void); /* maddr of one zeroed frame; 0: none left */

enum frame_type { FRAME_NONE = 0, FRAME_L1, FRAME_L2, FRAME_L3, FRAME_L4, FRAME_TYPE = 7,
                  FRAME_RELEASED = EMU_FRAME_RELEASED, FRAME_PINNED = 0x20 };

static inline uint8_t frame_type(uint64_t mfn)
{
    return emu.frame_info[mfn] & FRAME_TYPE;
}

static inline void frame_set_type(uint64_t mfn, enum frame_type t)
{
    emu.frame_info[mfn] = (emu.frame_info[mfn] & ~FRAME_TYPE) | t;
}

/* smp.c */
enum { FLUSH_EVERYTHING = 1 };
void flush_local_all(struct vcpu *v);
/* mask: bit a vCPU. va is one address, or FLUSH_EVERYTHING. Returns when it is done everywhere. */
void flush_vcpus(struct vcpu *v, uint64_t mask, uint64_t va);
void flush_serve(struct vcpu *v);
HYPERCALL(do_vcpu_op);
/* Waits with interrupts on until ready() or something came in. Returns with interrupts off. */
void wait_for_interrupt(void);
extern const uint8_t wait_hlt[], wait_end[];
/* A vCPU that is not online stays here. */
void vcpu_wait_online(struct vcpu *v);
void vcpu_kick(unsigned id);
/* -XEN_Exxx. Takes over a guest context that is in emu's memory already. */
int vcpu_load_context(struct vcpu *v, const vcpu_guest_context_t *ctx);
/* context32.c: the same from a 32-bit guest's memory. */
int vcpu_load_context32(struct vcpu *v, uint64_t at);

/* lapic.c */
void lapic_init(void);
void lapic_eoi(void);
void lapic_send_ipi(unsigned apic_id, unsigned vector);
void lapic_timer_arm(uint64_t ns);
void lapic_timer_stop(void);

/* segments.c */
void segments_init(struct vcpu *v);
HYPERCALL(do_set_gdt);
HYPERCALL(do_update_descriptor);
HYPERCALL(do_set_segment_base);
int segments_set_gdt(struct vcpu *v, const uint64_t *frames, uint32_t ents);
int segments_set_ldt(struct vcpu *v, uint64_t base, uint32_t ents);

/* callback.c */
HYPERCALL(do_set_trap_table);
HYPERCALL(do_set_callbacks);
HYPERCALL(do_callback_op);
HYPERCALL(do_stack_switch);
HYPERCALL(do_nmi_op);
HYPERCALL(do_iret);
void vcpu_update_fast(struct vcpu *v);
void toggle_to_kernel(struct vcpu *v);
void toggle_to_user(struct vcpu *v);
enum { BOUNCE_ERROR = 1, BOUNCE_SYSCALL = 2 };
void bounce(struct vcpu *v, struct cpu_user_regs *regs, uint64_t address, uint16_t cs, bool masks,
            unsigned flags, uint32_t error);
/* Delivers an exception to the guest, or ends it when it has no handler. */
void inject_trap(struct vcpu *v, struct cpu_user_regs *regs, unsigned vector, uint32_t error);
void inject_page_fault(struct vcpu *v, struct cpu_user_regs *regs, uint64_t va, uint32_t error);
static inline bool event_deliverable(const struct vcpu *v)
{
    return v->vinfo[0] && !v->vinfo[1];
}

static inline bool nmi_deliverable(const struct vcpu *v)
{
    return __atomic_load_n(&v->nmi_pending, __ATOMIC_SEQ_CST) && !v->nmi_blocked;
}
/* An NMI and an event: regs then enter the guest's handler, of the event first. */
void deliver_pending(struct vcpu *v, struct cpu_user_regs *regs);

/* traps.c */
void traps_init(struct vcpu *v);
void emu_trap(struct cpu_user_regs *regs);
void emu_exit_work(struct cpu_user_regs *regs);
/* Says what the guest did and ends it with SHUTDOWN_crash. */
_Noreturn void guest_crash(struct vcpu *v, struct cpu_user_regs *regs, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* priv.c, cpuid.c */
/* Emulates the instruction at regs->rip; false: the guest gets the fault. */
bool emulate_privileged(struct vcpu *v, struct cpu_user_regs *regs);
bool emulate_xen_prefix(struct vcpu *v, struct cpu_user_regs *regs);
HYPERCALL(do_fpu_taskswitch);
HYPERCALL(do_set_debugreg);
HYPERCALL(do_get_debugreg);
void guest_cpuid(struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t r[4]);

/* evtchn.c */
HYPERCALL(do_event_channel_op);
HYPERCALL(do_event_channel_op_compat);
void evtchn_raise_port(unsigned port);
void evtchn_raise_virq(struct vcpu *v, unsigned virq);
extern const struct evtchn_ops evtchn_2l_ops;

/* evtchn_fifo.c */
struct evtchn_init_control;
struct evtchn_expand_array;
struct evtchn_set_priority;
extern const struct evtchn_ops evtchn_fifo_ops;
int64_t evtchn_fifo_init_control(struct vcpu *v, struct evtchn_init_control *op);
int64_t evtchn_fifo_expand_array(const struct evtchn_expand_array *op);
int64_t evtchn_fifo_set_priority(const struct evtchn_set_priority *op);
void evtchn_fifo_take_pending(void); /* after a kick, and before a vCPU sleeps */
void evtchn_fifo_off(void);

/* gnttab.c, gntcopy.c (under gnttab_lock), memory.c */
int64_t gnttab_copy(uint64_t at, uint32_t count);
int64_t gnttab_swap(uint64_t at, uint32_t count);
/* Whether a backend uses one of the entries from that one on. */
bool gnttab_in_use(uint32_t first);
bool gnttab_is_self(uint16_t domid);
void gnttab_init(void);
HYPERCALL(do_grant_table_op);
HYPERCALL(do_memory_op);

/* sched.c, timer.c */
HYPERCALL(do_sched_op);
HYPERCALL(do_sched_op_compat);
/* Ends the guest if a watchdog says so. */
void watchdog_check(struct vcpu *v, struct cpu_user_regs *regs);
HYPERCALL(do_set_timer_op);
uint64_t system_time(void);
void timer_interrupt(struct vcpu *v);
void timer_rearm(struct vcpu *v);
void timer_init_vcpu(struct vcpu *v);
int timer_publish(struct vcpu *v, uint64_t va);
void runstate_change(struct vcpu *v, int state);
/* To the guest address va, and to the area that the guest registered: */
int runstate_read(const struct vcpu *v, uint64_t va);
void runstate_publish(struct vcpu *v);
_Noreturn void guest_shutdown(struct vcpu *v, struct cpu_user_regs *regs, unsigned reason);

/* misc.c */
HYPERCALL(do_xen_version);
HYPERCALL(do_vm_assist);
HYPERCALL(do_console_io);
HYPERCALL(do_physdev_op);
HYPERCALL(do_physdev_op_compat);
HYPERCALL(do_hvm_op);
HYPERCALL(do_nosys);
void hypercall_page_fill(void *page);

/* control.c */
HYPERCALL(do_domctl);
HYPERCALL(do_sysctl);
HYPERCALL(do_platform_op);

/* hostcall.c */
int64_t hostcall(struct vcpu *v, unsigned nr, unsigned cmd, void *arg, size_t len);
void host_ring_doorbell(unsigned n); /* below EMU_DOORBELLS */
void doorbell_init(void);
