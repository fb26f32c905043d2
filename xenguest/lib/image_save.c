/* Writing an image: as a tar, as a directory. */
#include "xenguest/lib/beside.h"
#include "xenguest/lib/image_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (1u << 20)

/*
 * libarchive writes headers and new bodies, at once, to the fd that unchanged members are copied
 * to.
 */
static la_ssize_t write_out(struct archive *a, void *opaque, const void *data, size_t len)
{
    ssize_t n;

    do {
        n = write(*(int *)opaque, data, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        archive_set_error(a, errno, "%s", g_strerror(errno));
    return n;
}

static bool tar_error(struct archive *a, const char *name, GError **error)
{
    return xg_refuse(error, name, "could not write it: %s", archive_error_string(a) ?: "unknown");
}

static bool tar_header(struct archive *a, const struct xg_entry *e, GError **error)
{
    struct archive_entry *ae = archive_entry_new();
    g_autofree char *name = g_strdup_printf("./%s%s", e->name,
                                            e->type == XG_DIR && *e->name ? "/" : "");

    archive_entry_set_pathname(ae, name);
    archive_entry_set_filetype(ae, e->type == XG_DIR    ? AE_IFDIR
                                   : e->type == XG_FILE ? AE_IFREG
                                                        : AE_IFLNK);
    archive_entry_set_perm(ae, (mode_t)e->mode);
    archive_entry_set_size(ae, (la_int64_t)e->size);
    archive_entry_set_mtime(ae, e->mtime, 0);
    archive_entry_set_uname(ae, "root");
    archive_entry_set_gname(ae, "root");
    if (e->type == XG_SYMLINK)
        archive_entry_set_symlink(ae, e->target);
    bool ok = archive_write_header(a, ae) == ARCHIVE_OK || tar_error(a, e->name, error);
    archive_entry_free(ae);
    return ok;
}

static bool tar_body_fd(struct archive *a, struct xg_image *img, const struct xg_entry *e,
                        GError **error)
{
    g_autofree char *buf = g_malloc(CHUNK);
    bool close_it, ok = true;
    off_t at;
    int fd = xg_entry_open(img, e, &at, &close_it, error);

    if (fd < 0)
        return false;
    for (uint64_t left = e->size; ok && left;) {
        ssize_t n = pread(fd, buf, MIN(left, CHUNK), at);
        if (xg_interrupted(error))
            ok = false;
        else if (n <= 0)
            ok = n < 0 ? xg_failed(error, e->name, "read it")
                       : xg_refuse(error, e->name, "it became shorter while it was read");
        else if (archive_write_data(a, buf, (size_t)n) != n)
            ok = tar_error(a, e->name, error);
        at += n;
        left -= (uint64_t)n;
    }
    if (close_it)
        close(fd);
    return ok;
}

static bool tar_entry(struct archive *a, struct xg_image *img, const struct xg_entry *e,
                      GError **error)
{
    if (!tar_header(a, e, error))
        return false;
    if (e->source == XG_FROM_DATA && e->size &&
        archive_write_data(a, g_bytes_get_data(e->data, NULL), e->size) != (la_ssize_t)e->size)
        return tar_error(a, e->name, error);
    if ((e->source == XG_FROM_DIR || e->source == XG_FROM_FD) && !tar_body_fd(a, img, e, error))
        return false;
    return archive_write_finish_entry(a) == ARCHIVE_OK || tar_error(a, e->name, error);
}

/*
 * Entries that are in the old file one behind the other are copied as one. Returns the next index.
 */
static guint run_end(const struct xg_image *img, guint i, off_t *ret_end)
{
    const struct xg_entry *e = g_ptr_array_index(img->entries, i);
    off_t end = e->end;

    while (++i < img->entries->len) {
        const struct xg_entry *next = g_ptr_array_index(img->entries, i);
        if (!next->end || next->start != end)
            break;
        end = next->end;
    }
    *ret_end = end;
    return i;
}

static bool tar_entries(struct archive *a, struct xg_image *img, int fd, GError **error)
{
    struct xg_entry top = {.name = (char *)"", .type = XG_DIR, .mode = 0755, .mtime = xg_now()};

    if (!tar_entry(a, img, &top, error))
        return false;
    for (guint i = 0; i < img->entries->len;) {
        const struct xg_entry *e = g_ptr_array_index(img->entries, i);
        off_t end;

        if (!e->end) {
            if (!tar_entry(a, img, e, error))
                return false;
            i++;
            continue;
        }
        i = run_end(img, i, &end);
        if (!xg_copy_to_disk(img->fd, e->start, (uint64_t)(end - e->start), fd, e->name, error))
            return false;
    }
    return archive_write_close(a) == ARCHIVE_OK || tar_error(a, "the end", error);
}

bool xg_tar_write(struct xg_image *img, int fd, GError **error)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t old = utf8 ? uselocale(utf8) : (locale_t)0;
    struct archive *a = archive_write_new();
    bool ok;

    archive_write_set_format_pax_restricted(a);
    archive_write_set_bytes_per_block(a, 0);
    if (archive_write_open(a, &fd, NULL, write_out, NULL) != ARCHIVE_OK)
        ok = tar_error(a, "the file", error);
    else
        ok = tar_entries(a, img, fd, error);
    archive_write_free(a);
    if (utf8) {
        uselocale(old);
        freelocale(utf8);
    }
    return ok;
}

/* Another name of the same file will do, where the file system and the kernel allow it. */
static bool link_file(struct xg_image *img, const struct xg_entry *e, int dirfd)
{
    bool close_it;
    off_t at;
    int fd = xg_entry_open(img, e, &at, &close_it, NULL);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    bool ok = fd >= 0 && linkat(AT_FDCWD, path, dirfd, e->name, AT_SYMLINK_FOLLOW) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool dir_file(struct xg_image *img, const struct xg_entry *e, int dirfd, GError **error)
{
    if (img->may_link && e->source == XG_FROM_DIR && link_file(img, e, dirfd))
        return true;
    int fd = openat(dirfd, e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return xg_failed(error, e->name, "make it");
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = e->mtime}};
    bool ok = xg_image_copy(img, e->name, fd, error);
    if (ok && (fchmod(fd, e->mode | 0600) < 0 || futimens(fd, times) < 0 || fsync(fd) < 0))
        ok = xg_failed(error, e->name, "finish it");
    if (close(fd) < 0 && ok)
        ok = xg_failed(error, e->name, "finish it");
    return ok;
}

/* A tar need not have its directories as members, nor before what is in them. */
static bool make_parents(int dirfd, const char *name, GError **error)
{
    g_autofree char *path = g_strdup(name);

    for (char *slash = path; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        if (mkdirat(dirfd, path, 0755) < 0 && errno != EEXIST)
            return xg_failed(error, path, "make the directory");
    }
    return true;
}

static bool sync_dir(int dirfd, const char *name, GError **error)
{
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        xg_failed(error, name, "sync it");
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool dir_pass(struct xg_image *img, int dirfd, enum xg_type type, GError **error)
{
    for (guint i = 0; i < img->entries->len; i++) {
        const struct xg_entry *e = g_ptr_array_index(img->entries, i);

        if (e->type != type)
            continue;
        if (xg_interrupted(error) || !make_parents(dirfd, e->name, error))
            return false;
        if (type == XG_DIR && mkdirat(dirfd, e->name, 0755) < 0 && errno != EEXIST)
            return xg_failed(error, e->name, "make the directory");
        if (type == XG_FILE && !dir_file(img, e, dirfd, error))
            return false;
        if (type == XG_SYMLINK && symlinkat(e->target, dirfd, e->name) < 0)
            return xg_failed(error, e->name, "make the link");
    }
    return true;
}

/* dirfd is empty and nobody else's. Links come last: nothing is written through one. */
bool xg_dir_write(struct xg_image *img, int dirfd, GError **error)
{
    if (!dir_pass(img, dirfd, XG_DIR, error) || !dir_pass(img, dirfd, XG_FILE, error) ||
        !dir_pass(img, dirfd, XG_SYMLINK, error))
        return false;
    for (guint i = 0; i < img->entries->len; i++) {
        const struct xg_entry *e = g_ptr_array_index(img->entries, i);
        if (e->type != XG_DIR)
            continue;
        if (fchmodat(dirfd, e->name, e->mode | 0700, 0) < 0)
            return xg_failed(error, e->name, "set its mode");
        if (!sync_dir(dirfd, e->name, error))
            return false;
    }
    return true;
}

/* An image that is written to where it was read from must still be the one that was read. */
static bool commit(struct beside *b, const struct xg_image *img, const char *path, GError **error)
{
    bool same = !g_strcmp0(img->path, path);

    return beside_commit(b, same ? img->dev : 0, same ? img->ino : 0, error);
}

static void hold_signals(sigset_t *ret_before)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, ret_before);
}

bool xg_image_save_file(struct xg_image *img, const char *path, GError **error)
{
    struct beside b;
    sigset_t before;

    hold_signals(&before);
    bool ok = beside_begin(&b, path, false, error) && xg_index_check(img, error) &&
              xg_tar_write(img, b.fd, error) && commit(&b, img, path, error);
    beside_clear(&b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static bool is_empty(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    GDir *d = fd < 0 ? NULL : g_dir_open(path, 0, NULL);
    bool empty = d && !g_dir_read_name(d);

    if (d)
        g_dir_close(d);
    if (fd >= 0)
        close(fd);
    return empty;
}

bool xg_image_save_dir(struct xg_image *img, const char *path, GError **error)
{
    struct beside b;
    sigset_t before;

    hold_signals(&before);
    bool ok = beside_begin(&b, path, true, error);
    bool own = !g_strcmp0(img->path, path);

    img->may_link = own;
    if (ok && b.replaces && !own && !is_empty(b.dirfd, b.base))
        ok = xg_refuse(error, path, "the directory is not empty");
    ok = ok && xg_index_check(img, error) && xg_dir_write(img, b.fd, error) &&
         commit(&b, img, path, error);
    beside_clear(&b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}
