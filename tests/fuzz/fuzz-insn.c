/* Any bytes as code at the guest's rip, for both widths of emu's decoder. */
#include "fuzz.h"

#include "emu/insn.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct insn *i, size_t size, bool wide)
{
    int registers = wide ? 16 : 8;

    if (i->op == INSN_NONE || !i->len || i->len > INSN_MAX || i->len > size)
        abort();
    /* Indices into the guest's registers: none may be out of them. */
    if (i->gpr >= registers || i->base < -1 || i->base >= registers || i->index < -1 ||
        i->index >= registers || i->special > 15)
        abort();
    if (i->mem && i->scale != 1 && i->scale != 2 && i->scale != 4 && i->scale != 8)
        abort();
    if (i->segment && i->segment != 0x64 && i->segment != 0x65)
        abort();
    if (i->rip_relative && (!wide || i->base != -1 || i->index != -1))
        abort();
    bool io = i->op >= INSN_IN && i->op <= INSN_OUTS;
    if (io != (i->bytes == 1 || i->bytes == 2 || i->bytes == 4))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int wide = 0; wide < 2; wide++) {
        struct insn i, again;

        if (!insn_decode(data, size, wide, &i))
            continue;
        check(&i, size, wide);
        /* Its own bytes are enough, and one less is too little. */
        if (!insn_decode(data, i.len, wide, &again) || again.op != i.op || again.len != i.len)
            abort();
        if (insn_decode(data, i.len - 1, wide, &again))
            abort();
    }
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char *const code[] = {
        "\xf4", "\x0f\xa2", "\x0f\x30", "\x0f\x32", "\x66\xed", "\xf3\x6e", "\x66\xe5\x71",
        "\x45\x0f\x22\xc7", "\x0f\x20\xdf", "\x0f\x21\xf8", "\x0f\x01\x3c\x8b", "\x0f\x01\xf9",
        "\x0f\x01\x3d\x01\x10\x01\x80", "\x43\x0f\x01\xbc\x24\x01\x02\x03\x04", "\x65\x8e\x50\x04",
        "\x48\xcf", "\x2e\x3e\x26\x36\x67\xf0\xfa", "\x0f\x01\xb9\x78\x56\x34\x12",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(code); i++) {
        g_autofree char *name = g_strdup_printf("code%zu", i);
        add(opaque, name, code[i], strlen(code[i]));
    }
}
