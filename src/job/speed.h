/* Speed: how long a step took here, remembered for estimates.
 *
 * A small file in the user's cache folder keeps seconds per picture and the
 * peak memory of the last run for each machine, network, size and batch. It is
 * a convenience: a file that cannot be read or written is no error.
 */
#ifndef NJ_JOB_SPEED_H
#define NJ_JOB_SPEED_H

#include <stdbool.h>
#include <stdint.h>

#include "job/spec.h"

typedef struct nj_speed {
    double step_seconds; /* one network step of one picture of a batch */
    uint64_t host_bytes; /* peak memory of the process */
} nj_speed;

/* What was measured for a group's settings; false when nothing was. */
bool nj_speed_read(const nj_job *job, const nj_group *group, nj_speed *out);

/* Whether pictures of two groups take as long. */
bool nj_speed_alike(const nj_job *job, const nj_group *a, const nj_group *b);

void nj_speed_write(const nj_job *job, const nj_group *group,
                    const nj_speed *speed);

#endif
