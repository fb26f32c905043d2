/* Which kernels are found on disks, by the whole way and by its parts. */
#include "disk_maker.h"

#include "xenner/bootdisk/boot_probe.h"
#include "xenner/bootdisk/boot_search.h"
#include "xenner/bootdisk/grub_cfg.h"
#include "xenner/bootdisk/partitions.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB 1048576ull

static void cfg_is(const char *text, const char *want)
{
    g_autoptr(GPtrArray) kernels = grub_cfg_kernels(text);

    g_ptr_array_add(kernels, NULL);
    g_autofree char *got = g_strjoinv(" ", (char **)kernels->pdata);
    assert_string_equal(got, want);
}

static void test_grub_cfg(void **state)
{
    cfg_is("", "");
    cfg_is("set default=0\nmenuentry 'a' {\n\tlinux /boot/vmlinuz-1 root=/dev/xvda ro\n\tinitrd /i\n}\n",
           "/boot/vmlinuz-1");
    cfg_is("linux /a\nlinux   '/b c'\n linux\t\"/d\"x y\nlinux /a z\n", "/a /b c /dx");
    cfg_is("linux ($root)/a\nlinux (hd0,msdos1)/b\nlinux (hd0/c\n", "/a /b");
    cfg_is("linux $kernel\nlinux /boot/$name\nlinux relative\nlinux\nlinux 'open\n#linux /a\nlinux16 /b\n", "");
    cfg_is("linux /a;linux /b\r\nlinux /c\r", "/a /c");
    g_autoptr(GString) many = g_string_new(NULL);
    for (unsigned i = 0; i < 1000; i++)
        g_string_append_printf(many, "linux /%u\n", i);
    g_autoptr(GPtrArray) kernels = grub_cfg_kernels(many->str);
    assert_int_equal(kernels->len, GRUB_CFG_MAX_KERNELS);
}

static void test_kernel_width(void **state)
{
    char head[KERNEL_WIDTH_BYTES] = {0};

    assert_int_equal(kernel_width(head, sizeof(head)), KERNEL_UNKNOWN);
    memcpy(head + 0x202, "HdrS\x0c\x02", 6);
    assert_int_equal(kernel_width(head, sizeof(head)), KERNEL_32);
    assert_int_equal(kernel_width(head, 0x237), KERNEL_UNKNOWN);
    head[0x236] = 0x3f;
    assert_int_equal(kernel_width(head, 0x238), KERNEL_64);
    head[0x206] = 0x0b;
    assert_int_equal(kernel_width(head, sizeof(head)), KERNEL_UNKNOWN);
    memcpy(head, ELFMAG, SELFMAG);
    head[EI_CLASS] = ELFCLASS32;
    head[18] = EM_386;
    assert_int_equal(kernel_width(head, sizeof(Elf32_Ehdr)), KERNEL_32);
    assert_int_equal(kernel_width(head, sizeof(Elf32_Ehdr) - 1), KERNEL_UNKNOWN);
    head[EI_CLASS] = ELFCLASS64;
    assert_int_equal(kernel_width(head, sizeof(head)), KERNEL_UNKNOWN);
    head[18] = EM_X86_64;
    assert_int_equal(kernel_width(head, sizeof(head)), KERNEL_64);
}

/* The way that xenner takes: in a confined process. */
static void expect(const char *dir, enum kernel_width want)
{
    g_autofree char *path = g_build_filename(dir, "disk", NULL);
    char *vdev = (char *)"xvda"; /* of each: only the order counts */
    struct disk_config missing = {.path = (char *)"/nowhere", .vdev = vdev}, empty = {.empty = true, .vdev = vdev},
                       other = {.path = path, .format = (char *)"qcow2", .vdev = vdev},
                       disk = {.path = path, .vdev = vdev};
    struct disk_config *all[] = {&missing, &empty, &other, &disk};
    const GPtrArray list = {(gpointer *)all, G_N_ELEMENTS(all)};

    assert_int_equal(boot_probe(&list), want);
}

static void cfg(const char *dir, const char *path, const char *text)
{
    disk_maker_file(dir, path, text, strlen(text));
}

static void test_whole_disk(void **state)
{
    static const char *const types[] = {"ext2", "ext3", "ext4"};

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        char *dir = disk_maker_dir();
        cfg(dir, "boot/grub/grub.cfg", "linux /vmlinuz\n");
        disk_maker_link(dir, "vmlinuz", "boot/vmlinuz-3");
        disk_maker_bzimage(dir, "boot/vmlinuz-3", 0x20c, 0);
        disk_maker_ext(dir, types[i], 4096, 0);
        expect(dir, KERNEL_32);
        disk_maker_end(dir);
    }
}

static void test_no_doubt(void **state)
{
    static const struct {
        const char *cfg;
        enum kernel_width want;
    } tries[] = {
        {"linux /boot/vmlinuz-32\n", KERNEL_32},
        {"linux /boot/vmlinuz-64\n", KERNEL_64},
        {"linux /boot/vmlinuz-32\nlinux /boot/elf32\nlinux /not/there\n", KERNEL_32},
        {"linux /boot/vmlinuz-32\nlinux /boot/vmlinuz-64\n", KERNEL_UNKNOWN},
        {"linux /boot/vmlinuz-32\nlinux /boot/grub/grub.cfg\n", KERNEL_UNKNOWN},
        {"linux /boot/loop\n", KERNEL_UNKNOWN},
        {"linux /boot\n", KERNEL_UNKNOWN},
        {"linux /not/there\n", KERNEL_UNKNOWN},
        {"", KERNEL_UNKNOWN}, /* all in /boot: both */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tries); i++) {
        char *dir = disk_maker_dir();
        cfg(dir, "boot/grub/grub.cfg", tries[i].cfg);
        disk_maker_bzimage(dir, "boot/vmlinuz-32", 0x20f, 0);
        disk_maker_bzimage(dir, "boot/vmlinuz-64", 0x20f, 1);
        disk_maker_elf(dir, "boot/elf32", ELFCLASS32, EM_386);
        disk_maker_link(dir, "boot/loop", "loop");
        disk_maker_ext(dir, "ext4", 4096, 0);
        expect(dir, tries[i].want);
        disk_maker_end(dir);
    }
}

/* A file system without grub.cfg, and then /boot as one of its own. */
static void partitions(const char *table, uint64_t first, uint64_t second)
{
    char *dir = disk_maker_dir();

    disk_maker_table(dir, 32, table);
    disk_maker_elf(dir, "boot/vmlinuz", ELFCLASS64, EM_X86_64);
    disk_maker_ext(dir, "ext4", 4096, first);
    g_autofree char *tree = g_build_filename(dir, "tree/boot/vmlinuz", NULL);
    unlink(tree);
    cfg(dir, "grub/grub.cfg", "linux $x\n");
    disk_maker_elf(dir, "vmlinuz-5", ELFCLASS32, EM_386);
    disk_maker_ext(dir, "ext2", 4096, second);
    expect(dir, KERNEL_32);
    disk_maker_end(dir);
}

static void test_partitions(void **state)
{
    partitions("start=2048,size=8192,type=83\\nstart=10240,size=8192,type=83\\n", MIB, 5 * MIB);
    partitions("start=2048,size=8192,type=83\\nstart=10240,size=32768,type=5\\nstart=12288,size=8192,type=83\\n",
               MIB, 6 * MIB);
    partitions("label: gpt\\nstart=2048,size=8192\\nstart=10240,size=8192\\n", MIB, 5 * MIB);
}

/* The parts of a disk never lie outside it. */
static void test_cut_off(void **state)
{
    char *dir = disk_maker_dir();
    struct disk_reader parts[PARTITIONS_MAX];

    disk_maker_table(dir, 32, "start=2048,size=8192,type=83\\nstart=10240,size=40960,type=83\\n");
    g_autofree char *path = g_build_filename(dir, "disk", NULL);
    assert_int_equal(truncate(path, 6 * MIB), 0);
    int fd = open(path, O_RDONLY);
    const struct disk_reader disk = {fd, 0, 6 * MIB}, shorter = {fd, 0, 3 * MIB};
    unsigned n = partitions_find(&disk, parts);
    for (unsigned i = 0; i < n; i++)
        assert_true(parts[i].start < 6 * MIB && parts[i].bytes <= 6 * MIB - parts[i].start);
    n = partitions_find(&shorter, parts);
    for (unsigned i = 0; i < n; i++)
        assert_true(parts[i].start < 3 * MIB && parts[i].bytes <= 3 * MIB - parts[i].start);
    close(fd);
    disk_maker_end(dir);
}

static void test_nothing(void **state)
{
    char *dir = disk_maker_dir();

    disk_maker_file(dir, "../disk", "short", 5);
    expect(dir, KERNEL_UNKNOWN);
    disk_maker_table(dir, 8, "start=2048,type=83\\n");
    expect(dir, KERNEL_UNKNOWN);
    disk_maker_end(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grub_cfg),   cmocka_unit_test(test_kernel_width),
        cmocka_unit_test(test_whole_disk), cmocka_unit_test(test_no_doubt),
        cmocka_unit_test(test_partitions), cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
