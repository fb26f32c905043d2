/* Files through io_uring. */
#include "xenner/backend/blk_io_priv.h"

#include <errno.h>
#include <liburing.h>

enum { ENTRIES = 256 };

struct executor {
    struct io_uring ring;
    bool queued;
};

void *io_uring_executor_new(int event_fd)
{
    struct executor *x = g_new0(struct executor, 1);
    int rc = io_uring_queue_init(ENTRIES, &x->ring, 0);

    /* Without NODROP a full completion queue would lose requests. */
    if (!rc && (!(x->ring.features & IORING_FEAT_NODROP) ||
                io_uring_register_eventfd(&x->ring, event_fd) < 0)) {
        io_uring_queue_exit(&x->ring);
        rc = -ENOSYS;
    }
    if (!rc)
        return x;
    g_free(x);
    return NULL;
}

static void uring_flush(void *executor)
{
    struct executor *x = executor;

    while (x->queued && io_uring_sq_ready(&x->ring)) {
        int rc = io_uring_submit(&x->ring);
        /* EAGAIN, EBUSY: the kernel is short of something that finishing requests give back */
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
            g_error("io_uring_submit: %s", g_strerror(-rc));
        if (rc == -EAGAIN || rc == -EBUSY)
            break;
    }
    x->queued = io_uring_sq_ready(&x->ring) > 0;
}

static void uring_submit(void *executor, struct io_job *job)
{
    struct executor *x = executor;
    struct io_uring_sqe *sqe;

    while (!(sqe = io_uring_get_sqe(&x->ring))) {
        x->queued = true;
        uring_flush(x);
    }
    switch (job->op) {
    case IO_READ:
        io_uring_prep_readv(sqe, job->fd, job->iov, job->iovcnt, job->offset);
        break;
    case IO_WRITE:
        io_uring_prep_writev(sqe, job->fd, job->iov, job->iovcnt, job->offset);
        break;
    case IO_SYNC:
        io_uring_prep_fsync(sqe, job->fd, IORING_FSYNC_DATASYNC);
        break;
    case IO_FALLOCATE:
        io_uring_prep_fallocate(sqe, job->fd, job->mode, (off_t)job->offset, (off_t)job->bytes);
        break;
    }
    io_uring_sqe_set_data(sqe, job);
    x->queued = true;
}

static bool uring_reap(void *executor)
{
    struct executor *x = executor;
    struct io_uring_cqe *cqe;
    bool any = false;

    while (io_uring_peek_cqe(&x->ring, &cqe) == 0) {
        struct io_job *job = io_uring_cqe_get_data(cqe);
        int rc = cqe->res;
        io_uring_cqe_seen(&x->ring, cqe);
        any = true;
        if (rc == -EINTR || rc == -EAGAIN) /* not for files, but then it is no error */
            uring_submit(x, job);
        else
            job->done(job, rc);
    }
    return any;
}

static void uring_free(void *executor)
{
    struct executor *x = executor;

    io_uring_queue_exit(&x->ring);
    g_free(x);
}

const struct io_executor_ops io_uring_executor = {"io_uring", uring_submit, uring_flush, uring_reap,
                                                  uring_free};
