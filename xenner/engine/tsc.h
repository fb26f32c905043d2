/* How fast this host's TSC ticks, measured against CLOCK_MONOTONIC over the time between two looks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tsc_sample {
    uint64_t tsc;
    int64_t ns;
};

struct tsc_sample tsc_sample_now(void);
/* Ticks a second between from and now; waits until they are 20 ms apart, which is 10 ppm. */
uint64_t tsc_measure(struct tsc_sample from);
/*
 * Does the kernel hold the TSCs of this machine for synchronous and constant? A guest's clock is its TSC,
 * and KVM stops and jumps it where they are not. True when the kernel doesn't say.
 */
bool tsc_is_stable(void);
