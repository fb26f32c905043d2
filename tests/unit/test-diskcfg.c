/* diskcfg.c: disk.cfg's model, and each reason to refuse one, with the numbers. */
#include "xenguest/lib/diskcfg.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static bool read_text(const char *text, struct diskcfg *cfg, GError **error)
{
    AUTO(assign) a = assign_parse(text, strlen(text), "disk.cfg", NULL);

    assert_non_null(a);
    return diskcfg_read(a, cfg, error);
}

static void model(void **state)
{
    struct diskcfg cfg;

    assert_true(read_text("DISK_SIZE=2\nDISK_DEVICE=/dev/sdb\nDISK_PART1=500M:ext4:root.tar.xz\n"
                          "DISK_PART3=1G::a.img\nDISK_PART4=500M:swap\nDISK_PART2=\"\"\n"
                          "DISK_PARTED=x\n",
                          &cfg, NULL));
    assert_int_equal(cfg.mb, 2000);
    assert_string_equal(cfg.device, "/dev/sdb");
    assert_int_equal(cfg.parts[0].mb, 500);
    assert_int_equal(cfg.parts[0].fs, DISKCFG_FS_EXT4);
    assert_string_equal(cfg.parts[0].content, "root.tar.xz");
    assert_int_equal(cfg.parts[1].mb, 0);
    assert_int_equal(cfg.parts[2].mb, 1000);
    assert_int_equal(cfg.parts[2].fs, DISKCFG_FS_NONE);
    assert_int_equal(cfg.parts[3].fs, DISKCFG_FS_SWAP);
    assert_null(cfg.parts[3].content);
    diskcfg_clear(&cfg);
    assert_true(read_text("DISK_SIZE=\"\"\nDISK_DEVICE=\"\"", &cfg, NULL));
    assert_int_equal(cfg.mb, 0);
    assert_null(cfg.device);
    diskcfg_clear(&cfg);
}

static void refused(void **state)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"DISK_SIZE=1T",
         "DISK_SIZE: '1T' is not a size: a number of GB, or with the suffix M or G"},
        {"DISK_SIZE=-1",
         "DISK_SIZE: '-1' is not a size: a number of GB, or with the suffix M or G"},
        {"DISK_SIZE=M", "DISK_SIZE: 'M' is not a size: a number of GB, or with the suffix M or G"},
        {"DISK_SIZE=0x10",
         "DISK_SIZE: '0x10' is not a size: a number of GB, or with the suffix M or G"},
        {"DISK_SIZE=9223372036855M",
         "DISK_SIZE: '9223372036855M' is not a size: it is larger than 9223372036854 MB"},
        {"DISK_SIZE=1\nDISK_PART5=1M", "DISK_PART5: partitions have numbers from 1 to 4"},
        {"DISK_SIZE=1\nDISK_PART0=1M", "DISK_PART0: partitions have numbers from 1 to 4"},
        {"DISK_SIZE=1\nDISK_PART01=1M", "DISK_PART01: partitions have numbers from 1 to 4"},
        {"DISK_SIZE=1\nDISK_PART1=600M\nDISK_PART3=401M",
         "DISK_PART3: the partitions up to this one take 1001 MB, DISK_SIZE is 1000 MB"},
        {"DISK_PART2=1",
         "DISK_PART2: the partitions up to this one take 1000 MB, DISK_SIZE is 0 MB"},
        {"DISK_SIZE=1\nDISK_PART1=0", "DISK_PART1: '0': a partition of 0 MB"},
        {"DISK_SIZE=1\nDISK_PART1=1M:xfs",
         "DISK_PART1: 'xfs' is no file system: ext2, ext3, ext4, vfat, swap or nothing"},
        {"DISK_SIZE=1\nDISK_PART1=1M:ext4:a.zip", "DISK_PART1: 'a.zip' is no content: it must end "
                                                  "in .img, .img.gz, .img.bz2, .tar, .tar.gz, "
                                                  ".tar.bz2 or .tar.xz"},
        {"DISK_SIZE=1\nDISK_PART1=1M:ext4:../a.tar",
         "DISK_PART1: '../a.tar' is no content: it must be a name in disk/"},
        {"DISK_SIZE=1\nDISK_PART1=1M:ext4:/a.tar",
         "DISK_PART1: '/a.tar' is no content: it must be a name in disk/"},
        {"DISK_SIZE=1\nDISK_PART1=1M:swap:a.img",
         "DISK_PART1: '1M:swap:a.img': a swap partition has no content"},
        {"DISK_SIZE=1\nDISK_PART1=1M::a.tar",
         "DISK_PART1: '1M::a.tar': a tar needs a file system to be unpacked to"},
        {"DISK_SIZE=1\nDISK_PART1=1M:ext4:a.img\nDISK_PART4=1M::a.img",
         "DISK_PART4: 'a.img' is the content of partition 1 too"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        struct diskcfg cfg;

        assert_false(read_text(bad[i].text, &cfg, &error));
        assert_string_equal(error->message, bad[i].error);
        diskcfg_clear(&cfg);
    }
}

static void contents(void **state)
{
    assert_int_equal(diskcfg_content_type(""), DISKCFG_CONTENT_NONE);
    assert_int_equal(diskcfg_content_type("a.img"), DISKCFG_CONTENT_IMG);
    assert_int_equal(diskcfg_content_type("a.b.img.gz"), DISKCFG_CONTENT_IMG_GZ);
    assert_int_equal(diskcfg_content_type("a.img.bz2"), DISKCFG_CONTENT_IMG_BZ2);
    assert_int_equal(diskcfg_content_type("a.tar"), DISKCFG_CONTENT_TAR);
    assert_int_equal(diskcfg_content_type("a.tar.gz"), DISKCFG_CONTENT_TAR_GZ);
    assert_int_equal(diskcfg_content_type("a.tar.bz2"), DISKCFG_CONTENT_TAR_BZ2);
    assert_int_equal(diskcfg_content_type("a.tar.xz"), DISKCFG_CONTENT_TAR_XZ);
    assert_int_equal(diskcfg_content_type("a.img.xz"), DISKCFG_CONTENT_UNKNOWN);
    assert_int_equal(diskcfg_content_type(".img"), DISKCFG_CONTENT_UNKNOWN);
    assert_int_equal(diskcfg_content_type("a.tgz"), DISKCFG_CONTENT_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model),
        cmocka_unit_test(refused),
        cmocka_unit_test(contents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
