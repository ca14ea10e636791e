/* nightjar plan: what generate would make, without making it. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "job/estimate.h"
#include "job/plan.h"
#include "job/request.h"
#include "job/spec.h"
#include "job/target.h"
#include "run/calibrate.h"
#include "run/progress.h"

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

/* Pictures whose files are there: a run will find out whether they are the same
 * and make the others. */
static size_t count_there(const nj_job *job, const nj_plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->count; i++) {
        char *name = name_of(job, &plan->images[i]);
        char *path = name ? nj_path_join(job->out, name) : NULL;

        count += path && access(path, F_OK) == 0;
        free(path);
        free(name);
    }
    return count;
}

static void print_estimate(const nj_job *job, const nj_estimate *e,
                           size_t there)
{
    nj_str s = {0};

    nj_str_addf(&s, "%zu picture%s, %" PRIu64 " network steps\n", e->pictures,
                e->pictures == 1 ? "" : "s", e->steps);
    if (there)
        nj_str_addf(&s, "there   %zu of their files already\n", there);
    nj_str_add(&s, "time    ");
    if (e->seconds < 0)
        nj_str_add(&s, "unknown here until pictures like these were made; "
                       "--calibrate measures it");
    else
        nj_duration_text(e->seconds, &s);
    nj_str_add(&s, "\ndisk    at most ");
    nj_bytes_text(e->disk_bytes, true, &s);
    if (e->free_known) {
        nj_str_add(&s, "; ");
        nj_bytes_text(e->free_bytes, false, &s);
        nj_str_add(&s, " are free in '");
        nj_str_add_visible(&s, job->out, strlen(job->out));
        nj_str_addc(&s, '\'');
    }
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

static void print_json_estimate(const nj_estimate *e, size_t there)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddNumberToObject(o, "pictures", (double)e->pictures);
    cJSON_AddNumberToObject(o, "there", (double)there);
    cJSON_AddNumberToObject(o, "steps", (double)e->steps);
    if (e->seconds >= 0)
        cJSON_AddNumberToObject(o, "seconds", e->seconds);
    else
        cJSON_AddNullToObject(o, "seconds");
    cJSON_AddNumberToObject(o, "disk_bytes", (double)e->disk_bytes);
    if (e->free_known)
        cJSON_AddNumberToObject(o, "free_bytes", (double)e->free_bytes);
    else
        cJSON_AddNullToObject(o, "free_bytes");
    if (e->host_bytes)
        cJSON_AddNumberToObject(o, "host_bytes", (double)e->host_bytes);
    else
        cJSON_AddNullToObject(o, "host_bytes");
    cJSON_AddNumberToObject(o, "predicted_bytes", (double)e->predicted_bytes);
    cJSON_AddNumberToObject(o, "predicted_device_bytes",
                            (double)e->predicted_device_bytes);
    cJSON_AddBoolToObject(o, "computed_twice", e->twice);
    print_object(o);
}

static void print_plan(const nj_job *job, const nj_plan *plan, bool json)
{
    nj_estimate estimate;

    nj_estimate_make(job, plan, &estimate);
    if (!json) {
        print_names(job, plan);
        print_estimate(job, &estimate, count_there(job, plan));
        return;
    }
    for (size_t i = 0; i < plan->count; i++)
        print_json_picture(job, plan, i);
    print_json_estimate(&estimate, count_there(job, plan));
}

int nj_cmd_plan(const nj_invocation *in)
{
    nj_request request;
    nj_job job = {0};
    nj_plan plan = {0};
    nj_err err = {0};
    int exit = NJ_EXIT_DONE;

    if (nj_request_build(in->options, in->rest, &request, &err) != NJ_OK ||
        nj_job_open(&request, in->program_folder, &job, &err) != NJ_OK ||
        nj_plan_make(&job, &plan, &err) != NJ_OK)
        exit = nj_cli_refuse(&err);
    else if (in->options->calibrate &&
             nj_calibrate(&job, in->engine, &err) != NJ_OK) {
        nj_cli_refuse(&err);
        exit = NJ_EXIT_NOTHING;
    } else
        print_plan(&job, &plan, in->options->json);
    nj_plan_release(&plan);
    nj_job_release(&job);
    nj_request_release(&request);
    return exit;
}
