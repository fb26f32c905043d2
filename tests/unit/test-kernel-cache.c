/* kernel_cache.c: a kernel comes back as it went in, once; nothing that another could have written is believed. */
#include "kernel_maker.h"

#include "xenner/build/builder.h"
#include "xenner/build/kernel_cache.h"
#include "xenner/util/remove_tree.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/elfnote.h>

#define MIB (1ul << 20)

static char *dir;

static int make_dir(void **state)
{
    dir = g_dir_make_tmp("cache-XXXXXX", NULL);
    return dir ? 0 : -1;
}

static int drop_dir(void **state)
{
    remove_tree(AT_FDCWD, dir);
    g_free(dir);
    return 0;
}

static char *path_of(const char *key)
{
    return g_build_filename(dir, key, NULL);
}

/* The key of a packed kernel that is there no more, or not yet. */
static char *missing(const char *packed)
{
    struct blob b = {0};
    char *key = NULL;

    assert_false(kernel_cache_get(dir, (const uint8_t *)packed, strlen(packed), MIB, &b, &key));
    assert_null(b.data);
    assert_non_null(key);
    return key;
}

static void put(const char *key, const char *text)
{
    struct blob b = {.data = (uint8_t *)text, .len = strlen(text)};

    kernel_cache_put(dir, key, &b);
}

static void there(const char *packed, const char *text)
{
    struct blob b = {0};

    assert_true(kernel_cache_get(dir, (const uint8_t *)packed, strlen(packed), MIB, &b, NULL));
    assert_int_equal(b.len, strlen(text));
    assert_memory_equal(b.data, text, b.len);
    blob_clear(&b);
}

static unsigned files(void)
{
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    unsigned n = 0;

    assert_non_null(list);
    while (g_dir_read_name(list))
        n++;
    return n;
}

static void there_and_back(void **state)
{
    g_autofree char *one = missing("one"), *two = missing("two");

    assert_string_not_equal(one, two);
    put(one, "first kernel");
    there("one", "first kernel");
    g_free(missing("two"));
    put(one, "again"); /* what is there stays: it is the same anyway */
    there("one", "first kernel");
    put(two, "second");
    there("two", "second");
    there("one", "first kernel");
    assert_int_equal(files(), 2);
}

static void nowhere(void **state)
{
    g_autofree char *key = NULL;
    g_autofree char *deep = g_build_filename(dir, "a", "b", NULL);
    struct blob b = {.data = (uint8_t *)"x", .len = 1}, ret = {0};

    assert_false(kernel_cache_get(deep, b.data, 1, MIB, &ret, &key));
    kernel_cache_put("/proc/nowhere", key, &b);
    kernel_cache_put("/dev/null", key, &b);
    kernel_cache_put(deep, key, &b);
    assert_true(kernel_cache_get(deep, b.data, 1, MIB, &ret, NULL));
    blob_clear(&ret);
}

static void damaged(void **state)
{
    g_autofree char *key = missing("k"), *path = path_of(key), *text = NULL;
    gsize len;

    put(key, "a kernel of some bytes, a kernel of some more bytes");
    assert_true(g_file_get_contents(path, &text, &len, NULL));
    text[len - 7] ^= 1;
    assert_int_equal(truncate(path, 0), 0);
    int fd = open(path, O_WRONLY);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    g_free(missing("k"));
    assert_int_equal(files(), 0);
    put(key, "anew");
    there("k", "anew");
    assert_int_equal(truncate(path, 0), 0);
    g_free(missing("k"));
    assert_int_equal(files(), 0);
}

static void too_large(void **state)
{
    g_autofree char *key = missing("k"), *text = g_strnfill(2000, 'k');
    struct blob b = {0};

    put(key, text);
    assert_false(kernel_cache_get(dir, (const uint8_t *)"k", 1, 1999, &b, NULL));
}

/* Files that somebody else could have written, or that are no files. */
static void not_believed(void **state)
{
    g_autofree char *key = missing("k"), *path = path_of(key), *other = path_of("other");

    put(key, "ours");
    assert_int_equal(chmod(path, 0620), 0);
    g_free(missing("k"));
    assert_int_equal(chmod(path, 0602), 0);
    g_free(missing("k"));
    assert_int_equal(chmod(path, 0600), 0);
    there("k", "ours");
    assert_int_equal(link(path, other), 0);
    g_free(missing("k"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(other, path), 0);
    g_free(missing("k"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    g_free(missing("k"));
    assert_int_equal(unlink(path), 0);
    if (geteuid() == 0) {
        assert_int_equal(rename(other, path), 0);
        assert_int_equal(chown(path, 65534, 0), 0);
        g_free(missing("k"));
    }
}

static void directory_of_others(void **state)
{
    g_autofree char *key = missing("k");

    put(key, "ours");
    assert_int_equal(chmod(dir, 0777), 0);
    g_free(missing("k"));
    assert_int_equal(chmod(dir, 01777), 0); /* as /tmp: others can't take ours away */
    there("k", "ours");
    assert_int_equal(chmod(dir, 0700), 0);
}

static void only_the_newest(void **state)
{
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    g_autofree char *stranger = path_of("4294967295-00.zst");

    assert_true(g_file_set_contents(stranger, "another user's", -1, NULL));
    for (unsigned i = 0; i < KERNEL_CACHE_FILES; i++) {
        g_autofree char *name = g_strdup_printf("k%u", i), *key = missing(name), *path = path_of(key);

        put(key, name);
        times[1].tv_sec++;
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    there("k0", "k0"); /* used: not the oldest any more */
    g_autofree char *key = missing("new");
    put(key, "new");
    assert_int_equal(files(), KERNEL_CACHE_FILES + 1);
    there("new", "new");
    there("k0", "k0");
    g_free(missing("k1"));
    there("k2", "k2");
}

/* The builder: the second build takes the kernel from here, and only what was packed is kept. */
static uint64_t entry_of_build(const GByteArray *file)
{
    g_autoptr(GError) error = NULL;
    struct guest_mem *mem = guest_mem_new(32 * MIB, 0, &error);
    struct dom_image image = {0};
    struct build_params params = {.kernel_path = "k", .cmdline = "", .cache_dir = dir,
                                  .nr_pages = 16 << 8, .first_mfn = {1024}, .nr_vcpus = 1};

    assert_non_null(mem);
    if (!build_domain_from_bytes(mem, &params, file->data, file->len, &image, &error))
        fail_msg("%s", error->message);
    uint64_t entry = image.entry;
    dom_image_clear(&image);
    guest_mem_free(mem);
    return entry;
}

/* Bytes that do not pack, so that the result is large enough to be kept. */
static GByteArray *large_kernel(uint64_t entry)
{
    g_autoptr(GByteArray) notes = g_byte_array_new();
    struct kernel_spec spec = spec_like_linux(notes);

    add_note_u64(notes, XEN_ELFNOTE_ENTRY, entry);
    spec.segments[0].filesz = spec.segments[0].memsz = 3 * MIB;
    spec.segments[1].paddr = spec.segments[0].paddr + 4 * MIB;
    GByteArray *elf = make_kernel(&spec);
    uint32_t random = 1;
    for (guint i = elf->len / 4; i < elf->len * 3 / 4; i++) {
        random = random * 1103515245 + 12345;
        elf->data[i] = (uint8_t)(random >> 24);
    }
    return elf;
}

static void builds(void **state)
{
    const uint64_t base = 0xffffffff80000000ull + MIB;
    g_autoptr(GByteArray) one = large_kernel(base + 16), two = large_kernel(base + 32);
    g_autoptr(GByteArray) packed = make_gzip(one->data, one->len);

    assert_true(packed->len >= MIB);
    assert_int_equal(entry_of_build(one), base + 16);
    assert_int_equal(files(), 0); /* it was not packed */
    assert_int_equal(entry_of_build(packed), base + 16);
    assert_int_equal(files(), 1);
    /* another kernel under its name shows where the second build has it from */
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    g_autofree char *key = g_strdup(g_dir_read_name(list)), *path = path_of(key);
    assert_int_equal(unlink(path), 0);
    struct blob b = {.data = two->data, .len = two->len};
    kernel_cache_put(dir, key, &b);
    assert_int_equal(entry_of_build(packed), base + 32);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_dir, drop_dir)
    const struct CMUnitTest tests[] = {
        TEST(there_and_back), TEST(nowhere),             TEST(damaged),         TEST(too_large),
        TEST(not_believed),   TEST(directory_of_others), TEST(only_the_newest), TEST(builds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
