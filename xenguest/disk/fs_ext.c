/*
 * ext2, ext3, ext4: mke2fs makes the file system, libext2fs fills it. Nothing of the guest's is
 * ever a file of the host's, so owners, devices and capabilities need no privileges here.
 */
#include "xenguest/disk/fs_writer.h"

#include <ext2fs/ext2fs.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MAX_LINKS 65000u /* EXT2_LINK_MAX of Linux */

struct fs_ext {
    struct fs_writer writer;
    ext2_filsys fs;
    GHashTable *dirs; /* path, owned -> inode number: of those that were looked up */
};

static struct fs_ext *from_writer(struct fs_writer *w)
{
    return (struct fs_ext *)w;
}

static bool failed(errcode_t rc, GError **error)
{
    if (rc)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", error_message(rc));
    return rc;
}

static errcode_t link_in(ext2_filsys fs, ext2_ino_t dir, const char *name, ext2_ino_t ino, int type)
{
    errcode_t rc = ext2fs_link(fs, dir, name, ino, type);

    if (rc == EXT2_ET_DIR_NO_SPACE && (rc = ext2fs_expand_dir(fs, dir)) == 0)
        rc = ext2fs_link(fs, dir, name, ino, type);
    return rc;
}

static errcode_t make_dir(ext2_filsys fs, ext2_ino_t parent, const char *name)
{
    errcode_t rc = ext2fs_mkdir(fs, parent, 0, name);

    if (rc == EXT2_ET_DIR_NO_SPACE && (rc = ext2fs_expand_dir(fs, parent)) == 0)
        rc = ext2fs_mkdir(fs, parent, 0, name);
    return rc;
}

static bool find_or_make_dir(struct fs_ext *e, const char *path, ext2_ino_t *ret, GError **error);

/* The directory that path is in, and the name that it has there. */
static bool find_parent(struct fs_ext *e, const char *path, ext2_ino_t *ret, const char **ret_name,
                        GError **error)
{
    const char *slash = strrchr(path, '/');
    g_autofree char *dir = g_strndup(path, slash ? (gsize)(slash - path) : 0);

    *ret_name = slash ? slash + 1 : path;
    if (strlen(*ret_name) > EXT2_NAME_LEN) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG, "the name is too long");
        return false;
    }
    return find_or_make_dir(e, dir, ret, error);
}

/* A link on the way is followed, inside this file system, as tar would: "lib/x" in "lib ->
 * usr/lib". */
static bool find_or_make_dir(struct fs_ext *e, const char *path, ext2_ino_t *ret, GError **error)
{
    gpointer known = g_hash_table_lookup(e->dirs, path);
    const char *name;
    ext2_ino_t parent;

    if (!*path || known) {
        *ret = *path ? GPOINTER_TO_UINT(known) : EXT2_ROOT_INO;
        return true;
    }
    if (!find_parent(e, path, &parent, &name, error))
        return false;
    errcode_t rc = ext2fs_namei_follow(e->fs, EXT2_ROOT_INO, parent, name, ret);
    if (rc == EXT2_ET_FILE_NOT_FOUND && (rc = make_dir(e->fs, parent, name)) == 0)
        rc = ext2fs_namei(e->fs, EXT2_ROOT_INO, parent, name, ret);
    if (!rc)
        rc = ext2fs_check_directory(e->fs, *ret);
    if (failed(rc, error))
        return false;
    g_hash_table_insert(e->dirs, g_strdup(path), GUINT_TO_POINTER(*ret));
    return true;
}

static bool is_free(struct fs_ext *e, ext2_ino_t dir, const char *name, GError **error)
{
    ext2_ino_t ino;
    errcode_t rc = ext2fs_lookup(e->fs, dir, name, (int)strlen(name), NULL, &ino);

    if (rc == EXT2_ET_FILE_NOT_FOUND)
        return true;
    if (!failed(rc, error))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "is there twice");
    return false;
}

/* What a guest needs: capabilities and what users set. ACLs come in another form, and are not kept.
 */
static bool keeps_xattr(const struct fs_xattr *x)
{
    return g_str_equal(x->name, "security.capability") || g_str_has_prefix(x->name, "user.");
}

static errcode_t set_xattrs(ext2_filsys fs, ext2_ino_t ino, const struct fs_attr *attr)
{
    struct ext2_xattr_handle *handle = NULL;
    errcode_t rc = 0;
    unsigned wanted = 0;

    for (unsigned i = 0; i < attr->nr_xattrs; i++)
        wanted += keeps_xattr(&attr->xattrs[i]);
    if (!wanted)
        return 0;
    rc = ext2fs_xattrs_open(fs, ino, &handle);
    if (!rc)
        rc = ext2fs_xattrs_read(handle);
    for (unsigned i = 0; !rc && i < attr->nr_xattrs; i++) {
        const struct fs_xattr *x = &attr->xattrs[i];
        if (keeps_xattr(x))
            rc = ext2fs_xattr_set(handle, x->name, x->value, x->len);
    }
    if (!rc)
        rc = ext2fs_xattrs_write(handle);
    if (handle)
        ext2fs_xattrs_close(&handle);
    return rc;
}

static void fill_inode(struct ext2_inode *inode, const struct fs_attr *attr)
{
    uint32_t when = (uint32_t)CLAMP(attr->mtime, 0, G_MAXINT32);

    inode->i_mode = (uint16_t)((inode->i_mode & S_IFMT) | (attr->mode & 07777));
    inode->i_uid = (uint16_t)attr->uid;
    ext2fs_set_i_uid_high(*inode, (uint16_t)(attr->uid >> 16));
    inode->i_gid = (uint16_t)attr->gid;
    ext2fs_set_i_gid_high(*inode, (uint16_t)(attr->gid >> 16));
    inode->i_atime = inode->i_ctime = inode->i_mtime = when;
}

static bool set_attr(ext2_filsys fs, ext2_ino_t ino, const struct fs_attr *attr, GError **error)
{
    struct ext2_inode inode;
    errcode_t rc = ext2fs_read_inode(fs, ino, &inode);

    if (!rc) {
        fill_inode(&inode, attr);
        rc = ext2fs_write_inode(fs, ino, &inode);
    }
    if (!rc)
        rc = set_xattrs(fs, ino, attr);
    return !failed(rc, error);
}

static bool ext_dir(struct fs_writer *w, const char *path, const struct fs_attr *attr,
                    GError **error)
{
    struct fs_ext *e = from_writer(w);
    ext2_ino_t ino;

    return find_or_make_dir(e, path, &ino, error) && set_attr(e->fs, ino, attr, error);
}

/* A new inode without data, with its name. */
static bool new_inode(struct fs_ext *e, const char *path, int type, struct ext2_inode *inode,
                      ext2_ino_t *ret, GError **error)
{
    ext2_ino_t parent;
    const char *name;

    if (!find_parent(e, path, &parent, &name, error) || !is_free(e, parent, name, error))
        return false;
    errcode_t rc = ext2fs_new_inode(e->fs, parent, inode->i_mode, NULL, ret);
    if (!rc)
        rc = link_in(e->fs, parent, name, *ret, type);
    if (failed(rc, error))
        return false;
    ext2fs_inode_alloc_stats2(e->fs, *ret, 1, 0);
    inode->i_links_count = 1;
    if (type == EXT2_FT_REG_FILE && ext2fs_has_feature_extents(e->fs->super)) {
        ext2_extent_handle_t extents; /* opening one makes the empty tree in the inode */
        rc = ext2fs_extent_open2(e->fs, *ret, inode, &extents);
        if (failed(rc, error))
            return false;
        ext2fs_extent_free(extents);
    }
    return !failed(ext2fs_write_new_inode(e->fs, *ret, inode), error);
}

static bool is_zero(const char *data, size_t len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Reads until buffer is full or the end. */
static ssize_t read_full(run_input_fn data, void *opaque, char *buffer, size_t size, GError **error)
{
    size_t len = 0;
    ssize_t n = 1;

    while (len < size && (n = data(opaque, buffer + len, size - len, error)) > 0)
        len += (size_t)n;
    return n < 0 ? -1 : (ssize_t)len;
}

/* Whole blocks of zeroes become holes. */
static bool write_data(struct fs_ext *e, ext2_file_t file, run_input_fn data, void *opaque,
                       GError **error)
{
    size_t size = 16 * e->fs->blocksize;
    g_autofree char *buffer = g_malloc(size);
    uint64_t at = 0;
    ssize_t n;

    while ((n = read_full(data, opaque, buffer, size, error)) > 0) {
        for (size_t done = 0; done < (size_t)n;) {
            unsigned len = (unsigned)MIN((size_t)n - done, e->fs->blocksize), wrote;
            errcode_t rc = 0;
            if (!is_zero(buffer + done, len)) {
                rc = ext2fs_file_llseek(file, at, EXT2_SEEK_SET, NULL);
                if (!rc)
                    rc = ext2fs_file_write(file, buffer + done, len, &wrote);
            }
            if (failed(rc, error))
                return false;
            done += len;
            at += len;
        }
    }
    return n == 0 && !failed(ext2fs_file_set_size2(file, (ext2_off64_t)at), error);
}

static bool ext_file(struct fs_writer *w, const char *path, const struct fs_attr *attr,
                     run_input_fn data, void *opaque, GError **error)
{
    struct fs_ext *e = from_writer(w);
    struct ext2_inode inode = {.i_mode = LINUX_S_IFREG};
    ext2_file_t file;
    ext2_ino_t ino;

    fill_inode(&inode, attr);
    if (!new_inode(e, path, EXT2_FT_REG_FILE, &inode, &ino, error) ||
        failed(ext2fs_file_open(e->fs, ino, EXT2_FILE_WRITE, &file), error))
        return false;
    bool ok = write_data(e, file, data, opaque, error);
    errcode_t rc = ext2fs_file_close(file);
    return ok && !failed(rc, error) && !failed(set_xattrs(e->fs, ino, attr), error);
}

static bool ext_symlink(struct fs_writer *w, const char *path, const char *target,
                        const struct fs_attr *attr, GError **error)
{
    struct fs_ext *e = from_writer(w);
    ext2_ino_t parent, ino;
    const char *name;

    if (!find_parent(e, path, &parent, &name, error) || !is_free(e, parent, name, error))
        return false;
    errcode_t rc = ext2fs_symlink(e->fs, parent, 0, name, target);
    if (rc == EXT2_ET_DIR_NO_SPACE && (rc = ext2fs_expand_dir(e->fs, parent)) == 0)
        rc = ext2fs_symlink(e->fs, parent, 0, name, target);
    if (!rc)
        rc = ext2fs_lookup(e->fs, parent, name, (int)strlen(name), NULL, &ino);
    return !failed(rc, error) && set_attr(e->fs, ino, attr, error);
}

static int file_type(unsigned mode)
{
    static const int types[16] = {
        [S_IFIFO >> 12] = EXT2_FT_FIFO,    [S_IFCHR >> 12] = EXT2_FT_CHRDEV,
        [S_IFBLK >> 12] = EXT2_FT_BLKDEV,  [S_IFREG >> 12] = EXT2_FT_REG_FILE,
        [S_IFLNK >> 12] = EXT2_FT_SYMLINK, [S_IFSOCK >> 12] = EXT2_FT_SOCK,
    };

    return types[(mode & S_IFMT) >> 12];
}

static bool ext_link(struct fs_writer *w, const char *path, const char *existing, GError **error)
{
    struct fs_ext *e = from_writer(w);
    struct ext2_inode inode;
    ext2_ino_t parent, dir, ino;
    const char *name, *old;

    if (!find_parent(e, path, &parent, &name, error) || !is_free(e, parent, name, error) ||
        !find_parent(e, existing, &dir, &old, error))
        return false;
    errcode_t rc = ext2fs_lookup(e->fs, dir, old, (int)strlen(old), NULL, &ino);
    if (!rc)
        rc = ext2fs_read_inode(e->fs, ino, &inode);
    if (rc || LINUX_S_ISDIR(inode.i_mode) || inode.i_links_count >= MAX_LINKS) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "can't be a link to '%s': %s",
                    existing, rc ? error_message(rc) : "a directory, or has too many links");
        return false;
    }
    inode.i_links_count++;
    rc = ext2fs_write_inode(e->fs, ino, &inode);
    if (!rc)
        rc = link_in(e->fs, parent, name, ino, file_type(inode.i_mode));
    return !failed(rc, error);
}

static bool ext_node(struct fs_writer *w, const char *path, unsigned dev_major, unsigned dev_minor,
                     const struct fs_attr *attr, GError **error)
{
    struct fs_ext *e = from_writer(w);
    struct ext2_inode inode = {.i_mode = (uint16_t)(attr->mode & S_IFMT)};
    ext2_ino_t ino;

    if (!file_type(attr->mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "is of no known type");
        return false;
    }
    fill_inode(&inode, attr);
    /* ABI: Linux's old_encode_dev() in the first block number, else new_encode_dev() in the second
     */
    if (dev_major < 256 && dev_minor < 256)
        inode.i_block[0] = dev_major << 8 | dev_minor;
    else
        inode.i_block[1] = (dev_minor & 0xff) | dev_major << 8 | (dev_minor & ~0xffu) << 12;
    return new_inode(e, path, file_type(attr->mode), &inode, &ino, error) &&
           !failed(set_xattrs(e->fs, ino, attr), error);
}

static bool ext_close(struct fs_writer *w, GError **error)
{
    struct fs_ext *e = from_writer(w);
    errcode_t rc = e->fs ? ext2fs_close(e->fs) : 0;

    if (rc && e->fs)
        ext2fs_free(e->fs);
    g_hash_table_destroy(e->dirs);
    g_free(e);
    return !failed(rc, error);
}

static const struct fs_writer_ops ext_ops = {
    .name = "ext",
    .dir = ext_dir,
    .file = ext_file,
    .symlink = ext_symlink,
    .link = ext_link,
    .node = ext_node,
    .close = ext_close,
};

static bool format(const char *path, const char *fs, uint64_t offset, uint64_t bytes,
                   GError **error)
{
    g_autofree char *extended = g_strdup_printf("offset=%" G_GUINT64_FORMAT ",root_owner=0:0",
                                                offset);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT "k", bytes / 1024);
    const char *const argv[] = {"mke2fs", "-q", "-F", "-t", fs, "-E", extended, path, size, NULL};

    return run_program(argv, NULL, error);
}

struct fs_writer *fs_ext_make(const char *path, const char *fs, uint64_t offset, uint64_t bytes,
                              GError **error)
{
    g_autofree char *option = g_strdup_printf("offset=%" G_GUINT64_FORMAT, offset);

    if (!format(path, fs, offset, bytes, error))
        return NULL;
    initialize_ext2_error_table();
    struct fs_ext *e = g_new0(struct fs_ext, 1);
    e->writer.ops = &ext_ops;
    e->dirs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    errcode_t rc = ext2fs_open2(path, option, EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0,
                                unix_io_manager, &e->fs);
    if (!rc)
        rc = ext2fs_read_bitmaps(e->fs);
    if (!failed(rc, error))
        return &e->writer;
    ext_close(&e->writer, NULL);
    return NULL;
}
