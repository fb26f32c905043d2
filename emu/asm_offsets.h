/*
 * Numbers that both assembly and C need: selectors and the offsets of the vCPU fields that the entry
 * code touches. emu.h asserts every one of them.
 */
#pragma once

/* Selectors in emu's GDT page (index 0xe000 up). 0xe019 to 0xe033 are Xen's public ones. */
#define SEL_RING0_CS    0xe008
#define SEL_RING0_DS    0xe010
#define SEL_RING1_CS64  0xe041 /* where a 64-bit kernel really runs */
#define SEL_RING1_SS    0xe049
#define SEL_USER_CS64   0xe053 /* really runs when the guest says FLAT_USER_CS */
#define SEL_USER_SS     0xe05b
#define SEL_TSS         0xe060
#define SEL_LDT         0xe070
#define SEL_GDT_LIMIT   0xe07f

/* struct vcpu, from its start; see emu.h */
#define VCPU_SCRATCH_RSP   0
#define VCPU_KERNEL_SP     8
#define VCPU_SYSCALL_CB    16
#define VCPU_VINFO         24
#define VCPU_SCRATCH_RAX   32
#define VCPU_KERNEL_CS     40
#define VCPU_KERNEL_SS     48
#define VCPU_IN_KERNEL     56
#define VCPU_FAST          57
#define VCPU_SYSCALL_MASKS 58
#define VCPU_KERNEL_CR3    64
#define VCPU_USER_CR3      72

/* struct cpu_user_regs of Xen's headers */
#define REGS_VECTOR 124
#define REGS_RIP    128
#define REGS_CS     136
#define REGS_SIZE   200

/* Room above the interrupt frame for es, ds, fs, gs of struct cpu_user_regs. */
#define STACK_TOP_PAD EMU_STACK_TOP_PAD

#define VECTOR_HYPERCALL 0x100
#define VECTOR_SYSCALL   0x101
#define VECTOR_SYSCALL32 0x102
