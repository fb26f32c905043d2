/* How far long work has come, on stderr; nothing when that is no terminal. Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* borrowed */
    uint64_t total;   /* 0: not known */
    int64_t last;     /* when it was shown */
    bool shown;
};

struct progress progress_start(const char *what, uint64_t total);
void progress_update(struct progress *p, uint64_t done);
/* Clears the line. */
void progress_end(struct progress *p);
