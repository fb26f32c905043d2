/* Where the hypervisor enters the 32-bit kernel (frames: xen-x86_32.h), and the way back. */
#include "guest.h"

#define HYPERVISOR_IRET (hypercall_page + 23 * 32)

/* The frame: the error code where the vector has one, eip, cs with the upcall mask above it, eflags. */
.macro STUB vector:req, has_error:req
    .balign 32
    .if \has_error == 0
    pushl $0
    .endif
    pushl $\vector
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
    pushl %eax
    pushl %ebx
    pushl %ecx
    pushl %edx
    pushl %esi
    pushl %edi
    pushl %ebp
    cld
    pushl %esp
    call trap_handler
    addl $4, %esp
    popl %ebp
    popl %edi
    popl %esi
    popl %edx
    popl %ecx
    popl %ebx
    popl %eax
    addl $8, %esp
    jmp HYPERVISOR_IRET

    .section .note.GNU-stack, "", @progbits
