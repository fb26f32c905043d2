/*
 * How a vCPU of the tcg engine gets from reset (real mode) to what engine.h promises. Copied to
 * EMU_TRAMPOLINE_GPA; the first vCPU comes from the ROM's reset vector, the others from the SIPI
 * that the first one sends. Must agree with emu/abi/emu_abi.h.
 */
#define BASE       0x8000
#define ENTRIES    0x9000 + 32 /* struct emu_entry_block.vcpu */
#define LAPIC_ICR  0xfee00300
#define AT(x)      (BASE + (x) - tcg_trampoline_start)

    .section .rodata
    .globl tcg_trampoline_start, tcg_trampoline_end
    .balign 16
    .code16
tcg_trampoline_start:
    cli
    cld
    ljmpl $0, $AT(1f)
1:  xorw %ax, %ax
    movw %ax, %ds
    lgdtl AT(gdtr)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x08, $AT(protected)

    .code32
protected:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $0x1b, %ecx                    /* IA32_APIC_BASE: bit 8 is the bootstrap processor */
    rdmsr
    testl $0x100, %eax
    jz 2f
    movl $0x000c4608, LAPIC_ICR         /* SIPI, vector 8, to all but itself */
2:  movl $1, %eax
    cpuid
    shrl $24, %ebx                      /* initial APIC id = vCPU number */
    movl %ebx, %edi
    movl %ebx, %esi
    shll $5, %esi
    addl $ENTRIES, %esi
    movl %cr4, %eax
    orl $0x20, %eax                     /* PAE */
    movl %eax, %cr4
    movl 16(%esi), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              /* EFER: LME, NXE */
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax               /* PG, WP, PE */
    andl $0x9fffffff, %eax              /* caches on */
    movl %eax, %cr0
    ljmpl $0x18, $AT(long_mode)

    .code64
long_mode:
    movq 8(%rsi), %rsp
    movq (%rsi), %rax
    jmpq *%rax

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff            /* 0x08 code, 32-bit */
    .quad 0x00cf93000000ffff            /* 0x10 data */
    .quad 0x00af9b000000ffff            /* 0x18 code, 64-bit */
gdtr:
    .word gdtr - gdt - 1
    .long AT(gdt)
tcg_trampoline_end:
    .section .note.GNU-stack, "", @progbits
