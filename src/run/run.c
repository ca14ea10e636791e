/* Run loop: see run.h. Its parts are in run_batch.c, run_try.c, run_save.c. */
#include "run/run.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "job/target.h"
#include "run/process.h"
#include "run/room.h"
#include "run/run_parts.h"
#include "run/unfinished.h"

/* How often pictures that others have claimed are looked at. */
#define LOOK_SECONDS 0.25

/* How long the first line of another process is waited for; no picture has the
 * name that it is claimed under. */
#define BEGIN_SECONDS 5
static const char begin_claim[] = "begin";

void nj_runner_tell(nj_runner *r, nj_event event)
{
    event.job = r->config->job;
    event.tally = r->tally;
    if (r->config->event)
        r->config->event(r->config->user, &event);
}

const nj_image *nj_runner_image(const nj_runner *r, size_t number)
{
    return &r->config->plan->images[number];
}

nj_entry nj_runner_entry(const nj_runner *r, const nj_slot *slot)
{
    return (nj_entry){nj_runner_image(r, slot->number), slot->number,
                      slot->name};
}

/* ---- the engine ---------------------------------------------------------- */

/* Whether the job fits, before its weights are loaded. */
static nj_status look_at_room(nj_runner *r, const nj_engine_config *config,
                              nj_err *err)
{
    r->room = nj_room_now(r->api, config);
    return nj_footprint_check(r->config->job, nj_room_on_gpu(r->api, config),
                              &r->room, err);
}

static nj_status open_engine(nj_runner *r, nj_err *err)
{
    nj_engine_config config;
    nj_status status;

    if (r->engine)
        return NJ_OK;
    nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_LOADING});
    status = r->config->engine(r->config->user, &r->api, err);
    if (status != NJ_OK)
        return status;
    nj_job_engine_config(r->config->job, &config);
    status = look_at_room(r, &config, err);
    if (status != NJ_OK)
        return status;
    status = r->api->open(&config, &r->engine, err);
    if (status != NJ_OK)
        return status;
    r->source.facts = r->api->facts(r->engine);
    nj_runner_tell(
        r, (nj_event){.kind = NJ_EVENT_LOADED, .facts = r->source.facts});
    return NJ_OK;
}

/* ---- waiting for others -------------------------------------------------- */

/* Says once whose picture is waited for, and again when that changes. */
static nj_status tell_waiting(nj_runner *r, long *told, nj_err *err)
{
    const nj_image *image = nj_runner_image(r, r->held_first);
    const nj_group *g = nj_plan_group(r->config->job, image);
    char *name = NULL;
    nj_status status = nj_journal_refresh(r->journal, err);
    long pid;
    bool stopped;

    if (status == NJ_OK)
        status = nj_target_name(r->config->job, image, g->iterations - 1, NULL,
                                &name, err);
    if (status != NJ_OK)
        return status;
    pid = nj_journal_taker(r->journal, name);
    stopped = nj_process_look(pid).stopped;
    if (*told != (stopped ? -pid : pid))
        nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_WAITING,
                                     .images = r->held,
                                     .path = name,
                                     .pid = pid,
                                     .how = stopped ? " (stopped)" : ""});
    *told = stopped ? -pid : pid;
    free(name);
    return NJ_OK;
}

static nj_status wait_for_others(nj_runner *r, long *told, nj_err *err)
{
    const struct timespec pause = {0, (long)(LOOK_SECONDS * 1e9)};
    nj_status status = tell_waiting(r, told, err);

    if (status == NJ_OK)
        nanosleep(&pause, NULL);
    return status;
}

/* ---- the loop ------------------------------------------------------------ */

/* Whether the limits leave time for the batch of a picture, and room. */
static nj_status check_limits(const nj_runner *r, size_t number, nj_err *err)
{
    const nj_job *job = r->config->job;
    const nj_group *g = nj_plan_group(job, nj_runner_image(r, number));

    return nj_limits_check(&r->limits, nj_pace_batch(&r->pace, job, g),
                           job->out, err);
}

static nj_status may_go_on(nj_runner *r, nj_err *err)
{
    nj_status status;

    if (nj_stop_soon(r->config->stop))
        return nj_fail(err, NJ_E_INTERRUPTED, "stopped");
    if (r->count)
        status = check_limits(r, r->slots[0].number, err);
    else
        status = nj_limits_check(&r->limits, 0, r->config->job->out, err);
    return status == NJ_OK ? nj_sums_check_unchanged(r->source.sums, err)
                           : status;
}

static nj_status make_batch(nj_runner *r, nj_err *err)
{
    nj_status status = open_engine(r, err);

    return status == NJ_OK ? nj_batch_make(r, err) : status;
}

static nj_status work_off(nj_runner *r, nj_err *err)
{
    long told = LONG_MIN; /* no process has that number */

    for (;;) {
        nj_status status = nj_batch_collect(r, err);

        if (status == NJ_OK && r->count == 0 && r->held == 0)
            return NJ_OK;
        if (status == NJ_OK)
            status = may_go_on(r, err);
        if (status == NJ_OK)
            status =
                r->count ? make_batch(r, err) : wait_for_others(r, &told, err);
        nj_batch_release(r);
        if (status != NJ_OK)
            return status;
    }
}

/* ---- beginning and end --------------------------------------------------- */

static nj_status start_sums(nj_runner *r, nj_err *err)
{
    nj_list files = {0};
    nj_status status = nj_record_files(r->config->job, &files, err);

    if (status == NJ_OK)
        status = nj_sums_start(&files, &r->source.sums, err);
    nj_list_release(&files);
    return status;
}

/* A folder that is not there yet holds no picture: the networks are needed, and
 * what they refuse shows before anything is written. */
static nj_status load_for_new_folder(nj_runner *r, nj_err *err)
{
    nj_status status;

    if (access(r->config->job->out, F_OK) == 0 || r->config->plan->count == 0)
        return NJ_OK;
    status = check_limits(r, 0, err);
    return status == NJ_OK ? open_engine(r, err) : status;
}

static nj_status open_claims(const char *folder, void *user, nj_err *err)
{
    return nj_claims_open(folder, user, err);
}

static nj_status enter_folder(nj_runner *r, nj_err *err)
{
    const char *out = r->config->job->out;
    nj_status status = nj_use_folder(out, true, open_claims, &r->claims, err);

    if (status == NJ_OK)
        nj_file_tidy(out);
    return status;
}

/* Processes that are started together with the same command draw a seed each:
 * the first one whose first line is on the disk decides for all. */
static nj_status agree_on_seed(nj_runner *r, nj_err *err)
{
    const nj_run_config *c = r->config;
    bool there;
    uint64_t seed;
    nj_status status = nj_unfinished_find(c->job, &there, &seed, err);

    if (status != NJ_OK || !there || seed == c->job->drawn_seed)
        return status;
    return c->reseed(c->user, seed, err);
}

/* One process at a time, but none waits for ever for one that was stopped. */
static nj_status begin_journal(nj_runner *r, nj_err *err)
{
    const nj_run_config *c = r->config;
    bool agrees = c->reseed && nj_unfinished_wanted(c->job);
    bool ours =
        agrees && nj_claims_wait(&r->claims, begin_claim, BEGIN_SECONDS);
    nj_status status = agrees ? agree_on_seed(r, err) : NJ_OK;

    if (status == NJ_OK)
        status = nj_journal_open(c->job, c->plan, &r->journal, err);
    if (ours)
        nj_claims_give(&r->claims, begin_claim);
    return status;
}

static nj_status begin(nj_runner *r, nj_err *err)
{
    const nj_job *job = r->config->job;
    nj_status status;

    r->source.job = job;
    r->claims.fd = -1;
    nj_limits_init(&r->limits, &job->groups[0].options);
    r->settled = nj_calloc(r->config->plan->count, sizeof(*r->settled));
    if (!r->settled)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the run");
    status = start_sums(r, err);
    if (status == NJ_OK)
        status = load_for_new_folder(r, err);
    if (status == NJ_OK)
        status = enter_folder(r, err);
    if (status == NJ_OK)
        status = begin_journal(r, err);
    return status == NJ_OK ? nj_runner_start_videos(r, err) : status;
}

static void release(nj_runner *r)
{
    if (r->pace.group)
        nj_speed_write(r->config->job, r->pace.group, &r->pace.speed);
    if (r->engine)
        r->api->close(r->engine);
    nj_runner_end_videos(r, false);
    nj_journal_close(r->journal);
    nj_claims_close(&r->claims);
    nj_sums_free(r->source.sums);
    free(r->settled);
    free(r);
}

nj_status nj_run(const nj_run_config *config, nj_tally *tally, nj_err *err)
{
    nj_runner *r = nj_calloc(1, sizeof(*r));
    double began = nj_steady_seconds();
    nj_err last = {0};
    nj_status status;

    *tally = (nj_tally){.planned = config->plan->count};
    if (!r)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the run");
    r->config = config;
    r->tally = tally;
    status = begin(r, err);
    if (status == NJ_OK) {
        status = work_off(r, err);
        nj_runner_end_videos(r, r->fatal.code == NJ_OK);
        tally->seconds = nj_steady_seconds() - began;
        /* A run that was worked off is, with or without its last line. */
        (void)!nj_journal_end(r->journal, status, tally, err, &last);
    }
    release(r);
    return status;
}
