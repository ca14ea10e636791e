/* nightjar plan: what generate would make, without making it. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/estimate.h"
#include "job/plan.h"
#include "job/request.h"
#include "job/spec.h"
#include "job/target.h"
#include "run/calibrate.h"
#include "run/progress.h"
#include "run/unfinished.h"

#define SHOWN_MAX 40

static char *name_of(const nj_job *job, const nj_image *image)
{
    char *name = NULL;
    int last = nj_plan_group(job, image)->iterations - 1;

    if (nj_target_name(job, image, last, NULL, &name, NULL) != NJ_OK)
        return NULL;
    return name;
}

static void print_names(const nj_job *job, const nj_plan *plan)
{
    for (size_t i = 0; i < plan->count && i < SHOWN_MAX; i++) {
        char *name = name_of(job, &plan->images[i]);
        nj_str s = {0};

        nj_str_add_visible(&s, name ? name : "", name ? strlen(name) : 0);
        printf("%4zu  %s\n", i + 1, s.text ? s.text : "");
        nj_str_release(&s);
        free(name);
    }
    if (plan->count > SHOWN_MAX)
        printf("      and %zu more (--json names all)\n",
               plan->count - SHOWN_MAX);
}

static void add_time(double seconds, nj_str *s)
{
    if (seconds < 0)
        nj_str_add(s, "unknown here until pictures like these were made; "
                      "--calibrate measures it");
    else
        nj_duration_text(seconds, s);
}

/* What is still to be made, and all of it where some is there. */
static void add_costs(const nj_job *job, const nj_estimate *e, nj_str *s)
{
    bool some = e->open.pictures < e->all.pictures;

    nj_str_addf(s, "%zu picture%s, %" PRIu64 " network step%s\n",
                e->all.pictures, e->all.pictures == 1 ? "" : "s", e->all.steps,
                e->all.steps == 1 ? "" : "s");
    if (some)
        nj_str_addf(s,
                    "there   %zu of their files already; %zu to do, %" PRIu64
                    " network step%s\n",
                    e->all.pictures - e->open.pictures, e->open.pictures,
                    e->open.steps, e->open.steps == 1 ? "" : "s");
    nj_str_add(s, "time    ");
    add_time(e->open.seconds, s);
    if (some && e->all.seconds >= 0) {
        nj_str_add(s, " (");
        nj_duration_text(e->all.seconds, s);
        nj_str_add(s, " for all)");
    }
    nj_str_add(s, "\ndisk    at most ");
    nj_bytes_text(e->open.disk_bytes, true, s);
    if (some) {
        nj_str_add(s, " (");
        nj_bytes_text(e->all.disk_bytes, true, s);
        nj_str_add(s, " for all)");
    }
    if (e->free_known) {
        nj_str_add(s, "; ");
        nj_bytes_text(e->free_bytes, false, s);
        nj_str_add(s, " are free in '");
        nj_str_add_visible(s, job->out, strlen(job->out));
        nj_str_addc(s, '\'');
    }
}

static void print_estimate(const nj_job *job, const nj_estimate *e)
{
    nj_str s = {0};

    add_costs(job, e, &s);
    nj_str_add(&s, "\nmemory  ");
    if (e->host_bytes)
        nj_str_addf(&s, "%.1f GB, as measured before\n",
                    (double)e->host_bytes / 1e9);
    else if (e->predicted_bytes)
        nj_str_addf(&s, "about %.1f GB, by arithmetic\n",
                    (double)e->predicted_bytes / 1e9);
    else
        nj_str_add(&s, "unknown, likewise\n");
    if (e->predicted_device_bytes)
        nj_str_addf(&s, "GPU     about %.1f GB, by arithmetic\n",
                    (double)e->predicted_device_bytes / 1e9);
    if (e->twice)
        nj_str_add(&s, "        blocks of the network are computed twice, to "
                       "need less\n");
    if (s.text)
        fputs(s.text, stdout);
    nj_str_release(&s);
}

static void print_object(cJSON *o)
{
    nj_str line = {0};

    if (nj_json_add_line(o, &line))
        fputs(line.text, stdout);
    nj_str_release(&line);
}

static void print_json_picture(const nj_job *job, const nj_plan *plan, size_t i)
{
    const nj_image *image = &plan->images[i];
    char *name = name_of(job, image);
    cJSON *o = cJSON_CreateObject();
    char seed[24];

    snprintf(seed, sizeof(seed), "%" PRIu64, image->seed);
    cJSON_AddNumberToObject(o, "number", (double)i + 1);
    cJSON_AddStringToObject(o, "prompt", nj_plan_prompt(job, image)->text);
    cJSON_AddStringToObject(o, "seed", seed);
    cJSON_AddStringToObject(o, "name", name ? name : "");
    cJSON_AddNumberToObject(o, "steps", nj_plan_group(job, image)->iterations);
    print_object(o);
    free(name);
}

static void print_json_estimate(const nj_estimate *e)
{
    const nj_cost *all = &e->all;
    const nj_cost *open = &e->open;
    cJSON *o = cJSON_CreateObject();

    cJSON_AddNumberToObject(o, "pictures", (double)all->pictures);
    cJSON_AddNumberToObject(o, "steps", (double)all->steps);
    nj_json_add_known(o, "seconds", all->seconds, all->seconds >= 0);
    cJSON_AddNumberToObject(o, "disk_bytes", (double)all->disk_bytes);
    cJSON_AddNumberToObject(o, "there",
                            (double)(all->pictures - open->pictures));
    cJSON_AddNumberToObject(o, "open", (double)open->pictures);
    cJSON_AddNumberToObject(o, "open_steps", (double)open->steps);
    nj_json_add_known(o, "open_seconds", open->seconds, open->seconds >= 0);
    cJSON_AddNumberToObject(o, "open_disk_bytes", (double)open->disk_bytes);
    nj_json_add_known(o, "free_bytes", (double)e->free_bytes, e->free_known);
    nj_json_add_known(o, "host_bytes", (double)e->host_bytes, e->host_bytes);
    cJSON_AddNumberToObject(o, "predicted_bytes", (double)e->predicted_bytes);
    cJSON_AddNumberToObject(o, "predicted_device_bytes",
                            (double)e->predicted_device_bytes);
    cJSON_AddBoolToObject(o, "computed_twice", e->twice);
    print_object(o);
}

/* Whether the pictures above are those that generate will make. */
static void print_seed(const nj_job *job, bool goes_on)
{
    if (!job->seed_drawn)
        return;
    if (goes_on)
        printf("seed    %" PRIu64 ", of the unfinished run in the folder\n",
               job->drawn_seed);
    else
        printf("seed    %" PRIu64 ", drawn for this plan; generate draws "
               "another\n",
               job->drawn_seed);
}

static nj_status print_plan(const nj_job *job, const nj_plan *plan, bool json,
                            bool goes_on, nj_err *err)
{
    nj_estimate estimate;
    nj_status status = nj_estimate_make(job, plan, &estimate, err);

    if (status != NJ_OK)
        return status;
    if (!json) {
        print_names(job, plan);
        print_estimate(job, &estimate);
        print_seed(job, goes_on);
        return NJ_OK;
    }
    for (size_t i = 0; i < plan->count; i++)
        print_json_picture(job, plan, i);
    print_json_estimate(&estimate);
    return NJ_OK;
}

int nj_cmd_plan(const nj_invocation *in)
{
    nj_request request;
    nj_job job = {0};
    nj_plan plan = {0};
    nj_err err = {0};
    bool goes_on = false;
    int exit = NJ_EXIT_DONE;

    if (nj_request_build(in->options, in->rest, &request, &err) != NJ_OK ||
        nj_job_open(&request, in->program_folder, &job, &err) != NJ_OK ||
        nj_unfinished_go_on(&job, &goes_on, &err) != NJ_OK ||
        nj_plan_make(&job, &plan, &err) != NJ_OK)
        exit = nj_cli_refuse(&err);
    else if (in->options->calibrate &&
             nj_calibrate(&job, in->engine, &err) != NJ_OK) {
        nj_cli_refuse(&err);
        exit = NJ_EXIT_NOTHING;
    } else if (print_plan(&job, &plan, in->options->json, goes_on, &err) !=
               NJ_OK)
        exit = nj_cli_refuse(&err);
    nj_plan_release(&plan);
    nj_job_release(&job);
    nj_request_release(&request);
    return exit;
}
