/*
 * Decoder for the instructions that a PV kernel expects to trap and be emulated. Pure: bytes in,
 * description out; unit-tested and fuzzed on the host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_op {
    INSN_NONE = 0,
    INSN_HLT, INSN_CLI, INSN_STI, INSN_WBINVD, INSN_INVD, INSN_CLTS, INSN_CPUID, INSN_RDMSR,
    INSN_WRMSR, INSN_RDPMC, INSN_RDTSC, INSN_RDTSCP, INSN_XGETBV, INSN_XSETBV, INSN_SWAPGS,
    INSN_INVLPG, INSN_MOV_FROM_CR, INSN_MOV_TO_CR, INSN_MOV_FROM_DR, INSN_MOV_TO_DR, INSN_IN,
    INSN_OUT, INSN_INS, INSN_OUTS, INSN_LMSW, INSN_MOV_TO_SS, INSN_IRET,
};

struct insn {
    enum insn_op op;
    uint8_t len;      /* bytes */
    uint8_t bytes;    /* IN, OUT, INS, OUTS: operand size, 1 2 4 */
    uint8_t gpr;      /* register operand, 0 to 15 in the instruction set's order */
    uint8_t special;  /* number of the control or debug register */
    bool imm_port;    /* IN, OUT: port is `port`, else DX */
    uint8_t port;
    bool rep;
    bool mem;         /* the operand is in memory: address = base + index * scale + disp */
    int8_t base, index; /* -1: none */
    uint8_t scale;
    bool rip_relative;
    uint8_t segment;  /* 0x64, 0x65, or 0 */
    int64_t disp;
};

#define INSN_MAX 15

/* n bytes at code; wide: 64-bit code, else 32-bit. False when it is none of the above or not whole. */
bool insn_decode(const uint8_t *code, size_t n, bool wide, struct insn *ret);
