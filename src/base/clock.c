/* Clocks: see clock.h. */
#define _GNU_SOURCE /* CLOCK_BOOTTIME */
#include "base/clock.h"

#include <time.h>

static double seconds_on(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double nj_seconds(void)
{
    return seconds_on(CLOCK_MONOTONIC);
}

double nj_steady_seconds(void)
{
    return seconds_on(CLOCK_BOOTTIME);
}
