#include "xenguest/disk/fill.h"

#include "xenguest/disk/content.h"
#include "xenguest/disk/mbr.h"
#include "xenguest/disk/progress.h"
#include "xenguest/disk/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + MBR_ALIGN - 1) / MBR_ALIGN * MBR_ALIGN;
}

uint64_t disk_bytes(const struct diskcfg *cfg)
{
    uint64_t parts = MBR_ALIGN;

    for (unsigned i = 0; i < DISKCFG_PARTS; i++)
        parts += round_up(cfg->parts[i].mb * DISKCFG_MB);
    return MAX(parts, round_up(cfg->mb * DISKCFG_MB));
}

static enum mbr_type type_of(enum diskcfg_fs fs)
{
    switch (fs) {
    case DISKCFG_FS_VFAT:
        return MBR_FAT32_LBA;
    case DISKCFG_FS_SWAP:
        return MBR_SWAP;
    default:
        return MBR_LINUX;
    }
}

/* One content that is being read. */
struct input {
    int fd;
    uint64_t done;
    struct progress progress;
};

static ssize_t input_read(void *opaque, void *buffer, size_t len, GError **error)
{
    struct input *in = opaque;
    ssize_t n;

    do {
        n = read(in->fd, buffer, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s", g_strerror(errno));
    else
        progress_update(&in->progress, in->done += (uint64_t)n);
    return n;
}

struct place {
    const char *path;
    int fd;
    bool sparse;
    const struct mbr_part *at;
    const struct diskcfg_part *cfg;
};

/* A new file system of the kind; *ret is NULL when there is none that could be filled. */
static bool make_fs(const struct place *p, struct fs_writer **ret, GError **error)
{
    *ret = NULL;
    switch (p->cfg->fs) {
    case DISKCFG_FS_NONE:
        return true;
    case DISKCFG_FS_SWAP:
        return swap_write(p->fd, p->at->start, p->at->bytes, error);
    case DISKCFG_FS_VFAT:
        *ret = fs_vfat_make(p->path, p->at->start, p->at->bytes, error);
        return *ret;
    default:
        *ret = fs_ext_make(p->path, diskcfg_fs_name(p->cfg->fs), p->at->start, p->at->bytes, error);
        return *ret;
    }
}

static bool fill_fs(const struct place *p, const struct content *c, GError **error)
{
    struct fs_writer *fs;

    if (!make_fs(p, &fs, error))
        return false;
    if (!c)
        return !fs || fs->ops->close(fs, error);
    if (!fs) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "%s: an archive needs one of ext2, ext3, ext4, vfat to go into", c->name);
        return false;
    }
    bool ok = content_write_tar(c, fs, error);
    return fs->ops->close(fs, ok ? error : NULL) && ok;
}

static bool fill_with(const struct place *p, int fd, GError **error)
{
    struct stat st;
    g_autofree char *what = g_strdup_printf("unpacking %s", p->cfg->content);
    struct input in = {.fd = fd};
    struct content c = {.name = p->cfg->content, .read = input_read, .opaque = &in};

    in.progress = progress_start(what, fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0);
    bool ok = content_kind(c.name) == CONTENT_TAR
                  ? fill_fs(p, &c, error)
                  : content_write_image(&c, p->fd, p->at->start, p->at->bytes, p->sparse, error);
    progress_end(&in.progress);
    return ok;
}

static bool fill_part(const struct place *p, const struct disk_source *source, GError **error)
{
    if (!p->cfg->content)
        return fill_fs(p, NULL, error);
    int fd = source->open(source->opaque, p->cfg->content, error);
    bool ok = fd >= 0 && fill_with(p, fd, error);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool fill_parts(const struct place *disk, const struct mbr_part parts[MBR_PARTS],
                       const struct diskcfg *cfg, const struct disk_source *source, GError **error)
{
    for (unsigned i = 0; i < MBR_PARTS; i++) {
        struct place p = *disk;
        p.at = &parts[i];
        p.cfg = &cfg->parts[i];
        if (parts[i].bytes && !fill_part(&p, source, error)) {
            g_prefix_error(error, "partition %u: ", i + 1);
            return false;
        }
    }
    return true;
}

static bool fill_open(struct place *disk, const struct diskcfg *cfg,
                      const struct disk_source *source, GError **error)
{
    struct mbr_part parts[MBR_PARTS] = {0};
    off_t size = lseek(disk->fd, 0, SEEK_END);
    bool any = false;

    for (unsigned i = 0; i < MBR_PARTS; i++) {
        parts[i].bytes = cfg->parts[i].mb * DISKCFG_MB;
        parts[i].type = type_of(cfg->parts[i].fs);
        any |= parts[i].bytes > 0;
    }
    if (!any)
        return true;
    if (!mbr_place(parts, size > 0 ? (uint64_t)size : 0, error) ||
        !mbr_write(disk->fd, parts, g_random_int(), error) ||
        !fill_parts(disk, parts, cfg, source, error))
        return false;
    if (fsync(disk->fd) == 0)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not write '%s': %s", disk->path,
                g_strerror(errno));
    return false;
}

bool disk_fill(const char *path, const struct diskcfg *cfg, bool sparse,
               const struct disk_source *source, GError **error)
{
    struct place disk = {.path = path, .sparse = sparse};

    disk.fd = open(path, O_RDWR | O_CLOEXEC);
    if (disk.fd < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "could not open '%s': %s",
                    path, g_strerror(errno));
        return false;
    }
    bool ok = fill_open(&disk, cfg, source, error);
    close(disk.fd);
    return ok;
}
