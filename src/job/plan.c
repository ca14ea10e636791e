/* Plan: see plan.h. */
#include "job/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"

const nj_group *nj_plan_group(const nj_job *job, const nj_image *image)
{
    return &job->groups[image->group];
}

const nj_job_prompt *nj_plan_prompt(const nj_job *job, const nj_image *image)
{
    return &job->groups[image->group].prompts[image->prompt];
}

static void add_round(const nj_job *job, uint64_t round, nj_plan *plan)
{
    for (size_t g = 0; g < job->group_count; g++) {
        const nj_group *group = &job->groups[g];

        if (round >= nj_seeds_total(&group->seeds))
            continue;
        for (size_t p = 0; p < group->prompt_count; p++)
            plan->images[plan->count++] = (nj_image){
                (uint32_t)g, (uint32_t)p, nj_seeds_at(&group->seeds, round)};
    }
}

static void add_prompt_by_prompt(const nj_job *job, nj_plan *plan)
{
    for (size_t g = 0; g < job->group_count; g++) {
        const nj_group *group = &job->groups[g];
        uint64_t seeds = nj_seeds_total(&group->seeds);

        for (size_t p = 0; p < group->prompt_count; p++) {
            for (uint64_t k = 0; k < seeds; k++)
                plan->images[plan->count++] = (nj_image){
                    (uint32_t)g, (uint32_t)p, nj_seeds_at(&group->seeds, k)};
        }
    }
}

static void keep_shard(const nj_job *job, nj_plan *plan)
{
    size_t kept = 0;

    for (size_t i = (size_t)job->shard - 1; i < plan->count;
         i += (size_t)job->shards)
        plan->images[kept++] = plan->images[i];
    plan->count = kept;
}

nj_status nj_plan_make(const nj_job *job, nj_plan *plan, nj_err *err)
{
    uint64_t count = 0;
    uint64_t rounds = 0;
    nj_status status = nj_job_count(job, &count, &rounds, err);

    *plan = (nj_plan){0};
    if (status != NJ_OK)
        return status;
    plan->images = nj_calloc((size_t)count, sizeof(*plan->images));
    if (!plan->images)
        return nj_fail(err, NJ_E_MEMORY, "no memory for %" PRIu64 " pictures",
                       count);
    if (job->groups[0].options.order == NJ_ORDER_PROMPT) {
        add_prompt_by_prompt(job, plan);
    } else {
        for (uint64_t round = 0; round < rounds; round++)
            add_round(job, round, plan);
    }
    keep_shard(job, plan);
    return NJ_OK;
}

void nj_plan_release(nj_plan *plan)
{
    free(plan->images);
    *plan = (nj_plan){0};
}
