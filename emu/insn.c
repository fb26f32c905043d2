#include "emu/insn.h"

struct cursor {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static uint8_t next(struct cursor *c)
{
    if (!c->left) {
        c->bad = true;
        return 0;
    }
    c->left--;
    return *c->p++;
}

static int64_t next_signed(struct cursor *c, unsigned bytes)
{
    uint64_t val = 0;

    for (unsigned i = 0; i < bytes; i++)
        val |= (uint64_t)next(c) << (8 * i);
    return bytes == 1 ? (int8_t)val : (int32_t)val;
}

struct prefixes {
    uint8_t rex, segment;
    bool opsize, rep;
};

/* Returns the first byte that is no prefix. */
static uint8_t read_prefixes(struct cursor *c, bool wide, struct prefixes *p)
{
    uint8_t b = next(c);

    for (unsigned n = 0; n < INSN_MAX && !c->bad; n++, b = next(c)) {
        if (b == 0x66)
            p->opsize = true;
        else if (b == 0xf2 || b == 0xf3)
            p->rep = true;
        else if (b == 0x64 || b == 0x65)
            p->segment = b;
        else if (b != 0x67 && b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0xf0)
            break;
    }
    if (wide && (b & 0xf0) == 0x40) {
        p->rex = b;
        b = next(c);
    }
    return b;
}

/* ModRM with a memory operand, 32- and 64-bit addressing (Intel SDM vol. 2A, 2.1.5). */
static void read_memory(struct cursor *c, uint8_t modrm, const struct prefixes *p, bool wide,
                        struct insn *i)
{
    unsigned mod = modrm >> 6, rm = modrm & 7;

    i->mem = true;
    i->segment = p->segment;
    i->base = (int8_t)(rm | (p->rex & 1) << 3);
    i->index = -1;
    i->scale = 1;
    if (rm == 4) {
        uint8_t sib = next(c);
        unsigned index = (sib >> 3 & 7) | (p->rex & 2) << 2;
        i->scale = (uint8_t)(1 << (sib >> 6));
        i->index = index == 4 ? -1 : (int8_t)index;
        rm = sib & 7;
        i->base = (int8_t)(rm | (p->rex & 1) << 3);
        if (rm == 5 && mod == 0) {
            i->base = -1;
            mod = 2;
        }
    } else if (rm == 5 && mod == 0) {
        i->base = -1;
        i->rip_relative = wide;
        mod = 2;
    }
    if (mod == 1)
        i->disp = next_signed(c, 1);
    else if (mod == 2)
        i->disp = next_signed(c, 4);
}

/* 0f 01: several instructions in one opcode. */
static enum insn_op group7(struct cursor *c, const struct prefixes *p, bool wide, struct insn *i)
{
    uint8_t modrm = next(c);

    switch (modrm) {
    case 0xd0:
        return INSN_XGETBV;
    case 0xd1:
        return INSN_XSETBV;
    case 0xf8:
        return wide ? INSN_SWAPGS : INSN_NONE;
    case 0xf9:
        return INSN_RDTSCP;
    }
    unsigned reg = modrm >> 3 & 7;
    if (modrm >> 6 == 3) {
        i->gpr = (modrm & 7) | (p->rex & 1) << 3;
        return reg == 6 ? INSN_LMSW : INSN_NONE;
    }
    read_memory(c, modrm, p, wide, i);
    return reg == 7 ? INSN_INVLPG : reg == 6 ? INSN_LMSW : INSN_NONE;
}

static enum insn_op move_special(struct cursor *c, const struct prefixes *p, struct insn *i,
                                 enum insn_op op)
{
    uint8_t modrm = next(c);

    i->gpr = (modrm & 7) | (p->rex & 1) << 3;
    i->special = (modrm >> 3 & 7) | (p->rex & 4) << 1;
    return op;
}

static enum insn_op two_byte(struct cursor *c, const struct prefixes *p, bool wide, struct insn *i)
{
    switch (next(c)) {
    case 0x01:
        return group7(c, p, wide, i);
    case 0x06:
        return INSN_CLTS;
    case 0x08:
        return INSN_INVD;
    case 0x09:
        return INSN_WBINVD;
    case 0x20:
        return move_special(c, p, i, INSN_MOV_FROM_CR);
    case 0x21:
        return move_special(c, p, i, INSN_MOV_FROM_DR);
    case 0x22:
        return move_special(c, p, i, INSN_MOV_TO_CR);
    case 0x23:
        return move_special(c, p, i, INSN_MOV_TO_DR);
    case 0x30:
        return INSN_WRMSR;
    case 0x31:
        return INSN_RDTSC;
    case 0x32:
        return INSN_RDMSR;
    case 0x33:
        return INSN_RDPMC;
    case 0xa2:
        return INSN_CPUID;
    default:
        return INSN_NONE;
    }
}

static enum insn_op port_io(struct cursor *c, uint8_t op, const struct prefixes *p, struct insn *i)
{
    i->bytes = !(op & 1) ? 1 : p->opsize ? 2 : 4;
    if (op >= 0xe4 && op <= 0xe7) {
        i->imm_port = true;
        i->port = next(c);
    }
    if (op >= 0x6c && op <= 0x6f) {
        i->rep = p->rep;
        return op & 2 ? INSN_OUTS : INSN_INS;
    }
    return op & 2 ? INSN_OUT : INSN_IN;
}

static enum insn_op mov_to_segment(struct cursor *c, const struct prefixes *p, bool wide,
                                   struct insn *i)
{
    uint8_t modrm = next(c);

    if ((modrm >> 3 & 7) != 2)
        return INSN_NONE;
    if (modrm >> 6 == 3)
        i->gpr = (modrm & 7) | (p->rex & 1) << 3;
    else
        read_memory(c, modrm, p, wide, i);
    return INSN_MOV_TO_SS;
}

static enum insn_op decode_opcode(struct cursor *c, uint8_t op, const struct prefixes *p, bool wide,
                                  struct insn *i)
{
    switch (op) {
    case 0x0f:
        return two_byte(c, p, wide, i);
    case 0x6c ... 0x6f:
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        return port_io(c, op, p, i);
    case 0x8e:
        return mov_to_segment(c, p, wide, i);
    case 0xcf:
        return INSN_IRET;
    case 0xf4:
        return INSN_HLT;
    case 0xfa:
        return INSN_CLI;
    case 0xfb:
        return INSN_STI;
    default:
        return INSN_NONE;
    }
}

bool insn_decode(const uint8_t *code, size_t n, bool wide, struct insn *ret)
{
    struct cursor c = {code, n < INSN_MAX ? n : INSN_MAX, false};
    struct prefixes p = {0};
    struct insn i = {.base = -1, .index = -1};

    uint8_t op = read_prefixes(&c, wide, &p);
    i.op = decode_opcode(&c, op, &p, wide, &i);
    if (c.bad || i.op == INSN_NONE)
        return false;
    i.len = (uint8_t)(c.p - code);
    *ret = i;
    return true;
}
