#include "xenner/util/fd_source.h"

GSource *fd_source_new(GMainContext *context, int fd, GIOCondition what, GUnixFDSourceFunc fn,
                       void *opaque)
{
    GSource *source = g_unix_fd_source_new(fd, what);

    g_source_set_callback(source, G_SOURCE_FUNC(fn), opaque, NULL);
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, context);
    return source;
}
