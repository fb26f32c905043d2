#include "xenguest/disk/progress.h"

#include <glib.h>
#include <stdio.h>
#include <unistd.h>

#define INTERVAL 200000 /* us */

static void show(struct progress *p, uint64_t done)
{
    if (p->total)
        fprintf(stderr, "\r%s: %u%%\033[K", p->what, (unsigned)(done * 100 / p->total));
    else
        fprintf(stderr, "\r%s...\033[K", p->what);
    p->shown = true;
}

struct progress progress_start(const char *what, uint64_t total)
{
    struct progress p = {.what = what, .total = total, .last = g_get_monotonic_time()};

    if (isatty(STDERR_FILENO))
        show(&p, 0);
    return p;
}

void progress_update(struct progress *p, uint64_t done)
{
    int64_t now = g_get_monotonic_time();

    if (!p->shown || now - p->last < INTERVAL)
        return;
    p->last = now;
    show(p, MIN(done, p->total));
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
