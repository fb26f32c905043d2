/* The index of a directory image, in the order of names, and its files. */
#include "xenguest/lib/image_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Below dirfd and through no link, whatever somebody changes meanwhile. */
static int open_below(int dirfd, const char *name, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    long fd = syscall(SYS_openat2, dirfd, *name ? name : ".", &how, sizeof(how));

    return fd < 0 && errno == ENOSYS ? openat(dirfd, *name ? name : ".", (int)how.flags) : (int)fd;
}

static char *read_link(int dirfd, const char *name, GError **error)
{
    char target[XG_NAME_MAX + 2];
    ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

    if (n < 0) {
        xg_failed(error, name, "read the link");
        return NULL;
    }
    target[n] = '\0'; /* one that is too long is refused when it is added */
    return g_strdup(target);
}

static bool index_dir(struct xg_image *img, const char *name, GError **error);

static bool index_one(struct xg_image *img, const char *raw, GError **error)
{
    g_autofree char *name = NULL;
    struct stat st;

    if (!xg_name_normalise(raw, &name, error))
        return false;
    if (fstatat(img->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return xg_failed(error, name, "look at it");
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
        return xg_refuse(error, name, "neither a file nor a directory nor a symbolic link");

    AUTO(xg_entry)
    e = xg_entry_new(name, S_ISREG(st.st_mode)   ? XG_FILE
                           : S_ISDIR(st.st_mode) ? XG_DIR
                                                 : XG_SYMLINK);
    e->mode = st.st_mode & 0777;
    e->mtime = st.st_mtime;
    if (e->type == XG_FILE) {
        e->source = XG_FROM_DIR;
        e->size = (uint64_t)st.st_size;
    } else if (e->type == XG_SYMLINK && !(e->target = read_link(img->fd, name, error))) {
        return false;
    }
    bool dir = e->type == XG_DIR;
    return xg_index_add(img, g_steal_pointer(&e), error) && (!dir || index_dir(img, name, error));
}

static int compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool read_names(int fd, const char *dir, GPtrArray *names, GError **error)
{
    DIR *d = fdopendir(fd);
    struct dirent *de;

    if (!d) {
        xg_failed(error, dir, "read it");
        close(fd);
        return false;
    }
    for (errno = 0; (de = readdir(d)); errno = 0) {
        if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
            g_ptr_array_add(names, g_strdup_printf("%s%s%s", dir, *dir ? "/" : "", de->d_name));
    }
    bool ok = !errno || xg_failed(error, dir, "read it");
    closedir(d);
    g_ptr_array_sort(names, compare);
    return ok;
}

static bool index_dir(struct xg_image *img, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int fd = open_below(img->fd, name, O_RDONLY | O_DIRECTORY);

    if (fd < 0)
        return xg_failed(error, name, "open it");
    if (!read_names(fd, name, names, error))
        return false;
    for (guint i = 0; i < names->len; i++) {
        if (!index_one(img, g_ptr_array_index(names, i), error))
            return false;
    }
    return true;
}

bool xg_dir_index(struct xg_image *img, GError **error)
{
    return index_dir(img, "", error);
}

int xg_entry_open(const struct xg_image *img, const struct xg_entry *e, off_t *ret_at,
                  bool *ret_close, GError **error)
{
    struct stat st;

    *ret_at = e->source == XG_FROM_TAR ? e->body : 0;
    *ret_close = e->source == XG_FROM_DIR;
    if (e->source == XG_FROM_TAR)
        return img->fd;
    if (e->source == XG_FROM_FD)
        return e->fd;
    int fd = open_below(img->fd, e->name, O_RDONLY);
    if (fd < 0) {
        xg_failed(error, e->name, "open it");
        return -1;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size) {
        xg_refuse(error, e->name, "it was changed meanwhile");
        close(fd);
        return -1;
    }
    return fd;
}
