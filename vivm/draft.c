#include "vivm/draft.h"
#include "libvirt-xml/domain_xml.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKUPS = 10 };

struct draft {
    char *directory, *stem; /* stem: "NAME.UUID" */
    char *path, *lock_path;
    int lock;
};

static bool failed(const char *what, const char *path, GError **error)
{
    int why = errno;

    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(why), "%s '%s': %s", what, path,
                g_strerror(why));
    return false;
}

/* A name may have any characters but '/'; those that shells stumble over become '_'. */
static char *make_stem(const char *name, const char *uuid)
{
    char *stem = g_strdup_printf("%.100s.%s", name, uuid);

    g_strcanon(stem, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_", '_');
    if (stem[0] == '.')
        stem[0] = '_';
    return stem;
}

static char *file(const struct draft *d, const char *suffix)
{
    return g_strdup_printf("%s/%s.%s", d->directory, d->stem, suffix);
}

/* The one who had it may have removed the file meanwhile: then it was another file's lock. */
static bool take_lock(struct draft *d, GError **error)
{
    struct stat mine, there;

    for (;;) {
        d->lock = open(d->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (d->lock < 0)
            return failed("could not open", d->lock_path, error);
        if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                        "somebody else edits it (the lock is '%s')", d->lock_path);
            return false;
        }
        if (fstat(d->lock, &mine) == 0 && stat(d->lock_path, &there) == 0 &&
            mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
            return true;
        close(d->lock);
    }
}

struct draft *draft_open(const char *directory, const char *name, const char *uuid, GError **error)
{
    struct draft *d = g_new0(struct draft, 1);

    d->lock = -1;
    d->directory = directory ? g_strdup(directory)
                             : g_build_filename(g_get_user_state_dir(), "vivm", NULL);
    d->stem = make_stem(name, uuid);
    d->path = file(d, "draft.xml");
    d->lock_path = file(d, "lock");
    if (g_mkdir_with_parents(d->directory, 0700) < 0)
        failed("could not make", d->directory, error);
    else if (take_lock(d, error))
        return d;
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
    draft_free(d);
    return NULL;
}

void draft_free(struct draft *d)
{
    if (!d)
        return;
    if (d->lock >= 0) {
        unlink(d->lock_path); /* while it is ours */
        close(d->lock);
    }
    g_free(d->directory);
    g_free(d->stem);
    g_free(d->path);
    g_free(d->lock_path);
    g_free(d);
}

const char *draft_path(const struct draft *d)
{
    return d->path;
}

bool draft_exists(const struct draft *d)
{
    return access(d->path, F_OK) == 0;
}

static bool write_file(const char *path, const char *text, GError **error)
{
    return g_file_set_contents_full(path, text, -1,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                    error);
}

bool draft_write(const struct draft *d, const char *text, GError **error)
{
    return write_file(d->path, text, error);
}

char *draft_read(const struct draft *d, GError **error)
{
    size_t len;
    g_autofree char *text = domain_xml_read(d->path, &len, error);

    if (text && strlen(text) != len) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: not text", d->path);
        return NULL;
    }
    return g_steal_pointer(&text);
}

void draft_remove(const struct draft *d)
{
    unlink(d->path);
}

/* "kept-20240131-235959-123456": names sort by date. */
static char *dated(const struct draft *d, const char *what)
{
    for (;;) {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *when = g_date_time_format(now, "%Y%m%d-%H%M%S-%f");
        g_autofree char *suffix = g_strdup_printf("%s-%s.xml", what, when);
        char *path = file(d, suffix);
        if (access(path, F_OK) < 0)
            return path;
        g_free(path);
    }
}

char *draft_keep(const struct draft *d, GError **error)
{
    g_autofree char *path = dated(d, "kept");

    if (rename(d->path, path) < 0) {
        failed("could not rename", d->path, error);
        return NULL;
    }
    return g_steal_pointer(&path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The newest ones stay, and the one that was just made, whatever the clock says. */
static void prune(const struct draft *d, const char *made)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *prefix = g_strdup_printf("%s.backup-", d->stem);
    g_autoptr(GDir) dir = g_dir_open(d->directory, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_prefix(name, prefix))
            g_ptr_array_add(names, g_build_filename(d->directory, name, NULL));
    }
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i + BACKUPS < names->len; i++) {
        if (strcmp(g_ptr_array_index(names, i), made) != 0)
            unlink(g_ptr_array_index(names, i));
    }
}

char *draft_backup(const struct draft *d, const char *text, GError **error)
{
    g_autofree char *path = dated(d, "backup");

    if (!write_file(path, text, error))
        return NULL;
    prune(d, path);
    return g_steal_pointer(&path);
}
