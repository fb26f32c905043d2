/* elf_symbols.c: names of code, sorted, from files that may be lying. */
#include "kernel_maker.h"

#include "xenner/build/builder.h"
#include "xenner/build/elf_symbols.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static struct kernel_spec spec_with_symbols(void)
{
    return (struct kernel_spec){
        .segments = {{.filesz = 64, .memsz = 64}},
        .nr_segments = 1,
        .symbols = {{"last", 0xc0300000, STT_FUNC},
                    {"first", 0xc0100000, STT_NOTYPE},
                    {"a_table", 0xc0150000, STT_OBJECT},
                    {"", 0xc0160000, STT_FUNC},
                    {"$d", 0xc0170000, STT_NOTYPE},
                    {"middle", 0xc0200000, STT_FUNC}},
        .nr_symbols = 6,
    };
}

static void sorts_names_of_code(void **state)
{
    for (int is64 = 0; is64 < 2; is64++) {
        struct kernel_spec spec = spec_with_symbols();
        g_autoptr(GByteArray) file = NULL;
        GArray *symbols;
        struct elf_file elf;
        static const struct dom_symbol want[] = {
            {0xc0100000, "first"}, {0xc0200000, "middle"}, {0xc0300000, "last"}};

        spec.is64 = is64;
        file = make_kernel(&spec);
        assert_true(elf_open(&elf, file->data, file->len, NULL));
        symbols = elf_symbols(&elf);
        assert_non_null(symbols);
        assert_int_equal(symbols->len, G_N_ELEMENTS(want));
        for (unsigned i = 0; i < symbols->len; i++) {
            struct dom_symbol *s = &g_array_index(symbols, struct dom_symbol, i);

            assert_int_equal(s->addr, want[i].addr);
            assert_string_equal(s->name, want[i].name);
        }
        g_array_unref(symbols);
    }
}

static void none_when_stripped(void **state)
{
    struct kernel_spec spec = spec_with_symbols();
    g_autoptr(GByteArray) file = NULL;
    struct elf_file elf;

    spec.nr_symbols = 0;
    file = make_kernel(&spec);
    assert_true(elf_open(&elf, file->data, file->len, NULL));
    assert_null(elf_symbols(&elf));
}

static void survives_every_byte_flipped(void **state)
{
    struct kernel_spec spec = spec_with_symbols();
    g_autoptr(GByteArray) file = make_kernel(&spec);

    for (guint i = 0; i < file->len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            g_autofree uint8_t *bytes = exact_copy(file, file->len);
            struct elf_file elf;
            GArray *symbols;

            bytes[i] ^= (uint8_t)(1 << bit);
            if (!elf_open(&elf, bytes, file->len, NULL))
                continue;
            symbols = elf_symbols(&elf);
            if (symbols)
                g_array_unref(symbols);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_names_of_code),
        cmocka_unit_test(none_when_stripped),
        cmocka_unit_test(survives_every_byte_flipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
