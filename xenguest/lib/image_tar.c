/*
 * The index of a tar: libarchive reads the headers; where each member begins and ends comes with
 * them, so bodies are read and copied by position. That holds as neither compression nor sparse
 * members are taken, which also leaves nothing that could unpack to more than the file has.
 */
#include "xenguest/lib/image_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK     512
#define READ_SIZE (64 << 10)

static enum xg_type entry_type(struct archive_entry *ae, bool *ret_ok)
{
    mode_t type = archive_entry_filetype(ae);

    *ret_ok = true;
    if (type == AE_IFREG)
        return XG_FILE;
    if (type == AE_IFDIR)
        return XG_DIR;
    *ret_ok = type == AE_IFLNK;
    return XG_SYMLINK;
}

/* libarchive gives a file's size even for members that have no body here. */
static bool check_body(struct archive_entry *ae, const char *name, off_t at, off_t file_size,
                       GError **error)
{
    int64_t size = archive_entry_size(ae), rest = file_size - at - BLOCK;

    if (archive_entry_sparse_reset(ae) > 0)
        return xg_refuse(error, name, "a sparse member");
    if (size < 0 || size > rest)
        return xg_refuse(error, name, "it says %lld bytes, the file has %lld from there",
                         (long long)size, (long long)MAX(rest, 0));
    return true;
}

static struct xg_entry *make_entry(struct archive_entry *ae, const char *name, GError **error)
{
    const char *raw = archive_entry_pathname(ae);
    bool ok;
    enum xg_type type = entry_type(ae, &ok);

    if (archive_entry_hardlink(ae)) {
        xg_refuse(error, raw, "a hard link");
        return NULL;
    }
    if (!ok) {
        xg_refuse(error, raw, "neither a file nor a directory nor a symbolic link");
        return NULL;
    }
    if (!*name && type != XG_DIR) {
        xg_refuse(error, raw, "not a directory");
        return NULL;
    }
    struct xg_entry *e = xg_entry_new(name, type);
    e->mode = archive_entry_perm(ae) & 0777;
    e->mtime = archive_entry_mtime(ae);
    if (type == XG_SYMLINK) {
        const char *target = archive_entry_symlink(ae);
        e->target = g_strdup(target ? target : "");
    }
    return e;
}

static bool take_entry(struct xg_image *img, struct archive *a, struct archive_entry *ae,
                       off_t file_size, GError **error)
{
    const char *raw = archive_entry_pathname(ae);
    off_t at = archive_read_header_position(a);
    g_autofree char *name = NULL;

    if (!raw)
        return xg_refuse(error, "a member", "a name that is no text");
    if (!xg_name_normalise(raw, &name, error) || !check_body(ae, raw, at, file_size, error))
        return false;
    AUTO(xg_entry) e = make_entry(ae, name, error);
    if (!e)
        return false;
    if (!*name)
        return true; /* the top itself: always written */
    e->start = at;
    if (e->type == XG_FILE) {
        e->source = XG_FROM_TAR;
        e->size = (uint64_t)archive_entry_size(ae);
    } else if (archive_entry_size_is_set(ae) && archive_entry_size(ae) > 0) {
        return xg_refuse(error, raw, "a body where none can be");
    }
    return xg_index_add(img, g_steal_pointer(&e), error);
}

/*
 * Whether the block at this place is the header of a plain file (POSIX.1-1988, ustar), its checksum
 * right. It must be, just before a body; a sparse member that claims to have no holes has its map
 * there.
 */
static bool plain_header(int fd, off_t at)
{
    unsigned char block[BLOCK];
    unsigned sum = 0;

    if (pread(fd, block, sizeof(block), at) != sizeof(block))
        return false;
    g_autofree char *stored = g_strndup((char *)block + 148, 8);
    for (unsigned i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : block[i];
    return (block[156] == '0' || block[156] == '\0' || block[156] == '7') &&
           g_ascii_strtoull(g_strchug(stored), NULL, 8) == sum;
}

/* The entry before this position ends here; only now its body's place is known. */
static bool end_last(struct xg_image *img, guint before, off_t at, GError **error)
{
    if (img->entries->len == before)
        return true;
    struct xg_entry *e = g_ptr_array_index(img->entries, img->entries->len - 1);
    e->end = at;
    e->body = at - (off_t)((e->size + BLOCK - 1) / BLOCK * BLOCK);
    if (e->type == XG_FILE &&
        (e->body < e->start + BLOCK || !plain_header(img->fd, e->body - BLOCK)))
        return xg_refuse(error, e->name, "not a plain member");
    return true;
}

static bool unreadable(struct archive *a, GError **error)
{
    g_autofree char *what = xg_printable(archive_error_string(a) ?: "damaged");

    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "not a tar that can be read: %s", what);
    return false;
}

static bool read_index(struct xg_image *img, struct archive *a, off_t file_size, GError **error)
{
    struct archive_entry *ae;
    guint before = 0;
    int rc;

    while ((rc = archive_read_next_header(a, &ae)) == ARCHIVE_OK) {
        if (!end_last(img, before, archive_read_header_position(a), error))
            return false;
        before = img->entries->len;
        if (!take_entry(img, a, ae, file_size, error))
            return false;
    }
    if (rc != ARCHIVE_EOF)
        return unreadable(a, error);
    off_t end = archive_read_header_position(a);
    if (end > file_size)
        return xg_refuse(error, "the last member", "the file ends in it");
    return end_last(img, before, end, error);
}

bool xg_tar_index(struct xg_image *img, GError **error)
{
    struct stat st;
    /* Names are UTF-8, whatever the terminal speaks. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t old = utf8 ? uselocale(utf8) : (locale_t)0;
    struct archive *a = archive_read_new();
    bool ok;

    archive_read_support_filter_none(a);
    archive_read_support_format_tar(a);
    if (fstat(img->fd, &st) < 0 || lseek(img->fd, 0, SEEK_SET) < 0)
        ok = xg_failed(error, "the file", "read it");
    else if (archive_read_open_fd(a, img->fd, READ_SIZE) != ARCHIVE_OK)
        ok = unreadable(a, error);
    else
        ok = read_index(img, a, st.st_size, error);
    archive_read_free(a);
    if (utf8) {
        uselocale(old);
        freelocale(utf8);
    }
    return ok;
}
