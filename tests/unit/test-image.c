/*
 * elf_notes.c and image.c: what kernels say about themselves is read, and what can't be true is
 * refused before anything is loaded.
 */
#include "kernel_maker.h"

#include "xenner/build/image.h"

#include <elf.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <xen/xen.h>
#include <xen/elfnote.h>
#include <xen/features.h>

static void assert_refused(const struct kernel_spec *spec, const char *why)
{
    g_autoptr(GByteArray) file = make_kernel(spec);
    g_autoptr(GError) error = NULL;
    struct kernel_image img;

    assert_false(image_open(&img, file->data, file->len, &error));
    assert_string_equal(error->message, why);
}

static void reads_a_linux(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) file = make_kernel(&spec);
    struct kernel_image img;

    assert_true(image_open(&img, file->data, file->len, NULL));
    assert_true(img.elf.is64);
    assert_int_equal(img.virt_base, 0xffffffff80000000);
    assert_int_equal(img.start, 0xffffffff80100000);
    assert_int_equal(img.end, 0xffffffff80209000);
    assert_int_equal(img.entry, 0xffffffff80101000);
    assert_int_equal(img.hypercall_page, 0);
    assert_true(img.separate_p2m);
    assert_int_equal(img.notes.init_p2m, 0x8000000000);
    assert_true(img.notes.suspend_cancel);
    assert_true(img.notes.mod_start_pfn);
    assert_string_equal(img.notes.guest_os, "linux");
    assert_int_equal(img.notes.required_features, 1 << XENFEAT_writable_page_tables);
    assert_int_equal(img.notes.features,
                     1 << XENFEAT_writable_page_tables | 1 << XENFEAT_pae_pgdir_above_4gb);
}

static void reads_a_32_bit_kernel(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_pae(notes);
    g_autoptr(GByteArray) file = make_kernel(&spec);
    struct kernel_image img;

    assert_true(image_open(&img, file->data, file->len, NULL));
    assert_false(img.elf.is64);
    assert_int_equal(img.start, 0xc0100000);
    assert_int_equal(img.end, 0xc0105000);
    assert_int_equal(img.hypercall_page, 0xc0101000);
    assert_false(img.separate_p2m);
}

static void finds_notes_in_sections(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    struct kernel_image img;

    spec.notes_by_section = true;
    for (int is64 = 0; is64 < 2; is64++) {
        g_autoptr(GByteArray) file = NULL;

        spec.is64 = is64;
        if (!is64)
            add_note_text(notes, XEN_ELFNOTE_PAE_MODE, "bimodal");
        file = make_kernel(&spec);
        assert_true(image_open(&img, file->data, file->len, NULL));
        assert_string_equal(img.notes.guest_os, "linux");
    }
}

static void reads_the_legacy_string(void **state)
{
    struct kernel_spec spec = {
        .entry = 0xc0100010,
        /* p_paddr counts from VIRT_BASE: the old default of ELF_PADDR_OFFSET */
        .segments = {{.paddr = 0xc0100000, .filesz = 0x1000, .memsz = 0x3000}},
        .nr_segments = 1,
        .xen_guest = "GUEST_OS=old,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x102,"
                     "PAE=yes[extended-cr3],LOADER=generic,UNKNOWN,FEATURES=writable_page_tables,"
                     "BSD_SYMTAB",
    };
    g_autoptr(GByteArray) file = make_kernel(&spec);
    struct kernel_image img;
    g_autoptr(GError) error = NULL;

    assert_true(image_open(&img, file->data, file->len, &error));
    assert_true(img.notes.legacy);
    assert_string_equal(img.notes.guest_os, "old");
    assert_int_equal(img.virt_base, 0xc0000000);
    assert_int_equal(img.start, 0xc0100000);
    assert_int_equal(img.entry, 0xc0100010);
    assert_int_equal(img.hypercall_page, 0xc0102000);
    assert_true(img.notes.bsd_symtab);

    /* With the offset written out, and the entry. */
    spec.segments[0].paddr = 0x100000;
    spec.xen_guest = "XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0x0,PAE=bimodal,"
                     "VIRT_ENTRY=0xc0100020";
    g_byte_array_unref(file);
    file = make_kernel(&spec);
    assert_true(image_open(&img, file->data, file->len, &error));
    assert_int_equal(img.start, 0xc0100000);
    assert_int_equal(img.entry, 0xc0100020);
    assert_int_equal(img.hypercall_page, 0);

    spec.xen_guest = "XEN_VER=xen-3.0,VIRT_BASE=0xC000zz";
    assert_refused(&spec, "__xen_guest: bad number for note 3");
    spec.xen_guest = "XEN_VER=xen-3.0,PAE=yes,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0,"
                     "HYPERCALL_PAGE=0xfffffffffffff";
    assert_refused(&spec, "hypercall page number out of range");
}

static void defaults_without_notes_of_places(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = {.is64 = true,
                               .entry = 0x1010,
                               .segments = {{.paddr = 0x1000, .filesz = 64, .memsz = 64}},
                               .nr_segments = 1,
                               .notes = notes};
    g_autoptr(GByteArray) file = NULL;
    struct kernel_image img;

    add_note_text(notes, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    file = make_kernel(&spec);
    assert_true(image_open(&img, file->data, file->len, NULL));
    assert_int_equal(img.virt_base, 0);
    assert_int_equal(img.start, 0x1000);
    assert_int_equal(img.entry, 0x1010);
}

/* GRUB's 32-bit image ends in the middle of what its last note claims to hold. */
static void takes_a_text_cut_by_the_files_end(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_pae(notes);
    g_autoptr(GByteArray) file = make_kernel(&spec);
    struct elf_file elf;
    struct xen_notes got;
    g_autoptr(GError) error = NULL;
    struct {
        Elf64_Nhdr h;
        char name[4], text[4];
    } last = {{4, 12, XEN_ELFNOTE_PAE_MODE}, "Xen", "yes"};
    Elf32_Phdr *p;
    guint start = file->len;

    g_byte_array_append(file, notes->data, notes->len - 20); /* without the real PAE_MODE */
    g_byte_array_append(file, (const guint8 *)&last, sizeof(last));
    p = (Elf32_Phdr *)(file->data + ((Elf32_Ehdr *)file->data)->e_phoff) + 1;
    assert_int_equal(p->p_type, PT_NOTE);
    p->p_offset = start;
    p->p_filesz = file->len - start;
    assert_true(elf_open(&elf, file->data, file->len, NULL));
    assert_true(xen_notes_read(&elf, &got, &error));
    assert_true(got.pae);

    /* A number is another matter. */
    ((Elf64_Nhdr *)(file->data + file->len - sizeof(last)))->n_type = XEN_ELFNOTE_ENTRY;
    assert_false(xen_notes_read(&elf, &got, &error));
    assert_string_equal(error->message, "Xen note 1 reaches beyond the file");
}

static void refuses_kernels_for_something_else(void **state)
{
    g_autoptr(GByteArray) none = g_byte_array_new();
    g_autoptr(GByteArray) pvh = g_byte_array_new();
    g_autoptr(GByteArray) xen2 = g_byte_array_new();
    g_autoptr(GByteArray) hvm = g_byte_array_new();
    g_autoptr(GByteArray) odd = g_byte_array_new();
    g_autoptr(GByteArray) nopae = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(none);
    static const char no_pv[] = "kernel has no Xen PV entry: built without CONFIG_XEN_PV?";

    spec.notes = NULL;
    assert_refused(&spec, no_pv);
    add_note_text(pvh, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    add_note_u64(pvh, XEN_ELFNOTE_PHYS32_ENTRY, 0x100000);
    spec.notes = pvh;
    assert_refused(&spec, "kernel has a Xen PVH entry and none for PV: -machine xenpvh runs it, on a Xen host");

    spec_like_linux(xen2);
    add_note_text(xen2, XEN_ELFNOTE_XEN_VERSION, "xen-2.\x1b[0m");
    spec.notes = xen2;
    assert_refused(&spec, "kernel is for Xen 'xen-2.?[0m', not 'xen-3.0'");

    spec_like_linux(hvm);
    add_note_text(hvm, XEN_ELFNOTE_FEATURES, "dom0|!auto_translated_physmap");
    spec.notes = hvm;
    assert_refused(&spec, "kernel requires Xen features (0x4) that PV guests can't have");

    spec_like_linux(odd);
    add_note_text(odd, XEN_ELFNOTE_FEATURES, "what|!ever\n");
    spec.notes = odd;
    assert_refused(&spec, "requires an unknown Xen feature 'ever?'");

    spec = spec_like_pae(nopae);
    add_note_text(nopae, XEN_ELFNOTE_PAE_MODE, "no");
    assert_refused(&spec, "32-bit kernel without PAE");
}

static void refuses_notes_that_lie(void **state)
{
    static const struct {
        unsigned type;
        uint64_t value;
        const char *why;
    } lies[] = {
        {XEN_ELFNOTE_ENTRY, 0xffffffff80209000, "entry 0xffffffff80209000 is outside the kernel"},
        {XEN_ELFNOTE_ENTRY, 0, "entry 0x0 is outside the kernel"},
        {XEN_ELFNOTE_VIRT_BASE, 0xffffffffffe00000,
         "kernel segments are outside the address space"},
        {XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000010,
         "VIRT_BASE 0xffffffff80000010 is not a page's address"},
        {XEN_ELFNOTE_PADDR_OFFSET, 0x100001, "kernel segments are outside the address space"},
        {XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80100010,
         "hypercall page at 0xffffffff80100010 is not a page of the kernel"},
        {XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80209000,
         "hypercall page at 0xffffffff80209000 is not a page of the kernel"},
        {XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff800ff000,
         "hypercall page at 0xffffffff800ff000 is not a page of the kernel"},
        {XEN_ELFNOTE_HV_START_LOW, 0xffff880000000000,
         "HV_START_LOW 0xffff880000000000 is above Xen's own start"},
        {XEN_ELFNOTE_INIT_P2M, 0x8000000008, "INIT_P2M 0x8000000008 is not a page's address"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        g_autoptr(GByteArray) notes = g_byte_array_new();
        struct kernel_spec spec = spec_like_linux(notes);

        add_note_u64(notes, lies[i].type, lies[i].value); /* the last one counts */
        assert_refused(&spec, lies[i].why);
    }
}

static void refuses_notes_of_odd_sizes(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    g_autoptr(GByteArray) pair = g_byte_array_new();
    g_autoptr(GByteArray) file = NULL;
    struct kernel_spec spec = spec_like_linux(notes);
    struct kernel_image img;
    g_autoptr(GError) error = NULL;
    Elf64_Phdr *p;

    add_note(notes, XEN_ELFNOTE_ENTRY, "abc", 3);
    assert_refused(&spec, "Xen note 1 has 3 bytes, not a number");
    spec = spec_like_linux(pair);
    add_note(pair, XEN_ELFNOTE_L1_MFN_VALID, "abc", 3);
    assert_refused(&spec, "Xen note 13 has 3 bytes, not a pair");

    spec.notes = NULL;
    spec.segments[1] = (struct made_segment){0};
    file = make_kernel(&spec);
    p = (Elf64_Phdr *)(file->data + ((Elf64_Ehdr *)file->data)->e_phoff) + 1;
    p->p_type = PT_NOTE;
    p->p_offset = file->len - 4;
    p->p_filesz = 5;
    assert_false(image_open(&img, file->data, file->len, &error));
    assert_string_equal(error->message, "truncated ELF file: its notes are missing");
}

static void refuses_broken_segments(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    const struct kernel_spec good = spec_like_linux(notes);
    struct kernel_spec spec = good;
    g_autoptr(GByteArray) file = NULL;
    g_autoptr(GError) error = NULL;
    struct kernel_image img;
    Elf64_Phdr *p;

    spec.segments[1].paddr = 0x102fff;
    assert_refused(&spec, "kernel segments 0 and 1 overlap");
    spec = good;
    spec.segments[1].memsz = 0x1233;
    assert_refused(&spec, "kernel segment 1 has a broken size");
    spec = good;
    spec.segments[1].memsz = UINT64_MAX - 0x1000;
    assert_refused(&spec, "kernel segment 1 has a broken size");
    spec = good;
    spec.nr_segments = 0;
    assert_refused(&spec, "ELF file with nothing to load");

    file = make_kernel(&good);
    p = (Elf64_Phdr *)(file->data + ((Elf64_Ehdr *)file->data)->e_phoff);
    p->p_offset = file->len - 0x2fff;
    assert_false(image_open(&img, file->data, file->len, &error));
    assert_string_equal(error->message, "truncated ELF file: segment 0 is missing");
}

static void survives_every_byte_flipped(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) file = NULL;

    spec.segments[0].filesz = 16;
    spec.segments[1].filesz = 16;
    file = make_kernel(&spec);
    for (guint i = 0; i < file->len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            g_autofree uint8_t *bytes = exact_copy(file, file->len);
            g_autoptr(GError) error = NULL;
            struct kernel_image img;
            bool ok;

            bytes[i] ^= (uint8_t)(1 << bit);
            ok = image_open(&img, bytes, file->len, &error);
            assert_int_equal(ok, error == NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_linux),
        cmocka_unit_test(reads_a_32_bit_kernel),
        cmocka_unit_test(finds_notes_in_sections),
        cmocka_unit_test(reads_the_legacy_string),
        cmocka_unit_test(defaults_without_notes_of_places),
        cmocka_unit_test(takes_a_text_cut_by_the_files_end),
        cmocka_unit_test(refuses_kernels_for_something_else),
        cmocka_unit_test(refuses_notes_that_lie),
        cmocka_unit_test(refuses_notes_of_odd_sizes),
        cmocka_unit_test(refuses_broken_segments),
        cmocka_unit_test(survives_every_byte_flipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
