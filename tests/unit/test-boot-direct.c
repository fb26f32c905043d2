/* What the boot menu on a disk starts, by the whole way: a process that stays, and one for each request. */
#include "disk_maker.h"

#include "xenner/bootdisk/boot_direct.h"
#include "xenner/bootdisk/boot_direct_process.h"
#include "xenner/config/disk_config.h"
#include "xenner/util/fd_message.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static void rig_begin_empty(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->dir = disk_maker_dir();
    r->path = g_build_filename(r->dir, "disk", NULL);
    r->disk.path = r->path;
    r->disk.vdev = (char *)"xvda";
    r->list[0] = &r->disk;
    r->disks = (GPtrArray){(gpointer *)r->list, 1};
}

static void rig_begin(struct rig *r, const char *cfg)
{
    rig_begin_empty(r);
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

static bool get_titled(struct boot_direct *d, const char *title, struct boot_images *ret, GError **error)
{
    const struct boot_source *s = boot_direct_source(d);

    return s->get(s->opaque, title, ret, error);
}

static bool get(struct boot_direct *d, struct boot_images *ret, GError **error)
{
    return get_titled(d, NULL, ret, error);
}

static void title_fails(struct boot_direct *d, const char *title, const char *want)
{
    g_autoptr(GError) error = NULL;
    struct boot_images i = {0};

    assert_false(get_titled(d, title, &i, &error));
    assert_string_equal(error->message, want);
    assert_int_equal(i.kernel_fd, 0);
}

static void fails(struct boot_direct *d, const char *want)
{
    title_fails(d, NULL, want);
}

static void title_gives(struct boot_direct *d, const char *title, const char *kernel)
{
    struct boot_images i;

    assert_true(get_titled(d, title, &i, NULL));
    assert_string_equal(i.kernel, kernel);
    boot_images_clear(&i);
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

#define OWN   "0b1e8e5c-1111-4222-8333-44445555abcd"
#define OTHER "0b1e8e5c-1111-4222-8333-44445555abce"

static void test_title(void **state)
{
    g_autofree char *longest = g_strnfill(255, 'x'), *longer = g_strnfill(256, 'x');
    g_autofree char *cfg = g_strdup_printf(
        "menuentry a {\nlinux /boot/a\n}\nmenuentry %s {\nsearch -u -s " OWN "\nlinux /boot/k\n}\n"
        "menuentry label {\nsearch -l -s own\nlinux /boot/b\n}\n"
        "menuentry other {\nsearch -u -s " OTHER "\nlinux /boot/k\n}\n", longest);
    struct rig r;

    rig_begin(&r, cfg);
    disk_maker_ext(r.dir, "ext4 -L own -U " OWN, 4096, 0);
    struct boot_direct *d = boot_direct_new(&r.disks, NULL);
    title_gives(d, "label", "/boot/b");
    title_gives(d, longest, "/boot/k");
    title_gives(d, NULL, "/boot/a");
    title_fails(d, "other", "grub.cfg starts from another file system");
    title_fails(d, longer, "the entry's title is too long");
    title_fails(d, "", "grub.cfg has no entry of that name");
    title_gives(d, "a", "/boot/a");
    boot_direct_free(d);
    rig_end(&r);
}

/* GRUB finds the first one, which the menu is not on. */
static void test_clone(void **state)
{
    struct rig r, clone;

    rig_begin(&r, "menuentry a {\nsearch -l -s own\nlinux /boot/k\n}\n"
                  "menuentry b {\nsearch -u -s " OWN "\nlinux /boot/k\n}\n");
    disk_maker_ext(r.dir, "ext4 -L own -U " OWN, 4096, 0);
    rig_begin_empty(&clone);
    disk_maker_ext(clone.dir, "ext4 -L own -U " OTHER, 4096, 0);
    clone.disk.vdev = "xvda";
    r.disk.vdev = "xvdb";
    struct disk_config *list[2] = {&clone.disk, &r.disk};
    const GPtrArray disks = {(gpointer *)list, 2};
    struct boot_direct *d = boot_direct_new(&disks, NULL);
    title_fails(d, "a", "grub.cfg starts from another file system");
    title_gives(d, "b", "/boot/k");
    disk_maker_ext(clone.dir, "ext4 -U " OWN, 4096, 0);
    title_gives(d, "a", "/boot/k");
    title_fails(d, "b", "grub.cfg starts from another file system");
    boot_direct_free(d);
    rig_end(&r);
    rig_end(&clone);
}

static void test_forget(void **state)
{
    struct rig r;

    rig_begin(&r, "menuentry a {\nlinux /boot/k\n}\n");
    struct boot_direct *d = boot_direct_new(&r.disks, NULL);
    title_gives(d, "a", "/boot/k");
    boot_direct_source(d)->forget(boot_direct_source(d)->opaque);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* there is no process */
    title_fails(d, "a", "the disks can't be read");
    boot_direct_source(d)->forget(boot_direct_source(d)->opaque);
    boot_direct_free(d);
    rig_end(&r);
}

/* What the guest does not see is no disk of its. */
static void test_no_device(void **state)
{
    struct rig r;

    rig_begin(&r, "menuentry a {\nlinux /boot/k\n}\n");
    r.disk.vdev = NULL;
    struct boot_direct *d = boot_direct_new(&r.disks, NULL);
    title_fails(d, "a", "no grub.cfg is on an ext2, ext3 or ext4 file system of a raw disk");
    boot_direct_free(d);
    rig_end(&r);
}

/* The process ends at what boot_direct.c never sends, and does not answer. */
static void ends_at(const struct boot_direct_request *what, size_t len)
{
    int pair[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), status, fds[BOOT_DIRECT_FILES] = {null, null};
    pid_t own = getpid();
    char byte;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    if (pid == 0)
        boot_direct_serve(pair[1], NULL, 0, NULL, own);
    assert_int_equal(fd_message_send(pair[0], what, len, fds, BOOT_DIRECT_FILES), len);
    close(pair[1]);
    assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(pair[0], &byte, 1), 0);
    close(pair[0]);
    close(null);
}

static void test_cut_request(void **state)
{
    struct boot_direct_request what = {.number = 1, .titled = 1, .title = "a"};

    ends_at(&what, 1);
    ends_at(&what, sizeof(what) - 1);
    what.titled = 2;
    ends_at(&what, sizeof(what));
    what.titled = 1;
    memset(what.title, 'x', sizeof(what.title));
    ends_at(&what, sizeof(what));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_cannot),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_title),
        cmocka_unit_test(test_clone),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_no_device),
        cmocka_unit_test(test_cut_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
