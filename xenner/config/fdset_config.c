#include "xenner/config/fdset_config.h"
#include "xenner/config/size.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>

void fdset_fd_clear(void *fd)
{
    g_free(((struct fdset_fd *)fd)->opaque);
}

static bool fits(int fd, int access)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_ACCMODE) == access;
}

static struct fdset_fd *choose(GArray *fds, uint64_t set, enum fdset_mode mode, bool *ret_any)
{
    struct fdset_fd *reader = NULL;

    for (guint i = 0; i < fds->len; i++) {
        struct fdset_fd *f = &g_array_index(fds, struct fdset_fd, i);
        if (f->set != set || f->removed)
            continue;
        *ret_any = true;
        if (mode == FDSET_ANY || fits(f->fd, mode == FDSET_READ ? O_RDONLY : O_RDWR))
            return f;
        if (!reader && mode == FDSET_WRITE_OR_READ && fits(f->fd, O_RDONLY))
            reader = f;
    }
    return reader;
}

char *fdset_path(GArray *fds, const char *path, enum fdset_mode mode, GError **error)
{
    static const char prefix[] = "/dev/fdset/";
    bool any = false;
    uint64_t set;

    if (!path || !g_str_has_prefix(path, prefix))
        return g_strdup(path);
    if (!number_parse(path + strlen(prefix), G_MAXINT64, &set, error))
        return NULL;
    struct fdset_fd *f = choose(fds, set, mode, &any);
    if (!f) {
        g_set_error(error, G_IO_ERROR, any ? G_IO_ERROR_PERMISSION_DENIED : G_IO_ERROR_NOT_FOUND,
                    "Could not open '%s': %s", path, g_strerror(any ? EACCES : ENOENT));
        return NULL;
    }
    f->used = true;
    return g_strdup_printf("/proc/self/fd/%d", f->fd);
}
