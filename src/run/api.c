/* The public interface (include/nightjar.h): thin over spec, plan and run. */
#include "run/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/version.h"
#include "job/engine_load.h"
#include "job/plan.h"
#include "job/spec.h"
#include "run/run.h"
#include "run/unfinished.h"

struct nightjar_job {
    nj_options options;
    nj_list prompts;
    nj_request request;
    nj_job job;
    nj_plan plan;
    bool planned;
    nj_status (*engine)(const nj_engine_api **api, nj_err *err);
    nj_stop stop;
    const nightjar_callbacks *callbacks; /* during nightjar_generate */
};

static int code_of(nj_status status)
{
    static const unsigned char codes[] = {
        [NJ_OK] = NIGHTJAR_OK,
        [NJ_E_USAGE] = NIGHTJAR_USAGE,
        [NJ_E_IO] = NIGHTJAR_IO,
        [NJ_E_NO_SPACE] = NIGHTJAR_NO_SPACE,
        [NJ_E_FORMAT] = NIGHTJAR_FORMAT,
        [NJ_E_MEMORY] = NIGHTJAR_MEMORY,
        [NJ_E_DEVICE_MEMORY] = NIGHTJAR_MEMORY,
        [NJ_E_DEVICE] = NIGHTJAR_DEVICE,
        [NJ_E_NUMERIC] = NIGHTJAR_DEVICE,
        [NJ_E_INTERRUPTED] = NIGHTJAR_INTERRUPTED,
        [NJ_E_INTERNAL] = NIGHTJAR_INTERNAL,
    };

    return codes[status];
}

static int answer(nj_status status, const nj_err *err, nightjar_error *e)
{
    int code = code_of(status);

    if (e) {
        *e = (nightjar_error){.code = (nightjar_code)code};
        if (status != NJ_OK)
            memcpy(e->text, err->text, sizeof(e->text));
    }
    return code;
}

_Static_assert(sizeof(((nightjar_error *)0)->text) == NJ_ERR_TEXT_MAX,
               "an error text fits");

nightjar_job *nightjar_job_new(nightjar_error *e)
{
    nightjar_job *job = nj_calloc(1, sizeof(*job));
    nj_err err = {0};
    nj_status status;

    if (!job) {
        answer(nj_fail(&err, NJ_E_MEMORY, "no memory for a job"), &err, e);
        return NULL;
    }
    job->engine = nj_engine_load;
    status = nj_options_init(&job->options, &err);
    if (answer(status, &err, e) != 0) {
        nightjar_job_free(job);
        return NULL;
    }
    return job;
}

void nightjar_job_free(nightjar_job *job)
{
    if (!job)
        return;
    nj_plan_release(&job->plan);
    nj_job_release(&job->job);
    nj_request_release(&job->request);
    nj_options_release(&job->options);
    nj_list_release(&job->prompts);
    free(job);
}

void nj_api_set_engine(nightjar_job *job,
                       nj_status (*engine)(const nj_engine_api **api,
                                           nj_err *err))
{
    job->engine = engine;
}

static nj_status refuse_planned(const nightjar_job *job, nj_err *err)
{
    return job->planned ? nj_fail(err, NJ_E_USAGE, "the job is planned already")
                        : NJ_OK;
}

int nightjar_set(nightjar_job *job, const char *name, const char *value,
                 nightjar_error *e)
{
    const nj_option *option = nj_option_find(name, strlen(name));
    nj_err err = {0};
    nj_str hint = {0};
    nj_status status = refuse_planned(job, &err);

    if (status == NJ_OK && (!option || !(option->traits & NJ_OF_JOB))) {
        nj_option_hint(&hint, NJ_CMD_GENERATE, name, true);
        status = nj_fail(&err, NJ_E_USAGE, "unknown option '%s'%s", name,
                         hint.text ? hint.text : "");
    } else if (status == NJ_OK) {
        status =
            nj_options_set(&job->options, option, value, NJ_FROM_COMMAND, &err);
        if (status != NJ_OK)
            nj_err_add(&err, "option '%s'", name);
    }
    nj_str_release(&hint);
    return answer(status, &err, e);
}

int nightjar_add_prompt(nightjar_job *job, const char *prompt,
                        nightjar_error *e)
{
    nj_err err = {0};
    nj_status status = refuse_planned(job, &err);

    if (status == NJ_OK && !nj_list_add(&job->prompts, prompt))
        status = nj_fail(&err, NJ_E_MEMORY, "no memory for prompts");
    return answer(status, &err, e);
}

/* Prompts stand for themselves here: a caller expands what it likes. */
static nj_status build_request(nightjar_job *job, nj_err *err)
{
    nj_wish *wish = nj_request_add(&job->request, &job->options);

    if (!wish || !nj_list_add_all(&wish->prompts, &job->prompts))
        return nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    return NJ_OK;
}

int nightjar_plan(nightjar_job *job, nightjar_error *e)
{
    nj_err err = {0};
    char *folder = nj_program_folder();
    bool goes_on;
    nj_status status = refuse_planned(job, &err);

    if (status == NJ_OK)
        status = build_request(job, &err);
    if (status == NJ_OK)
        status = nj_job_open(&job->request, folder, &job->job, &err);
    if (status == NJ_OK)
        status = nj_unfinished_go_on(&job->job, &goes_on, &err);
    if (status == NJ_OK)
        status = nj_plan_make(&job->job, &job->plan, &err);
    free(folder);
    job->planned = status == NJ_OK;
    if (!job->planned) {
        nj_plan_release(&job->plan);
        nj_job_release(&job->job);
        nj_request_release(&job->request);
    }
    return answer(status, &err, e);
}

size_t nightjar_count(const nightjar_job *job)
{
    return job->plan.count;
}

nightjar_image nightjar_at(const nightjar_job *job, size_t i)
{
    const nj_image *image = &job->plan.images[i];
    const nj_group *g = nj_plan_group(&job->job, image);

    return (nightjar_image){
        .prompt = nj_plan_prompt(&job->job, image)->text,
        .seed = image->seed,
        .width = g->options.settings.width,
        .height = g->options.settings.height,
        .iterations = g->iterations,
    };
}

static nj_status open_engine(void *user, const nj_engine_api **api, nj_err *err)
{
    nightjar_job *job = user;

    return job->engine(api, err);
}

static void on_event(void *user, const nj_event *event)
{
    nightjar_job *job = user;
    const nightjar_callbacks *c = job->callbacks;

    switch (event->kind) {
    case NJ_EVENT_STEP:
        if (c->step && c->step(c->user, event->iteration, event->iterations))
            job->stop.requests = 2;
        break;
    case NJ_EVENT_SAVED:
        if (c->picture && event->picture->last)
            c->picture(c->user, event->number, event->path, 1);
        break;
    case NJ_EVENT_SKIPPED:
        if (c->picture)
            c->picture(c->user, event->number, event->path, 0);
        break;
    case NJ_EVENT_FAILED:
        if (c->failed)
            c->failed(c->user, event->number, event->why->text);
        break;
    default:
        break;
    }
}

int nightjar_generate(nightjar_job *job, const nightjar_callbacks *callbacks,
                      nightjar_tally *tally, nightjar_error *e)
{
    nj_run_config config = {
        .job = &job->job,
        .plan = &job->plan,
        .user = job,
        .engine = open_engine,
        .event = callbacks ? on_event : NULL,
        .stop = &job->stop,
    };
    nj_tally counted = {0};
    nj_err err = {0};
    nj_status status = NJ_OK;

    job->callbacks = callbacks;
    job->stop = (nj_stop){0};
    if (!job->planned)
        status = nj_fail(&err, NJ_E_USAGE, "the job is not planned yet");
    else
        status = nj_run(&config, &counted, &err);
    if (tally)
        *tally = (nightjar_tally){counted.planned, counted.made,
                                  counted.skipped, counted.failed};
    return answer(status, &err, e);
}

const char *nightjar_version(void)
{
    return nj_version();
}
