#include "xenner/util/ready_source.h"

struct ready_source {
    GSource base;
    void (*fn)(void *opaque);
    void *opaque;
};

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct ready_source *s = (struct ready_source *)source;

    g_source_set_ready_time(source, -1);
    s->fn(s->opaque);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs funcs = {.dispatch = dispatch};

GSource *ready_source_new(GMainContext *context, void (*fn)(void *opaque), void *opaque)
{
    GSource *source = g_source_new(&funcs, sizeof(struct ready_source));
    struct ready_source *s = (struct ready_source *)source;

    s->fn = fn;
    s->opaque = opaque;
    g_source_attach(source, context);
    return source;
}

void ready_source_free(GSource *source)
{
    if (!source)
        return;
    g_source_destroy(source);
    g_source_unref(source);
}
