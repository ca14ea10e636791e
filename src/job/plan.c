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

/* ---- pictures that are asked for twice ----------------------------------- */

struct place {
    uint64_t kin;
    uint64_t seed;
    size_t at;
};

static int by_kin(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    if (x->kin != y->kin)
        return x->kin < y->kin ? -1 : 1;
    if (x->seed != y->seed)
        return x->seed < y->seed ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

/* Sorts the places and leaves the first of each picture: their number. */
static size_t merge(struct place *places, size_t count)
{
    size_t kept = 0;

    qsort(places, count, sizeof(*places), by_kin);
    for (size_t i = 0; i < count; i++) {
        const struct place *last = kept ? &places[kept - 1] : NULL;

        if (!last || !places[i].kin || last->kin != places[i].kin ||
            last->seed != places[i].seed)
            places[kept++] = places[i];
    }
    return kept;
}

/* Whether two prompts are the same: most jobs have none. */
static nj_status find_kin(const nj_job *job, bool *found, nj_err *err)
{
    struct place *all;
    size_t room = 0;
    size_t count = 0;

    for (size_t g = 0; g < job->group_count; g++)
        room += job->groups[g].prompt_count;
    all = nj_calloc(room, sizeof(*all));
    if (!all)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the plan");
    for (size_t g = 0; g < job->group_count; g++) {
        for (size_t p = 0; p < job->groups[g].prompt_count; p++)
            all[count++] = (struct place){.kin = job->groups[g].prompts[p].kin};
    }
    *found = merge(all, count) < count;
    free(all);
    return NJ_OK;
}

static nj_status drop_doubles(const nj_job *job, nj_plan *plan, nj_err *err)
{
    struct place *places;
    bool any = false;
    nj_status status = find_kin(job, &any, err);

    if (status != NJ_OK || !any)
        return status;
    places = nj_calloc(plan->count, sizeof(*places));
    if (!places)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the plan");
    for (size_t i = 0; i < plan->count; i++)
        places[i] = (struct place){nj_plan_prompt(job, &plan->images[i])->kin,
                                   plan->images[i].seed, i};
    plan->count = merge(places, plan->count);
    qsort(places, plan->count, sizeof(*places), by_place);
    for (size_t i = 0; i < plan->count; i++)
        plan->images[i] = plan->images[places[i].at];
    free(places);
    return NJ_OK;
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
    status = drop_doubles(job, plan, err);
    if (status == NJ_OK)
        keep_shard(job, plan);
    return status;
}

void nj_plan_release(nj_plan *plan)
{
    free(plan->images);
    *plan = (nj_plan){0};
}
