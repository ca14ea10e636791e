/* Unfinished runs: the same command goes on with the seed that it drew.
 *
 * The first line of a run whose seed was drawn holds that seed and the request
 * it was drawn for (job/digest.h). A job of the same request takes the seed of
 * the last such run in its folder while that is not complete; when all of its
 * pictures were made, the job keeps the seed that it drew itself. What counts
 * is what the manifests say: pictures that were deleted since are not missed.
 * With the option overwrite the drawn seed is kept in every case.
 */
#ifndef NJ_RUN_UNFINISHED_H
#define NJ_RUN_UNFINISHED_H

#include <stdbool.h>

#include "base/err.h"
#include "job/spec.h"

/* Whether a job has a seed to look for. */
bool nj_unfinished_wanted(const nj_job *job);

/* Looks for that run; *seed is set when there is one. A folder that is not
 * there, or holds no manifest, has none. */
nj_status nj_unfinished_find(const nj_job *job, bool *there, uint64_t *seed,
                             nj_err *err) NJ_MUST_USE;

/* Gives a job that was just opened the seed of that run; *goes_on says whether
 * there is one. Before its plan is made. */
nj_status nj_unfinished_go_on(nj_job *job, bool *goes_on,
                              nj_err *err) NJ_MUST_USE;

#endif
