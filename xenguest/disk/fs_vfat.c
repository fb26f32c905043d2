/* vfat: mkfs.vfat makes the file system, mtools fills it. Owners, modes and links have no place
 * there. */
#include "xenguest/disk/fs_writer.h"

#include <gio/gio.h>
#include <string.h>

#define SECTOR 512u

struct fs_vfat {
    struct fs_writer writer;
    char *image;      /* "PATH@@OFFSET", as mtools takes it */
    GHashTable *made; /* paths, owned: of all that is there */
};

static struct fs_vfat *from_writer(struct fs_writer *w)
{
    return (struct fs_vfat *)w;
}

/* Names that vfat can't have, and those that mtools would take for a pattern. */
static bool check_name(const char *path, GError **error)
{
    const char *bad = strpbrk(path, "*?<>|\":\\[]");

    for (const char *c = path; !bad && *c; c++) {
        if ((unsigned char)*c < 0x20)
            bad = c;
    }
    if (bad)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME, "vfat takes no such name");
    return !bad;
}

/* Its names are the same in either case. */
static char *key_of(const char *path)
{
    return g_utf8_validate(path, -1, NULL) ? g_utf8_strdown(path, -1) : g_strdup(path);
}

static bool vfat_make_dir(struct fs_vfat *v, const char *path, GError **error)
{
    g_autofree char *key = key_of(path), *dir = g_path_get_dirname(path);
    g_autofree char *target = g_strdup_printf("::/%s", path);
    const char *const argv[] = {"mmd", "-D", "s", "-i", v->image, target, NULL};

    if (!*path || g_hash_table_contains(v->made, key))
        return true;
    if (strcmp(dir, ".") != 0 && !vfat_make_dir(v, dir, error))
        return false;
    if (!run_program(argv, NULL, error))
        return false;
    g_hash_table_add(v->made, g_steal_pointer(&key));
    return true;
}

static bool vfat_dir(struct fs_writer *w, const char *path, const struct fs_attr *attr,
                     GError **error)
{
    return check_name(path, error) && vfat_make_dir(from_writer(w), path, error);
}

static bool vfat_file(struct fs_writer *w, const char *path, const struct fs_attr *attr,
                      run_input_fn data, void *opaque, GError **error)
{
    struct fs_vfat *v = from_writer(w);
    g_autofree char *key = key_of(path), *dir = g_path_get_dirname(path);
    g_autofree char *target = g_strdup_printf("::/%s", path);
    const char *const argv[] = {"mcopy", "-D", "s", "-i", v->image, "-", target, NULL};

    if (!check_name(path, error) || (strcmp(dir, ".") != 0 && !vfat_make_dir(v, dir, error)))
        return false;
    if (!g_hash_table_add(v->made, g_steal_pointer(&key))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "is there twice");
        return false;
    }
    return run_program_input(argv, data, opaque, error);
}

static bool vfat_close(struct fs_writer *w, GError **error)
{
    struct fs_vfat *v = from_writer(w);

    g_hash_table_destroy(v->made);
    g_free(v->image);
    g_free(v);
    return true;
}

static const struct fs_writer_ops vfat_ops = {
    .name = "vfat",
    .dir = vfat_dir,
    .file = vfat_file,
    .close = vfat_close,
};

struct fs_writer *fs_vfat_make(const char *path, uint64_t offset, uint64_t bytes, GError **error)
{
    g_autofree char *start = g_strdup_printf("%" G_GUINT64_FORMAT, offset / SECTOR);
    g_autofree char *kib = g_strdup_printf("%" G_GUINT64_FORMAT, bytes / 1024);
    const char *const argv[] = {"mkfs.vfat", "--offset", start, path, kib, NULL};

    if (!run_program(argv, NULL, error))
        return NULL;
    struct fs_vfat *v = g_new0(struct fs_vfat, 1);
    v->writer.ops = &vfat_ops;
    v->image = g_strdup_printf("%s@@%" G_GUINT64_FORMAT, path, offset);
    v->made = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return &v->writer;
}
