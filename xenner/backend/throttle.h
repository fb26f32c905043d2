/*
 * Limits of a disk, as leaky buckets: a request fills them by its size, time empties them, and one that
 * is too full makes the next request wait. Pure.
 */
#pragma once

#include "xenner/config/disk_config.h"

struct throttle {
    struct disk_limits limits;
    double level[NR_LIMITS], burst[NR_LIMITS];
    int64_t last; /* microseconds; when the levels were right */
};

void throttle_init(struct throttle *t, const struct disk_limits *limits, int64_t now);
/* 0: the request goes, and is counted. Else the microseconds after which it is worth to ask again. */
int64_t throttle_ask(struct throttle *t, bool write, uint64_t bytes, int64_t now);
