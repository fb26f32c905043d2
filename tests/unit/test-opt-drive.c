/* opt_drive.c: what becomes of -drive and its relatives, and what refuses them. */
#include "qemu-compat/options.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

struct parsed {
    struct vm_config *cfg;
    struct front_request req;
    GError *error;
};

static bool parse(const char *line, struct parsed *ret)
{
    g_autofree char *all = g_strconcat("xenner -kernel k ", line, NULL);
    g_auto(GStrv) argv = g_strsplit(all, " ", -1);

    *ret = (struct parsed){0};
    return qemu_options_parse((int)g_strv_length(argv), argv, &ret->cfg, &ret->req, &ret->error);
}

static void drop(struct parsed *p)
{
    vm_config_free(p->cfg);
    front_request_clear(&p->req);
    g_clear_error(&p->error);
}

static void refused(void **state)
{
    static const char *const cases[][2] = {
        {"-drive format=raw", "-drive format=raw: A block device must be specified for \"file\""},
        {"-drive file=x,if=bla", "-drive file=x,if=bla: unsupported bus type 'bla'"},
        {"-drive file=x,media=tape", "-drive file=x,media=tape: 'tape' invalid media"},
        {"-drive file=x,cache=some", "-drive file=x,cache=some: invalid cache option"},
        {"-drive file=x,aio=some", "-drive file=x,aio=some: invalid aio option"},
        {"-drive file=x,aio=native",
         "-drive file=x,aio=native: aio=native was specified, but it requires cache.direct=on, which was "
         "not specified."},
        {"-drive file=x,discard=some", "-drive file=x,discard=some: Invalid discard option"},
        {"-drive file=x,detect-zeroes=x", "-drive file=x,detect-zeroes=x: invalid parameter value: x"},
        {"-drive file=x,detect-zeroes=unmap",
         "-drive file=x,detect-zeroes=unmap: setting detect-zeroes to unmap is not allowed without "
         "setting discard operation to unmap"},
        {"-drive file=x,id=1a", "-drive file=x,id=1a: Parameter 'id' expects an identifier"},
        {"-drive file=x,index=x", "-drive file=x,index=x: Parameter 'index' expects a number"},
        {"-drive file=x,id=a -drive file=y,id=a", "-drive file=y,id=a: Duplicate ID 'a' for drive"},
        {"-drive file=x,index=1 -hdb y", "-hdb y: drive with bus=0, unit=1 (index=1) exists"},
        {"-hdc x -cdrom y", "-cdrom y: drive with bus=0, unit=2 (index=2) exists"},
        {"-drive file=x,throttling.iops-total=x",
         "-drive file=x,throttling.iops-total=x: Parameter 'throttling.iops-total' expects a number"},
        {"-drive file=x,iops=1,iops_rd=1",
         "-drive file=x,iops=1,iops_rd=1: bps/iops/max total values and read/write values cannot be used "
         "at the same time"},
        {"-drive file=x,iops_max=4",
         "-drive file=x,iops_max=4: bps_max/iops_max require corresponding bps/iops values"},
        {"-drive file=x,bps=4,throttling.bps-total=4",
         "-drive file=x,bps=4,throttling.bps-total=4: 'throttling.bps-total' and its alias 'bps' can't be "
         "used at the same time"},
        {"-drive file=x,bps=100,bps_max=10",
         "-drive file=x,bps=100,bps_max=10: bps_max/iops_max cannot be lower than bps/iops"},
        {"-drive file=x,backend=linux",
         "-drive file=x,backend=linux: backend=linux: 'auto', 'kernel' or 'xenner'"},
        {"-drive file=x,foo=1", "-drive file=x,foo=1: unknown parameter 'foo'"},
        {"-drive file=x,werror=no", "-drive file=x,werror=no: 'no' invalid write error action"},
        {"-drive file=x,rerror=enospc", "-drive file=x,rerror=enospc: 'enospc' invalid read error action"},
        {"-device xen-disk", "-device xen-disk: 'drive' property not set"},
        {"-device xen-disk,drive=a", "-device xen-disk,drive=a: Property 'xen-disk.drive' can't find value "
                                     "'a'"},
        {"-drive file=x,id=a -device xen-disk,drive=a",
         "-device xen-disk,drive=a: Drive 'a' is already in use by another block device"},
        {"-drive file=x,id=a,if=none -device xen-disk,drive=a,vdev=xvda0",
         "-device xen-disk,drive=a,vdev=xvda0: 'xvda0' is not a valid vdev"},
        {"-hda y -drive file=x,id=a,if=none -device xen-disk,drive=a,vdev=51712",
         "-drive file=x,id=a,if=none: there is a disk xvda already"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p;
        if (parse(cases[i][0], &p))
            fail_msg("'%s' is accepted", cases[i][0]);
        assert_string_equal(p.error->message, cases[i][1]);
        drop(&p);
    }
}

static const struct disk_config *disk(const struct parsed *p, unsigned n)
{
    assert_true(n < p->cfg->disks->len);
    return g_ptr_array_index(p->cfg->disks, n);
}

static void places(void **state)
{
    static const struct {
        const char *line, *vdevs;
    } cases[] = {
        {"-drive file=a -drive file=b", "xvda xvdb"},
        {"-drive file=a,index=1 -drive file=b -drive file=c", "xvdb xvda xvdc"},
        {"-hdb a -cdrom b -hda c -hdd d", "xvdb xvdc xvda xvdd"},
        {"a.img", "xvda"},
        {"-drive file=a,if=none,id=x -drive file=b", "- xvda"},
        {"-device xen-disk,drive=x -drive file=a,if=none,id=x -drive file=b", "xvdb xvda"},
        {"-drive file=a,if=none,id=x -device xen-disk,drive=x,vdev=hda", "hda"},
        {"-drive file=a,if=none,id=x -drive file=b,if=none,id=y -device xen-disk,drive=x,vdev=hda "
         "-device xen-disk,drive=y", "hda xvdb"},
        {"-drive file=a,if=none,id=x -device xen-disk,drive=x,vdev=51728", "xvdb"},
        {"-drive file=a,index=27", "xvdab"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p;
        g_auto(GStrv) want = g_strsplit(cases[i].vdevs, " ", -1);
        if (!parse(cases[i].line, &p))
            fail_msg("%s", p.error->message);
        assert_int_equal(p.cfg->disks->len, g_strv_length(want));
        for (unsigned n = 0; want[n]; n++) {
            const char *is = disk(&p, n)->vdev;
            assert_string_equal(is ? is : "-", want[n]);
        }
        drop(&p);
    }
}

static void backends(void **state)
{
    struct parsed p;

    if (!parse("-machine xenpv,disk-backend=xenner,net-backend=kernel -drive file=a,backend=kernel "
               "-drive file=b,if=none,id=x -device xen-disk,drive=x,backend=xenner -drive file=c", &p))
        fail_msg("%s", p.error->message);
    assert_int_equal(p.cfg->backends.disk, DEVICE_BACKEND_XENNER);
    assert_int_equal(p.cfg->backends.net, DEVICE_BACKEND_KERNEL);
    assert_int_equal(disk(&p, 0)->backend, DEVICE_BACKEND_KERNEL);
    assert_int_equal(disk(&p, 1)->backend, DEVICE_BACKEND_XENNER);
    assert_int_equal(disk(&p, 2)->backend, DEVICE_BACKEND_AUTO);
    drop(&p);
}

/* What xen-blkback could serve, and what of a disk it can't. */
static void for_the_kernel(void **state)
{
    static const struct {
        const char *keys, *why_file, *why_device;
    } cases[] = {
        {"format=raw", NULL, NULL},
        {"format=raw,readonly=on,discard=unmap,aio=threads", NULL, NULL},
        {"format=raw,werror=report,rerror=report", NULL, NULL},
        {"format=raw,cache=none", "its cache= is none that the kernel has", NULL},
        {"format=raw,cache=unsafe", "its cache= is none that the kernel has", "its cache= is none that the kernel has"},
        {"cache=writeback", "no format is named", "no format is named"},
        {"format=qcow2", "its format is not raw", "its format is not raw"},
        {"format=raw,media=cdrom", "it is a CD drive", "it is a CD drive"},
        {"format=raw,snapshot=on", "it has snapshot=on", "it has snapshot=on"},
        {"format=raw,werror=stop", "it has werror= or rerror=", "it has werror= or rerror="},
        {"format=raw,iops_rd=100", "it has limits", "it has limits"},
        {"format=raw,detect-zeroes=on", "it has detect-zeroes=", "it has detect-zeroes="},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p;
        g_autofree char *line = g_strdup_printf("-drive file=a,%s", cases[i].keys);
        if (!parse(line, &p))
            fail_msg("%s", p.error->message);
        const char *file = disk_config_not_for_kernel(disk(&p, 0), false);
        const char *device = disk_config_not_for_kernel(disk(&p, 0), true);
        if (g_strcmp0(file, cases[i].why_file) || g_strcmp0(device, cases[i].why_device))
            fail_msg("%s: '%s', '%s'", cases[i].keys, file, device);
        drop(&p);
    }
}

static void caches(void **state)
{
    static const struct {
        const char *text;
        enum disk_cache cache;
    } cases[] = {
        {"if=xen", DISK_CACHE_WRITEBACK},
        {"cache=writeback", DISK_CACHE_WRITEBACK},
        {"cache=none", DISK_CACHE_NONE},
        {"cache=off", DISK_CACHE_NONE},
        {"cache=writethrough", DISK_CACHE_WRITETHROUGH},
        {"cache=directsync", DISK_CACHE_DIRECTSYNC},
        {"cache=unsafe", DISK_CACHE_UNSAFE},
        {"cache.direct=on", DISK_CACHE_NONE},
        {"cache.direct=on,cache.writeback=off", DISK_CACHE_DIRECTSYNC},
        {"cache=none,cache.direct=off", DISK_CACHE_WRITEBACK},
        {"cache.no-flush=on", DISK_CACHE_UNSAFE},
        {"cache.writeback=off", DISK_CACHE_WRITETHROUGH},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = g_strconcat("-drive file=x,", cases[i].text, NULL);
        struct parsed p;
        assert_true(parse(line, &p));
        assert_int_equal(disk(&p, 0)->cache, cases[i].cache);
        drop(&p);
    }
}

/* A drive's, and what the device says over it. */
static void errors(void **state)
{
    static const struct {
        const char *line;
        enum disk_on_error read, write;
    } cases[] = {
        {"-drive file=a", DISK_ERROR_AUTO, DISK_ERROR_AUTO},
        {"-drive file=a,werror=enospc,rerror=report", DISK_ERROR_REPORT, DISK_ERROR_ENOSPC},
        {"-drive file=a,werror=report,rerror=stop", DISK_ERROR_STOP, DISK_ERROR_REPORT},
        {"-drive file=a,werror=ignore,rerror=ignore", DISK_ERROR_IGNORE, DISK_ERROR_IGNORE},
        {"-drive file=a,if=none,id=x,rerror=stop -device virtio-blk-pci,drive=x,werror=stop,rerror=auto",
         DISK_ERROR_STOP, DISK_ERROR_STOP},
        {"-drive file=a,if=none,id=x,werror=stop -device xen-disk,drive=x,werror=ignore", DISK_ERROR_AUTO,
         DISK_ERROR_IGNORE},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p;
        if (!parse(cases[i].line, &p))
            fail_msg("%s", p.error->message);
        assert_int_equal(disk(&p, 0)->on_read_error, cases[i].read);
        assert_int_equal(disk(&p, 0)->on_write_error, cases[i].write);
        drop(&p);
    }
}

static void everything(void **state)
{
    struct parsed p;

    assert_true(parse("-drive file=a,,b.img,format=qcow2,id=root,readonly=on,aio=threads,discard=unmap,"
                      "detect-zeroes=unmap,bps_rd=1M,throttling.bps-read-max=2M,bps_rd_max_length=3,group=g,iops=100,"
                      "iops_size=4096 "
                      "-cdrom c -hdb d -snapshot", &p));
    const struct disk_config *d = disk(&p, 0);
    assert_string_equal(d->path, "a,b.img");
    assert_string_equal(d->format, "qcow2");
    assert_string_equal(d->id, "root");
    assert_true(d->readonly && d->discard && !d->cdrom && !d->snapshot);
    assert_int_equal(d->aio, DISK_AIO_THREADS);
    assert_int_equal(d->zeroes, DISK_ZEROES_UNMAP);
    assert_int_equal(d->limits.avg[LIMIT_BPS_READ], 1 << 20);
    assert_int_equal(d->limits.max[LIMIT_BPS_READ], 2 << 20);
    assert_int_equal(d->limits.max_length[LIMIT_BPS_READ], 3);
    assert_string_equal(d->group, "g");
    assert_int_equal(d->limits.avg[LIMIT_IOPS_TOTAL], 100);
    assert_int_equal(d->limits.iops_size, 4096);
    assert_true(disk(&p, 1)->cdrom && disk(&p, 1)->readonly && !disk(&p, 1)->format);
    assert_true(disk(&p, 2)->snapshot);
    drop(&p);
}

/* The names of the disks as a boot loader sees them; NULL with p->error. */
static char *boot_order(const char *line, struct parsed *p)
{
    g_autoptr(GString) names = g_string_new(NULL);

    if (!parse(line, p) || !vm_config_validate(p->cfg, &p->error))
        return NULL;
    g_ptr_array_sort(p->cfg->disks, disk_config_by_boot_order);
    for (guint i = 0; i < p->cfg->disks->len; i++)
        g_string_append_printf(names, "%s ", disk(p, i)->vdev);
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static void boot_orders(void **state)
{
#define DRIVES "-drive file=a,if=none,id=a -drive file=b,if=none,id=b "
    static const char *const cases[][2] = {
        {"-hdb b -hda a", "xvda xvdb "},
        {DRIVES "-device xen-disk,drive=a -device xen-disk,drive=b,bootindex=0", "xvdb xvda "},
        {DRIVES "-device ide-hd,drive=a,bootindex=9 -device scsi-hd,drive=b,bootindex=1 -hdc c",
         "xvdb xvda xvdc "},
        {DRIVES "-device xen-disk,drive=a,bootindex=-1 -device xen-disk,drive=b,bootindex=-1", "xvda xvdb "},
        {DRIVES "-device xen-disk,drive=a,bootindex=1 -device xen-disk,drive=b,bootindex=1",
         "The bootindex 1 has already been used"},
        {"-drive file=a,if=none,id=a -device xen-disk,drive=a,bootindex=2 -netdev user,id=n "
         "-device virtio-net-pci,netdev=n,bootindex=2", "The bootindex 2 has already been used"},
        {DRIVES "-device xen-disk,drive=a,bootindex=one", "Parameter 'bootindex' expects integer"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p;
        g_autofree char *got = boot_order(cases[i][0], &p);
        if (got ? strcmp(got, cases[i][1]) != 0 : !strstr(p.error->message, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], got ? got : p.error->message);
        drop(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(places),
        cmocka_unit_test(backends),
        cmocka_unit_test(for_the_kernel),
        cmocka_unit_test(caches),
        cmocka_unit_test(errors),
        cmocka_unit_test(boot_orders),
        cmocka_unit_test(everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
