/* Room for guests' disks: files; LVM's commands, by stand-ins that note how they are called. */
#include "xenguest/disk/run.h"
#include "xenguest/disk/volume.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

struct room {
    char *dir, *path; /* path: PATH as it was */
    struct volume_host host;
};

static int no_content(void *opaque, const char *content, GError **error)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "no %s", content);
    return -1;
}

static const struct disk_source source = {no_content, NULL};

static void script(struct room *r, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(r->dir, "bin", name, NULL);
    g_autofree char *all = g_strdup_printf("#!/bin/sh\necho \"%s $*\" >>%s/calls\n%s\n", name,
                                           r->dir, text);

    assert_true(g_file_set_contents(path, all, -1, NULL));
    assert_int_equal(chmod(path, 0755), 0);
}

static int setup(void **state)
{
    struct room *r = g_new0(struct room, 1);

    r->dir = g_dir_make_tmp("volume-XXXXXX", NULL);
    g_autofree char *bin = g_build_filename(r->dir, "bin", NULL);
    g_mkdir(bin, 0755);
    r->path = g_strdup(g_getenv("PATH"));
    g_autofree char *path = g_strdup_printf("%s:%s", bin, r->path);
    g_setenv("PATH", path, TRUE);
    r->host = (struct volume_host){.group = "vg0", .dir = g_build_filename(r->dir, "disks", NULL)};
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct room *r = *state;
    const char *const argv[] = {"rm", "-rf", r->dir, NULL};

    run_program(argv, NULL, NULL);
    g_setenv("PATH", r->path, TRUE);
    g_free((char *)r->host.dir);
    g_free(r->dir);
    g_free(r->path);
    g_free(r);
    return 0;
}

static char *calls(struct room *r)
{
    g_autofree char *path = g_build_filename(r->dir, "calls", NULL);
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        text = g_strdup("");
    unlink(path);
    return text;
}

static void check_error(GError **error, const char *message)
{
    assert_non_null(*error);
    if (!strstr((*error)->message, message))
        fail_msg("'%s' is not in '%s'", message, (*error)->message);
    g_clear_error(error);
}

static void test_files(void **state)
{
    struct room *r = *state;
    const struct diskcfg cfg = {.mb = 20, .parts = {{20, DISKCFG_FS_EXT4}}};

    for (unsigned qcow2 = 0; qcow2 < 2; qcow2++) {
        struct stat st;
        GError *error = NULL;
        r->host.qcow2 = qcow2;
        g_autofree char *spec = volume_plan(&r->host, "g", &cfg, &error);
        assert_non_null(spec);
        g_autofree char *path = volume_path(spec);
        assert_int_not_equal(stat(path, &st), 0); /* a plan makes nothing */
        assert_true(volume_make(spec, &r->host, &cfg, &source, &error));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        if (!qcow2)
            assert_int_equal(st.st_size, 21 * 1024 * 1024); /* 20 MB are 19.1 MiB; with the table */
        assert_string_equal(volume_format(spec), qcow2 ? "qcow2" : "raw");
        assert_null(volume_plan(&r->host, "g", &cfg, &error));
        check_error(&error, "is there already");
        assert_true(volume_remove(spec, NULL));
        assert_int_not_equal(stat(path, &st), 0);
        assert_true(volume_remove(spec, NULL));
    }
}

static void test_nothing_stays(void **state)
{
    struct room *r = *state;
    const struct diskcfg cfg = {.mb = 20, .parts = {{10, DISKCFG_FS_EXT4, "x.tar"}}};

    for (unsigned qcow2 = 0; qcow2 < 2; qcow2++) {
        GError *error = NULL;
        r->host.qcow2 = qcow2;
        g_autofree char *spec = volume_plan(&r->host, "g", &cfg, NULL);
        assert_false(volume_make(spec, &r->host, &cfg, &source, &error));
        check_error(&error, "partition 1: no x.tar");
        assert_int_equal(g_rmdir(r->host.dir), 0); /* it is empty */
    }
}

/* A group that is there is taken as it is; volumes get the size in bytes. */
static void test_lvm(void **state)
{
    struct room *r = *state;
    const struct diskcfg cfg = {.mb = 20};
    GError *error = NULL;

    r->host.device = "/dev/none";
    script(r, "vgs", "");
    script(r, "lvs", "exit 5");
    script(r, "lvcreate", "");
    script(r, "lvremove", "");
    g_autofree char *spec = volume_plan(&r->host, "g", &cfg, &error);
    assert_string_equal(spec, "lvm:vg0/g");
    g_free(calls(r));
    assert_false(volume_make(spec, &r->host, &cfg, &source, &error)); /* there is no such device */
    check_error(&error, "could not open '/dev/vg0/g'");
    g_autofree char *made = calls(r);
    assert_string_equal(made, "vgs --noheadings -o vg_name vg0\n"
                              "lvcreate -y -Wy -n g -L 20971520b vg0\n"
                              "lvs --noheadings -o lv_name vg0/g\n");
    script(r, "lvs", "");
    assert_null(volume_plan(&r->host, "g", &cfg, &error));
    check_error(&error, "the volume vg0/g is there already");
    g_free(calls(r));
    assert_true(volume_remove(spec, NULL));
    g_autofree char *removed = calls(r);
    assert_string_equal(removed, "lvs --noheadings -o lv_name vg0/g\nlvremove -y vg0/g\n");
    script(r, "lvremove", "echo '  in use' >&2; exit 5");
    assert_false(volume_remove(spec, &error));
    check_error(&error, "lvremove: in use");
}

/* No group: it is made on nothing but an empty block device. */
static void test_lvm_device(void **state)
{
    struct room *r = *state;
    const struct diskcfg cfg = {.mb = 20};
    g_autofree char *file = g_build_filename(r->dir, "file", NULL);
    GError *error = NULL;

    script(r, "vgs", "exit 5");
    script(r, "pvcreate", "");
    r->host.device = "/dev/no/such/device";
    assert_null(volume_plan(&r->host, "g", &cfg, &error));
    check_error(&error, "could not use '/dev/no/such/device'");
    assert_true(g_file_set_contents(file, "x", -1, NULL));
    r->host.device = file;
    assert_null(volume_plan(&r->host, "g", &cfg, &error));
    check_error(&error, "is no block device");
    g_autofree char *made = calls(r);
    assert_null(strstr(made, "pvcreate"));
}

static void test_probe(void **state)
{
    struct room *r = *state;
    g_autofree char *file = g_build_filename(r->dir, "file", NULL);
    const char *const mkfs[] = {"mke2fs", "-q", "-t", "ext4", file, NULL};
    const char *const wipe[] = {"truncate", "-s", "0", file, NULL};
    const char *const grow[] = {"truncate", "-s", "8M", file, NULL};
    const char *const table[] = {"sh", "-c", "echo ',4M' | sfdisk -q $0", file, NULL};
    bool empty;

    assert_true(g_file_set_contents(file, "", 0, NULL) && run_program(grow, NULL, NULL));
    assert_null(volume_probe(file, &empty, NULL));
    assert_true(empty);
    assert_true(run_program(mkfs, NULL, NULL));
    g_autofree char *fs = volume_probe(file, &empty, NULL);
    assert_string_equal(fs, "ext4");
    assert_false(empty);
    assert_true(run_program(wipe, NULL, NULL) && run_program(grow, NULL, NULL) &&
                run_program(table, NULL, NULL));
    g_autofree char *dos = volume_probe(file, &empty, NULL);
    assert_string_equal(dos, "dos");
    assert_false(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lvm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lvm_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
