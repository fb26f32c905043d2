#include "xenner/bootdisk/ext_files.h"
#include "xenner/util/write_all.h"

#include <ext2fs/ext2fs.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define COPY_PIECE (64u << 10)

struct ext_files {
    ext2_filsys fs;
};

struct ext_files *ext_files_open(const struct disk_reader *part)
{
    const int flags = EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES;
    int fd = dup(part->fd); /* libext2fs closes what it has, but not when it fails early */
    char name[16], options[48];
    ext2_filsys fs;

    if (fd < 0)
        return NULL;
    g_snprintf(name, sizeof(name), "%d", fd);
    g_snprintf(options, sizeof(options), "offset=%" PRIu64, part->start);
    if (ext2fs_open2(name, options, flags, 0, 0, unixfd_io_manager, &fs)) {
        close(fd);
        return NULL;
    }
    struct ext_files *e = g_new0(struct ext_files, 1);
    e->fs = fs;
    return e;
}

void ext_files_free(struct ext_files *e)
{
    if (!e)
        return;
    ext2fs_close_free(&e->fs);
    g_free(e);
}

void ext_files_identify(const struct ext_files *e, struct ext_identity *ret)
{
    const struct ext2_super_block *s = e->fs->super;
    const char *label = (const char *)s->s_volume_name;

    *ret = (struct ext_identity){"", ""};
    for (unsigned i = 0, at = 0; i < sizeof(s->s_uuid); i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        at += (unsigned)g_snprintf(ret->uuid + at, sizeof(ret->uuid) - at, "%s%02x", dash, s->s_uuid[i]);
    }
    memcpy(ret->label, label, strnlen(label, MIN(sizeof(s->s_volume_name), sizeof(ret->label) - 1)));
}

static bool find(struct ext_files *e, const char *path, ext2_ino_t *ret)
{
    return ext2fs_namei_follow(e->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ret) == 0;
}

/* A regular file; the caller closes it. */
static bool open_file(struct ext_files *e, const char *path, ext2_file_t *ret)
{
    struct ext2_inode inode;
    ext2_ino_t ino;

    return find(e, path, &ino) && ext2fs_read_inode(e->fs, ino, &inode) == 0 &&
           LINUX_S_ISREG(inode.i_mode) && ext2fs_file_open(e->fs, ino, 0, ret) == 0;
}

int ext_files_read(struct ext_files *e, const char *path, void *buf, unsigned max)
{
    ext2_file_t file;
    unsigned got = 0;

    if (!open_file(e, path, &file))
        return -1;
    errcode_t rc = ext2fs_file_read(file, buf, max, &got);
    ext2fs_file_close(file);
    return rc ? -1 : (int)got;
}

int64_t ext_files_copy(struct ext_files *e, const char *path, int fd, uint64_t max)
{
    g_autofree char *piece = g_malloc(COPY_PIECE);
    unsigned got = COPY_PIECE;
    ext2_file_t file;
    uint64_t done = 0;
    bool ok = true;

    if (!open_file(e, path, &file))
        return -1;
    while (ok && got == COPY_PIECE) {
        ok = ext2fs_file_read(file, piece, COPY_PIECE, &got) == 0 && got <= max - done &&
             write_all(fd, piece, got);
        done += got;
    }
    ext2fs_file_close(file);
    return ok ? (int64_t)done : -1;
}

struct listing {
    bool (*found)(void *opaque, const char *name);
    void *opaque;
};

static int on_entry(struct ext2_dir_entry *entry, int offset, int blocksize, char *buf, void *opaque)
{
    struct listing *l = opaque;
    g_autofree char *name = g_strndup(entry->name, (gsize)ext2fs_dirent_name_len(entry));

    return l->found(l->opaque, name) ? 0 : DIRENT_ABORT;
}

void ext_files_list(struct ext_files *e, const char *path, bool (*found)(void *opaque, const char *name),
                    void *opaque)
{
    struct listing l = {found, opaque};
    ext2_ino_t ino;

    if (find(e, path, &ino) && ext2fs_check_directory(e->fs, ino) == 0)
        ext2fs_dir_iterate(e->fs, ino, 0, NULL, on_entry, &l);
}
