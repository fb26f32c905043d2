#include "xenguest/lib/beside.h"

#include "xenguest/lib/image_priv.h"
#include "xenner/util/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK ".mkimage-"

/* A file, or a directory with all that is in it. */
static void remove_either(int dirfd, const char *name)
{
    if (unlinkat(dirfd, name, 0) < 0 && (errno == EISDIR || errno == EPERM))
        remove_tree(dirfd, name);
}

/* ".BASE.mkimage-XXXXXX" whose maker is gone. */
static void sweep(int dirfd, const char *base)
{
    g_autofree char *prefix = g_strdup_printf(".%s" MARK, base);
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *de;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((de = readdir(d))) {
        if (!g_str_has_prefix(de->d_name, prefix) || strlen(de->d_name) != strlen(prefix) + 6)
            continue;
        int stray = openat(fd, de->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (stray < 0)
            continue;
        if (flock(stray, LOCK_EX | LOCK_NB) == 0)
            remove_either(fd, de->d_name);
        close(stray);
    }
    closedir(d);
}

static int make(struct beside *b)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    for (int tries = 0; tries < 100; tries++) {
        char random[7] = "";
        for (int i = 0; i < 6; i++)
            random[i] = letters[g_random_int_range(0, (int)sizeof(letters) - 1)];
        g_free(b->tmp);
        b->tmp = g_strdup_printf(".%s" MARK "%s", b->base, random);
        int fd = -1;
        if (!b->is_dir)
            fd = openat(b->dirfd, b->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        else if (mkdirat(b->dirfd, b->tmp, 0777) == 0)
            fd = openat(b->dirfd, b->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            break;
    }
    g_clear_pointer(&b->tmp, g_free);
    return -1;
}

static bool look(struct beside *b, struct stat *st, GError **error)
{
    if (fstatat(b->dirfd, b->base, st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || xg_failed(error, b->path, "look at it");
    if (b->is_dir ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
        return xg_refuse(error, b->path, "it is not a %s",
                         b->is_dir ? "directory" : "regular file");
    b->replaces = true;
    b->dev = st->st_dev;
    b->ino = st->st_ino;
    return true;
}

/* The new one gets what the old one had, as far as one may. */
static bool make_alike(struct beside *b, const struct stat *st, GError **error)
{
    b->fd = make(b);
    if (b->fd < 0)
        return xg_failed(error, b->path, "make a new one beside it");
    flock(b->fd, LOCK_EX);
    if (!b->replaces)
        return true;
    if (fchown(b->fd, st->st_uid, st->st_gid) < 0 && errno != EPERM)
        return xg_failed(error, b->path, "keep its owner");
    if (fchmod(b->fd, st->st_mode & 07777) < 0)
        return xg_failed(error, b->path, "keep its mode");
    return true;
}

bool beside_begin(struct beside *b, const char *path, bool is_dir, GError **error)
{
    g_autofree char *real = realpath(path, NULL);
    g_autofree char *dir = g_path_get_dirname(real ? real : path);
    struct stat st = {0};

    *b = (struct beside){.fd = -1, .is_dir = is_dir};
    b->path = g_strdup(path);
    b->base = g_path_get_basename(real ? real : path);
    b->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->dirfd < 0)
        return xg_failed(error, dir, "open it");
    /* Nobody sweeps between the making of a file and its lock. */
    flock(b->dirfd, LOCK_EX);
    sweep(b->dirfd, b->base);
    bool ok = look(b, &st, error) && make_alike(b, &st, error);
    flock(b->dirfd, LOCK_UN);
    return ok;
}

static bool take_name(struct beside *b, GError **error)
{
    /* An empty directory is replaced like a file. */
    if (renameat(b->dirfd, b->tmp, b->dirfd, b->base) == 0) {
        g_clear_pointer(&b->tmp, g_free);
        return true;
    }
    if (errno != ENOTEMPTY && errno != EEXIST)
        return xg_failed(error, b->path, "give the new one its name");
    if (renameat2(b->dirfd, b->tmp, b->dirfd, b->base, RENAME_EXCHANGE) < 0)
        return xg_failed(error, b->path, "swap it with the new one");
    return true;
}

static bool check_same(const struct beside *b, dev_t dev, ino_t ino, GError **error)
{
    struct stat st;
    bool there = fstatat(b->dirfd, b->base, &st, AT_SYMLINK_NOFOLLOW) == 0;

    if (there != b->replaces || (there && (st.st_dev != b->dev || st.st_ino != b->ino)) ||
        (ino && (b->dev != dev || b->ino != ino)))
        return xg_refuse(error, b->path, "it was changed by somebody else meanwhile");
    return true;
}

bool beside_commit(struct beside *b, dev_t dev, ino_t ino, GError **error)
{
    if (fsync(b->fd) < 0)
        return xg_failed(error, b->path, "sync it");
    flock(b->dirfd, LOCK_EX);
    bool ok = check_same(b, dev, ino, error) && take_name(b, error);
    if (ok && fsync(b->dirfd) < 0)
        ok = xg_failed(error, b->path, "sync its directory");
    if (ok && b->tmp)
        remove_either(b->dirfd, b->tmp); /* the old one */
    if (ok)
        g_clear_pointer(&b->tmp, g_free);
    flock(b->dirfd, LOCK_UN);
    return ok;
}

void beside_clear(struct beside *b)
{
    if (b->tmp)
        remove_either(b->dirfd, b->tmp);
    if (b->fd >= 0)
        close(b->fd);
    if (b->dirfd >= 0)
        close(b->dirfd);
    g_free(b->tmp);
    g_free(b->base);
    g_free(b->path);
    *b = (struct beside){.fd = -1, .dirfd = -1};
}
