/*
 * Every way into ring 0 and back. See docs/emu-abi.md for the rings, selectors and who saves what.
 *
 * The paths of a system call and of the return from one are written out here, because they are what
 * PV guests do most; everything else saves all registers and goes to C.
 */
#include "emu/abi/emu_abi.h"
#include "emu/asm_offsets.h"

#define VCPU_BYTES 0x8000

/* A vCPU field, while the stack is empty (RSP as loaded by the SYSCALL stubs). */
#define V(off) ((off) - (VCPU_BYTES - STACK_TOP_PAD))(%rsp)

.macro EXTABLE at:req to:req
    .pushsection .extable, "a"
    .balign 4
    .long \at - .
    .long \to - .
    .popsection
.endm

/* Guest memory access that may fault: goes to \to then, stack as it was. */
.macro GUEST to:req insn:vararg
.Lguest_\@:
    \insn
    EXTABLE .Lguest_\@, \to
.endm

.macro SAVE_GPRS
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro RESTORE_GPRS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
.endm

    .section .text.entry, "ax"
    .code64

/* First instruction of every vCPU: RDI = number, RSP = top of its stack, interrupts off. */
    .globl emu_entry
emu_entry:
    cld
    xorl %ebp, %ebp
    call emu_main
    ud2

/*
 * LSTAR and CSTAR of each vCPU. SYSCALL switches no stack (Intel SDM vol. 2B; AMD APM vol. 3), and all
 * vCPUs share one address space, so each has stubs of its own that know its area.
 */
    .balign 32
    .globl syscall_stubs, syscall32_stubs, syscall_stubs_end
syscall_stubs:
    .set n, 0
    .rept EMU_MAX_VCPUS
    .balign 32
    movq %rsp, (vcpu_areas + n * VCPU_BYTES + VCPU_SCRATCH_RSP)(%rip)
    leaq (vcpu_areas + (n + 1) * VCPU_BYTES - STACK_TOP_PAD)(%rip), %rsp
    jmp syscall_entry
    .set n, n + 1
    .endr
    .balign 32
syscall32_stubs:
    .set n, 0
    .rept EMU_MAX_VCPUS
    .balign 32
    movq %rsp, (vcpu_areas + n * VCPU_BYTES + VCPU_SCRATCH_RSP)(%rip)
    leaq (vcpu_areas + (n + 1) * VCPU_BYTES - STACK_TOP_PAD)(%rip), %rsp
    jmp syscall32_entry
    .set n, n + 1
    .endr
syscall_stubs_end:

/*
 * SYSCALL from 64-bit code: RCX = return address, R11 = RFLAGS, interrupts off. From the guest's
 * kernel it is a hypercall, from its user mode a system call for the guest's kernel.
 */
    .balign 64
syscall_entry:
    cmpb $0, V(VCPU_IN_KERNEL)
    jne hypercall_entry
    cmpb $0, V(VCPU_FAST)
    je slow_syscall
    /*
     * The frame of Xen's syscall callback on the kernel stack: rcx, r11, rip, cs, rflags, rsp, ss.
     * VCPU_FAST promises a callback and an aligned kernel stack pointer.
     */
    movq %rax, V(VCPU_SCRATCH_RAX)
    movq V(VCPU_VINFO), %rax
    cmpb $0, 1(%rax)                    /* evtchn_upcall_mask: 0 in user mode but for odd kernels */
    jne slow_syscall_rax
    movq V(VCPU_KERNEL_SP), %rax
    GUEST syscall_fault, movq %rcx, -56(%rax)
    GUEST syscall_fault, movq $0xe02b, -8(%rax)
    movq %rcx, -40(%rax)
    movq %r11, -48(%rax)
    movq %r11, -24(%rax)
    movq $0xe033, -32(%rax)
    movq V(VCPU_SCRATCH_RSP), %rcx
    movq %rcx, -16(%rax)
    movq V(VCPU_VINFO), %rcx
    movb V(VCPU_SYSCALL_MASKS), %r11b
    movb %r11b, 1(%rcx)
    movb $1, V(VCPU_IN_KERNEL)
    swapgs
    leaq -56(%rax), %r11
    movq V(VCPU_SCRATCH_RAX), %rax
    movq V(VCPU_SYSCALL_CB), %rcx
    pushq $SEL_RING1_SS
    pushq %r11
    pushq $0x202
    pushq $SEL_RING1_CS64
    pushq %rcx
    iretq

slow_syscall_rax:
    movq V(VCPU_SCRATCH_RAX), %rax
slow_syscall:
    pushq $SEL_USER_SS
    pushq -VCPU_BYTES + STACK_TOP_PAD + VCPU_SCRATCH_RSP + 8(%rsp)
    pushq %r11
    pushq $SEL_USER_CS64
    pushq %rcx
    subq $8, %rsp
    movl $VECTOR_SYSCALL, 4(%rsp)
    jmp trap_common

/* The kernel stack isn't writable: C finds out again and ends the guest. */
syscall_fault:
    jmp slow_syscall_rax

    .balign 64
hypercall_entry:
    cmpl $23, %eax                      /* __HYPERVISOR_iret */
    je iret_entry
hypercall_slow:
    pushq V(VCPU_KERNEL_SS)
    pushq -VCPU_BYTES + STACK_TOP_PAD + VCPU_SCRATCH_RSP + 8(%rsp)
    pushq %r11
    pushq -VCPU_BYTES + STACK_TOP_PAD + VCPU_KERNEL_CS + 24(%rsp)
    pushq %rcx
    subq $8, %rsp
    movl $VECTOR_HYPERCALL, 4(%rsp)
    SAVE_GPRS
    movq %rsp, %rdi
    call emu_hypercall
    jmp return_to_guest

/*
 * HYPERVISOR_iret, struct iret_context on the guest's stack: rax 0, r11 8, rcx 16, flags 24, rip 32,
 * cs 40, rflags 48, rsp 56, ss 64. RCX and R11 are free, RAX too. Anything unusual goes to C.
 */
    .balign 64
iret_entry:
    cmpb $0, V(VCPU_FAST)
    je hypercall_slow
    movq V(VCPU_SCRATCH_RSP), %r11
    GUEST hypercall_slow, movq 64(%r11), %rcx
    GUEST hypercall_slow, movq 0(%r11), %rcx
    movl 48(%r11), %ecx
    andl $0x3f7300, %ecx                /* IF alone of IF, TF, IOPL, NT, RF and up */
    cmpl $0x200, %ecx
    jne hypercall_slow
    movl 40(%r11), %ecx
    testb $3, %cl
    jz iret_kernel
    cmpl $0x33, %ecx                    /* Linux's own user selectors; others through C */
    jne hypercall_slow
    cmpl $0x2b, 64(%r11)
    jne hypercall_slow
    movq V(VCPU_VINFO), %rcx
    movb $0, 1(%rcx)
    cmpb $0, (%rcx)                     /* an event came first: C delivers it. One that comes */
    jne hypercall_slow                  /* after this line brings a kick, taken after the return */
    movb $0, V(VCPU_IN_KERNEL)
    swapgs
    /* The registers that SYSRET destroys hold what it would put there: it is twice as fast. */
    movq 32(%r11), %rcx
    testl $0x100, 24(%r11)              /* VGCF_in_syscall: SYSRET's registers are asked for */
    jnz 1f
    cmpq 16(%r11), %rcx
    jne iret_user_iretq
    movq 48(%r11), %rax
    cmpq 8(%r11), %rax
    jne iret_user_iretq
1:  movq %rcx, %rax
    shrq $47, %rax                      /* SYSRET to a non-canonical address faults in ring 0 */
    jnz iret_user_iretq
    movq 0(%r11), %rax
    movq 56(%r11), %rsp
    movq 48(%r11), %r11
    sysretq

iret_user_iretq:
    pushq $0x2b
    pushq 56(%r11)
    pushq 48(%r11)
    pushq $0x33
    pushq 32(%r11)
    movq 0(%r11), %rax
    movq 16(%r11), %rcx
    movq 8(%r11), %r11
    jmp guest_iret

iret_kernel:
    movq V(VCPU_VINFO), %rcx
    movb $0, 1(%rcx)
    cmpb $0, (%rcx)
    jne hypercall_slow
    pushq $SEL_RING1_SS
    pushq 56(%r11)
    pushq 48(%r11)
    pushq $SEL_RING1_CS64
    pushq 32(%r11)
    movq 0(%r11), %rax
    movq 16(%r11), %rcx
    movq 8(%r11), %r11
    jmp guest_iret

/* SYSCALL from 32-bit user code of a 64-bit guest. */
    .balign 32
syscall32_entry:
    pushq $0xe02b
    pushq -VCPU_BYTES + STACK_TOP_PAD + VCPU_SCRATCH_RSP + 8(%rsp)
    pushq %r11
    pushq $0xe023
    pushq %rcx
    subq $8, %rsp
    movl $VECTOR_SYSCALL32, 4(%rsp)
    jmp trap_common

/* All exceptions and interrupts: RSP at the word that holds error code and, above it, the vector. */
    .balign 64
trap_common:
    SAVE_GPRS
    cld
    movq %rsp, %rbx
    andq $-VCPU_BYTES, %rbx
    cmpb $0, VCPU_IN_KERNEL(%rbx)       /* from user mode on page tables of its own: emu and the */
    jne 1f                              /* kernel need the kernel's */
    cmpq $0, VCPU_USER_CR3(%rbx)
    je 1f
    movq VCPU_KERNEL_CR3(%rbx), %rax
    movq %rax, %cr3
1:  movq %rsp, %rdi
    call emu_trap

    .globl return_to_guest
return_to_guest:
    testb $3, REGS_CS(%rsp)
    jz 1f
    movq %rsp, %rdi
    call emu_exit_work
    movq %rsp, %rbx
    andq $-VCPU_BYTES, %rbx
    cmpb $0, VCPU_IN_KERNEL(%rbx)
    jne 1f
    movq VCPU_USER_CR3(%rbx), %rax
    testq %rax, %rax
    jz 1f
    movq %rax, %cr3
1:  RESTORE_GPRS
    addq $8, %rsp
    .globl guest_iret
guest_iret:
    iretq

/* void return_with(struct cpu_user_regs *): leave emu with these. */
    .globl return_with
return_with:
    movq %rdi, %rsp
    jmp return_to_guest

/* One stub of 16 bytes a vector; the ones with an error code (Intel SDM vol. 3A, 6.3.1) don't push. */
    .pushsection .text.stubs, "ax"
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set n, 0
    .rept 256
    .balign 16
    .if (n == 8) || (n >= 10 && n <= 14) || (n == 17) || (n == 21) || (n == 29) || (n == 30)
    .else
    pushq $0
    .endif
    movl $n, 4(%rsp)
    jmp trap_common
    .set n, n + 1
    .endr
    .popsection

/*
 * long guest_copy(void *to, const void *from, unsigned long bytes): one side is the guest's. Returns
 * how many bytes are left: 0 when all went well.
 */
    .balign 16
    .globl guest_copy
guest_copy:
    movq %rdx, %rcx
    movl %edx, %eax
    shrq $3, %rcx
    andl $7, %eax
.Lcopy_words:
    rep movsq
    movl %eax, %ecx
.Lcopy_bytes:
    rep movsb
    xorl %eax, %eax
    ret
.Lcopy_words_fault:
    shlq $3, %rcx
    addq %rcx, %rax
    ret
.Lcopy_bytes_fault:
    movq %rcx, %rax
    ret
    EXTABLE .Lcopy_words, .Lcopy_words_fault
    EXTABLE .Lcopy_bytes, .Lcopy_bytes_fault

/*
 * void wait_for_interrupt(void). No interrupt may come between STI and HLT, or what it announced would be
 * slept over. The shadow of STI sees to that (SDM vol. 2B, STI), but not everywhere: QEMU's TCG forgets it
 * when a nested guest goes on after an exit in between. So the interrupt's entry takes whoever stands at
 * the HLT behind it (traps.c).
 */
    .globl wait_for_interrupt, wait_hlt, wait_end
wait_for_interrupt:
    sti
wait_hlt:
    hlt
wait_end:
    cli
    ret

/* int rdmsr_safe(uint32_t msr, uint64_t *ret); int wrmsr_safe(uint32_t msr, uint64_t val) */
    .globl rdmsr_safe, wrmsr_safe
rdmsr_safe:
    movl %edi, %ecx
1:  rdmsr
    shlq $32, %rdx
    orq %rdx, %rax
    movq %rax, (%rsi)
    xorl %eax, %eax
    ret
    EXTABLE 1b, msr_fault
wrmsr_safe:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
2:  wrmsr
    xorl %eax, %eax
    ret
    EXTABLE 2b, msr_fault
msr_fault:
    movl $-14, %eax
    ret

/* int load_gs_user(uint16_t sel): the user's GS, by way of swapgs; a bad selector loads null. */
    .globl load_gs_user
load_gs_user:
    swapgs
1:  movw %di, %gs
    mfence
    swapgs
    xorl %eax, %eax
    ret
2:  xorl %eax, %eax
    movw %ax, %gs
    swapgs
    movl $-22, %eax
    ret
    EXTABLE 1b, 2b

/* int set_xcr0(uint32_t index, uint64_t val) */
    .globl xsetbv_safe
xsetbv_safe:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
1:  xsetbv
    xorl %eax, %eax
    ret
    EXTABLE 1b, msr_fault

/* The contents of a 64-bit hypercall page: 32 bytes a call (Xen's ABI: all but RAX is kept). */
    .section .rodata
    .globl hypercall_page_template
    .balign 32
hypercall_page_template:
    .set n, 0
    .rept 128
    .balign 32, 0xcc
    .if n == 23
    pushq %rcx
    pushq %r11
    pushq %rax
    movl $n, %eax
    syscall
    .else
    pushq %rcx
    pushq %r11
    movl $n, %eax
    syscall
    popq %r11
    popq %rcx
    ret
    .endif
    .set n, n + 1
    .endr
    .balign 4096, 0xcc

    .section .note.GNU-stack, "", @progbits
