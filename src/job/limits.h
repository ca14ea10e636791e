/* Limits: when a run has to be over, and how much of the disk it leaves free.
 *
 * A time of day is looked at once, when the run begins; from then on a clock
 * counts that nobody can set and that goes on while the machine sleeps, so a
 * wall clock that jumps does no harm.
 */
#ifndef NJ_JOB_LIMITS_H
#define NJ_JOB_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "job/speed.h"
#include "job/spec.h"

typedef struct nj_limits {
    double until;      /* on nj_steady_seconds; 0: no end */
    uint64_t min_free; /* bytes; 0: no limit */
} nj_limits;

/* What the job's options ask for, from now on. */
void nj_limits_init(nj_limits *l, const nj_options *o);

/* How long pictures take, as far as this run has seen. */
#define NJ_PACE_LAST 4
typedef struct nj_pace {
    const nj_group *group;     /* of the last batch; NULL: none yet */
    nj_speed speed;            /* of the last batch */
    double last[NJ_PACE_LAST]; /* seconds a step and picture, of the group */
    int count;
} nj_pace;

void nj_pace_add(nj_pace *p, const nj_group *group, double seconds,
                 int batch_size);

/* Seconds that a batch of this group will take, from the slowest of the last
 * few, else from another group's, else from an earlier run; 0: not known. */
double nj_pace_batch(const nj_pace *p, const nj_job *job,
                     const nj_group *group);

/* NJ_E_INTERRUPTED when a batch of that many seconds would be late,
 * NJ_E_NO_SPACE when less than min_free is left in `folder`. */
nj_status nj_limits_check(const nj_limits *l, double seconds,
                          const char *folder, nj_err *err) NJ_MUST_USE;

/* "8h", "90m", "1h30m", "45s" -> seconds. */
bool nj_duration_parse(const char *text, double *seconds);
/* "07:30", "07:30:15" (the next one) or "2026-01-31T07:30" (local time) ->
 * seconds from `now` on. False for a date or time that the calendar, or a clock
 * that is put forward then, does not have. */
bool nj_deadline_parse(const char *text, int64_t now, double *seconds);
/* "2T", "2G", "500M", "100k" (powers of 1000) or bytes; below 2^64 bytes. */
bool nj_size_parse(const char *text, uint64_t *bytes);

#endif
