/* Snippets that run in ring 3, copied to a page at USER_CODE; see user.h. */
    .section .rodata
    .globl user_code, user_code_end
user_code:

.macro SNIPPET name:req
    .balign 16, 0x90
    .globl \name
\name:
.endm

    SNIPPET user_syscall            /* with values in the registers */
    movq $0x1001, %rax
    movq $0x1002, %rbx
    movq $0x1003, %rdx
    movq $0x1004, %rsi
    movq $0x1005, %r10
    movq $0x1006, %r15
    syscall
    ud2
    SNIPPET user_int80
    int $0x80
    ud2
    SNIPPET user_int81
    int $0x81
    ud2
    SNIPPET user_int3
    int3
    ud2
    SNIPPET user_ud2
    ud2
    SNIPPET user_hlt
    hlt
    ud2
    SNIPPET user_cli
    cli
    ud2
    SNIPPET user_out
    outb %al, $0x80
    ud2
    SNIPPET user_read               /* of RDI */
    movq (%rdi), %rax
    syscall
    SNIPPET user_write
    movq %rdi, (%rdi)
    syscall
    SNIPPET user_fpu
    fnop
    syscall
    SNIPPET user_spin               /* until the word at RDI is not 0 */
    movq $0x2001, %rax
    movq $0x2002, %rcx
    movq $0x2003, %r11
    movq $0x2004, %r9
1:  cmpq $0, (%rdi)
    je 1b
    int $0x80
    ud2
    SNIPPET user_nops
    nop
    nop
    syscall
    SNIPPET user_divide
    xorl %edx, %edx
    xorl %ecx, %ecx
    movl $1, %eax
    divl %ecx
    ud2
    SNIPPET user_jump
    jmp *%rdi
    SNIPPET user_gs
    movq %gs:0, %rax
    movq %fs:0, %rbx
    syscall
    SNIPPET user_cpuid              /* Xen's, of leaf RDI */
    movl %edi, %eax
    xorl %ecx, %ecx
    ud2
    .ascii "xen"
    cpuid
    syscall
    SNIPPET user_rdmsr
    movl %edi, %ecx
    rdmsr
    ud2
    SNIPPET user_cr
    movq %cr0, %rax
    ud2
    SNIPPET user_wbinvd
    wbinvd
    ud2
    .code32
    SNIPPET user_int80_32
    movl $0x3001, %eax
    int $0x80
    ud2
    .code64
user_code_end:

    .section .note.GNU-stack, "", @progbits
