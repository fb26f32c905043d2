#include "xenner/backend/io_thread.h"

#include <stdbool.h>

struct io_thread {
    GThread *thread;
    GMainContext *ctx;
    bool stop; /* written in the thread */
    GMutex lock;
    GCond done;
};

static gpointer run(gpointer data)
{
    struct io_thread *t = data;

    g_main_context_push_thread_default(t->ctx);
    while (!t->stop)
        g_main_context_iteration(t->ctx, TRUE);
    g_main_context_pop_thread_default(t->ctx);
    return NULL;
}

struct io_thread *io_thread_new(const char *name)
{
    struct io_thread *t = g_new0(struct io_thread, 1);

    t->ctx = g_main_context_new();
    g_mutex_init(&t->lock);
    g_cond_init(&t->done);
    t->thread = g_thread_new(name, run, t);
    return t;
}

struct call {
    struct io_thread *thread;
    void (*fn)(void *opaque);
    void *opaque;
    bool done; /* under the thread's lock */
};

static gboolean do_call(gpointer data)
{
    struct call *c = data;

    c->fn(c->opaque);
    g_mutex_lock(&c->thread->lock);
    c->done = true;
    g_cond_broadcast(&c->thread->done);
    g_mutex_unlock(&c->thread->lock);
    return G_SOURCE_REMOVE;
}

void io_thread_call(struct io_thread *t, void (*fn)(void *opaque), void *opaque)
{
    struct call c = {t, fn, opaque, false};
    GSource *source = g_idle_source_new();

    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, do_call, &c, NULL);
    g_source_attach(source, t->ctx);
    g_mutex_lock(&t->lock);
    while (!c.done)
        g_cond_wait(&t->done, &t->lock);
    g_mutex_unlock(&t->lock);
    g_source_unref(source);
}

static void end(void *opaque)
{
    struct io_thread *t = opaque;

    t->stop = true;
}

void io_thread_free(struct io_thread *t)
{
    if (!t)
        return;
    io_thread_call(t, end, t);
    g_thread_join(t->thread);
    g_main_context_unref(t->ctx);
    g_mutex_clear(&t->lock);
    g_cond_clear(&t->done);
    g_free(t);
}

GMainContext *io_thread_context(struct io_thread *t)
{
    return t->ctx;
}
