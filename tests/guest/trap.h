/* Exceptions and events as the kernel gets them, and how tests provoke them. */
#pragma once

#include "guest.h"

#include <xen/callback.h>

#ifdef __x86_64__
struct regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

#define FRAME_MASK(cs) ((cs) >> 32 & 0xff) /* saved_upcall_mask of struct cpu_user_regs */
#define W "q" /* suffix of an instruction on words */
#else
/* The names are those of 64 bits, so that what is common to both needs no other. */
struct regs {
    unsigned long rbp, rdi, rsi, rdx, rcx, rbx, rax;
    unsigned long vector, error, rip, cs, rflags;
};
#define FRAME_MASK(cs) ((cs) >> 16 & 0xff)
#define W "l"
#endif

/* The error code of #GP for an INT without a gate. QEMU's TCG counts 16 bytes a gate, which emu puts right. */
#define NO_GATE(vector)     ((vector) << 3 | 2)
#define NO_GATE_TCG(vector) ((vector) << 4 | 2)
#define NO_GATE_WHY         "the CPU is QEMU's TCG, which is wrong there"

struct seen {
    unsigned count;   /* exceptions since provoke_begin() */
    unsigned long cr2;
    uint8_t mask;     /* the upcall mask inside the handler */
    unsigned long frame; /* where the frame lay */
    struct regs regs; /* of the last one */
};

extern struct seen seen[MAX_CPUS];
extern unsigned long resume_at[MAX_CPUS];
extern uint8_t entry_stubs[];
/* Where traps from user mode put their frame on the first vCPU. */
#define ENTRY_STACK ((unsigned long)stacks + (MAX_CPUS + 1) * STACK_BYTES)

/* Registers the callbacks and the trap table of the vCPU that runs. */
void traps_register(void);
void trap_table_fill(trap_info_t *table);
/* 32-bit kernels name a code segment with it. */
void callback_address(struct callback_register *reg, unsigned long address);
unsigned long stub(unsigned vector);
void trap_handler(struct regs *regs);

/* Takes the NMI, if set; else it counts as an exception. */
extern void (*nmi_hook)(struct regs *regs);

/* From a trap of user mode back to where enter_user() (user.h) was called. */
_Noreturn void leave_user(void);

/* Where each vCPU's events and clock are. */
extern struct vcpu_info *vcpu_infos[MAX_CPUS];

static inline struct vcpu_info *vcpu_info(void)
{
    return vcpu_infos[this_cpu()];
}

/*
 * Runs one instruction; an exception goes on behind it. Operands as in asm(), with "=" or "+" ones in
 * outs. True when there was none; else seen[0] tells.
 */
#define TRY(insn, outs, ...)                                                                       \
    ({                                                                                             \
        unsigned try_cpu = this_cpu();                                                             \
        seen[try_cpu].count = 0;                                                                   \
        __asm__ volatile("mov" W " $1f, %[try_resume]\n\t" insn "\n1:\n\tmov" W " $0, %[try_resume]"     \
                         : [try_resume] "=m"(resume_at[try_cpu]) outs                              \
                         : __VA_ARGS__                                                             \
                         : "memory", "cc");                                                        \
        READ_ONCE(seen[try_cpu].count) == 0;                                                       \
    })
#define OUTS(...) , __VA_ARGS__
#define NO_OUTS

/* An access to a word; true when it went well. */
static inline bool try_read(unsigned long va)
{
    unsigned long val;

    return TRY("mov" W " (%[va]), %[val]", OUTS([val] "=r"(val)), [va] "r"(va));
}

static inline bool try_write(unsigned long va)
{
    return TRY("mov" W " %[va], (%[va])", NO_OUTS, [va] "r"(va));
}

/* The checks on what TRY left: exactly one exception, this vector, this error code. */
void expect_trap(unsigned vector, uint64_t error, const char *name);

/* events: how often each port came up */
extern volatile unsigned port_count[4096];
extern volatile unsigned upcalls[MAX_CPUS];
