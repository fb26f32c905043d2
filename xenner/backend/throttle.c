#include "xenner/backend/throttle.h"

#define SECOND 1e6

void throttle_init(struct throttle *t, const struct disk_limits *limits, int64_t now)
{
    *t = (struct throttle){.limits = *limits, .last = now};
}

static void leak(struct throttle *t, int64_t now)
{
    double seconds = now > t->last ? (double)(now - t->last) / SECOND : 0;

    for (unsigned i = 0; i < NR_LIMITS; i++) {
        t->level[i] = MAX(t->level[i] - (double)t->limits.avg[i] * seconds, 0);
        t->burst[i] = MAX(t->burst[i] - (double)t->limits.max[i] * seconds, 0);
    }
    t->last = now;
}

/* The limits that count for a request. */
static bool applies(const struct throttle *t, unsigned i, bool write)
{
    bool kind = i == LIMIT_BPS_TOTAL || i == LIMIT_IOPS_TOTAL ||
                write == (i == LIMIT_BPS_WRITE || i == LIMIT_IOPS_WRITE);

    return kind && t->limits.avg[i];
}

static double units(const struct throttle *t, unsigned i, uint64_t bytes)
{
    uint64_t size = t->limits.iops_size;

    if (i < LIMIT_IOPS_TOTAL)
        return (double)bytes;
    return size && bytes > size ? (double)bytes / (double)size : 1;
}

/* Seconds until a limit has room: in a burst of some length, for its rate as well. */
static double wait_for(const struct throttle *t, unsigned i)
{
    double avg = (double)t->limits.avg[i], max = (double)t->limits.max[i];
    double length = (double)MAX(t->limits.max_length[i], 1);
    double wait = (t->level[i] - (max > 0 ? max * length : avg / 10)) / avg;

    return length > 1 && max > 0 ? MAX(wait, (t->burst[i] - max / 10) / max) : wait;
}

int64_t throttle_ask(struct throttle *t, bool write, uint64_t bytes, int64_t now)
{
    double wait = 0;

    leak(t, now);
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        if (applies(t, i, write))
            wait = MAX(wait, wait_for(t, i));
    }
    if (wait > 0)
        return (int64_t)(wait * SECOND) + 1;
    for (unsigned i = 0; i < NR_LIMITS; i++) {
        if (!applies(t, i, write))
            continue;
        t->level[i] += units(t, i, bytes);
        t->burst[i] += units(t, i, bytes);
    }
    return 0;
}
