/* Limits: see limits.h. */
#include "job/limits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/number.h"
#include "job/estimate.h"
#include "job/speed.h"

/* What the slowest batch took is rarely what the next one takes. */
#define MARGIN 1.02

/* Reads digits; returns how many there were (at most 9). */
static int digits(const char **p, int64_t *value)
{
    int n = 0;

    *value = 0;
    while (**p >= '0' && **p <= '9' && n < 9) {
        *value = *value * 10 + (*(*p)++ - '0');
        n++;
    }
    return n;
}

bool nj_duration_parse(const char *text, double *seconds)
{
    static const char units[] = "dhms";
    static const int64_t worth[] = {86400, 3600, 60, 1};
    const char *after = units;
    int64_t total = 0;

    while (*text) {
        int64_t value;
        const char *unit;

        if (digits(&text, &value) == 0 || !*text)
            return false;
        unit = strchr(after, *text++);
        if (!unit)
            return false;
        total += value * worth[unit - units];
        after = unit + 1;
    }
    *seconds = (double)total;
    return total > 0;
}

static bool date(const char **p, struct tm *t)
{
    int64_t year;
    int64_t month;
    int64_t day;

    if (digits(p, &year) != 4 || *(*p)++ != '-' || digits(p, &month) != 2 ||
        *(*p)++ != '-' || digits(p, &day) != 2 || *(*p)++ != 'T')
        return false;
    t->tm_year = (int)year - 1900;
    t->tm_mon = (int)month - 1;
    t->tm_mday = (int)day;
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static bool time_of_day(const char **p, struct tm *t)
{
    int64_t hour;
    int64_t minute;
    int64_t second = 0;
    int n = digits(p, &hour);

    if (n < 1 || n > 2 || *(*p)++ != ':' || digits(p, &minute) != 2)
        return false;
    if (**p == ':') {
        (*p)++;
        if (digits(p, &second) != 2)
            return false;
    }
    t->tm_hour = (int)hour;
    t->tm_min = (int)minute;
    t->tm_sec = (int)second;
    t->tm_isdst = -1;
    return **p == '\0' && hour < 24 && minute < 60 && second < 60;
}

/* mktime moves on what the calendar or the clock, when it is put forward, does
 * not have. */
static bool is_there(const struct tm *given, const struct tm *made)
{
    return given->tm_mon == made->tm_mon && given->tm_mday == made->tm_mday &&
           given->tm_hour == made->tm_hour && given->tm_min == made->tm_min;
}

bool nj_deadline_parse(const char *text, int64_t now, double *seconds)
{
    time_t from = (time_t)now;
    bool dated = strchr(text, 'T') != NULL;
    struct tm t;
    struct tm made;
    time_t then;

    if (!localtime_r(&from, &t) || (dated && !date(&text, &t)) ||
        !time_of_day(&text, &t))
        return false;
    made = t;
    then = mktime(&made);
    if (dated && !is_there(&t, &made))
        return false;
    if (!dated && then <= from) {
        t.tm_mday++;
        then = mktime(&t);
    }
    *seconds = difftime(then, from);
    return then != (time_t)-1;
}

bool nj_size_parse(const char *text, uint64_t *bytes)
{
    static const char units[] = "kMGT";
    size_t n = strspn(text, "0123456789");
    const char *unit = strchr(units, text[n]); /* of the NUL too: no unit */
    char number[24] = "";

    if (n >= sizeof(number) || !unit || (text[n] && text[n + 1]))
        return false;
    memcpy(number, text, n);
    if (!nj_parse_u64(number, bytes))
        return false;
    for (const char *u = units; text[n] && u <= unit; u++) {
        if (__builtin_mul_overflow(*bytes, 1000, bytes))
            return false;
    }
    return true;
}

static void end_in(nj_limits *l, double seconds)
{
    double until = nj_steady_seconds() + seconds;

    if (l->until == 0 || until < l->until)
        l->until = until;
}

void nj_limits_init(nj_limits *l, const nj_options *o)
{
    double seconds;

    *l = (nj_limits){0};
    if (o->run_for && nj_duration_parse(o->run_for, &seconds))
        end_in(l, seconds);
    if (o->deadline &&
        nj_deadline_parse(o->deadline, (int64_t)time(NULL), &seconds))
        end_in(l, seconds);
    if (o->min_free_disk)
        (void)nj_size_parse(o->min_free_disk, &l->min_free);
}

void nj_pace_add(nj_pace *p, const nj_group *group, double seconds,
                 int batch_size)
{
    struct rusage usage;
    double each = seconds / group->iterations / batch_size;

    if (p->group != group)
        p->count = 0;
    p->group = group;
    p->last[p->count++ % NJ_PACE_LAST] = each;
    getrusage(RUSAGE_SELF, &usage);
    p->speed.step_seconds = each;
    p->speed.host_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

double nj_pace_batch(const nj_pace *p, const nj_job *job, const nj_group *group)
{
    double each = 0;
    nj_speed before;

    if (p->group == group) {
        for (int i = 0; i < p->count && i < NJ_PACE_LAST; i++)
            each = fmax(each, p->last[i]);
    } else if (nj_speed_read(job, group, &before)) {
        each = before.step_seconds;
    } else if (p->group) {
        each = p->speed.step_seconds;
    }
    return each * group->iterations * group->options.settings.batch_size;
}

static nj_status check_free(uint64_t min_free, const char *folder, nj_err *err)
{
    uint64_t free_bytes;

    if (min_free == 0 || !nj_free_bytes(folder, &free_bytes) ||
        free_bytes >= min_free)
        return NJ_OK;
    return nj_fail(err, NJ_E_NO_SPACE,
                   "'%s' has %.1f MB free, --min-free-disk asks for %.1f MB",
                   folder, (double)free_bytes / 1e6, (double)min_free / 1e6);
}

nj_status nj_limits_check(const nj_limits *l, double seconds,
                          const char *folder, nj_err *err)
{
    double left = l->until - nj_steady_seconds();

    if (l->until == 0 || (left > 0 && seconds * MARGIN <= left))
        return check_free(l->min_free, folder, err);
    if (left <= 0)
        return nj_fail(err, NJ_E_INTERRUPTED, "the deadline is reached");
    return nj_fail(err, NJ_E_INTERRUPTED,
                   "the deadline is in %.0f s, the next pictures take about "
                   "%.0f s",
                   left, seconds);
}
