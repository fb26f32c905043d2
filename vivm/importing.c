#include "vivm/importing.h"

#include "xenguest/manager/guest.h"
#include "xenguest/manager/say.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(GError **error, const char *path)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "could not use '%s': %s", path,
                g_strerror(errno));
    return false;
}

/* Its lock; the name may have gone, with the import that had it, until this one had the lock. */
static bool take_lock(struct importing *i, const char *name, GError **error)
{
    struct stat named, held;

    if (flock(i->fd, LOCK_EX | LOCK_NB) == 0 && fstat(i->fd, &held) == 0 &&
        lstat(i->path, &named) == 0 && named.st_ino == held.st_ino)
        return true;
    close(i->fd);
    i->fd = -1;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "'%s' is being imported", name);
    return false;
}

/*
 * What a dead import left. A guest whose disk was written to since has had a domain: then that import was
 * killed when it had only its mark to remove, and the files are somebody's.
 */
static bool recover(const struct settings *s, const char *name, bool defined, GError **error)
{
    AUTO(guest) g = defined ? NULL : guest_open(s, name, NULL);

    if (!g || !guest_is_new(g))
        return true;
    say(SAY_WARNING, "removing what an interrupted import left of '%s'", name);
    return guest_remove(s, name, error);
}

/* The mark is made only where no guest is: one that is there is never taken for an import's. */
static bool make_mark(struct importing *i, const struct settings *s, const char *name, GError **error)
{
    if (guest_exists(s, name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "there is a guest '%s' already", name);
        return false;
    }
    i->fd = open(i->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return i->fd >= 0 ? take_lock(i, name, error) : failed(error, i->path);
}

bool importing_begin(struct importing *ret, const struct settings *s, const char *name, bool defined,
                     GError **error)
{
    *ret = (struct importing){.fd = -1};
    if (!guest_name_valid(name, error))
        return false;
    if (g_mkdir_with_parents(s->guests, 0755) < 0)
        return failed(error, s->guests);
    ret->path = g_strdup_printf("%s/.importing-%s", s->guests, name);
    ret->fd = open(ret->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (ret->fd >= 0)
        return take_lock(ret, name, error) && recover(s, name, defined, error);
    if (errno != ENOENT)
        return failed(error, ret->path);
    return defined || make_mark(ret, s, name, error);
}

void importing_clear(struct importing *i)
{
    if (i->fd >= 0) {
        unlink(i->path);
        close(i->fd);
    }
    g_free(i->path);
    *i = (struct importing){.fd = -1};
}
