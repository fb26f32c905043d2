/* image*.c: what an image may hold, what is refused and by which name; reading members. */
#include "tar_maker.h"

#include "xenguest/lib/image_priv.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct xg_image *open_bytes(const char *data, size_t len, GError **error)
{
    char path[] = "/tmp/test-xg-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    struct xg_image *img = xg_image_open(path, error);
    close(fd);
    unlink(path);
    if (!img && error) { /* the name is another one each time */
        g_autofree char *rest = g_strdup((*error)->message + strlen(path) + 2);
        assert_true(g_str_has_prefix((*error)->message, path));
        g_free((*error)->message);
        (*error)->message = g_steal_pointer(&rest);
    }
    return img;
}

static void refused(GString *tar, bool end, const char *want)
{
    g_autoptr(GError) error = NULL;

    if (end)
        tar_end(tar);
    AUTO(xg_image) img = open_bytes(tar->str, tar->len, &error);
    if (img)
        fail_msg("accepted, instead of: %s", want);
    if (!g_str_has_prefix(error->message, want))
        fail_msg("'%s' is not '%s'", error->message, want);
    g_string_truncate(tar, 0);
}

static void count(const struct xg_member *m, void *opaque)
{
    ++*(unsigned *)opaque;
}

static void reading(void **state)
{
    g_autoptr(GString) tar = g_string_new(NULL);
    GError *error = NULL;
    struct xg_member m;
    unsigned n = 0;
    size_t len;

    tar_image(tar);
    AUTO(xg_image) img = open_bytes(tar->str, tar->len, &error);
    assert_non_null(img);
    assert_false(xg_image_is_dir(img));
    xg_image_foreach(img, count, &n);
    assert_int_equal(n, 10);
    assert_true(xg_image_stat(img, "files/kernel", &m));
    assert_int_equal(m.type, XG_FILE);
    assert_int_equal(m.size, 8);
    assert_int_equal(m.mode, 0644);
    assert_true(xg_image_stat(img, "files/again", &m) && m.type == XG_SYMLINK);
    assert_true(xg_image_stat(img, "files", &m) && m.type == XG_DIR);
    assert_false(xg_image_stat(img, "kernel", &m));

    g_autofree char *kernel = xg_image_read(img, "files/kernel", &len, NULL);
    assert_string_equal(kernel, "a kernel");
    assert_int_equal(len, 8);
    assert_null(xg_image_read(img, "files", &len, &error));
    assert_string_equal(error->message, "files: it is not a regular file");
    g_clear_error(&error);
    assert_null(xg_image_read(img, "nothing", &len, &error));
    assert_string_equal(error->message, "nothing: there is no such member");
    g_clear_error(&error);

    g_auto(GStrv) scripts = xg_image_list(img, "init.d");
    g_autofree char *joined = g_strjoinv(" ", scripts);
    assert_string_equal(joined, "init.d/10-a init.d/20-b");
    g_autofree char *merged = xg_image_merged_config(img, NULL);
    assert_string_equal(merged, "kernel = \"files/kernel\"\nmemory = 64\nmemory = 128\n");
    g_autofree char *disk = xg_image_disk_file(img, "a.img");
    assert_string_equal(disk, "disk/a.img");
    assert_null(xg_image_disk_file(img, "b.img"));
    assert_true(xg_image_check(img, NULL));
}

static void hostile_names(void **state)
{
    static const struct {
        const char *name;
        char type;
        const char *link, *error;
    } bad[] = {
        {"/etc/passwd", '0', "", "/etc/passwd: an absolute name"},
        {"./../x", '0', "", "./../x: a name with .."},
        {"files/../../x", '5', "", "files/../../x: a name with .."},
        {"..", '5', "", "..: a name with .."},
        {"files/a\nb", '0', "", "files/a\\nb: a name that is no text"},
        {"files/\x1b[2J", '0', "", "files/\\033[2J: a name that is no text"},
        {"a\xff", '0', "", "a\\377: a name that is no text"},
        {".", '0', "", ".: not a directory"},
        {"files/l", '2', "/etc/passwd",
         "files/l: a symbolic link that leads out of the image, to /etc/passwd"},
        {"files/l", '2', "../../x",
         "files/l: a symbolic link that leads out of the image, to ../../x"},
        {"l", '2', "..", "l: a symbolic link that leads out of the image, to .."},
        {"files/l", '2', "x/../../y",
         "files/l: a symbolic link that leads out of the image, to x/../../y"},
        {"files/h", '1', "files/kernel", "files/h: a hard link"},
        {"files/h", '1', "/etc/passwd", "files/h: a hard link"},
        {"files/c", '3', "", "files/c: neither a file nor a directory nor a symbolic link"},
        {"files/b", '4', "", "files/b: neither a file nor a directory nor a symbolic link"},
        {"files/p", '6', "", "files/p: neither a file nor a directory nor a symbolic link"},
    };
    g_autoptr(GString) tar = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        tar_file(tar, "./guest.cfg", "memory = 1\n");
        tar_header(tar, bad[i].name, bad[i].type, bad[i].link, 0);
        refused(tar, true, bad[i].error);
    }
}

static void hostile_shapes(void **state)
{
    g_autoptr(GString) tar = g_string_new(NULL);

    tar_file(tar, "./a", "1");
    tar_file(tar, "a", "2");
    refused(tar, true, "a: it is there twice");
    tar_file(tar, "./a", "1");
    tar_file(tar, "./a/b", "2");
    refused(tar, true, "a/b: it is below a, which is not a directory");
    tar_header(tar, "./l", '2', "files", 0);
    tar_file(tar, "./l/b", "2");
    refused(tar, true, "l/b: it is below l, which is not a directory");
    tar_header(tar, "./a", '0', "", 2000);
    refused(tar, true, "./a: it says 2000 bytes, the file has");
    tar_header(tar, "./a", '0', "", 10ull << 40);
    refused(tar, true, "./a: it says 10995116277760 bytes, the file has");
    tar_pax(tar, "size", "99999999999");
    tar_file(tar, "./a", "1");
    refused(tar, true, "./a: it says 99999999999 bytes, the file has");
    tar_header(tar, "./a", '0', "", 1025); /* one more than the end's zeroes */
    refused(tar, true, "./a: it says 1025 bytes, the file has 1024 from there");
    tar_pax(tar, "path", "/abs");
    tar_file(tar, "./a", "1");
    refused(tar, true, "/abs: an absolute name");
    tar_pax(tar, "GNU.sparse.realsize", "100000000");
    tar_file(tar, "./a", "1");
    refused(tar, true, "./a: ");
    tar_pax(tar, "GNU.sparse.size", "1000000000000");
    tar_file(tar, "./a", "1");
    refused(tar, true, "./a: ");
    for (int i = 0; i < 40; i++)
        g_string_append(tar, "d/");
    g_autofree char *deep = g_strdup(tar->str);
    g_string_truncate(tar, 0);
    tar_header(tar, deep, '5', "", 0);
    refused(tar, true, "d/d/d/");
}

static void hostile_files(void **state)
{
    static const char gzip[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    g_autoptr(GString) tar = g_string_new(NULL);

    refused(tar, false, "not a tar that can be read: ");
    g_string_append(tar, "this is not a tar");
    refused(tar, false, "not a tar that can be read: ");
    g_string_append_len(tar, gzip, sizeof(gzip));
    refused(tar, false, "not a tar that can be read: ");
    tar_image(tar);
    memset(tar->str + 512, 'x', 512);
    refused(tar, false, "not a tar that can be read: ");
    tar_image(tar);
    g_string_truncate(tar, tar->len - 1024 - 512 + 2);
    refused(tar, false, "");
}

/* Every prefix of an image: refused, or an image all of whose members can be read. */
static void read_one(const struct xg_member *m, void *opaque)
{
    size_t len;
    g_autofree char *text = m->type == XG_FILE ? xg_image_read(opaque, m->name, &len, NULL) : NULL;

    assert_true(m->type != XG_FILE || text);
}

static void cut(void **state)
{
    g_autoptr(GString) tar = g_string_new(NULL);

    tar_image(tar);
    for (size_t len = 0; len < tar->len; len += 128) {
        AUTO(xg_image) img = open_bytes(tar->str, len, NULL);
        if (img)
            xg_image_foreach(img, read_one, img);
    }
}

/* Sparse members of GNU's old kind, one that has a hole and one that lies about it. */
static void sparse(void **state)
{
    g_autoptr(GString) tar = g_string_new(NULL);

    for (int lie = 0; lie < 2; lie++) {
        unsigned sum = 0;
        tar_header(tar, "./s", 'S', "", 512);
        char *h = tar->str;
        memcpy(h + 257, "ustar  \0", 8);
        memcpy(h + 386, lie ? "00000000000\00000000001000" : "00000100000\00000000001000", 23);
        memcpy(h + 483, lie ? "00000000001" : "00000101000", 11);
        memset(h + 148, ' ', 8);
        for (unsigned i = 0; i < 512; i++)
            sum += (unsigned char)h[i];
        snprintf(h + 148, 8, "%06o", sum);
        for (int i = 0; i < 512; i++)
            g_string_append_c(tar, 'x');
        refused(tar, true, lie ? "s: " : "./s: a sparse member");
    }
}

static void checks(void **state)
{
    static const struct {
        const char *name, *body, *error;
    } bad[] = {
        {"params.cfg", "rm -rf /\n", "params.cfg:1: not an assignment NAME=\"value\""},
        {"guest.cfg", "memory = $(ls)",
         "guest.cfg:1: not a value: a number, a \"string\" or a [list]"},
        {"guest.cfg", "ramdisk='files/x'", "guest.cfg: ramdisk = \"files/x\" is not in the image"},
        {"guest.cfg", "ramdisk='files/\xff'",
         "guest.cfg: ramdisk = \\\"files/\\377\\\" is not in the image"},
        {"guest.cfg", "kernel = 5", "guest.cfg:1: kernel must be a \"string\""},
        {"disk.cfg", "DISK_SIZE=1\nDISK_PART1=1::b.img",
         "disk.cfg: DISK_PART1's disk/b.img is not in the image"},
        {"disk.cfg", "DISK_PART1=1",
         "disk.cfg: DISK_PART1: the partitions up to this one take 1000 MB, DISK_SIZE is 0 MB"},
        {"guest.d/99", "a", "guest.d/99:1: not a setting NAME = VALUE"},
    };
    g_autoptr(GString) tar = g_string_new(NULL);

    tar_image(tar);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        AUTO(xg_image) img = open_bytes(tar->str, tar->len, NULL);
        g_autoptr(GError) error = NULL;
        assert_true(
            xg_image_set_data(img, bad[i].name, bad[i].body, strlen(bad[i].body), 0644, NULL));
        assert_false(xg_image_check(img, &error));
        assert_string_equal(error->message, bad[i].error);
    }
    AUTO(xg_image) img = open_bytes(tar->str, tar->len, NULL);
    assert_true(xg_image_remove(img, "disk.cfg"));
    assert_true(xg_image_check(img, NULL));
    assert_true(xg_image_remove(img, "params.cfg"));
    assert_false(xg_image_remove(img, "params.cfg"));
    assert_false(xg_image_check(img, NULL));
}

static void changes(void **state)
{
    AUTO(xg_image) img = xg_image_new();
    GError *error = NULL;
    size_t len;

    assert_true(xg_image_set_data(img, "./a/b/c", "x", 1, 0644, NULL));
    assert_true(xg_image_has(img, "a") && xg_image_has(img, "a/b") && xg_image_has(img, "a/b/c"));
    assert_true(xg_image_set_data(img, "a/b/c", "yz", 2, 0644, NULL));
    g_autofree char *text = xg_image_read(img, "a/b/c", &len, NULL);
    assert_string_equal(text, "yz");
    assert_false(xg_image_set_data(img, "a/b", "x", 1, 0644, &error));
    assert_string_equal(error->message, "a/b: there is a directory of that name");
    g_clear_error(&error);
    assert_false(xg_image_set_data(img, "a/../b", "x", 1, 0644, NULL));
    assert_false(xg_image_set_data(img, "", "x", 1, 0644, NULL));
    assert_false(xg_image_set_data(img, "a/b/c/d", "x", 1, 0644, NULL));
    assert_false(xg_image_set_file(img, "f", "/none", 0644, NULL));
    assert_false(xg_image_set_file(img, "f", "/dev/null", 0644, &error));
    assert_string_equal(error->message, "/dev/null: not a regular file");
    g_clear_error(&error);
    assert_true(xg_image_set_data(img, "ab", "", 0, 0644, NULL));
    assert_true(xg_image_remove(img, "a"));
    assert_false(xg_image_has(img, "a/b/c"));
    assert_true(xg_image_has(img, "ab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(hostile_shapes),
        cmocka_unit_test(hostile_files),
        cmocka_unit_test(cut),
        cmocka_unit_test(sparse),
        cmocka_unit_test(checks),
        cmocka_unit_test(changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
