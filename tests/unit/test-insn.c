/* emu/insn.c: the decoder, compiled for user space: 64- and 32-bit code, whole and cut. */
#include "emu/insn.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum width { BOTH, WIDE, NARROW }; /* where the encoding means that */

struct sample {
    enum width width;
    const char *code;
    uint8_t n; /* bytes */
    struct insn want; /* len is n */
};

#define CODE(bytes) bytes, sizeof(bytes) - 1
#define PLAIN(o)    {.op = (o), .base = -1, .index = -1}
#define GPR(o, r)   {.op = (o), .base = -1, .index = -1, .gpr = (r)}
#define SPECIAL(o, g, s) {.op = (o), .base = -1, .index = -1, .gpr = (g), .special = (s)}
#define IO(o, b)    {.op = (o), .base = -1, .index = -1, .bytes = (b)}
#define MEM(o, b, i, s, d) \
    {.op = (o), .mem = true, .base = (b), .index = (i), .scale = (s), .disp = (d)}

static const struct sample samples[] = {
    {BOTH, CODE("\xf4"), PLAIN(INSN_HLT)},
    {BOTH, CODE("\xfa"), PLAIN(INSN_CLI)},
    {BOTH, CODE("\xfb"), PLAIN(INSN_STI)},
    {BOTH, CODE("\xcf"), PLAIN(INSN_IRET)},
    {WIDE, CODE("\x48\xcf"), PLAIN(INSN_IRET)},
    {BOTH, CODE("\x0f\x06"), PLAIN(INSN_CLTS)},
    {BOTH, CODE("\x0f\x08"), PLAIN(INSN_INVD)},
    {BOTH, CODE("\x0f\x09"), PLAIN(INSN_WBINVD)},
    {BOTH, CODE("\xf3\x0f\x09"), PLAIN(INSN_WBINVD)}, /* wbnoinvd */
    {BOTH, CODE("\x0f\x30"), PLAIN(INSN_WRMSR)},
    {BOTH, CODE("\x0f\x31"), PLAIN(INSN_RDTSC)},
    {BOTH, CODE("\x0f\x32"), PLAIN(INSN_RDMSR)},
    {BOTH, CODE("\x0f\x33"), PLAIN(INSN_RDPMC)},
    {BOTH, CODE("\x0f\xa2"), PLAIN(INSN_CPUID)},
    {BOTH, CODE("\x0f\x01\xd0"), PLAIN(INSN_XGETBV)},
    {BOTH, CODE("\x0f\x01\xd1"), PLAIN(INSN_XSETBV)},
    {BOTH, CODE("\x0f\x01\xf9"), PLAIN(INSN_RDTSCP)},
    {WIDE, CODE("\x0f\x01\xf8"), PLAIN(INSN_SWAPGS)},
    /* registers */
    {BOTH, CODE("\x0f\x20\xc0"), SPECIAL(INSN_MOV_FROM_CR, 0, 0)},
    {BOTH, CODE("\x0f\x20\xdf"), SPECIAL(INSN_MOV_FROM_CR, 7, 3)},
    {BOTH, CODE("\x0f\x22\xe0"), SPECIAL(INSN_MOV_TO_CR, 0, 4)},
    {BOTH, CODE("\x0f\x21\xf8"), SPECIAL(INSN_MOV_FROM_DR, 0, 7)},
    {BOTH, CODE("\x0f\x23\xc6"), SPECIAL(INSN_MOV_TO_DR, 6, 0)},
    {WIDE, CODE("\x44\x0f\x20\xc0"), SPECIAL(INSN_MOV_FROM_CR, 0, 8)},
    {WIDE, CODE("\x41\x0f\x22\xd8"), SPECIAL(INSN_MOV_TO_CR, 8, 3)},
    {WIDE, CODE("\x45\x0f\x22\xc7"), SPECIAL(INSN_MOV_TO_CR, 15, 8)},
    {BOTH, CODE("\x0f\x20\x00"), SPECIAL(INSN_MOV_FROM_CR, 0, 0)}, /* mod is ignored */
    {BOTH, CODE("\x8e\xd0"), GPR(INSN_MOV_TO_SS, 0)},
    {BOTH, CODE("\x8e\xd7"), GPR(INSN_MOV_TO_SS, 7)},
    {WIDE, CODE("\x41\x8e\xd4"), GPR(INSN_MOV_TO_SS, 12)},
    {BOTH, CODE("\x0f\x01\xf0"), GPR(INSN_LMSW, 0)},
    {WIDE, CODE("\x41\x0f\x01\xf7"), GPR(INSN_LMSW, 15)},
    /* ports */
    {BOTH, CODE("\xec"), IO(INSN_IN, 1)},
    {BOTH, CODE("\xed"), IO(INSN_IN, 4)},
    {BOTH, CODE("\x66\xed"), IO(INSN_IN, 2)},
    {BOTH, CODE("\x66\xec"), IO(INSN_IN, 1)},
    {BOTH, CODE("\xee"), IO(INSN_OUT, 1)},
    {BOTH, CODE("\xef"), IO(INSN_OUT, 4)},
    {BOTH, CODE("\x66\xef"), IO(INSN_OUT, 2)},
    {WIDE, CODE("\x48\xef"), IO(INSN_OUT, 4)}, /* REX.W makes no 8 of it */
    {BOTH, CODE("\xe4\x71"),
     {.op = INSN_IN, .base = -1, .index = -1, .bytes = 1, .imm_port = true, .port = 0x71}},
    {BOTH, CODE("\x66\xe5\xff"),
     {.op = INSN_IN, .base = -1, .index = -1, .bytes = 2, .imm_port = true, .port = 0xff}},
    {BOTH, CODE("\xe6\x80"),
     {.op = INSN_OUT, .base = -1, .index = -1, .bytes = 1, .imm_port = true, .port = 0x80}},
    {BOTH, CODE("\xe7\x80"),
     {.op = INSN_OUT, .base = -1, .index = -1, .bytes = 4, .imm_port = true, .port = 0x80}},
    {BOTH, CODE("\x6c"), IO(INSN_INS, 1)},
    {BOTH, CODE("\x6f"), IO(INSN_OUTS, 4)},
    {BOTH, CODE("\xf3\x6e"), {.op = INSN_OUTS, .base = -1, .index = -1, .bytes = 1, .rep = true}},
    {BOTH, CODE("\x66\xf2\x6d"),
     {.op = INSN_INS, .base = -1, .index = -1, .bytes = 2, .rep = true}},
    {BOTH, CODE("\xf3\xee"), IO(INSN_OUT, 1)}, /* rep means nothing here */
    /* memory */
    {BOTH, CODE("\x0f\x01\x38"), MEM(INSN_INVLPG, 0, -1, 1, 0)},
    {BOTH, CODE("\x0f\x01\x7f\x80"), MEM(INSN_INVLPG, 7, -1, 1, -128)},
    {BOTH, CODE("\x0f\x01\xb9\x78\x56\x34\x12"), MEM(INSN_INVLPG, 1, -1, 1, 0x12345678)},
    {BOTH, CODE("\x0f\x01\xb9\xff\xff\xff\xff"), MEM(INSN_INVLPG, 1, -1, 1, -1)},
    {BOTH, CODE("\x0f\x01\x3c\x24"), MEM(INSN_INVLPG, 4, -1, 1, 0)}, /* the stack pointer */
    {BOTH, CODE("\x0f\x01\x3c\x8b"), MEM(INSN_INVLPG, 3, 1, 4, 0)},
    {BOTH, CODE("\x0f\x01\x7c\xeb\x10"), MEM(INSN_INVLPG, 3, 5, 8, 16)},
    {BOTH, CODE("\x0f\x01\x3c\x25\x00\x10\x00\x80"), MEM(INSN_INVLPG, -1, -1, 1, -0x7ffff000)},
    {BOTH, CODE("\x0f\x01\x3c\x4d\x04\x00\x00\x00"), MEM(INSN_INVLPG, -1, 1, 2, 4)},
    {BOTH, CODE("\x0f\x01\x7d\x00"), MEM(INSN_INVLPG, 5, -1, 1, 0)},
    {NARROW, CODE("\x0f\x01\x3d\x00\x10\x00\x80"), MEM(INSN_INVLPG, -1, -1, 1, -0x7ffff000)},
    {WIDE, CODE("\x0f\x01\x3d\x00\x10\x00\x80"),
     {.op = INSN_INVLPG, .mem = true, .base = -1, .index = -1, .scale = 1, .disp = -0x7ffff000,
      .rip_relative = true}},
    {WIDE, CODE("\x41\x0f\x01\x38"), MEM(INSN_INVLPG, 8, -1, 1, 0)},
    {WIDE, CODE("\x43\x0f\x01\x3c\x24"), MEM(INSN_INVLPG, 12, 12, 1, 0)}, /* r12 can be an index */
    {WIDE, CODE("\x42\x0f\x01\x3c\x20"), MEM(INSN_INVLPG, 0, 12, 1, 0)},
    {WIDE, CODE("\x41\x0f\x01\x7d\x00"), MEM(INSN_INVLPG, 13, -1, 1, 0)},
    {BOTH, CODE("\x0f\x01\x30"), MEM(INSN_LMSW, 0, -1, 1, 0)},
    {BOTH, CODE("\x8e\x50\x04"), MEM(INSN_MOV_TO_SS, 0, -1, 1, 4)},
    {BOTH, CODE("\x65\x0f\x01\x38"),
     {.op = INSN_INVLPG, .mem = true, .index = -1, .scale = 1, .segment = 0x65}},
    {BOTH, CODE("\x64\x8e\x10"),
     {.op = INSN_MOV_TO_SS, .mem = true, .index = -1, .scale = 1, .segment = 0x64}},
    /* prefixes that change nothing, up to the longest instruction there can be */
    {BOTH, CODE("\x2e\x3e\x26\x36\x67\xf0\xf4"), PLAIN(INSN_HLT)},
    {BOTH, CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xf4"), PLAIN(INSN_HLT)},
};

static void compare(size_t number, const struct insn *got, const struct insn *want, uint8_t len)
{
    if (got->op != want->op || got->len != len)
        fail_msg("sample %zu: op %d, %u bytes", number, got->op, got->len);
    if (got->bytes != want->bytes || got->gpr != want->gpr || got->special != want->special ||
        got->imm_port != want->imm_port || got->port != want->port || got->rep != want->rep)
        fail_msg("sample %zu: bytes %u gpr %u special %u port %u", number, got->bytes, got->gpr,
                 got->special, got->port);
    if (got->mem != want->mem || got->base != want->base || got->index != want->index ||
        got->scale != want->scale || got->disp != want->disp || got->segment != want->segment ||
        got->rip_relative != want->rip_relative)
        fail_msg("sample %zu: base %d index %d scale %u disp %lld segment %x", number, got->base,
                 got->index, got->scale, (long long)got->disp, got->segment);
}

/* Bytes in a block of their own size, so that sanitizers see every step too far. */
static bool decode(const char *code, size_t n, bool wide, struct insn *ret)
{
    uint8_t *exact = malloc(n ? n : 1);

    if (n)
        memcpy(exact, code, n);
    bool ok = insn_decode(exact, n, wide, ret);
    free(exact);
    return ok;
}

static void encodings(void **state)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        char more[32];

        for (int wide = 0; wide < 2; wide++) {
            struct insn got;
            if (s->width == (wide ? NARROW : WIDE))
                continue;
            if (!decode(s->code, s->n, wide, &got))
                fail_msg("sample %zu, wide %d: not known", i, wide);
            compare(i, &got, &s->want, s->n);
            /* what follows does not matter */
            memset(more, 0xff, sizeof(more));
            memcpy(more, s->code, s->n);
            assert_true(decode(more, sizeof(more), wide, &got));
            compare(i, &got, &s->want, s->n);
            for (size_t cut = 0; cut < s->n; cut++) {
                if (decode(s->code, cut, wide, &got))
                    fail_msg("sample %zu, wide %d: known after %zu bytes", i, wide, cut);
            }
        }
    }
}

static void others(void **state)
{
    static const struct {
        enum width width;
        const char *code;
        uint8_t n;
    } cases[] = {
        {BOTH, CODE("\x90")},         {BOTH, CODE("\xc3")},         {BOTH, CODE("\x0f\x0b")},
        {BOTH, CODE("\x0f\x05")},     {BOTH, CODE("\x0f\x01\xc1")}, /* vmcall */
        {BOTH, CODE("\x0f\x01\x10")}, /* lgdt */
        {BOTH, CODE("\x0f\x01\xe0")}, /* smsw */
        {NARROW, CODE("\x0f\x01\xf8")}, /* no swapgs */
        {BOTH, CODE("\x8e\xd8")},     /* mov to ds */
        {BOTH, CODE("\xcd\x82")},     {BOTH, CODE("\xf1")},
        {NARROW, CODE("\x41\xf4")},   /* inc ecx; hlt */
        /* sixteen bytes are none, however sensible */
        {BOTH, CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xf4")},
        {BOTH, CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2")},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int wide = 0; wide < 2; wide++) {
            struct insn got = {.op = 99};
            if (cases[i].width == (wide ? NARROW : WIDE))
                continue;
            if (decode(cases[i].code, cases[i].n, wide, &got))
                fail_msg("case %zu, wide %d: op %d", i, wide, got.op);
            assert_int_equal(got.op, 99); /* untouched */
        }
    }
}

/* A REX prefix counts only right before the opcode. */
static void rex_in_front(void **state)
{
    struct insn got;

    assert_true(decode("\x66\x41\x0f\x22\xd8", 5, true, &got));
    assert_int_equal(got.gpr, 8);
    assert_false(decode("\x41\x66\x0f\x22\xd8", 5, true, &got) && got.gpr == 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings),
        cmocka_unit_test(others),
        cmocka_unit_test(rex_in_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
