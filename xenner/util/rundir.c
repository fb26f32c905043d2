#include "xenner/util/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAME 40u /* of what a name gives to a path: addresses of Unix sockets have 107 bytes */

struct rundir {
    char *path;
    int lock, dir;
};

char *rundir_base(void)
{
    const char *own = g_getenv("XENNER_RUNTIME_DIR"), *session = g_getenv("XDG_RUNTIME_DIR");

    if (own && *own)
        return g_strdup(own);
    if (geteuid() == 0)
        return g_strdup("/run/xenner");
    return session && *session ? g_build_filename(session, "xenner", NULL) : NULL;
}

static bool failed(GError **error, const char *what, const char *path)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "could not %s '%s': %s", what,
                path, g_strerror(errno));
    return false;
}

static void remove_tree(int parent, const char *name);

/* All that is in the directory; no link is followed. */
static void remove_contents(int parent)
{
    int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, e->d_name, 0) < 0 && errno == EISDIR)
            remove_tree(fd, e->d_name);
    }
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
}

/* The same, then the directory. */
static void remove_tree(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0) {
        remove_contents(fd);
        close(fd);
    }
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* Does somebody hold the lock of the guest's directory? */
static bool is_alive(int base, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/lock", name);
    int fd = openat(base, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool alive = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return alive;
}

/* Names of the guests' directories. */
static GPtrArray *names_in(int base)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] != '.')
            g_ptr_array_add(names, g_strdup(e->d_name));
    }
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return names;
}

/* Under the lock of base, so nobody is between making a directory and locking it. */
static void sweep(int base)
{
    g_autoptr(GPtrArray) names = names_in(base);

    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (is_alive(base, name))
            continue;
        g_debug("removing what a dead guest left behind: %s", name);
        remove_tree(base, name);
    }
}

/* Opens base, made if need be, and locks it. Others must not be able to put anything there. */
static int open_base(const char *base, GError **error)
{
    struct stat st;

    if (g_mkdir_with_parents(base, 0700) < 0) {
        failed(error, "make", base);
        return -1;
    }
    int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        failed(error, "open", base);
    } else if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "'%s' belongs to another user, or others may write to it", base);
    } else if (flock(fd, LOCK_EX) < 0) {
        failed(error, "lock", base);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What may stand in a path of any kind, and is short. */
static char *plain(const char *name)
{
    char *text = g_strndup(name, MAX_NAME);

    for (char *c = text; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-_+", *c))
            *c = '_';
    }
    return text;
}

/* The UUID unless a second guest has it, as QEMU lets it; else name and pid. */
static char *choose_name(int base, const char *name, const char *uuid)
{
    if (uuid && !is_alive(base, uuid))
        return g_strdup(uuid);
    g_autofree char *start = plain(uuid ? uuid : name ? name : "guest");
    return g_strdup_printf("%s-%d", start, (int)getpid());
}

static bool write_info(const struct rundir *r, const char *name, const char *uuid, GError **error)
{
    g_autoptr(GKeyFile) info = g_key_file_new();
    g_autofree char *path = rundir_file(r, "info");

    if (name)
        g_key_file_set_string(info, "guest", "name", name);
    if (uuid)
        g_key_file_set_string(info, "guest", "uuid", uuid);
    g_key_file_set_integer(info, "guest", "pid", (int)getpid());
    return g_key_file_save_to_file(info, path, error);
}

static bool make_directory(struct rundir *r, int base, const char *name, GError **error)
{
    g_autofree char *path = rundir_file(r, "lock");

    if (mkdirat(base, name, 0700) < 0)
        return failed(error, "make", r->path);
    r->dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->dir < 0)
        return failed(error, "open", r->path);
    r->lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    /* waits at most for somebody who asks whether we live */
    if (r->lock < 0 || flock(r->lock, LOCK_EX) < 0)
        return failed(error, "lock", path);
    return true;
}

struct rundir *rundir_new(const char *base, const char *name, const char *uuid, GError **error)
{
    int fd = open_base(base, error);

    if (fd < 0)
        return NULL;
    sweep(fd);
    struct rundir *r = g_new0(struct rundir, 1);
    g_autofree char *own = choose_name(fd, name, uuid);
    r->lock = r->dir = -1;
    r->path = g_build_filename(base, own, NULL);
    if (!make_directory(r, fd, own, error) || !write_info(r, name, uuid, error)) {
        rundir_free(r);
        r = NULL;
    }
    close(fd);
    return r;
}

const char *rundir_path(const struct rundir *r)
{
    return r->path;
}

char *rundir_file(const struct rundir *r, const char *name)
{
    return g_build_filename(r->path, name, NULL);
}

bool rundir_write(const struct rundir *r, const char *name, const char *text, GError **error)
{
    g_autofree char *half = g_strconcat(".", name, NULL);
    int fd = openat(r->dir, half, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;

    if (fd >= 0)
        close(fd);
    return (ok && renameat(r->dir, half, r->dir, name) == 0) || failed(error, "write", name);
}

bool rundir_give(const struct rundir *r, uid_t uid, gid_t gid, GError **error)
{
    g_autoptr(GPtrArray) names = names_in(r->dir);

    for (guint i = 0; i < names->len; i++) {
        if (fchownat(r->dir, g_ptr_array_index(names, i), uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
            return failed(error, "give away", r->path);
    }
    return fchown(r->dir, uid, gid) == 0 || failed(error, "give away", r->path);
}

void rundir_free(struct rundir *r)
{
    if (!r)
        return;
    if (r->lock >= 0) { /* only then it is ours */
        remove_contents(r->dir);
        rmdir(r->path);
        close(r->lock);
    }
    if (r->dir >= 0)
        close(r->dir);
    g_free(r->path);
    g_free(r);
}

static void entry_free(gpointer data)
{
    struct rundir_entry *e = data;

    g_free(e->path);
    g_free(e->name);
    g_free(e->uuid);
    g_free(e);
}

static struct rundir_entry *read_entry(const char *base, const char *name)
{
    g_autofree char *path = g_build_filename(base, name, "info", NULL);
    g_autoptr(GKeyFile) info = g_key_file_new();

    if (!g_key_file_load_from_file(info, path, G_KEY_FILE_NONE, NULL))
        return NULL;
    struct rundir_entry *e = g_new0(struct rundir_entry, 1);
    e->path = g_build_filename(base, name, NULL);
    e->name = g_key_file_get_string(info, "guest", "name", NULL);
    e->uuid = g_key_file_get_string(info, "guest", "uuid", NULL);
    e->pid = g_key_file_get_integer(info, "guest", "pid", NULL);
    return e;
}

GPtrArray *rundir_list(const char *base)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(entry_free);
    int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return list;
    g_autoptr(GPtrArray) names = names_in(fd);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        struct rundir_entry *e = is_alive(fd, name) ? read_entry(base, name) : NULL;
        if (e)
            g_ptr_array_add(list, e);
    }
    close(fd);
    return list;
}
