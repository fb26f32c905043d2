#include "xenner/backend/image_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>

/* Where in the file, and the rights in their order there. */
enum { USED = 100, REFUSED = 200 };
enum { READ_CONSISTENT, WRITE };
static const char *const rights[] = {"consistent read", "write"};

/* A read lock on one byte, which any number of processes can have. */
static int take(int fd, off_t byte)
{
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &l) < 0 ? -errno : 0;
}

static bool others_have(int fd, off_t byte)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool refuse(GError **error, const char *path, const char *which)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                "Failed to get %s lock (Is another process using the image [%s]?)", which, path);
    return false;
}

/*
 * First our bytes, then a look at the others': of two that come at the same time at least one sees the
 * other.
 */
bool image_lock(int fd, bool write, const char *path, GError **error)
{
    int rc = take(fd, USED + READ_CONSISTENT);

    if (!rc && write)
        rc = take(fd, USED + WRITE);
    if (!rc)
        rc = take(fd, REFUSED + WRITE);
    if (rc == -EINVAL || rc == -ENOLCK || rc == -EOPNOTSUPP)
        return true; /* a file system without locks: QEMU goes on, too */
    if (rc < 0)
        return refuse(error, path, write ? "\"write\"" : "shared \"write\"");
    for (unsigned i = 0; i < (write ? 2 : 1); i++) {
        g_autofree char *quoted = g_strdup_printf("\"%s\"", rights[i]);
        if (others_have(fd, REFUSED + i))
            return refuse(error, path, quoted);
    }
    if (others_have(fd, USED + WRITE))
        return refuse(error, path, "shared \"write\"");
    return true;
}

void image_unlock(int fd)
{
    struct flock l = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = USED, .l_len = REFUSED + WRITE + 1 - USED};

    fcntl(fd, F_OFD_SETLK, &l);
}
