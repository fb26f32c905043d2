/*
 * The program of kvm_probe.c's throw-away VM: what emu and a PV kernel do all the time, once each.
 * Linked nowhere; copied to frames that are mapped at PROBE_VA (rings 0 and 1) and PROBE_USER_VA
 * (ring 3). R15 is the step, so that a failure can say how far it came; the result leaves through
 * port 0xe4: step in bits 0 to 7, vector of an unexpected exception in bits 8 to 15.
 */
#include "xenner/engine/kvm_probe_abi.h"

#define ENTRY(x) ((x) - kvm_probe_code)

    .section .rodata
    .globl kvm_probe_code, kvm_probe_code_end, kvm_probe_stubs
    .balign 64
    .code64
kvm_probe_code:
    movl $1, %r15d                      /* tables: RDI is the descriptors' page */
    lgdt PROBE_GDTR(%rdi)
    lidt PROBE_IDTR(%rdi)
    movw $PROBE_SEL_TSS, %ax
    ltr %ax
    movl $2, %r15d                      /* model specific registers */
    movl $0xc0000080, %ecx
    rdmsr
    orl $1, %eax                        /* EFER.SCE */
    wrmsr
    movl $0xc0000081, %ecx              /* STAR: SYSRET 0x23 up, SYSCALL 0x08 */
    xorl %eax, %eax
    movl $0x00230008, %edx
    wrmsr
    leaq syscall_target(%rip), %rax
    movq %rax, %rdx
    shrq $32, %rdx
    movl $0xc0000082, %ecx
    wrmsr
    movl $0xc0000084, %ecx
    movl $0x200, %eax
    xorl %edx, %edx
    wrmsr
    movl $0xc0000102, %ecx
    movl $0x1234, %eax
    wrmsr
    movl $3, %r15d                      /* L4 slot 256, where PV kernels look for the M2P */
    movabsq $PROBE_M2P_VA, %rax
    cmpl $PROBE_MAGIC, (%rax)
    jne bad
    movl $4, %r15d                      /* swapgs */
    swapgs
    movl $0xc0000101, %ecx
    rdmsr
    cmpl $0x1234, %eax
    jne bad
    movl $5, %r15d                      /* iretq to ring 1 */
    leaq ring1(%rip), %rax
    movq %rsp, %rbx
    pushq $PROBE_SEL_RING1_SS
    pushq %rbx
    pushq $2
    pushq $PROBE_SEL_RING1_CS
    pushq %rax
    iretq

ring1:
    movl $6, %r15d
    movw %cs, %ax
    cmpw $PROBE_SEL_RING1_CS, %ax
    jne bad_no_out
    rdtsc
    movl %eax, %r8d
    movl $PROBE_LOOPS, %ecx
1:  decl %ecx
    jnz 1b
    rdtsc
    subl %r8d, %eax
    movl %eax, %r8d                     /* R8: how long ring 1 takes */
    movl $7, %r15d                      /* syscall from ring 1 */
    syscall
bad_no_out:
    ud2

syscall_target:
    movl $8, %r15d                      /* mov cr3 at once */
    movq %cr3, %rax
    movq %rax, %cr3
    movl $9, %r15d                      /* sysret to ring 3 */
    movl $PROBE_USER_VA, %ecx
    movl $0x202, %r11d
    sysretq

/* Exceptions: 16 bytes each, as many as vectors; #PF in step 10 is what is expected. */
bad:
    movl $0xff00, %eax
    jmp report
page_fault:
    popq %rax                           /* error code */
    cmpl $10, %r15d
    jne 1f
    cmpl $4, %eax                       /* a user's read of what isn't there */
    jne 1f
    movq %cr2, %rax
    cmpq $PROBE_HOLE_VA, %rax
    jne 1f
    movq %cr3, %rax
    movq %rax, %cr3
    movl $PROBE_DONE, %r15d
    xorl %eax, %eax
    jmp report
1:  movl $14 << 8, %eax
report:
    orl %r15d, %eax
    movw $0xe4, %dx
    outl %eax, %dx
    hlt

    .balign 16
kvm_probe_stubs:
    .set n, 0
    .rept 32
    .balign 16
    .if n == 14
    jmp page_fault
    .else
    movl $(n << 8), %eax
    jmp report
    .endif
    .set n, n + 1
    .endr

    .globl kvm_probe_user, kvm_probe_user_end
    .balign 16
kvm_probe_code_end:
kvm_probe_user:
    movl $10, %r15d
    rdtsc
    movl %eax, %r9d
    movl $PROBE_LOOPS, %ecx
1:  decl %ecx
    jnz 1b
    rdtsc
    subl %r9d, %eax
    movl %eax, %r9d                     /* R9: how long ring 3 takes */
    movl PROBE_HOLE_VA, %eax
    ud2
kvm_probe_user_end:
    .section .note.GNU-stack, "", @progbits
