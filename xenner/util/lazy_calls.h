/* For assembler: a library's struct lazy_library (lazy_library.h), with its functions. */
    .macro LAZY_LIBRARY symbol, file
    .section .rodata
1:  .string "\file"
    .data
    .balign 8
    .globl \symbol
    .hidden \symbol
\symbol:
    .quad 1b, 0
    .endm

    .macro LAZY_CALL name
    .section .rodata
1:  .string "\name"
    .data
2:  .quad 1b, 0
    .text
    .globl \name
    .hidden \name
    .type \name, @function
\name:
    endbr64
    jmp *2b + 8(%rip)
    .size \name, . - \name
    .endm

    .macro LAZY_END
    .data
    .quad 0, 0
    .section .note.GNU-stack, "", @progbits
    .endm
