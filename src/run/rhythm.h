/* Rhythm: how fast pictures followed each other, from the lines of a manifest.
 *
 * Their times are those of a clock that may have been set, and nobody may have
 * worked in between; how long a picture's batch took was measured on a clock
 * that nobody sets, so two pictures are at most that far apart.
 */
#ifndef NJ_RUN_RHYTHM_H
#define NJ_RUN_RHYTHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pictures that count: the last ones. */
#define NJ_RHYTHM_LAST 20

typedef struct nj_beat {
    int64_t time;   /* seconds since 1970 */
    double seconds; /* of the batch, up to this picture; 0: not known */
} nj_beat;

typedef struct nj_rhythm {
    nj_beat last[NJ_RHYTHM_LAST]; /* a ring */
    size_t count;                 /* of all */
    bool runs;                    /* more is to come */
} nj_rhythm;

void nj_rhythm_add(nj_rhythm *r, int64_t time, double seconds);

/* Pictures an hour of all of the rhythms that run, or, when none does, of those
 * that went on at the time of the last picture; 0: not known. Where more is to
 * come and does not, the waiting until `now` counts. */
double nj_rhythm_per_hour(const nj_rhythm *all, size_t count, int64_t now);

#endif
