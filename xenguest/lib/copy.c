/* Bytes from one file to another. */
#include "xenguest/lib/image_priv.h"
#include "xenner/util/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK     (1u << 20)
#define COPY_STEP (32u << 20)
/* Direct writes: what they must be aligned to, how much at once, and what is worth it. */
#define BLOCK       4096u
#define DIRECT_STEP ((size_t)32 << 20)
#define DIRECT_MIN  (64u << 20)
#define THREADS     3u

bool xg_write_all(int fd, const void *data, size_t len, const char *name, GError **error)
{
    return write_all(fd, data, len) || xg_failed(error, name, "write it");
}

bool xg_interrupted(GError **error)
{
    sigset_t set;

    sigpending(&set);
    if (!sigismember(&set, SIGINT) && !sigismember(&set, SIGTERM) && !sigismember(&set, SIGHUP))
        return false;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted");
    return true;
}

static bool copy_by_hand(int from, off_t at, uint64_t size, int to, const char *name,
                         GError **error)
{
    g_autofree char *buf = g_malloc(CHUNK);

    while (size) {
        if (xg_interrupted(error))
            return false;
        ssize_t n = pread(from, buf, MIN(size, CHUNK), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return xg_failed(error, name, "read it");
        if (!n)
            return xg_refuse(error, name, "it became shorter while it was read");
        if (!xg_write_all(to, buf, (size_t)n, name, error))
            return false;
        at += n;
        size -= (uint64_t)n;
    }
    return true;
}

bool xg_copy_range(int from, off_t at, uint64_t size, int to, const char *name, GError **error)
{
    while (size) {
        if (xg_interrupted(error))
            return false;
        ssize_t n = copy_file_range(from, &at, to, NULL, MIN(size, COPY_STEP), 0);
        /*
         * Pipes, two file systems, a kernel without it: EINVAL, EXDEV, ENOSYS...; errors come
         * again.
         */
        if (n <= 0)
            return copy_by_hand(from, at, size, to, name, error);
        size -= (uint64_t)n;
        /* The disk works meanwhile: the fsync() in the end has less to wait for. */
        off_t end = lseek(to, 0, SEEK_CUR);
        if (end >= n)
            sync_file_range(to, end - n, n, SYNC_FILE_RANGE_WRITE);
    }
    return true;
}

/* Windows that are written past the page cache, by more than one thread: the disk is never idle. */
struct direct {
    int from, to;
    off_t from_at, to_at; /* to_at and size are aligned */
    uint64_t size;
    gint next, failed; /* atomic: the window that is nobody's yet; a boolean */
};

/* Nobody looks into the mapping here: of a file that became shorter, write() makes an error. */
static bool write_window(const struct direct *d, uint64_t done)
{
    size_t size = MIN(d->size - done, DIRECT_STEP);
    off_t at = d->from_at + (off_t)done, start = at & ~(off_t)(BLOCK - 1);
    size_t shift = (size_t)(at - start);
    char *map = mmap(NULL, size + shift, PROT_READ, MAP_SHARED, d->from, start);

    if (map == MAP_FAILED)
        return false;
    posix_fadvise(d->from, at + (off_t)(THREADS * DIRECT_STEP), DIRECT_STEP,
                  POSIX_FADV_WILLNEED);
    madvise(map, size + shift, MADV_POPULATE_READ); /* all pages in one go */
    bool ok = pwrite(d->to, map + shift, size, d->to_at + (off_t)done) == (ssize_t)size;
    munmap(map, size + shift);
    /* the old file is about to go: its pages are freed while the disk works */
    posix_fadvise(d->from, at, (off_t)size, POSIX_FADV_DONTNEED);
    return ok;
}

static gpointer write_windows(gpointer opaque)
{
    struct direct *d = opaque;

    while (!g_atomic_int_get(&d->failed)) {
        uint64_t done = (uint64_t)g_atomic_int_add(&d->next, 1) * DIRECT_STEP;
        if (done >= d->size)
            break;
        if (xg_interrupted(NULL) || !write_window(d, done))
            g_atomic_int_set(&d->failed, true);
    }
    return NULL;
}

static bool set_direct(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* With room for all of it, threads need not wait for each other to make the file longer. */
static bool copy_direct(struct direct *d)
{
    GThread *others[THREADS - 1];

    if (!set_direct(d->to, true))
        return false;
    d->failed = fallocate(d->to, 0, d->to_at, (off_t)d->size) < 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++)
        others[i] = g_thread_try_new("copy", write_windows, d, NULL);
    write_windows(d);
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        if (others[i])
            g_thread_join(others[i]);
    }
    return set_direct(d->to, false) && !d->failed;
}

bool xg_copy_to_disk(int from, off_t at, uint64_t size, int to, const char *name, GError **error)
{
    off_t position = lseek(to, 0, SEEK_CUR);
    uint64_t head = (BLOCK - (uint64_t)position % BLOCK) % BLOCK;

    if (position < 0 || size < DIRECT_MIN)
        return xg_copy_range(from, at, size, to, name, error);
    if (!xg_copy_range(from, at, head, to, name, error))
        return false;
    struct direct d = {.from = from,
                       .to = to,
                       .from_at = at + (off_t)head,
                       .to_at = position + (off_t)head,
                       .size = (size - head) / BLOCK * BLOCK};
    uint64_t done = head + (copy_direct(&d) ? d.size : 0);
    /* what is not possible here, or failed, goes the other way, from where it began */
    if (lseek(to, position + (off_t)done, SEEK_SET) < 0)
        return xg_failed(error, name, "write it");
    return xg_copy_range(from, at + (off_t)done, size - done, to, name, error);
}
