/* Rhythm: see rhythm.h. */
#include "run/rhythm.h"

void nj_rhythm_add(nj_rhythm *r, int64_t time, double seconds)
{
    r->last[r->count++ % NJ_RHYTHM_LAST] = (nj_beat){time, seconds};
}

static size_t kept(const nj_rhythm *r)
{
    return r->count < NJ_RHYTHM_LAST ? r->count : NJ_RHYTHM_LAST;
}

/* The picture before the last one is 1 back. */
static const nj_beat *back(const nj_rhythm *r, size_t n)
{
    return &r->last[(r->count - 1 - n) % NJ_RHYTHM_LAST];
}

static double gap(const nj_beat *before, const nj_beat *after)
{
    const double rounding = 2; /* times are whole seconds */
    double wall = (double)(after->time - before->time);

    if (after->seconds > 0 && (wall < 0 || wall > after->seconds + rounding))
        return after->seconds;
    return wall > 0 ? wall : 0;
}

static double per_hour(const nj_rhythm *r, int64_t now)
{
    size_t n = kept(r);
    double idle = (double)(now - back(r, 0)->time);
    double span = 0;

    for (size_t i = 1; i < n; i++)
        span += gap(back(r, i), back(r, i - 1));
    if (r->runs && idle > span)
        span += idle;
    return 3600.0 * (double)(n - 1) / (span < 1 ? 1 : span);
}

static const nj_rhythm *latest(const nj_rhythm *all, size_t count)
{
    const nj_rhythm *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (kept(&all[i]) >= 2 &&
            (!found || back(&all[i], 0)->time > back(found, 0)->time))
            found = &all[i];
    }
    return found;
}

double nj_rhythm_per_hour(const nj_rhythm *all, size_t count, int64_t now)
{
    const nj_rhythm *last = latest(all, count);
    bool any_runs = false;
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        any_runs = any_runs || all[i].runs;
    for (size_t i = 0; i < count; i++) {
        if (kept(&all[i]) < 2)
            continue;
        if (any_runs
                ? all[i].runs
                : back(&all[i], 0)->time >= back(last, kept(last) - 1)->time)
            sum += per_hour(&all[i], now);
    }
    return sum;
}
