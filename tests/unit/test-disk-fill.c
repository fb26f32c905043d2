/* Guests' disks: what is written is what e2fsck, debugfs, mtools and sfdisk read. */
#include "xenguest/disk/fill.h"
#include "xenguest/disk/run.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#define MIB (1024ull * 1024)

struct room {
    char *dir, *disk;
};

static int open_content(void *opaque, const char *content, GError **error)
{
    struct room *r = opaque;
    g_autofree char *path = g_build_filename(r->dir, content, NULL);

    return open(path, O_RDONLY | O_CLOEXEC);
}

static int setup(void **state)
{
    struct room *r = g_new0(struct room, 1);

    r->dir = g_dir_make_tmp("disk-XXXXXX", NULL);
    r->disk = g_build_filename(r->dir, "disk", NULL);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct room *r = *state;
    const char *const argv[] = {"rm", "-rf", r->dir, NULL};

    run_program(argv, NULL, NULL);
    g_free(r->dir);
    g_free(r->disk);
    g_free(r);
    return 0;
}

static char *output(const char *const argv[])
{
    g_autoptr(GError) error = NULL;
    char *out = NULL;

    if (!run_program(argv, &out, &error))
        fail_msg("%s", error->message);
    return out;
}

static char *shell(const char *format, ...) G_GNUC_PRINTF(1, 2);
static char *shell(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    g_autofree char *command = g_strdup_vprintf(format, ap);
    va_end(ap);
    const char *const argv[] = {"sh", "-c", command, NULL};
    return output(argv);
}

static void add(struct archive *a, const char *name, unsigned mode, const char *data,
                const char *link, bool hard)
{
    struct archive_entry *e = archive_entry_new();

    archive_entry_set_pathname(e, name);
    archive_entry_set_mode(e, mode);
    archive_entry_set_uid(e, 1000);
    archive_entry_set_gid(e, 70000);
    archive_entry_set_mtime(e, 1234567890, 0);
    if (hard)
        archive_entry_set_hardlink(e, link);
    else if (link)
        archive_entry_set_symlink(e, link);
    if (S_ISCHR(mode)) {
        archive_entry_set_rdevmajor(e, 4);
        archive_entry_set_rdevminor(e, 65);
    }
    if (data && g_str_has_suffix(name, "ping"))
        archive_entry_xattr_add_entry(e, "security.capability",
                                      "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    archive_entry_set_size(e, data ? (la_int64_t)strlen(data) : 0);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    if (data)
        assert_int_equal(archive_write_data(a, data, strlen(data)), strlen(data));
    archive_entry_free(e);
}

static struct archive *new_tar(struct room *r, const char *name)
{
    g_autofree char *path = g_build_filename(r->dir, name, NULL);
    struct archive *a = archive_write_new();

    if (g_str_has_suffix(name, ".gz"))
        archive_write_add_filter_gzip(a);
    archive_write_set_format_pax_restricted(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    return a;
}

static void close_tar(struct archive *a)
{
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static bool fill(struct room *r, const struct diskcfg *cfg, GError **error)
{
    struct disk_source source = {open_content, r};
    int fd = open(r->disk, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(ftruncate(fd, (off_t)disk_bytes(cfg)), 0);
    close(fd);
    return disk_fill(r->disk, cfg, true, &source, error);
}

static void fill_or_fail(struct room *r, const struct diskcfg *cfg)
{
    g_autoptr(GError) error = NULL;

    if (!fill(r, cfg, &error))
        fail_msg("%s", error->message);
}

static void make_root(struct room *r)
{
    struct archive *a = new_tar(r, "root.tar.gz");

    add(a, "./", S_IFDIR | 0711, NULL, NULL, false);
    add(a, "./usr/", S_IFDIR | 0755, NULL, NULL, false);
    add(a, "./usr/bin", S_IFDIR | 0755, NULL, NULL, false);
    add(a, "./bin", S_IFLNK | 0777, NULL, "usr/bin", false);
    add(a, "./bin/ping", S_IFREG | 04755, "ping!", NULL, false);
    add(a, "./usr/bin/pong", S_IFREG | 04755, NULL, "./bin/ping", true);
    add(a, "./dev/ttyS1", S_IFCHR | 0620, NULL, NULL, false);
    add(a, "./etc/empty", S_IFREG | 0600, NULL, NULL, false);
    for (unsigned i = 0; i < 400; i++) { /* a directory of several blocks */
        g_autofree char *name = g_strdup_printf("./many/a-file-with-a-rather-long-name-%u", i);
        add(a, name, S_IFREG | 0644, "x", NULL, false);
    }
    close_tar(a);
}

static void check_ext(struct room *r, unsigned long long offset)
{
    g_autofree char *fsck = shell("e2fsck -fn '%s?offset=%llu' 2>&1", r->disk, offset);
    g_autofree char *image = g_strdup_printf("%s?offset=%llu", r->disk, offset);
    g_autofree char *ping = shell("debugfs -R 'stat /usr/bin/pong' '%s' 2>/dev/null", image);
    g_autofree char *text = shell("debugfs -R 'cat /usr/bin/ping' '%s' 2>/dev/null", image);
    g_autofree char *tty = shell("debugfs -R 'stat /dev/ttyS1' '%s' 2>/dev/null", image);
    g_autofree char *root = shell("debugfs -R 'stat /' '%s' 2>/dev/null", image);
    g_autofree char *link = shell("debugfs -R 'stat /bin' '%s' 2>/dev/null", image);
    g_autofree char *many = shell("debugfs -R 'ls -p /many' '%s' 2>/dev/null | grep -c long",
                                  image);

    assert_string_equal(text, "ping!");
    assert_non_null(strstr(ping, "Mode:  04755"));
    assert_non_null(strstr(ping, "User:  1000   Group: 70000"));
    assert_non_null(strstr(ping, "Links: 2"));
    assert_non_null(strstr(ping, "security.capability (20)"));
    assert_non_null(strstr(tty, "04:65"));
    assert_non_null(strstr(root, "Mode:  0711"));
    assert_non_null(strstr(link, "usr/bin"));
    assert_string_equal(many, "400\n");
}

/* ext2 without extents, ext4 with them and checksums. */
static void test_ext(void **state)
{
    struct room *r = *state;
    struct diskcfg cfg = {
        .mb = 80,
        .parts = {{30, DISKCFG_FS_EXT4, "root.tar.gz"}, {30, DISKCFG_FS_EXT2, "root.tar.gz"}}};

    make_root(r);
    fill_or_fail(r, &cfg);
    check_ext(r, MIB);
    check_ext(r, 30 * MIB);
    g_autofree char *table = shell("sfdisk -d %s", r->disk);
    assert_non_null(strstr(table, "start=        2048, size=       59392, type=83"));
    assert_non_null(strstr(table, "start=       61440, size=       59392, type=83"));
}

static void test_vfat_and_swap(void **state)
{
    struct room *r = *state;
    struct diskcfg cfg = {
        .mb = 60,
        .parts = {{0}, {40, DISKCFG_FS_VFAT, "boot.tar"}, {0}, {10, DISKCFG_FS_SWAP, NULL}}};
    struct archive *a = new_tar(r, "boot.tar");

    add(a, "EFI", S_IFDIR | 0755, NULL, NULL, false);
    add(a, "EFI/boot/a long name.txt", S_IFREG | 0755, "hello", NULL, false);
    close_tar(a);
    fill_or_fail(r, &cfg);
    g_autofree char *text = shell("mtype -i %s@@%llu '::/EFI/boot/a long name.txt'", r->disk, MIB);
    assert_string_equal(text, "hello");
    g_autofree char *table = shell("sfdisk -d %s", r->disk);
    assert_non_null(strstr(table, "disk2 : start=        2048, size=       79872, type=c"));
    assert_non_null(strstr(table, "disk4 : start=       81920, size=       20480, type=82"));
    g_autofree char *swap = shell("blkid -p -O %llu -S %llu %s", 40 * MIB, 10 * MIB, r->disk);
    assert_non_null(strstr(swap, "TYPE=\"swap\""));
}

static void test_images(void **state)
{
    struct room *r = *state;
    struct diskcfg cfg = {
        .mb = 10, .parts = {{4, DISKCFG_FS_EXT4, "a.img.gz"}, {4, DISKCFG_FS_NONE, "b.img"}}};
    g_autofree char *a = shell(
        "cd %s && { head -c 1000000 /dev/zero; echo end; } | gzip > a.img.gz && "
        "head -c 4194304 /dev/urandom > b.img",
        r->dir);

    fill_or_fail(r, &cfg);
    g_autofree char *end = shell("dd if=%s bs=4 count=1 iflag=skip_bytes skip=2048576 2>/dev/null",
                                 r->disk);
    assert_string_equal(end, "end\n");
    g_autofree char *same = shell("cmp -n 4194304 -i 5242880:0 %s %s/b.img && echo same", r->disk,
                                  r->dir);
    assert_string_equal(same, "same\n");
}

/* Takes nothing but the message. */
static void refuses(struct room *r, const struct diskcfg *cfg, const char *message)
{
    g_autoptr(GError) error = NULL;

    assert_false(fill(r, cfg, &error));
    if (!strstr(error->message, message))
        fail_msg("'%s' is not in '%s'", message, error->message);
}

static void test_refused(void **state)
{
    struct room *r = *state;
    struct diskcfg cfg = {.mb = 20, .parts = {{10, DISKCFG_FS_EXT4, "bad.tar"}}};
    struct archive *a = new_tar(r, "bad.tar");

    add(a, "x/../../y", S_IFREG | 0644, "x", NULL, false);
    close_tar(a);
    refuses(r, &cfg, "partition 1: bad.tar: member 'x/../../y': leads out");
    a = new_tar(r, "bad.tar");
    add(a, "x", S_IFREG | 0644, "x", NULL, false);
    add(a, "./x", S_IFREG | 0644, "y", NULL, false);
    close_tar(a);
    refuses(r, &cfg, "member './x': is there twice");
    a = new_tar(r, "bad.tar");
    add(a, "l", S_IFLNK | 0777, NULL, "x", false);
    close_tar(a);
    struct diskcfg fat = {.mb = 40, .parts = {{36, DISKCFG_FS_VFAT, "bad.tar"}}};
    refuses(r, &fat, "member 'l': vfat has no symbolic links");
    g_free(shell("head -c 11000000 /dev/urandom > %s/big.img; cp %s/big.img %s/not.tar", r->dir,
                 r->dir, r->dir));
    cfg.parts[0].content = (char *)"big.img";
    refuses(r, &cfg, "big.img: is larger than its partition of 10 MiB");
    cfg.parts[0].content = (char *)"not.tar";
    refuses(r, &cfg, "partition 1: not.tar: ");
    cfg.parts[0].content = (char *)"none.tar";
}

/* A file system that is too small says so. */
static void test_full(void **state)
{
    struct room *r = *state;
    struct diskcfg cfg = {.mb = 10, .parts = {{5, DISKCFG_FS_EXT4, "big.tar.gz"}}};
    g_autofree char *made = shell(
        "cd %s && head -c 9000000 /dev/urandom > big && tar czf big.tar.gz big", r->dir);

    refuses(r, &cfg, "member 'big': Could not allocate block");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ext, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vfat_and_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_images, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
