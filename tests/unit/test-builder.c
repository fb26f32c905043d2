/*
 * builder.c, from a file to a guest that could run: made kernels, GRUB's own images where Debian's
 * grub-xen-host is installed, and the kernel named by XENNER_TEST_KERNEL.
 */
#include "guest_check.h"
#include "kernel_maker.h"

#include <elf.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/elfnote.h>
#include <xen/foreign/x86_32.h>

#define FIRST_MFN 0x300u

struct fixture {
    struct guest_mem *mem;
    struct build_params params;
    struct dom_image img;
    char *dir;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->dir = g_dir_make_tmp("test-builder-XXXXXX", NULL);
    assert_non_null(f->dir);
    f->params = (struct build_params){
        .kernel_path = "made",
        .cmdline = "console=hvc0",
        .nr_pages = 16 << 8, /* 16 MiB */
        .first_mfn = mfn(FIRST_MFN),
        .store_port = 1,
        .console_port = 2,
        .nr_vcpus = 1,
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);

    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(f->dir, name, NULL);

        g_remove(path);
    }
    g_rmdir(f->dir);
    dom_image_clear(&f->img);
    guest_mem_free(f->mem);
    g_free(f->dir);
    g_free(f);
    return 0;
}

/* Fresh RAM with what emu would have below, and shared_info's frame above. */
static void fresh_memory(struct fixture *f)
{
    guest_mem_free(f->mem);
    f->mem = guest_mem_new((FIRST_MFN + f->params.nr_pages + 1) << 12, 0, NULL);
    assert_non_null(f->mem);
    dom_image_clear(&f->img);
}

static char *write_file(struct fixture *f, const char *name, const void *data, gsize len)
{
    char *path = g_build_filename(f->dir, name, NULL);

    assert_true(g_file_set_contents(path, data, (gssize)len, NULL));
    return path;
}

static void build_made(struct fixture *f, const GByteArray *kernel)
{
    g_autoptr(GError) error = NULL;

    fresh_memory(f);
    if (!build_domain_from_bytes(f->mem, &f->params, kernel->data, kernel->len, &f->img, &error))
        fail_msg("%s", error->message);
    guest_check(f->mem, &f->img, &f->params);
}

/* The segments lie where their addresses say, and what is beyond their file part is zero. */
static void check_segments(const struct fixture *f, const struct kernel_spec *spec, uint64_t offset)
{
    for (unsigned s = 0; s < spec->nr_segments; s++) {
        const struct made_segment *seg = &spec->segments[s];

        for (uint64_t i = 0; i < seg->memsz; i++) {
            uint8_t *byte = guest_at(f->mem, &f->img, seg->paddr + offset + i);

            assert_non_null(byte);
            assert_int_equal(*byte, i < seg->filesz ? made_byte(seg, i) : 0);
        }
    }
}

static void builds_64(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) kernel = make_kernel(&spec);
    struct start_info *si;

    build_made(f, kernel);
    check_segments(f, &spec, 0xffffffff80000000);
    assert_string_equal(f->img.guest_os, "linux");
    assert_true(f->img.suspend_cancel);
    assert_int_equal(f->img.entry, 0xffffffff80101000);
    assert_int_equal(f->img.hypercall_page_va, 0);
    assert_null(f->img.symbols);
    si = guest_frame(f->mem, f->img.start_info);
    assert_int_equal(si->mfn_list, 0x8000000000);
    assert_int_equal(si->first_p2m_pfn, (f->img.virt_end - f->img.virt_base) >> 12);
    assert_int_equal(si->nr_p2m_frames, 8 + 3);
    assert_int_equal(si->flags, 0);
    assert_int_equal(si->mod_len, 0);
    assert_int_equal(si->mod_start, 0);
}

static void builds_32(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_pae(notes);
    g_autoptr(GByteArray) kernel = NULL;

    spec.symbols[0] = (struct made_symbol){"start", 0xc0100000, STT_FUNC};
    spec.nr_symbols = 1;
    kernel = make_kernel(&spec);
    f->params.nr_pages = 1024; /* as little as the region takes */
    build_made(f, kernel);
    check_segments(f, &spec, 0);
    assert_true(f->img.pae32);
    assert_int_equal(f->img.hypercall_page_va, 0xc0101000);
    assert_int_equal(f->img.hypercall_page.v, FIRST_MFN + 0x101);
    assert_int_equal(f->img.symbols->len, 1);
}

static void leaves_out_the_store(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) kernel = make_kernel(&spec);

    f->params.store_port = 0;
    f->params.cmdline = NULL;
    build_made(f, kernel); /* guest_check() looks at both */
}

static void loads_an_initrd(void **state)
{
    struct fixture *f = *state;
    g_autofree char *path = write_file(f, "initrd", "0123456789abcdef", 16);
    g_autofree char *big = g_malloc(5 << 20);

    f->params.initrd_path = path;
    for (unsigned i = 0; i < 5 << 20; i++)
        big[i] = (char)(i / 1000);
    for (int large = 0; large < 2; large++) {
        g_autoptr(GByteArray) notes = g_byte_array_new();
        g_autoptr(GByteArray) notes32 = g_byte_array_new();
        struct kernel_spec spec = spec_like_linux(notes);
        struct kernel_spec spec32 = spec_like_pae(notes32);
        g_autoptr(GByteArray) kernel = make_kernel(&spec);
        g_autoptr(GByteArray) kernel32 = make_kernel(&spec32);
        gsize len = large ? 5 << 20 : 16;
        struct start_info *si;
        struct start_info_x86_32 *si32;
        uint8_t *at;

        assert_true(g_file_set_contents(path, large ? big : "0123456789abcdef", (gssize)len, NULL));
        /* by pfn, in frames that have no address */
        build_made(f, kernel);
        si = guest_frame(f->mem, f->img.start_info);
        assert_int_equal(si->flags, SIF_MOD_START_PFN);
        assert_int_equal(si->mod_len, len);
        assert_true(si->mod_start >= (f->img.virt_end - f->img.virt_base) >> 12);
        at = guest_ptr(f->mem, (FIRST_MFN + si->mod_start) << 12, len);
        assert_memory_equal(at, large ? big : "0123456789abcdef", len);
        /* by address */
        build_made(f, kernel32);
        si32 = guest_frame(f->mem, f->img.start_info);
        assert_int_equal(si32->flags, 0);
        assert_int_equal(si32->mod_len, len);
        assert_int_equal(si32->mod_start, 0xc0105000);
        for (gsize i = 0; i < len; i += 999)
            assert_int_equal(*(char *)guest_at(f->mem, &f->img, si32->mod_start + i),
                             large ? big[i] : "0123456789abcdef"[i]);
    }
}

/* RAM on both sides of the hole; the guest is larger than 4 GiB. */
static void builds_across_the_hole(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) kernel = make_kernel(&spec);
    struct stat st;

    f->params.nr_pages = 4608 << 8;
    build_made(f, kernel);
    assert_true(f->img.shared_info.v > 4608 << 8);
    /* What nobody wrote to takes no memory: P2M (9 MiB), its tables, a few pages. */
    assert_int_equal(fstat(guest_mem_fd(f->mem), &st), 0);
    assert_in_range(st.st_blocks * 512, 9 << 20, 10 << 20);
}

/* An image that itself lies across the hole. */
static void loads_a_kernel_across_the_hole(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) kernel = make_kernel(&spec);
    g_autofree char *path = write_file(f, "initrd", "x", 1);

    /* The hole begins in the middle of the first segment. */
    f->params.first_mfn = mfn((GUEST_MEM_HOLE_START >> 12) - 0x101);
    f->params.initrd_path = path;
    f->params.nr_pages = 16 << 8;
    guest_mem_free(f->mem);
    f->mem = guest_mem_new(GUEST_MEM_HOLE_START + (32 << 20), 0, NULL);
    assert_true(
        build_domain_from_bytes(f->mem, &f->params, kernel->data, kernel->len, &f->img, NULL));
    guest_check(f->mem, &f->img, &f->params);
    check_segments(f, &spec, 0xffffffff80000000);
    assert_true(f->img.root_table.v >= GUEST_MEM_HOLE_END >> 12);
}

static void unwraps(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) elf = make_kernel(&spec);
    g_autoptr(GByteArray) gz = make_gzip(elf->data, elf->len);
    g_autoptr(GByteArray) bz = make_bzimage(gz->data, gz->len, 0x20f);
    g_autoptr(GByteArray) bzgz = make_gzip(bz->data, bz->len);
    g_autoptr(GByteArray) plain = make_bzimage(elf->data, elf->len, 0x208);
    const GByteArray *kernels[] = {gz, bz, bzgz, plain};

    for (unsigned i = 0; i < G_N_ELEMENTS(kernels); i++) {
        build_made(f, kernels[i]);
        check_segments(f, &spec, 0xffffffff80000000);
    }
}

static void assert_error(struct fixture *f, const char *path, const char *want)
{
    g_autoptr(GError) error = NULL;

    fresh_memory(f);
    f->params.kernel_path = path;
    assert_false(build_domain(f->mem, &f->params, &f->img, &error));
    assert_string_equal(error->message, want);
    assert_null(strchr(error->message, '\n'));
    assert_int_equal(f->img.nr_pages, 0); /* untouched */
}

static void names_the_bad_file(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) elf = make_kernel(&spec);
    g_autoptr(GByteArray) gz = make_gzip(elf->data, elf->len);
    g_autoptr(GByteArray) cut = make_bzimage(gz->data, gz->len - 9, 0x20f);

    assert_int_equal(chdir(f->dir), 0);
    g_free(write_file(f, "elf", elf->data, elf->len));
    g_free(write_file(f, "empty", "", 0));
    g_free(write_file(f, "text", "#!/bin/sh\n", 10));
    g_free(write_file(f, "halfelf", elf->data, elf->len / 2));
    g_free(write_file(f, "halfgz", gz->data, gz->len / 2));
    g_free(write_file(f, "half", cut->data, cut->len - 1));
    g_free(write_file(f, "cut", cut->data, cut->len));
    assert_int_equal(mkfifo("fifo", 0600), 0);
    g_free(write_file(f, "large", "x", 1));
    assert_int_equal(truncate("large", (512 << 20) + 1), 0);

    assert_error(f, "none", "could not open kernel 'none': No such file or directory");
    assert_error(f, ".", "could not open kernel '.': Is a directory");
    assert_error(f, "empty", "kernel 'empty': the file is empty");
    assert_error(f, "fifo", "could not open kernel 'fifo': not a regular file");
    assert_error(f, "large", "kernel 'large': larger than 512 MiB");
    assert_error(f, "text",
                 "kernel 'text': neither an ELF file nor a bzImage, nor compressed in a "
                 "known way");
    assert_error(f, "halfelf",
                 "kernel 'halfelf': truncated ELF file: its program headers are "
                 "missing");
    assert_error(f, "halfgz", "kernel 'halfgz': truncated gzip data");
    assert_error(f, "half", "kernel 'half': truncated bzImage payload");
    assert_error(f, "cut", "kernel 'cut': truncated gzip data");

    f->params.initrd_path = "none";
    assert_error(f, "elf", "could not open initrd 'none': No such file or directory");
    f->params.initrd_path = "empty";
    assert_error(f, "elf", "initrd 'empty': the file is empty");
    f->params.initrd_path = "large";
    assert_error(f, "elf",
                 "kernel 'elf': kernel and initrd need 515 MiB, the guest has 16 MiB of "
                 "memory");
    f->params.initrd_path = NULL;
    f->params.nr_pages = 512;
    assert_error(f, "elf",
                 "kernel 'elf': kernel and initrd need 3 MiB, the guest has 2 MiB of "
                 "memory");
    assert_int_equal(chdir("/"), 0);
}

static void wants_room_for_shared_info(void **state)
{
    struct fixture *f = *state;
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);
    g_autoptr(GByteArray) elf = make_kernel(&spec);
    g_autoptr(GError) error = NULL;

    f->mem = guest_mem_new(16 << 20, 0, NULL);
    f->params.nr_pages = (16 << 8) - FIRST_MFN;
    assert_false(build_domain_from_bytes(f->mem, &f->params, elf->data, elf->len, &f->img, &error));
    assert_string_equal(error->message, "no RAM for all of the guest's 3328 pages");
    f->params.nr_pages--;
    assert_true(build_domain_from_bytes(f->mem, &f->params, elf->data, elf->len, &f->img, NULL));
    assert_int_equal(f->img.shared_info.v, (16 << 8) - 1);
}

static void build_file(struct fixture *f, const char *path, uint64_t mib)
{
    g_autoptr(GError) error = NULL;

    f->params.kernel_path = path;
    f->params.nr_pages = mib << 8;
    fresh_memory(f);
    if (!build_domain(f->mem, &f->params, &f->img, &error))
        fail_msg("%s", error->message);
    guest_check(f->mem, &f->img, &f->params);
}

static void builds_grub(void **state)
{
    static const char *const paths[] = {"/usr/lib/grub-xen/grub-x86_64-xen.bin",
                                        "/usr/lib/grub-xen/grub-i386-xen.bin"};

    for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (!g_file_test(paths[i], G_FILE_TEST_EXISTS)) {
            print_message("no %s (package grub-xen-host)\n", paths[i]);
            skip();
        }
        build_file(*state, paths[i], 16);
        assert_string_equal(((struct fixture *)*state)->img.guest_os, "GRUB");
        assert_int_equal(((struct fixture *)*state)->img.pae32, i);
        build_file(*state, paths[i], 256);
    }
}

static void builds_a_real_kernel(void **state)
{
    struct fixture *f = *state;
    const char *path = g_getenv("XENNER_TEST_KERNEL");

    if (!path || !*path) {
        print_message("XENNER_TEST_KERNEL names no kernel\n");
        skip();
    }
    build_file(f, path, 256);
    build_file(f, path, 4608);
    f->params.initrd_path = path; /* any file will do */
    build_file(f, path, 512);
    assert_true(f->img.entry > f->img.virt_base);
}

/* Damage that the format's checksum, or else the ELF checks, must notice, or survive. */
static void survives_a_damaged_real_kernel(void **state)
{
    struct fixture *f = *state;
    const char *path = g_getenv("XENNER_TEST_KERNEL");
    g_autofree char *data = NULL;
    gsize len;

    if (!path || !*path || !g_file_get_contents(path, &data, &len, NULL)) {
        print_message("XENNER_TEST_KERNEL names no kernel\n");
        skip();
    }
    f->params.nr_pages = 256 << 8;
    for (unsigned i = 1; i < 8; i++) {
        g_autoptr(GError) error = NULL;
        gsize at = len / 8 * i;

        fresh_memory(f);
        assert_false(
            build_domain_from_bytes(f->mem, &f->params, (uint8_t *)data, at, &f->img, &error));
        assert_non_null(error);
        g_clear_error(&error);
        data[at] ^= 0x10;
        assert_false(
            build_domain_from_bytes(f->mem, &f->params, (uint8_t *)data, len, &f->img, &error));
        assert_non_null(error);
        data[at] ^= 0x10;
    }
}

static void knows_a_kernel_for_pvh(void **state)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    g_autoptr(GByteArray) both = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(both);
    g_autofree char *path = g_strdup("/tmp/test-builder-XXXXXX"), *expected = NULL;
    g_autoptr(GError) why = NULL;

    assert_true(close(g_mkstemp(path)) == 0);
    add_note_u64(both, XEN_ELFNOTE_PHYS32_ENTRY, 0x100000);
    for (unsigned pvh_only = 0; pvh_only < 2; pvh_only++) {
        add_note_text(notes, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
        add_note_u64(notes, XEN_ELFNOTE_PHYS32_ENTRY, 0x100000);
        spec.notes = pvh_only ? notes : both;
        g_autoptr(GByteArray) elf = make_kernel(&spec);
        assert_true(g_file_set_contents(path, (char *)elf->data, elf->len, NULL));
        assert_int_equal(build_kernel_is_pvh_only(path, &why), pvh_only);
    }
    expected = g_strdup_printf("kernel '%s': kernel has a Xen PVH entry and none for PV: -machine xenpvh runs it, "
                               "on a Xen host", path);
    assert_string_equal(why->message, expected);
    assert_true(g_file_set_contents(path, "junk", 4, NULL));
    assert_false(build_kernel_is_pvh_only(path, NULL));
    unlink(path);
    assert_false(build_kernel_is_pvh_only(path, NULL));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(builds_64),
        TEST(builds_32),
        TEST(leaves_out_the_store),
        TEST(loads_an_initrd),
        TEST(builds_across_the_hole),
        TEST(loads_a_kernel_across_the_hole),
        TEST(unwraps),
        TEST(names_the_bad_file),
        TEST(knows_a_kernel_for_pvh),
        TEST(wants_room_for_shared_info),
        TEST(builds_grub),
        TEST(builds_a_real_kernel),
        TEST(survives_a_damaged_real_kernel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
