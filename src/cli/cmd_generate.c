/* nightjar generate: prompts in, pictures out. */
#include "cli/cli.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/live_gallery.h"
#include "cli/seed_note.h"
#include "cli/show.h"
#include "cli/signals.h"
#include "cli/workers.h"
#include "job/device.h"
#include "job/footprint.h"
#include "job/free_memory.h"
#include "job/plan.h"
#include "job/request.h"
#include "job/spec.h"
#include "job/vocabulary_check.h"
#include "run/run.h"
#include "run/unfinished.h"

#define WORDS_SHOWN 12

/* A job that is open, on its way to one process or to several. */
struct work {
    const nj_invocation *in;
    nj_job *job;
    nj_plan *plan;
    bool goes_on; /* with the seed of an unfinished run */
};

/* What the run loop's callbacks get. */
struct session {
    const struct work *work;
    nj_show show;
    nj_live_gallery gallery;
    nj_engine_opener engine;
};

static nj_status open_engine(void *user, const nj_engine_api **api, nj_err *err)
{
    struct session *s = user;

    return s->engine(api, err);
}

static void on_event(void *user, const nj_event *event)
{
    struct session *s = user;

    nj_show_event(&s->show, event);
    if (event->kind == NJ_EVENT_SAVED)
        nj_live_gallery_picture(&s->gallery);
}

/* A model that knows few words cannot say so itself: it makes something. */
static void show_unknown_words(nj_show *show, const nj_job *job)
{
    nj_list words = {0};
    nj_str text = {0};

    if (nj_job_unknown_words(job, &words, NULL) == NJ_OK && words.count > 0) {
        for (size_t i = 0; i < words.count && i < WORDS_SHOWN; i++)
            nj_str_addf(&text, "%s%s", i ? ", " : "", words.items[i]);
        if (words.count > WORDS_SHOWN)
            nj_str_addf(&text, " and %zu more", words.count - WORDS_SHOWN);
        nj_show_note(show, "model '%s' was not trained on: %s",
                     job->files.card_name, text.text ? text.text : "");
    }
    nj_str_release(&text);
    nj_list_release(&words);
}

/* Where the machine's memory decides that steps take longer. */
static void show_memory(nj_show *show, const nj_job *job)
{
    const nj_group *g = &job->groups[0];
    const nj_room room = {.host = nj_free_memory()};

    if (g->options.memory == NJ_MEMORY_AUTO &&
        nj_footprint_choose_for(job, g, job->device == NJ_DEVICE_CUDA, &room)
            .saving.recompute)
        nj_show_note(show, "memory is short: blocks of the network are "
                           "computed twice, as with --memory small");
}

static void show_seed(nj_show *show, const nj_job *job, bool goes_on)
{
    char note[NJ_SEED_NOTE_MAX];

    if (nj_seed_note(job, goes_on, note))
        nj_show_note(show, "%s", note);
}

/* Another process of the same command was quicker. */
static nj_status reseed(void *user, uint64_t seed, nj_err *err)
{
    struct session *s = user;
    const struct work *w = s->work;
    nj_status status = nj_job_use_seed(w->job, seed, err);

    nj_plan_release(w->plan);
    if (status == NJ_OK)
        status = nj_plan_make(w->job, w->plan, err);
    if (status == NJ_OK)
        show_seed(&s->show, w->job, true);
    return status;
}

/* What the user should know before the first picture. */
static void show_choices(nj_show *show, const struct work *w)
{
    const nj_job *job = w->job;

    if (job->files.demo)
        nj_show_note(show,
                     "no model weights are installed, the small demo model is "
                     "used; get real ones with scripts/fetch-models.sh "
                     "256x256_diffusion_uncond ViT-B-16");
    show_unknown_words(show, job);
    show_memory(show, job);
    show_seed(show, job, w->goes_on);
}

static int exit_status(nj_status status, const nj_tally *t)
{
    bool some = t->made + t->skipped > 0;

    if (status == NJ_E_INTERRUPTED)
        return NJ_EXIT_INTERRUPTED;
    if (status == NJ_OK && t->failed == 0 && t->videos_failed == 0)
        return NJ_EXIT_DONE;
    /* A weight file that does not fit its card shows when it is opened. */
    if (!some && t->failed == 0 &&
        (status == NJ_E_USAGE || status == NJ_E_FORMAT))
        return NJ_EXIT_USAGE;
    return some ? NJ_EXIT_SOME : NJ_EXIT_NOTHING;
}

/* How to go on: a seed that was drawn with --overwrite is drawn again by the
 * same command. */
static const char *way_on(const nj_job *job)
{
    return job->seed_drawn && !nj_unfinished_wanted(job)
               ? "the same command without --overwrite goes on"
               : "the same command goes on";
}

static int run(const struct work *w, bool worker)
{
    const nj_invocation *in = w->in;
    struct session s = {.work = w, .engine = in->engine};
    nj_run_config config = {
        .job = w->job,
        .plan = w->plan,
        .user = &s,
        .engine = open_engine,
        .event = on_event,
        .reseed = reseed,
        .stop = nj_signals_catch(),
    };
    double began = nj_seconds();
    nj_tally tally;
    nj_err err = {0};
    nj_err page = {0};
    nj_status status;

    /* Several workers may keep one page: it is replaced as a whole. */
    if (nj_live_gallery_begin(&s.gallery,
                              in->options->gallery ? w->job->out : NULL,
                              &err) != NJ_OK)
        return nj_cli_refuse(&err);
    nj_show_init(&s.show, in->options, w->job->out);
    if (worker)
        s.show.terminal = false; /* lines of several processes do not mix */
    else
        show_choices(&s.show, w);
    status = nj_run(&config, &tally, &err);
    nj_show_end(&s.show, &tally, nj_seconds() - began);
    if (nj_live_gallery_end(&s.gallery, &page) != NJ_OK)
        nj_cli_refuse(&page);
    if (status == NJ_E_INTERRUPTED)
        nj_show_note(&s.show, "%s; %s", err.text, way_on(w->job));
    else if (status != NJ_OK)
        nj_cli_refuse(&err);
    nj_show_exit(&s.show, &tally, exit_status(status, &tally),
                 status == NJ_OK ? NULL : &err);
    return exit_status(status, &tally);
}

static int run_on_gpu(void *user, int gpu)
{
    const struct work *w = user;

    w->job->device_index = gpu;
    return run(w, true);
}

static nj_status check_room(const nj_job *job, nj_err *err)
{
    const nj_room room = {.host = nj_free_memory()};

    return nj_footprint_check(job, job->device == NJ_DEVICE_CUDA, &room, err);
}

static int run_here_or_on_all(struct work *w)
{
    nj_show show;

    if (w->job->device_index != NJ_DEVICE_ALL)
        return run(w, false);
    nj_show_init(&show, w->in->options, w->job->out);
    show_choices(&show, w);
    return nj_workers_run(nj_device_gpus(), run_on_gpu, w);
}

int nj_cmd_generate(const nj_invocation *in)
{
    nj_request request;
    nj_job job = {0};
    nj_plan plan = {0};
    struct work work = {in, &job, &plan, false};
    nj_err err = {0};
    int exit = NJ_EXIT_USAGE;

    if (nj_request_build(in->options, in->rest, &request, &err) != NJ_OK ||
        nj_job_open(&request, in->program_folder, &job, &err) != NJ_OK ||
        nj_unfinished_go_on(&job, &work.goes_on, &err) != NJ_OK ||
        nj_plan_make(&job, &plan, &err) != NJ_OK ||
        check_room(&job, &err) != NJ_OK)
        exit = nj_cli_refuse(&err);
    else
        exit = run_here_or_on_all(&work);
    nj_plan_release(&plan);
    nj_job_release(&job);
    nj_request_release(&request);
    return exit;
}
