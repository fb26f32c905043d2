/* The notes and first instructions of the 32-bit PAE build; see start.S. */
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

    NOTE XEN_ELFNOTE_ENTRY, .long _start
    NOTE XEN_ELFNOTE_HYPERCALL_PAGE, .long hypercall_page
    NOTE XEN_ELFNOTE_VIRT_BASE, .long VIRT_BASE
    NOTE XEN_ELFNOTE_PADDR_OFFSET, .long 0
    NOTE XEN_ELFNOTE_PAE_MODE, .asciz "yes"
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
_start:                             /* ESI: start_info */
    cld
    movl $stacks + STACK_BYTES, %esp
    xorl %ebp, %ebp
    pushl %esi
    call guest_main
    ud2

    .globl secondary_entry
secondary_entry:                    /* EDI: the vCPU; ESP as in its context */
    xorl %ebp, %ebp
    pushl %edi
    call secondary_main
    ud2

    .section .bss.page, "aw", @nobits
    .balign STACK_BYTES
    .globl stacks
stacks:
    .skip (MAX_CPUS + 1) * STACK_BYTES

    .section .note.GNU-stack, "", @progbits
