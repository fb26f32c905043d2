/* A page of user code, one of data, a stack; and running the snippets of user_code.S in ring 3. */
#pragma once

#include "trap.h"

#define USER_CODE  0x1000ul
#define USER_DATA  0x2000ul
#define USER_STACK 0x5000ul /* its end; a page below */

#define RFLAGS_TF  0x100ul
#define RFLAGS_IF  0x200ul

/* What enter_user() puts into the frame of HYPERVISOR_iret and into registers. */
struct user_entry {
    uint64_t rip, rsp, rflags, flags, cs, ss; /* flags: VGCF_in_syscall */
    uint64_t rdi, rcx, r11;
};

/* user_code.S: position independent, each leaves by a trap or a system call. */
extern uint8_t user_code[], user_code_end[];
extern uint8_t user_syscall[], user_int80[], user_int81[], user_int3[], user_ud2[], user_hlt[],
    user_read[], user_write[], user_fpu[], user_spin[], user_nops[], user_divide[], user_cli[],
    user_int80_32[], user_jump[], user_gs[], user_out[], user_cpuid[], user_rdmsr[], user_cr[],
    user_wbinvd[];

/* The address of a snippet in user mode. */
#define USER_AT(snippet) (USER_CODE + (uint64_t)((snippet)-user_code))

/* The data page as the kernel sees it. */
extern uint64_t *user_data;
/* Makes the pages, the first time. */
void user_init(void);
/* Runs with e as it is, ends at the first trap but an event; seen[0] is what it was. */
void user_enter(const struct user_entry *e);
/* The usual: 64-bit code, events on, a register. */
void user_run(const uint8_t *snippet, uint64_t rdi);
