#include "xenner/backend/qsd_doors.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MODE_ALL = 0777 };

static int new_socket(const char *dir, const char *name, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    g_snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/%s", dir, name);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static bool make_nbd(struct qsd_doors *d)
{
    struct sockaddr_un addr;

    d->listener = new_socket(d->path, "nbd", &addr);
    d->nbd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return d->listener >= 0 && d->nbd >= 0 && bind(d->listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
           listen(d->listener, 1) == 0 && connect(d->nbd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
}

/* All may write there, as the daemon may be another user's: but only who is handed it comes past its parent. */
static bool make_dir(struct qsd_doors *d)
{
    g_autofree char *path = g_build_filename(d->path, "d", NULL);

    if (mkdir(path, 0700) < 0)
        return false;
    d->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->dir >= 0 && fchmod(d->dir, MODE_ALL) == 0;
}

bool qsd_doors_open(struct qsd_doors *d, GError **error)
{
    *d = (struct qsd_doors){.listener = -1, .nbd = -1, .dir = -1};
    d->path = g_dir_make_tmp("xenner-XXXXXX", error); /* for us alone: mode 0700 */
    if (!d->path)
        return false;
    if (make_nbd(d) && make_dir(d))
        return true;
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                "no socket for qemu-storage-daemon: %s", g_strerror(errno));
    return false;
}

int qsd_doors_vhost(const struct qsd_doors *d)
{
    struct sockaddr_un addr;
    int fd = new_socket(d->path, "d/" QSD_VHOST_SOCKET, &addr);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void remove_all(const char *path)
{
    static const char *const names[] = {"nbd", "d/" QSD_VHOST_SOCKET, "d"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *name = g_build_filename(path, names[i], NULL);
        g_remove(name);
    }
    g_rmdir(path);
}

void qsd_doors_close(struct qsd_doors *d)
{
    const int fds[] = {d->listener, d->nbd, d->dir};

    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    if (d->path)
        remove_all(d->path);
    g_free(d->path);
    *d = (struct qsd_doors){.listener = -1, .nbd = -1, .dir = -1};
}
