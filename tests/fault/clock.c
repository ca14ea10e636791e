/* A library to be preloaded that sets the wall clock, as this program sees it.
 *
 *   CLOCK_JUMPS=N:SECONDS,...   after N files were renamed into place the clock
 *                               is SECONDS ahead of the machine's (behind it
 *                               when negative), until the next jump */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "preload.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static atomic_long renames;

static long ahead(void)
{
    const char *text = getenv("CLOCK_JUMPS");
    long now = atomic_load(&renames);
    long offset = 0;
    long at;
    long seconds;

    while (text && sscanf(text, "%ld:%ld", &at, &seconds) == 2) {
        if (now >= at)
            offset = seconds;
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return offset;
}

int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    int result;

    if (!real)
        next("rename", &real);
    result = real(from, to);
    atomic_fetch_add(&renames, result == 0);
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    int result;

    if (!real)
        next("clock_gettime", &real);
    result = real(clock, t);
    if (result == 0 && clock == CLOCK_REALTIME)
        t->tv_sec += ahead();
    return result;
}

time_t time(time_t *out)
{
    struct timespec t;

    if (clock_gettime(CLOCK_REALTIME, &t) != 0)
        return -1;
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &t) != 0)
        return -1;
    *out = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
    return 0;
}
