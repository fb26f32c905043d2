/* elf.c: both classes are read alike, and no byte beyond the file is ever looked at. */
#include "kernel_maker.h"
#include "xenner/build/elf.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void reads_both_classes(void **state)
{
    for (int is64 = 0; is64 < 2; is64++) {
        struct kernel_spec spec = {
            .is64 = is64,
            .entry = 0x1234,
            .segments = {{.paddr = 0x100000, .filesz = 16, .memsz = 64, .flags = PF_R}},
            .nr_segments = 1,
            .xen_guest = "X=1",
        };
        g_autoptr(GByteArray) file = make_kernel(&spec);
        struct elf_file elf;
        struct elf_section s;
        struct elf_segment seg;

        assert_true(elf_open(&elf, file->data, file->len, NULL));
        assert_int_equal(elf.is64, is64);
        assert_int_equal(elf.entry, 0x1234);
        assert_int_equal(elf.phnum, 1);
        seg = elf_segment(&elf, 0);
        assert_int_equal(seg.type, PT_LOAD);
        assert_int_equal(seg.flags, PF_R);
        assert_int_equal(seg.paddr, 0x100000);
        assert_int_equal(seg.filesz, 16);
        assert_int_equal(seg.memsz, 64);
        assert_true(elf_find_section(&elf, "__xen_guest", &s));
        assert_int_equal(s.size, 4);
        assert_memory_equal(elf_bytes(&elf, s.offset, s.size), "X=1", 4);
        assert_false(elf_find_section(&elf, "__xen", &s));
    }
}

static void refuses_other_files(void **state)
{
    static const struct {
        unsigned offset;
        uint8_t byte;
        const char *error;
    } damage[] = {
        {0, 'x', "not an ELF file"},
        {EI_CLASS, 3, "ELF file of unknown class 3"},
        {EI_DATA, ELFDATA2MSB, "ELF file that is not little-endian"},
        {offsetof(Elf64_Ehdr, e_machine), EM_386, "ELF file for another machine (3), not x86"},
        {offsetof(Elf64_Ehdr, e_type), ET_REL, "ELF file that is no program (type 1)"},
        {offsetof(Elf64_Ehdr, e_phnum), 0, "ELF file without program headers"},
        {offsetof(Elf64_Ehdr, e_phnum), 129, "ELF file with 129 program headers of 56 bytes"},
        {offsetof(Elf64_Ehdr, e_phentsize), 57, "ELF file with 1 program headers of 57 bytes"},
        {offsetof(Elf64_Ehdr, e_phoff) + 3, 1,
         "truncated ELF file: its program headers are missing"},
        {offsetof(Elf64_Ehdr, e_phoff) + 7, 0xff,
         "truncated ELF file: its program headers are missing"},
        {offsetof(Elf64_Ehdr, e_shoff) + 7, 0xff,
         "truncated ELF file: its section headers are missing"},
        {offsetof(Elf64_Ehdr, e_shentsize), 1, "ELF file with section headers of 1 bytes"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(damage); i++) {
        struct kernel_spec spec = {.is64 = true, .segments = {{0}}, .nr_segments = 1};
        g_autoptr(GByteArray) file = make_kernel(&spec);
        struct elf_file elf;
        g_autoptr(GError) error = NULL;

        file->data[damage[i].offset] = damage[i].byte;
        assert_false(elf_open(&elf, file->data, file->len, &error));
        assert_string_equal(error->message, damage[i].error);
    }
}

static void survives_truncation(void **state)
{
    for (int is64 = 0; is64 < 2; is64++) {
        struct kernel_spec spec = {
            .is64 = is64, .segments = {{.filesz = 64, .memsz = 64}}, .nr_segments = 1};
        g_autoptr(GByteArray) file = make_kernel(&spec);

        /* The section headers come last, so every cut is an error. */
        for (size_t len = 0; len < file->len; len++) {
            g_autofree uint8_t *bytes = exact_copy(file, len);
            g_autoptr(GError) error = NULL;
            struct elf_file elf;

            assert_false(elf_open(&elf, bytes, len, &error));
            assert_non_null(error);
        }
    }
}

static void bounds_strings(void **state)
{
    static const char bytes[] = "ab\0cd"; /* without the last NUL: below */
    struct elf_file elf = {.data = (const uint8_t *)bytes, .len = 5};
    struct elf_section table = {.type = SHT_STRTAB, .offset = 0, .size = 5};

    assert_string_equal(elf_string(&elf, &table, 0), "ab");
    assert_string_equal(elf_string(&elf, &table, 1), "b");
    assert_null(elf_string(&elf, &table, 3));
    assert_null(elf_string(&elf, &table, 5));
    assert_null(elf_string(&elf, &table, UINT64_MAX));
    table.size = 6; /* beyond the file */
    assert_null(elf_string(&elf, &table, 0));
    table = (struct elf_section){.type = SHT_PROGBITS, .size = 5};
    assert_null(elf_string(&elf, &table, 0));
    assert_null(elf_bytes(&elf, UINT64_MAX, 2));
    assert_null(elf_bytes(&elf, 2, UINT64_MAX));
    assert_non_null(elf_bytes(&elf, 5, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_classes),
        cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(bounds_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
