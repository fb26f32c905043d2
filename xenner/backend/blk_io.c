#include "xenner/backend/blk_io_priv.h"
#include "xenner/util/fd_source.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct blk_io {
    GThread *thread;
    GMainContext *context;
    bool stop; /* the I/O thread's */
    int event_fd;
    GSource *event_source;
    const struct io_executor_ops *ops;
    void *executor;
    struct io_batch *batches, **batches_end;
};

/* blk_io_call() on its way. */
struct call {
    void (*fn)(void *opaque);
    void *opaque;
    bool done;
    GMutex lock;
    GCond cond;
};

static void run_batches(struct blk_io *io)
{
    while (io->batches) {
        struct io_batch *b = io->batches;
        io->batches = b->next;
        if (!io->batches)
            io->batches_end = &io->batches;
        b->queued = false;
        b->fn(b);
    }
}

/*
 * True when there was something to be done. Reads from the page cache are finished when they are submitted,
 * and answered here at once. It has an end: answers bring no requests, those are taken
 * in a round of their own.
 */
static bool end_of_round(struct blk_io *io)
{
    bool any = false, more = true;

    while (more) {
        any |= io->batches != NULL;
        run_batches(io);
        io->ops->flush(io->executor);
        more = io->ops->reap(io->executor);
        any |= more;
    }
    return any;
}

void io_at_end(struct blk_io *io, struct io_batch *batch)
{
    if (batch->queued)
        return;
    batch->queued = true;
    batch->next = NULL;
    *io->batches_end = batch;
    io->batches_end = &batch->next;
}

void io_iterate(struct blk_io *io)
{
    /* What the caller waits for may have happened in the first line. */
    bool wait = !end_of_round(io);
    g_main_context_iteration(io->context, wait);
    end_of_round(io);
}

static gpointer io_thread(gpointer data)
{
    struct blk_io *io = data;

    g_main_context_push_thread_default(io->context);
    while (!io->stop)
        io_iterate(io);
    g_main_context_pop_thread_default(io->context);
    return NULL;
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer data)
{
    struct blk_io *io = data;
    uint64_t n;

    /* Empty it first: what finishes from here on brings another round. */
    while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
        ;
    io->ops->reap(io->executor);
    return G_SOURCE_CONTINUE;
}

static void choose_executor(struct blk_io *io, bool uring)
{
    io->ops = &io_uring_executor;
    io->executor = uring ? io_uring_executor_new(io->event_fd) : NULL;
    if (io->executor)
        return;
    io->ops = &io_threads_executor;
    io->executor = io_threads_executor_new(io->event_fd);
}

struct blk_io *blk_io_new(bool uring)
{
    struct blk_io *io = g_new0(struct blk_io, 1);

    io->batches_end = &io->batches;
    io->context = g_main_context_new();
    io->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->event_fd < 0)
        g_error("no eventfd: %s", g_strerror(errno));
    choose_executor(io, uring);
    g_log("blk", G_LOG_LEVEL_DEBUG, "I/O goes through %s", io->ops->name);
    io->event_source = fd_source_new(io->context, io->event_fd, G_IO_IN, on_event, io);
    io->thread = g_thread_new("block-io", io_thread, io);
    return io;
}

static gboolean run_call(gpointer data)
{
    struct call *c = data;

    c->fn(c->opaque);
    g_mutex_lock(&c->lock);
    c->done = true;
    g_cond_signal(&c->cond);
    g_mutex_unlock(&c->lock);
    return G_SOURCE_REMOVE;
}

void blk_io_call(struct blk_io *io, void (*fn)(void *opaque), void *opaque)
{
    struct call c = {.fn = fn, .opaque = opaque};

    g_mutex_init(&c.lock);
    g_cond_init(&c.cond);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, run_call, &c, NULL);
    g_source_attach(source, io->context);
    g_source_unref(source);
    g_mutex_lock(&c.lock);
    while (!c.done)
        g_cond_wait(&c.cond, &c.lock);
    g_mutex_unlock(&c.lock);
    g_cond_clear(&c.cond);
    g_mutex_clear(&c.lock);
}

static void stop_thread(void *opaque)
{
    struct blk_io *io = opaque;

    io->stop = true;
}

void blk_io_free(struct blk_io *io)
{
    if (!io)
        return;
    blk_io_call(io, stop_thread, io);
    g_thread_join(io->thread);
    io->ops->free(io->executor);
    g_source_destroy(io->event_source);
    g_source_unref(io->event_source);
    close(io->event_fd);
    g_main_context_unref(io->context);
    g_free(io);
}

GMainContext *blk_io_context(struct blk_io *io)
{
    return io->context;
}

static void tell_tid(void *opaque)
{
    *(int *)opaque = gettid();
}

int blk_io_tid(struct blk_io *io)
{
    int tid;

    blk_io_call(io, tell_tid, &tid);
    return tid;
}

const char *blk_io_kind(const struct blk_io *io)
{
    return io->ops->name;
}

void io_submit(struct blk_io *io, struct io_job *job)
{
    io->ops->submit(io->executor, job);
}
