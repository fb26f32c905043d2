#include "xenguest/disk/content.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE  (256u * 1024)
#define ZERO_BLOCK 4096u /* zeroes are looked for in blocks of this size */

struct reader {
    const struct content *content;
    struct archive *archive;
    GError *error; /* of content->read */
    char buffer[READ_SIZE];
};

static const struct suffix {
    const char *text;
    enum content_kind kind;
    int (*filter)(struct archive *a); /* NULL: not compressed */
} suffixes[] = {
    {".img", CONTENT_IMAGE, NULL},
    {".img.gz", CONTENT_IMAGE, archive_read_support_filter_gzip},
    {".img.bz2", CONTENT_IMAGE, archive_read_support_filter_bzip2},
    {".tar", CONTENT_TAR, NULL},
    {".tar.gz", CONTENT_TAR, archive_read_support_filter_gzip},
    {".tar.bz2", CONTENT_TAR, archive_read_support_filter_bzip2},
    {".tar.xz", CONTENT_TAR, archive_read_support_filter_xz},
};

static const struct suffix *find_suffix(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        if (g_str_has_suffix(name, suffixes[i].text))
            return &suffixes[i];
    }
    return NULL;
}

enum content_kind content_kind(const char *name)
{
    const struct suffix *s = find_suffix(name);

    return s ? s->kind : CONTENT_UNKNOWN;
}

static la_ssize_t on_read(struct archive *a, void *opaque, const void **ret)
{
    struct reader *r = opaque;
    ssize_t n = r->content->read(r->content->opaque, r->buffer, sizeof(r->buffer), &r->error);

    *ret = r->buffer;
    if (n < 0)
        archive_set_error(a, EIO, "%s", r->error->message);
    return n;
}

static bool archive_failed(const struct reader *r, GError **error)
{
    const char *why = archive_error_string(r->archive);

    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: %s", r->content->name,
                why ? why : "can't be read");
    return false;
}

static void reader_free(struct reader *r)
{
    archive_read_free(r->archive);
    g_clear_error(&r->error);
    g_free(r);
}

static struct reader *reader_new(const struct content *c, GError **error)
{
    const struct suffix *s = find_suffix(c->name);
    struct reader *r = g_new0(struct reader, 1);
    int rc = ARCHIVE_OK;

    r->content = c;
    r->archive = archive_read_new();
    /* only what the name says: nothing is guessed from foreign bytes */
    if (s && s->filter)
        rc = s->filter(r->archive);
    if (s && s->kind == CONTENT_TAR)
        rc = MIN(rc, archive_read_support_format_tar(r->archive));
    else
        rc = MIN(rc, archive_read_support_format_raw(r->archive));
    /* an empty file is a legal image of nothing */
    archive_read_support_format_empty(r->archive);
    if (rc >= ARCHIVE_WARN && archive_read_open(r->archive, r, NULL, on_read, NULL) == ARCHIVE_OK)
        return r;
    archive_failed(r, error);
    reader_free(r);
    return NULL;
}

static bool write_at(int fd, const char *data, size_t len, uint64_t at, GError **error)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                        "could not write to the disk: %s", g_strerror(errno));
            return false;
        }
        data += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return true;
}

static bool is_zero(const char *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

static bool write_sparse(int fd, const char *data, size_t len, uint64_t at, GError **error)
{
    while (len > 0) {
        size_t n = MIN(len, ZERO_BLOCK - at % ZERO_BLOCK);
        if (!is_zero(data, n) && !write_at(fd, data, n, at, error))
            return false;
        data += n;
        len -= n;
        at += n;
    }
    return true;
}

static bool copy_image(struct reader *r, int fd, uint64_t offset, uint64_t bytes, bool sparse,
                       GError **error)
{
    struct archive_entry *entry;
    const void *data;
    size_t len;
    la_int64_t at;
    int rc = archive_read_next_header(r->archive, &entry);

    if (rc == ARCHIVE_EOF)
        return true;
    if (rc < ARCHIVE_WARN)
        return archive_failed(r, error);
    while ((rc = archive_read_data_block(r->archive, &data, &len, &at)) >= ARCHIVE_WARN &&
           rc != ARCHIVE_EOF) {
        if ((uint64_t)at > bytes || len > bytes - (uint64_t)at) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                        "%s: is larger than its partition of %" G_GUINT64_FORMAT " MiB",
                        r->content->name, bytes >> 20);
            return false;
        }
        if (!(sparse ? write_sparse : write_at)(fd, data, len, offset + (uint64_t)at, error))
            return false;
    }
    return rc == ARCHIVE_EOF || archive_failed(r, error);
}

bool content_write_image(const struct content *c, int fd, uint64_t offset, uint64_t bytes,
                         bool sparse, GError **error)
{
    struct reader *r = reader_new(c, error);
    bool ok = r && copy_image(r, fd, offset, bytes, sparse, error);

    if (r)
        reader_free(r);
    return ok;
}

static ssize_t read_member(void *opaque, void *buffer, size_t len, GError **error)
{
    struct reader *r = opaque;
    la_ssize_t n = archive_read_data(r->archive, buffer, len);

    if (n < 0)
        archive_failed(r, error);
    return n < 0 ? -1 : (ssize_t)n;
}

/* "./a//b/" -> "a/b"; NULL when it leads out. A leading / is dropped, as tar does. */
static char *normal_path(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    g_autoptr(GString) normal = g_string_new(NULL);

    for (unsigned i = 0; parts[i]; i++) {
        if (!*parts[i] || strcmp(parts[i], ".") == 0)
            continue;
        if (strcmp(parts[i], "..") == 0)
            return NULL;
        g_string_append_printf(normal, "%s%s", normal->len ? "/" : "", parts[i]);
    }
    return g_string_free(g_steal_pointer(&normal), FALSE);
}

enum { MAX_XATTRS = 32 };

static void get_attr(struct archive_entry *e, struct fs_attr *attr,
                     struct fs_xattr xattrs[MAX_XATTRS])
{
    *attr = (struct fs_attr){
        .mode = archive_entry_mode(e),
        .uid = (uint32_t)archive_entry_uid(e),
        .gid = (uint32_t)archive_entry_gid(e),
        .mtime = archive_entry_mtime(e),
        .xattrs = xattrs,
    };
    archive_entry_xattr_reset(e);
    while (attr->nr_xattrs < MAX_XATTRS) {
        struct fs_xattr *x = &xattrs[attr->nr_xattrs];
        if (archive_entry_xattr_next(e, &x->name, &x->value, &x->len) != ARCHIVE_OK)
            break;
        attr->nr_xattrs++;
    }
}

static bool unsupported(const struct fs_writer *fs, const char *what, GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s has no %s", fs->ops->name, what);
    return false;
}

static bool put_link(struct fs_writer *fs, const char *path, const char *target, GError **error)
{
    g_autofree char *existing = normal_path(target);

    if (!fs->ops->link)
        return unsupported(fs, "hard links", error);
    if (existing)
        return fs->ops->link(fs, path, existing, error);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "links to '%s', outside", target);
    return false;
}

static bool put_member(struct reader *r, struct archive_entry *e, struct fs_writer *fs,
                       const char *path, GError **error)
{
    struct fs_xattr xattrs[MAX_XATTRS];
    struct fs_attr attr;

    if (archive_entry_hardlink(e))
        return put_link(fs, path, archive_entry_hardlink(e), error);
    get_attr(e, &attr, xattrs);
    switch (attr.mode & S_IFMT) {
    case S_IFDIR:
        return fs->ops->dir(fs, path, &attr, error);
    case S_IFREG:
        return fs->ops->file(fs, path, &attr, read_member, r, error);
    case S_IFLNK:
        return fs->ops->symlink ? fs->ops->symlink(fs, path, archive_entry_symlink(e), &attr, error)
                                : unsupported(fs, "symbolic links", error);
    default:
        return fs->ops->node ? fs->ops->node(fs, path, (unsigned)archive_entry_rdevmajor(e),
                                             (unsigned)archive_entry_rdevminor(e), &attr, error)
                             : unsupported(fs, "devices", error);
    }
}

static bool next_member(struct reader *r, struct archive_entry *e, struct fs_writer *fs,
                        GError **error)
{
    const char *name = archive_entry_pathname(e);
    g_autofree char *path = name ? normal_path(name) : NULL;
    g_autofree char *prefix = g_strdup_printf("%s: member '%s': ", r->content->name,
                                              name ? name : "");
    GError *why = NULL;

    if (!path)
        g_set_error(&why, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "leads out of the file system");
    else if (!*path && archive_entry_filetype(e) != S_IFDIR)
        g_set_error(&why, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "has no name");
    else
        put_member(r, e, fs, path, &why);
    if (why)
        g_propagate_prefixed_error(error, why, "%s", prefix);
    return !why;
}

bool content_write_tar(const struct content *c, struct fs_writer *fs, GError **error)
{
    struct reader *r = reader_new(c, error);
    struct archive_entry *entry;
    int rc = ARCHIVE_OK;
    bool ok = r;

    while (ok && (rc = archive_read_next_header(r->archive, &entry)) >= ARCHIVE_WARN &&
           rc != ARCHIVE_EOF)
        ok = next_member(r, entry, fs, error);
    if (ok && rc != ARCHIVE_EOF)
        ok = archive_failed(r, error);
    if (r)
        reader_free(r);
    return ok;
}
