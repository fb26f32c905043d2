#include "xenner/engine/tsc.h"

#include <glib.h>
#include <time.h>
#include <x86intrin.h>

static int64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* The tightest of a few brackets: a preemption in between would spoil one. */
struct tsc_sample tsc_sample_now(void)
{
    struct tsc_sample best = {0};
    uint64_t width = UINT64_MAX;

    for (int i = 0; i < 8; i++) {
        uint64_t before = __rdtsc();
        int64_t ns = monotonic_ns();
        uint64_t after = __rdtsc();
        if (after - before < width) {
            width = after - before;
            best = (struct tsc_sample){before + width / 2, ns};
        }
    }
    return best;
}

uint64_t tsc_measure(struct tsc_sample from)
{
    const int64_t enough = 20000000;
    struct tsc_sample to = tsc_sample_now();

    if (to.ns - from.ns < enough) {
        int64_t rest = enough - (to.ns - from.ns);
        struct timespec ts = {0, rest};
        nanosleep(&ts, NULL);
        to = tsc_sample_now();
    }
    return (uint64_t)((__int128)(to.tsc - from.tsc) * 1000000000 / (to.ns - from.ns));
}

/* The kernel takes a TSC that failed its watchdog off the list of what it could use. */
bool tsc_is_stable(void)
{
    g_autofree char *list = NULL;

    if (!g_file_get_contents("/sys/devices/system/clocksource/clocksource0/available_clocksource",
                             &list, NULL, NULL))
        return true;
    g_auto(GStrv) names = g_strsplit_set(list, " \n", -1);
    return g_strv_contains((const char *const *)names, "tsc");
}
