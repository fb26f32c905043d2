/* The notes that tell the domain builder what this is, the first instruction, the hypercall page. */
#include "guest.h"

#include <xen/elfnote.h>

.macro NOTE type:req, desc:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \desc
2:  .balign 4
    .popsection
.endm

    NOTE XEN_ELFNOTE_ENTRY, .quad _start
    NOTE XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
    NOTE XEN_ELFNOTE_VIRT_BASE, .quad 0xffffffff80000000
    NOTE XEN_ELFNOTE_PADDR_OFFSET, .quad 0
    NOTE XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    NOTE XEN_ELFNOTE_GUEST_OS, .asciz "xenner-test"
    NOTE XEN_ELFNOTE_LOADER, .asciz "generic"

    .section .text.page, "ax"
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096, 0xcc

    .text
    .globl _start
_start:                             /* RSI: start_info */
    cld
    leaq stacks + STACK_BYTES(%rip), %rsp
    movq %rsi, %rdi
    xorl %ebp, %ebp
    call guest_main
    ud2

    .globl secondary_entry
secondary_entry:                    /* EDI: the vCPU; RSP as in its context */
    xorl %ebp, %ebp
    call secondary_main
    ud2

    .section .bss.page, "aw", @nobits
    .balign STACK_BYTES
    .globl stacks
stacks:                             /* one a vCPU; this_cpu() finds out by the address */
    .skip (MAX_CPUS + 1) * STACK_BYTES

    .section .note.GNU-stack, "", @progbits
