/* Files through a pool of threads that wait, for kernels and sandboxes without io_uring. */
#include "xenner/backend/blk_io_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { MAX_THREADS = 16 };

struct executor {
    GThreadPool *pool;
    GAsyncQueue *finished;
    int event_fd;
};

static ssize_t run_job(const struct io_job *job)
{
    switch (job->op) {
    case IO_READ:
        return preadv(job->fd, job->iov, (int)job->iovcnt, (off_t)job->offset);
    case IO_WRITE:
        return pwritev(job->fd, job->iov, (int)job->iovcnt, (off_t)job->offset);
    case IO_SYNC:
        return fdatasync(job->fd);
    case IO_FALLOCATE:
        return fallocate(job->fd, job->mode, (off_t)job->offset, (off_t)job->bytes);
    }
    errno = EINVAL;
    return -1;
}

static void worker(gpointer data, gpointer executor)
{
    struct executor *x = executor;
    struct io_job *job = data;
    const uint64_t one = 1;
    ssize_t n;

    do {
        n = run_job(job);
    } while (n < 0 && errno == EINTR);
    job->rc = n < 0 ? -errno : (int)n;
    g_async_queue_push(x->finished, job);
    while (write(x->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void *io_threads_executor_new(int event_fd)
{
    struct executor *x = g_new0(struct executor, 1);

    x->event_fd = event_fd;
    x->finished = g_async_queue_new();
    x->pool = g_thread_pool_new(worker, x, MAX_THREADS, FALSE, NULL);
    return x;
}

static void threads_submit(void *executor, struct io_job *job)
{
    struct executor *x = executor;

    g_thread_pool_push(x->pool, job, NULL);
}

static void threads_flush(void *executor)
{
}

static bool threads_reap(void *executor)
{
    struct executor *x = executor;
    struct io_job *job;
    bool any = false;

    while ((job = g_async_queue_try_pop(x->finished))) {
        job->done(job, job->rc);
        any = true;
    }
    return any;
}

static void threads_free(void *executor)
{
    struct executor *x = executor;

    g_thread_pool_free(x->pool, FALSE, TRUE);
    g_async_queue_unref(x->finished);
    g_free(x);
}

const struct io_executor_ops io_threads_executor = {"threads", threads_submit, threads_flush,
                                                    threads_reap, threads_free};
