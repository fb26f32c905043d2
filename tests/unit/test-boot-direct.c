/* What the boot menu on a disk starts, by the whole way: a process that stays, and one for each request. */
#include "disk_maker.h"

#include "xenner/bootdisk/boot_direct.h"
#include "xenner/config/disk_config.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig {
    char *dir, *path;
    struct disk_config disk;
    struct disk_config *list[1];
    GPtrArray disks;
};

/* The same file gets all zeroes, and then what is not. */
static void set_menu(struct rig *r, const char *cfg)
{
    assert_true(truncate(r->path, 0) == 0 || errno == ENOENT);
    disk_maker_file(r->dir, "boot/grub/grub.cfg", cfg, strlen(cfg));
    disk_maker_ext(r->dir, "ext4", 4096, 0);
}

static void rig_begin(struct rig *r, const char *cfg)
{
    memset(r, 0, sizeof(*r));
    r->dir = disk_maker_dir();
    r->path = g_build_filename(r->dir, "disk", NULL);
    r->disk.path = r->path;
    r->list[0] = &r->disk;
    r->disks = (GPtrArray){(gpointer *)r->list, 1};
    disk_maker_file(r->dir, "boot/k", "kernel", 6);
    disk_maker_file(r->dir, "boot/a", "aaaaa", 5);
    disk_maker_file(r->dir, "boot/b", "bb", 2);
    set_menu(r, cfg);
}

static void rig_end(struct rig *r)
{
    g_free(r->path);
    disk_maker_end(r->dir);
}

static void file_is(int fd, const char *want, size_t len)
{
    char got[64];

    assert_int_equal(pread(fd, got, sizeof(got), 0), len);
    assert_memory_equal(got, want, len);
}

static bool get(struct boot_direct *d, struct boot_images *ret, GError **error)
{
    const struct boot_source *s = boot_direct_source(d);

    return s->get(s->opaque, ret, error);
}

static void fails(struct boot_direct *d, const char *want)
{
    g_autoptr(GError) error = NULL;
    struct boot_images i = {0};

    assert_false(get(d, &i, &error));
    assert_string_equal(error->message, want);
    assert_int_equal(i.kernel_fd, 0);
}

static void test_reads(void **state)
{
    struct rig r;
    struct boot_images i;

    rig_begin(&r, "menuentry a {\nlinux /boot/k root=/dev/xvda ro\ninitrd /boot/a /boot/b\n}\n"
                  "menuentry b {\nlinux /boot/b\n}\n");
    struct boot_direct *d = boot_direct_new(&r.disks, NULL);
    assert_true(get(d, &i, NULL));
    assert_string_equal(i.kernel, "/boot/k");
    assert_string_equal(i.cmdline, "root=/dev/xvda ro");
    file_is(i.kernel_fd, "kernel", 6);
    file_is(i.initrd_fd, "aaaaa\0\0\0bb", 10);
    boot_images_clear(&i);

    /* the guest has another menu now, and more of a disk */
    disk_maker_file(r.dir, "boot/grub/grubenv", "# GRUB Environment Block\nsaved_entry=b\n", 39);
    set_menu(&r, "load_env\ndefault=$saved_entry\nmenuentry a {\n}\nmenuentry b {\nlinux /boot/b\n}\n");
    assert_int_equal(truncate(r.path, 8 << 20), 0);
    assert_true(get(d, &i, NULL));
    assert_string_equal(i.kernel, "/boot/b");
    assert_string_equal(i.cmdline, "");
    file_is(i.kernel_fd, "bb", 2);
    assert_int_equal(i.initrd_fd, 0);
    boot_images_clear(&i);
    boot_direct_free(d);
    rig_end(&r);
}

static void test_cannot(void **state)
{
    struct rig r;

    rig_begin(&r, "menuentry a {\nlinux /boot/x\x1b\n}\n");
    struct boot_direct *d = boot_direct_new(&r.disks, NULL);
    fails(d, "the kernel '/boot/x?' can't be read");
    set_menu(&r, "menuentry a {\nlinux /boot/k\ninitrd /boot/a /boot\n}\n");
    fails(d, "the initrd '/boot' can't be read");
    set_menu(&r, "for i in 1; do x; done\n");
    fails(d, "grub.cfg has a loop");
    assert_int_equal(truncate(r.path, 0), 0);
    fails(d, "no grub.cfg is on an ext2, ext3 or ext4 file system of a raw disk");
    boot_direct_free(d);
    set_menu(&r, "menuentry a {\nlinux /boot/k\n}\n");
    r.disk.snapshot = true;
    d = boot_direct_new(&r.disks, NULL);
    fails(d, "no grub.cfg is on an ext2, ext3 or ext4 file system of a raw disk");
    boot_direct_free(d);
    rig_end(&r);
}

/* What is longer than an answer may be. */
static void test_too_long(void **state)
{
    struct rig r;
    g_autoptr(GString) cfg = g_string_new("menuentry a {\nlinux /boot/k ");

    for (unsigned i = 0; i < 9000; i++)
        g_string_append_c(cfg, 'x');
    g_string_append(cfg, "\n}\n");
    rig_begin(&r, cfg->str);
    struct boot_direct *d = boot_direct_new(&r.disks, NULL);
    fails(d, "a path or the command line is too long");
    set_menu(&r, "menuentry a {\nlinux /boot/k\n}\n");
    struct boot_images i;
    assert_true(get(d, &i, NULL));
    boot_images_clear(&i);
    boot_direct_free(d);
    boot_direct_free(NULL);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_cannot),
        cmocka_unit_test(test_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
