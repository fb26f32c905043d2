/* Where the hypervisor enters the kernel (frames: xen-x86_64.h), and the ways back. */
#include "guest.h"

#define HYPERVISOR_IRET (hypercall_page + 23 * 32)

/* struct regs (trap.h) below the vector: what the stubs leave on top is vector, error, rip... */
.macro SAVE
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro RESTORE
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
.endm

/* The frame begins with RCX and R11, then the error code where the vector has one. */
.macro STUB vector:req, has_error:req
    .balign 32
    movq (%rsp), %rcx
    movq 8(%rsp), %r11
    .if \has_error
    addq $8, %rsp
    .else
    movq $0, 8(%rsp)
    .endif
    movq $\vector, (%rsp)
    jmp entry_common
.endm

    .text
    .balign 32
    .globl entry_stubs
entry_stubs:
    .set n, 0
    .rept 256
    .if (n == 8) || (n >= 10 && n <= 14) || (n == 17)
    STUB n, 1
    .else
    STUB n, 0
    .endif
    .set n, n + 1
    .endr
    STUB VECTOR_EVENT, 0
    STUB VECTOR_SYSCALL, 0
    STUB VECTOR_FAILSAFE, 0

entry_common:
    SAVE
    cld
    movq %rsp, %rdi
    call trap_handler
    RESTORE
    addq $8, %rsp
    movq $0, (%rsp)                 /* flags of struct iret_context: not in a system call */
    jmp HYPERVISOR_IRET

/* void enter_user(const struct user_entry *): see user.h. Returns through leave_user(). */
    .globl enter_user
enter_user:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, user_return_sp(%rip)
    pushq 40(%rdi)                  /* ss */
    pushq 8(%rdi)                   /* rsp */
    pushq 16(%rdi)                  /* rflags */
    pushq 32(%rdi)                  /* cs */
    pushq 0(%rdi)                   /* rip */
    pushq 24(%rdi)                  /* flags */
    movq 56(%rdi), %rcx
    movq 64(%rdi), %r11
    movq 48(%rdi), %rdi
    jmp HYPERVISOR_IRET

/* _Noreturn void leave_user(void): back to who called enter_user(). */
    .globl leave_user
leave_user:
    movq user_return_sp(%rip), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .local user_return_sp
    .comm user_return_sp, 8, 8

    .section .note.GNU-stack, "", @progbits
