#include "xenner/build/blob.h"
#include "xenner/build/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE_PAGE (2u << 20)

void blob_clear(struct blob *b)
{
    if (b->data)
        munmap(b->data, b->reserved);
    *b = (struct blob){0};
}

bool blob_reserve(struct blob *ret, size_t bytes, GError **error)
{
    void *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (data == MAP_FAILED)
        return build_fail(error, "no memory for %zu MiB: %s", bytes >> 20, g_strerror(errno));
    /* A kernel is tens of megabytes: huge pages save thousands of page faults; a hint only. */
    if (bytes >= HUGE_PAGE)
        madvise(data, bytes, MADV_HUGEPAGE);
    *ret = (struct blob){.data = data, .reserved = bytes};
    return true;
}

/* Takes fd, with the errno of its opening. */
static int check_file(int fd, int err, const char *path, const char *what, uint64_t *ret_bytes,
                      GError **error)
{
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) < 0) {
        err = errno;
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(err), "could not open %s '%s': %s",
                    what, path, g_strerror(err));
        return -1;
    }
    if (!S_ISREG(st.st_mode))
        build_fail(error, "could not open %s '%s': %s", what, path,
                   S_ISDIR(st.st_mode) ? g_strerror(EISDIR) : "not a regular file");
    else if (st.st_size == 0)
        build_fail(error, "%s '%s': the file is empty", what, path);
    else {
        *ret_bytes = (uint64_t)st.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

int blob_open_file(const char *path, const char *what, uint64_t *ret_bytes, GError **error)
{
    /* Without O_NONBLOCK a FIFO nobody writes to would hang right here. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    return check_file(fd, errno, path, what, ret_bytes, error);
}

int blob_use_fd(int fd, const char *path, const char *what, uint64_t *ret_bytes, GError **error)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    return check_file(own, errno, path, what, ret_bytes, error);
}

static bool read_all(int fd, const char *path, const char *what, struct blob *b, GError **error)
{
    while (b->len < b->reserved) {
        /* not read(): others may have the same file open through the same descriptor */
        ssize_t n = pread(fd, b->data + b->len, b->reserved - b->len, (off_t)b->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return build_fail(error, "could not read %s '%s': %s", what, path, g_strerror(errno));
        if (n == 0)
            return build_fail(error, "%s '%s': the file shrank while it was read", what, path);
        b->len += (size_t)n;
    }
    return true;
}

bool blob_read_file(const char *path, int open_fd, const char *what, size_t max, struct blob *ret,
                    GError **error)
{
    autoblob b = {0};
    uint64_t bytes;
    int fd = open_fd ? blob_use_fd(open_fd, path, what, &bytes, error)
                     : blob_open_file(path, what, &bytes, error);
    bool ok;

    if (fd < 0)
        return false;
    if (bytes > max)
        ok = build_fail(error, "%s '%s': larger than %zu MiB", what, path, max >> 20);
    else
        /* Read, not mapped: another process may truncate the file while we look at it. */
        ok = blob_reserve(&b, bytes, error) && read_all(fd, path, what, &b, error);
    close(fd);
    if (!ok)
        return false;
    *ret = b;
    b = (struct blob){0};
    return true;
}
