/* Between blk_io.c and its two executors. */
#pragma once

#include "xenner/backend/blk_io.h"

struct io_executor_ops {
    const char *name;
    void (*submit)(void *executor, struct io_job *job);
    /* At the end of each round: what was submitted must be under way when it returns. */
    void (*flush)(void *executor);
    /* Calls done of each finished job, true when there was one; the executor has written to event_fd. */
    bool (*reap)(void *executor);
    void (*free)(void *executor);
};

/* NULL when the kernel refuses. */
void *io_uring_executor_new(int event_fd);
extern const struct io_executor_ops io_uring_executor;
void *io_threads_executor_new(int event_fd);
extern const struct io_executor_ops io_threads_executor;
