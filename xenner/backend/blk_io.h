/*
 * The thread of block I/O: a GMainContext for the event channels and sockets of disks, and a way to
 * have files read and written without waiting: io_uring, or threads where the kernel refuses it.
 *
 * Threads: new, free and call in the main loop's; the rest in the I/O thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct blk_io;

enum io_op { IO_READ, IO_WRITE, IO_SYNC, IO_FALLOCATE };

/* The caller's, unchanged until done is called (never from inside io_submit). */
struct io_job {
    enum io_op op;
    int fd;
    uint64_t offset;
    const struct iovec *iov; /* read, write: at most IOV_MAX */
    unsigned iovcnt;
    int mode;                /* fallocate */
    uint64_t bytes;
    void (*done)(struct io_job *job, int rc); /* bytes done or 0; or -errno */
    int rc;                  /* the executor's */
};

/* Something to be done once after all that is ready now was handled. Zeroed at first. */
struct io_batch {
    void (*fn)(struct io_batch *batch);
    struct io_batch *next;
    bool queued;
};

/* uring: with it if the kernel lets us; false: threads. */
struct blk_io *blk_io_new(bool uring);
/* All jobs are done, all sources gone. Accepts NULL. */
void blk_io_free(struct blk_io *io);
/* Runs fn in the I/O thread and waits for it. */
void blk_io_call(struct blk_io *io, void (*fn)(void *opaque), void *opaque);
/* The I/O thread's. */
GMainContext *blk_io_context(struct blk_io *io);
/* Of its thread. */
int blk_io_tid(struct blk_io *io);
/* "io_uring" or "threads" */
const char *blk_io_kind(const struct blk_io *io);

void io_submit(struct blk_io *io, struct io_job *job);
void io_at_end(struct blk_io *io, struct io_batch *batch);
/* Waits for something to happen and handles it; for those who wait in the I/O thread for jobs. */
void io_iterate(struct blk_io *io);
