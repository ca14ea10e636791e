/* Calibration: see calibrate.h. The first step is not counted: memory and
 * algorithms are still being found in it. */
#include "run/calibrate.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "job/footprint.h"
#include "job/speed.h"
#include "run/room.h"

#define STEPS 4

struct watch {
    double first; /* when the first step was done */
    double last;
    int steps;
};

static bool on_step(void *user, int iteration, int iterations)
{
    struct watch *w = user;

    (void)iterations;
    w->last = nj_seconds();
    if (iteration == 0)
        w->first = w->last;
    w->steps = iteration;
    return true;
}

/* Values that are not finite take as long as others. */
static void on_failed(void *user, size_t image, const nj_err *why)
{
    (void)user;
    (void)image;
    (void)why;
}

static nj_status measure(const nj_job *job, const nj_group *g,
                         const nj_room *room, const nj_engine_api *api,
                         nj_engine *engine, nj_err *err)
{
    const nj_prompt *prompt = &g->prompts[0].parsed;
    uint64_t seed = nj_seeds_at(&g->seeds, 0);
    nj_settings settings = g->options.settings;
    nj_work work = {.settings = &settings,
                    .images = 1,
                    .prompts = &prompt,
                    .seeds = &seed,
                    .truncate = g->options.truncate};
    bool cuda = api->facts(engine)->cuda;
    nj_thrift how = nj_footprint_choose_for(job, g, cuda, room);
    struct watch w = {0};
    nj_engine_callbacks callbacks = {&w, on_step, NULL, on_failed};
    struct rusage usage;
    nj_speed speed;
    nj_status status;

    snprintf(settings.timestep_respacing, sizeof(settings.timestep_respacing),
             "%d", STEPS);
    settings.skip_timesteps = 0;
    settings.save_every = 0;
    settings.clip_slices = how.clip_slices;
    work.saving = how.saving;
    status = api->run(engine, &work, &callbacks, err);
    if (status != NJ_OK || w.steps == 0)
        return status;
    getrusage(RUSAGE_SELF, &usage);
    speed = (nj_speed){
        .step_seconds = (w.last - w.first) / w.steps / settings.batch_size,
        .host_bytes = (uint64_t)usage.ru_maxrss * 1024,
    };
    nj_speed_write(job, g, &speed);
    return NJ_OK;
}

/* Whether an earlier group takes as long. */
static bool is_measured(const nj_job *job, size_t group)
{
    for (size_t i = 0; i < group; i++) {
        if (nj_speed_alike(job, &job->groups[i], &job->groups[group]))
            return true;
    }
    return false;
}

nj_status nj_calibrate(const nj_job *job,
                       nj_status (*opener)(const nj_engine_api **api,
                                           nj_err *err),
                       nj_err *err)
{
    const nj_engine_api *api;
    nj_engine_config config;
    nj_engine *engine = NULL;
    nj_room room;
    nj_status status = opener(&api, err);

    if (status != NJ_OK)
        return status;
    nj_job_engine_config(job, &config);
    room = nj_room_now(api, &config);
    status = api->open(&config, &engine, err);
    for (size_t i = 0; i < job->group_count && status == NJ_OK; i++) {
        if (!is_measured(job, i))
            status = measure(job, &job->groups[i], &room, api, engine, err);
    }
    if (engine)
        api->close(engine);
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "cannot calibrate");
}
