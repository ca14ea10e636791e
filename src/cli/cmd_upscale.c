/* nightjar upscale: larger pictures. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "album/upscale.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/after.h"
#include "cli/signals.h"
#include "job/check.h"

static void tell_json(const char *event, const char *path, const char *made,
                      const nj_err *why)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "event", event);
    cJSON_AddStringToObject(o, "file", path);
    if (why)
        cJSON_AddStringToObject(o, "error", why->text);
    else
        cJSON_AddStringToObject(o, "made", made);
    nj_cli_print(o);
    fflush(stdout);
}

static void on_event(void *user, nj_upscale_event what, const char *path,
                     const char *made, const nj_err *why)
{
    static const char *const names[] = {
        [NJ_UPSCALE_LOADED] = "loaded",
        [NJ_UPSCALE_MADE] = "upscaled",
        [NJ_UPSCALE_THERE] = "skipped",
        [NJ_UPSCALE_FAILED] = "failed",
    };
    nj_after *a = user;

    if (what == NJ_UPSCALE_LOADED)
        return;
    if (what == NJ_UPSCALE_FAILED)
        nj_after_skipped(a, why);
    if (a->options->json)
        tell_json(names[what], path, made, why);
    else if (what == NJ_UPSCALE_MADE)
        nj_show_note(&a->show, "saved '%s'", made);
}

static nj_status prepare(const nj_invocation *in, nj_upscale_job *job,
                         char **network, nj_list *paths, nj_err *err)
{
    const nj_options *o = in->options;
    nj_status status;

    if (in->rest->count == 0)
        return nj_fail(err, NJ_E_USAGE, "a picture, a folder or - is expected");
    status = nj_lens_machine(o, &job->machine, err);
    if (status == NJ_OK)
        status = nj_upscale_gather(in->rest, o->after.picks, o->after.all,
                                   paths, err);
    if (status == NJ_OK && paths->count == 0)
        status = nj_fail(err, NJ_E_USAGE, "there is no picture to upscale");
    if (status == NJ_OK)
        status = nj_upscale_find(o, in->program_folder, network, err);
    if (status == NJ_OK && o->after.out)
        status = nj_check_out(o->after.out, true, err);
    return status;
}

static int run(const nj_upscale_job *job, nj_after *a)
{
    double began = nj_seconds();
    nj_tally tally;
    nj_err err = {0};
    nj_status status = nj_upscale_files(job, &tally, &err);
    size_t done = tally.made + tally.skipped;

    nj_show_end(&a->show, &tally, nj_seconds() - began);
    if (status != NJ_OK)
        return nj_after_end(a, &err, done > 0);
    if (tally.failed == 0)
        return NJ_EXIT_DONE;
    return done ? NJ_EXIT_SOME : NJ_EXIT_NOTHING;
}

int nj_cmd_upscale(const nj_invocation *in)
{
    const nj_options *o = in->options;
    nj_list paths = {0};
    char *network = NULL;
    nj_after a;
    nj_upscale_job job = {
        .paths = &paths,
        .folder = o->after.out,
        .tiling = {o->after.tile, o->after.tile_pad},
        .engine = in->engine,
        .stop = nj_signals_catch(),
        .user = &a,
        .event = on_event,
    };
    nj_err err = {0};
    int exit;

    nj_after_init(&a, in);
    if (prepare(in, &job, &network, &paths, &err) != NJ_OK) {
        exit = nj_cli_refuse(&err);
    } else {
        job.network = network;
        exit = run(&job, &a);
    }
    free(network);
    nj_list_release(&paths);
    return exit;
}
