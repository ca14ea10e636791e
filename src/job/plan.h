/* Plan: a job as a numbered list of pictures.
 *
 * Order is stated and stable. `seed`: every prompt gets its first picture
 * before any gets its second, so that a short night is still useful; groups
 * take turns in the order in which they were given, prompts within them
 * likewise. `prompt`: one prompt after the other. A picture that several groups
 * ask for has the first of its places. A shard's plan is every Nth picture of
 * that order.
 */
#ifndef NJ_JOB_PLAN_H
#define NJ_JOB_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "job/spec.h"

/* One picture: a prompt of a group, and a seed. */
typedef struct nj_image {
    uint32_t group;
    uint32_t prompt;
    uint64_t seed;
} nj_image;

typedef struct nj_plan {
    nj_image *images;
    size_t count;
} nj_plan;

nj_status nj_plan_make(const nj_job *job, nj_plan *plan,
                       nj_err *err) NJ_MUST_USE;
void nj_plan_release(nj_plan *plan);

const nj_group *nj_plan_group(const nj_job *job, const nj_image *image);
const nj_job_prompt *nj_plan_prompt(const nj_job *job, const nj_image *image);

#endif
