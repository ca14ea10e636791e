/* Run loop: see run.h. */
#include "job/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/record.h"
#include "job/speed.h"
#include "job/target.h"

/* After so many batches in a row without any picture the rest would fail
 * too. */
#define FAILED_BATCHES_MAX 3

struct run {
    const nj_run_config *config;
    const nj_engine_api *api;
    nj_engine *engine;
    nj_record_source source;
    nj_tally *tally;
    bool *settled; /* [plan] made, skipped, failed */
    size_t first_open;
    int failed_batches;
    /* The batch that is running. */
    size_t numbers[256]; /* places in the plan */
    bool finished[256];
    size_t images;
    nj_speed speed;              /* of the last whole batch */
    const nj_group *speed_group; /* NULL: none yet */
    nj_err fatal; /* set when a write failed: going on is pointless */
};

static void tell(struct run *r, nj_event event)
{
    event.job = r->config->job;
    event.tally = r->tally;
    if (r->config->event)
        r->config->event(r->config->user, &event);
}

static const nj_image *image_at(const struct run *r, size_t number)
{
    return &r->config->plan->images[number];
}

static void settle_failed(struct run *r, size_t number, const nj_err *why)
{
    r->settled[number] = true;
    r->tally->failed++;
    tell(r, (nj_event){.kind = NJ_EVENT_FAILED,
                       .image = image_at(r, number),
                       .number = number,
                       .why = why});
}

/* ---- pictures from the engine
 * ------------------------------------------------ */

/* The second request to stop waits while this writes. */
static nj_status write_file(const struct run *r, const char *path,
                            const uint8_t *bytes, size_t n, nj_err *err)
{
    nj_stop *stop = r->config->stop;
    nj_status status;

    if (stop)
        stop->writing = 1;
    status = nj_file_write_atomic(path, bytes, n, err);
    if (stop)
        stop->writing = 0;
    return status;
}

static nj_status save(struct run *r, size_t number, const nj_engine_picture *p,
                      nj_err *err)
{
    const nj_image *image = image_at(r, number);
    nj_target target;
    uint8_t *bytes = NULL;
    size_t n = 0;
    nj_status status =
        nj_target_find(&r->source, image, p->iteration, &target, err);

    if (status != NJ_OK)
        return status;
    if (!target.done)
        status = nj_record_encode(&r->source, image, p, &bytes, &n, err);
    if (status == NJ_OK && !target.done)
        status = write_file(r, target.path, bytes, n, err);
    free(bytes);
    if (status == NJ_OK) {
        if (p->last)
            r->tally->made++;
        tell(r, (nj_event){.kind = NJ_EVENT_SAVED,
                           .image = image,
                           .number = number,
                           .path = target.path,
                           .picture = p});
    }
    nj_target_release(&target);
    return status;
}

/* What cannot be written now cannot be written later either: it ends the run.
 */
static nj_status on_picture(void *user, const nj_engine_picture *p, nj_err *err)
{
    struct run *r = user;
    nj_status status = save(r, r->numbers[p->image], p, err);

    if (status != NJ_OK) {
        r->fatal = *err;
        r->fatal.code = status;
        return status;
    }
    if (p->last) {
        r->finished[p->image] = true;
        r->settled[r->numbers[p->image]] = true;
    }
    return nj_stop_now(r->config->stop)
               ? nj_fail(err, NJ_E_INTERRUPTED, "stopped")
               : NJ_OK;
}

static void on_failed(void *user, size_t image, const nj_err *why)
{
    struct run *r = user;

    r->finished[image] = true;
    settle_failed(r, r->numbers[image], why);
}

static bool on_step(void *user, int iteration, int iterations)
{
    struct run *r = user;

    tell(r, (nj_event){.kind = NJ_EVENT_STEP,
                       .images = r->images,
                       .iteration = iteration,
                       .iterations = iterations});
    return !nj_stop_now(r->config->stop);
}

/* ---- batches
 * ------------------------------------------------------------------ */

/* Whether a picture has still to be made. */
static nj_status is_open(struct run *r, size_t number, bool *open, nj_err *err)
{
    const nj_image *image = image_at(r, number);
    int last = nj_plan_group(r->config->job, image)->iterations - 1;
    nj_target target;
    nj_status status;

    *open = false;
    if (r->settled[number])
        return NJ_OK;
    status = nj_target_find(&r->source, image, last, &target, err);
    if (status != NJ_OK)
        return status;
    *open = !target.done;
    if (target.done) {
        r->settled[number] = true;
        r->tally->skipped++;
        tell(r, (nj_event){.kind = NJ_EVENT_SKIPPED,
                           .image = image,
                           .number = number,
                           .path = target.path});
    }
    nj_target_release(&target);
    return NJ_OK;
}

/* The next pictures of one group that have still to be made, in the order of
 * the plan. */
static nj_status collect(struct run *r, nj_err *err)
{
    const nj_plan *plan = r->config->plan;
    size_t room = 1;
    uint32_t group = 0;

    r->images = 0;
    for (size_t i = r->first_open; i < plan->count && r->images < room; i++) {
        nj_status status;
        bool open;

        if (r->images && plan->images[i].group != group)
            continue;
        status = is_open(r, i, &open, err);
        if (status != NJ_OK)
            return status;
        if (!open)
            continue;
        if (r->images == 0) {
            group = plan->images[i].group;
            room = (size_t)r->config->job->groups[group]
                       .options.settings.batch_size;
            r->first_open = i;
        }
        r->finished[r->images] = false;
        r->numbers[r->images++] = i;
    }
    return NJ_OK;
}

static nj_status open_engine(struct run *r, nj_err *err)
{
    nj_engine_config config;
    nj_status status;

    if (r->engine)
        return NJ_OK;
    tell(r, (nj_event){.kind = NJ_EVENT_LOADING});
    status = r->config->engine(r->config->user, &r->api, err);
    if (status != NJ_OK)
        return status;
    nj_job_engine_config(r->config->job, &config);
    status = r->api->open(&config, &r->engine, err);
    if (status != NJ_OK)
        return status;
    r->source.facts = r->api->facts(r->engine);
    tell(r, (nj_event){.kind = NJ_EVENT_LOADED, .facts = r->source.facts});
    return NJ_OK;
}

static nj_status run_engine(struct run *r, nj_err *err)
{
    const nj_group *g =
        nj_plan_group(r->config->job, image_at(r, r->numbers[0]));
    const nj_prompt *prompts[256];
    uint64_t seeds[256];
    nj_work work = {
        .settings = &g->options.settings,
        .images = r->images,
        .prompts = prompts,
        .seeds = seeds,
        .truncate = g->options.truncate,
        .init_rgb = g->init_rgb,
    };
    nj_engine_callbacks callbacks = {r, on_step, on_picture, on_failed};

    for (size_t i = 0; i < r->images; i++) {
        const nj_image *image = image_at(r, r->numbers[i]);

        prompts[i] = &nj_plan_prompt(r->config->job, image)->parsed;
        seeds[i] = image->seed;
    }
    tell(r, (nj_event){.kind = NJ_EVENT_BATCH,
                       .images = r->images,
                       .iterations = g->iterations});
    return r->api->run(r->engine, &work, &callbacks, err);
}

static nj_status after_batch(struct run *r, nj_status status, nj_err *err)
{
    if (status == NJ_E_INTERRUPTED)
        return status;
    /* Pictures that the engine neither finished nor gave up by itself. */
    for (size_t i = 0; i < r->images && status != NJ_OK; i++) {
        if (!r->finished[i])
            settle_failed(r, r->numbers[i], err);
    }
    if (r->fatal.code != NJ_OK) {
        *err = r->fatal;
        return r->fatal.code;
    }
    r->failed_batches = status == NJ_OK ? 0 : r->failed_batches + 1;
    if (r->failed_batches < FAILED_BATCHES_MAX && status != NJ_E_DEVICE)
        return NJ_OK;
    return nj_err_add(err, "giving up after %d failed batches",
                      r->failed_batches);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Remembers what a whole batch took, for later estimates. */
static void remember_speed(struct run *r, double seconds)
{
    const nj_group *g =
        nj_plan_group(r->config->job, image_at(r, r->numbers[0]));
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    r->speed_group = g;
    r->speed.host_bytes = (uint64_t)usage.ru_maxrss * 1024;
    r->speed.step_seconds =
        seconds / g->iterations / g->options.settings.batch_size;
}

static void keep_speed(const struct run *r)
{
    if (r->speed_group)
        nj_speed_write(r->config->job, r->speed_group, &r->speed);
}

static nj_status run_batch(struct run *r, nj_err *err)
{
    double began = seconds_now();
    nj_status status = run_engine(r, err);

    if (status == NJ_OK)
        remember_speed(r, seconds_now() - began);
    return after_batch(r, status, err);
}

static nj_status work_off(struct run *r, nj_err *err)
{
    nj_status status = NJ_OK;

    while (status == NJ_OK) {
        if (nj_stop_soon(r->config->stop))
            return nj_fail(err, NJ_E_INTERRUPTED, "stopped");
        status = collect(r, err);
        if (status != NJ_OK || r->images == 0)
            break;
        status = nj_sums_check_unchanged(r->source.sums, err);
        if (status == NJ_OK)
            status = open_engine(r, err);
        if (status == NJ_OK)
            status = run_batch(r, err);
    }
    return status;
}

static nj_status start_sums(struct run *r, nj_err *err)
{
    nj_list files = {0};
    nj_status status = nj_record_files(r->config->job, &files, err);

    if (status == NJ_OK)
        status = nj_sums_start(&files, &r->source.sums, err);
    nj_list_release(&files);
    return status;
}

nj_status nj_run(const nj_run_config *config, nj_tally *tally, nj_err *err)
{
    struct run *r = nj_calloc(1, sizeof(*r));
    nj_status status;

    *tally = (nj_tally){.planned = config->plan->count};
    if (!r)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the run");
    r->config = config;
    r->tally = tally;
    r->source.job = config->job;
    r->settled = nj_calloc(config->plan->count, sizeof(*r->settled));
    status = r->settled ? start_sums(r, err)
                        : nj_fail(err, NJ_E_MEMORY, "no memory for the run");
    if (status == NJ_OK)
        status = work_off(r, err);
    keep_speed(r);
    if (r->engine)
        r->api->close(r->engine);
    nj_sums_free(r->source.sums);
    free(r->settled);
    free(r);
    return status;
}
