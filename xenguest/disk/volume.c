#include "xenguest/disk/volume.h"

#include "xenguest/disk/progress.h"
#include "xenguest/disk/run.h"

#include <blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW    "raw:"
#define QCOW2  "qcow2:"
#define LVM    "lvm:"
#define DEVICE "device:"

static const char *after(const char *spec, const char *kind)
{
    return g_str_has_prefix(spec, kind) ? spec + strlen(kind) : NULL;
}

static bool failed(GError **error, const char *what, const char *path)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "could not %s '%s': %s", what,
                path, g_strerror(errno));
    return false;
}

char *volume_path(const char *spec)
{
    const char *lv = after(spec, LVM);

    return lv ? g_strdup_printf("/dev/%s", lv) : g_strdup(strchr(spec, ':') + 1);
}

const char *volume_format(const char *spec)
{
    return after(spec, QCOW2) ? "qcow2" : "raw";
}

/* What is on it: a partition table or one of all file systems that libblkid knows. */
static char *probe(blkid_probe p, bool *ret_empty)
{
    const char *type = NULL;
    int rc;

    blkid_probe_enable_superblocks(p, 1);
    blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC);
    blkid_probe_enable_partitions(p, 1);
    rc = blkid_do_safeprobe(p);
    *ret_empty = rc == 1;
    if (rc == 1)
        return NULL;
    if (rc == 0 && blkid_probe_lookup_value(p, "TYPE", &type, NULL) < 0)
        blkid_probe_lookup_value(p, "PTTYPE", &type, NULL);
    return g_strdup(type ? type : "several things");
}

char *volume_probe(const char *path, bool *ret_empty, GError **error)
{
    blkid_probe p = blkid_new_probe_from_filename(path);

    *ret_empty = false;
    if (!p) {
        failed(error, "open", path);
        return NULL;
    }
    char *type = probe(p, ret_empty);
    blkid_free_probe(p);
    return type;
}

/* Whole disks of guests go only to devices that nobody uses. */
static bool check_empty(const char *path, GError **error)
{
    struct stat st;
    bool empty;

    if (stat(path, &st) < 0)
        return failed(error, "use", path);
    if (!S_ISBLK(st.st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "'%s' is no block device", path);
        return false;
    }
    GError *why = NULL;
    g_autofree char *type = volume_probe(path, &empty, &why);
    if (empty)
        return true;
    if (why)
        g_propagate_error(error, why);
    else
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                    "'%s' is not empty (%s): it is left alone; 'wipefs -a' empties it", path, type);
    return false;
}

static bool group_exists(const char *group)
{
    const char *const argv[] = {"vgs", "--noheadings", "-o", "vg_name", group, NULL};

    return run_exists("vgs") && run_program(argv, NULL, NULL);
}

static bool lv_exists(const char *lv)
{
    const char *const argv[] = {"lvs", "--noheadings", "-o", "lv_name", lv, NULL};

    return run_program(argv, NULL, NULL);
}

static char *plan_lvm(const struct volume_host *host, const char *guest, GError **error)
{
    g_autofree char *lv = g_strdup_printf("%s/%s", host->group, guest);

    if (!group_exists(host->group)) {
        if (!check_empty(host->device, error))
            return NULL;
    } else if (lv_exists(lv)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "the volume %s is there already", lv);
        return NULL;
    }
    return g_strconcat(LVM, lv, NULL);
}

static char *plan_file(const struct volume_host *host, const char *guest, GError **error)
{
    g_autofree char *name = g_strdup_printf("%s.%s", guest, host->qcow2 ? "qcow2" : "img");
    g_autofree char *path = g_build_filename(host->dir, name, NULL);

    if (g_file_test(path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "'%s' is there already", path);
        return NULL;
    }
    return g_strconcat(host->qcow2 ? QCOW2 : RAW, path, NULL);
}

char *volume_plan(const struct volume_host *host, const char *guest, const struct diskcfg *cfg,
                  GError **error)
{
    if (cfg->device)
        return check_empty(cfg->device, error) ? g_strconcat(DEVICE, cfg->device, NULL) : NULL;
    if (host->device && *host->device)
        return plan_lvm(host, guest, error);
    return plan_file(host, guest, error);
}

/* A file of that size, all of it a hole. */
static bool make_sparse(const char *path, uint64_t bytes, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);

    if (g_mkdir_with_parents(dir, 0700) < 0)
        return failed(error, "make", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(error, "make", path);
    bool ok = ftruncate(fd, (off_t)bytes) == 0 || failed(error, "make", path);
    close(fd);
    return ok;
}

static bool make_raw(const char *path, const struct diskcfg *cfg, const struct disk_source *source,
                     GError **error)
{
    return make_sparse(path, disk_bytes(cfg), error) && disk_fill(path, cfg, true, source, error);
}

static char *raw_of(const char *path)
{
    return g_strdup_printf("%s.raw", path);
}

static bool make_qcow2(const char *path, const struct diskcfg *cfg,
                       const struct disk_source *source, GError **error)
{
    g_autofree char *raw = raw_of(path);
    const char *const argv[] = {"qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path, NULL};

    bool ok = make_raw(raw, cfg, source, error);
    struct progress p = progress_start("writing the qcow2 file", 0);
    ok = ok && run_program(argv, NULL, error) &&
         (chmod(path, 0600) == 0 || failed(error, "make", path));
    progress_end(&p);
    unlink(raw);
    return ok;
}

static bool make_group(const struct volume_host *host, GError **error)
{
    const char *const pv[] = {"pvcreate", host->device, NULL};
    const char *const vg[] = {"vgcreate", host->group, host->device, NULL};

    return group_exists(host->group) ||
           (check_empty(host->device, error) && run_program(pv, NULL, error) &&
            run_program(vg, NULL, error));
}

static bool make_lvm(const char *lv, const struct volume_host *host, const struct diskcfg *cfg,
                     const struct disk_source *source, GError **error)
{
    g_auto(GStrv) names = g_strsplit(lv, "/", 2);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT "b", disk_bytes(cfg));
    g_autofree char *path = g_strdup_printf("/dev/%s", lv);
    const char *const argv[] = {"lvcreate", "-y", "-Wy",    "-n", names[1],
                                "-L",       size, names[0], NULL};
    struct progress p = progress_start("making the LVM volume", 0);

    bool ok = make_group(host, error) && run_program(argv, NULL, error);
    progress_end(&p);
    return ok && disk_fill(path, cfg, false, source, error);
}

/* Without its table nothing else that was written is found. */
static void empty_again(const char *path)
{
    static const char zeroes[4096];
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0 && pwrite(fd, zeroes, sizeof(zeroes), 0) < 0)
        g_debug("%s: %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
}

static bool make_device(const char *path, const struct diskcfg *cfg,
                        const struct disk_source *source, GError **error)
{
    if (!check_empty(path, error))
        return false;
    if (disk_fill(path, cfg, false, source, error))
        return true;
    empty_again(path);
    return false;
}

bool volume_make(const char *spec, const struct volume_host *host, const struct diskcfg *cfg,
                 const struct disk_source *source, GError **error)
{
    g_autofree char *path = volume_path(spec);
    bool ok;

    if (after(spec, DEVICE))
        return make_device(path, cfg, source, error);
    if (after(spec, LVM))
        ok = make_lvm(after(spec, LVM), host, cfg, source, error);
    else if (after(spec, QCOW2))
        ok = make_qcow2(path, cfg, source, error);
    else
        ok = make_raw(path, cfg, source, error);
    if (!ok)
        volume_remove(spec, NULL);
    return ok;
}

static bool remove_file(const char *path, GError **error)
{
    return unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR ||
           failed(error, "remove", path);
}

bool volume_remove(const char *spec, GError **error)
{
    g_autofree char *path = volume_path(spec), *raw = raw_of(path);
    const char *lv = after(spec, LVM);
    const char *const argv[] = {"lvremove", "-y", lv, NULL};

    if (after(spec, DEVICE))
        return true;
    if (lv)
        return (run_exists("lvs") && !lv_exists(lv)) || run_program(argv, NULL, error);
    if (after(spec, QCOW2) && !remove_file(raw, error))
        return false;
    return remove_file(path, error);
}
