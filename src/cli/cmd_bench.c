/* nightjar bench: how fast a network runs here, and where the time goes. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "run/bench.h"

static double images_per_hour(const nj_bench_setup *s, const nj_bench_result *r)
{
    return 3600.0 * s->settings.batch_size / (s->iterations * r->step);
}

static double matmul_share(const nj_bench_setup *s, const nj_bench_result *r)
{
    return s->work / r->step / r->matmul;
}

static void add_parts(cJSON *o, const nj_bench_result *r)
{
    cJSON *parts = cJSON_AddObjectToObject(o, "parts");

    for (int i = 0; i < NJ_PARTS; i++)
        cJSON_AddNumberToObject(parts, nj_bench_part_name((nj_part)i),
                                r->parts[i]);
    cJSON_AddNumberToObject(parts, "host", r->host);
}

static void print_json(const nj_bench_setup *s, const nj_bench_result *r)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "device", r->facts.device);
    cJSON_AddStringToObject(o, "precision",
                            nj_precision_name(r->facts.precision));
    cJSON_AddNumberToObject(o, "threads", r->facts.threads);
    cJSON_AddNumberToObject(o, "width", s->settings.width);
    cJSON_AddNumberToObject(o, "height", s->settings.height);
    cJSON_AddNumberToObject(o, "batch_size", s->settings.batch_size);
    cJSON_AddNumberToObject(o, "cutn", s->settings.cutn);
    cJSON_AddNumberToObject(o, "steps", s->steps);
    cJSON_AddNumberToObject(o, "seconds_per_step", r->step);
    cJSON_AddNumberToObject(o, "steps_per_second", 1 / r->step);
    cJSON_AddNumberToObject(o, "iterations_per_image", s->iterations);
    cJSON_AddNumberToObject(o, "images_per_hour", images_per_hour(s, r));
    cJSON_AddNumberToObject(o, "load_seconds", r->load_seconds);
    cJSON_AddNumberToObject(o, "first_step_seconds", r->first_step);
    cJSON_AddNumberToObject(o, "peak_host_bytes", (double)r->host_bytes);
    cJSON_AddNumberToObject(o, "peak_device_bytes", (double)r->device_bytes);
    cJSON_AddNumberToObject(o, "peak_tensor_bytes", (double)r->tensor_bytes);
    cJSON_AddNumberToObject(o, "predicted_bytes", (double)r->predicted_bytes);
    cJSON_AddStringToObject(o, "memory",
                            s->how.saving.recompute ? "small" : "fast");
    cJSON_AddNumberToObject(o, "graphs", (double)r->graphs);
    cJSON_AddNumberToObject(o, "clip_slices", s->how.clip_slices);
    cJSON_AddNumberToObject(o, "page_faults_per_step", r->faults);
    cJSON_AddNumberToObject(o, "matmul_peak_flops", r->matmul);
    if (s->work > 0)
        cJSON_AddNumberToObject(o, "matmul_peak_share", matmul_share(s, r));
    else
        cJSON_AddNullToObject(o, "matmul_peak_share");
    add_parts(o, r);
    nj_cli_print(o);
}

static void print_text(const nj_bench_setup *s, const nj_bench_result *r)
{
    double all = r->host; /* on a GPU more than a step, see bench.c */

    printf("%s %s, %d thread%s: %dx%d, batch %d, %d cutout%s\n",
           r->facts.device, nj_precision_name(r->facts.precision),
           r->facts.threads, r->facts.threads == 1 ? "" : "s",
           s->settings.width, s->settings.height, s->settings.batch_size,
           s->settings.cutn, s->settings.cutn == 1 ? "" : "s");
    printf("%.4g steps a second, %.4g pictures an hour with %d step%s each\n",
           1 / r->step, images_per_hour(s, r), s->iterations,
           s->iterations == 1 ? "" : "s");
    printf("memory at most %.2f GB", (double)r->host_bytes / 1e9);
    if (r->facts.cuda)
        printf(", on the GPU %.2f GB", (double)r->device_bytes / 1e9);
    if (r->predicted_bytes)
        printf(", predicted %.2f GB", (double)r->predicted_bytes / 1e9);
    printf("\nmatrix products reach %.0f GFLOP/s", r->matmul / 1e9);
    if (s->work > 0)
        printf(", a step %.0f %% of that%s", 100 * matmul_share(s, r),
               matmul_share(s, r) > 1 ? " (by fewer multiplications)" : "");
    printf("\nloaded in %.2f s, first step %.3f s, each step %.4g s:\n",
           r->load_seconds, r->first_step, r->step);
    for (int i = 0; i < NJ_PARTS; i++)
        all += r->parts[i];
    for (int i = 0; i < NJ_PARTS; i++)
        printf("  %-14s %8.4f s  %3.0f %%\n", nj_bench_part_name((nj_part)i),
               r->parts[i], 100 * r->parts[i] / all);
    printf("  %-14s %8.4f s  %3.0f %%\n", "host", r->host, 100 * r->host / all);
}

static int run(const nj_invocation *in, nj_bench_setup *setup)
{
    const nj_engine_api *api;
    nj_bench_result result;
    nj_err err = {0};

    if (in->engine(&api, &err) != NJ_OK ||
        nj_bench_run(setup, api, &result, &err) != NJ_OK) {
        nj_cli_refuse(&err);
        return NJ_EXIT_NOTHING;
    }
    if (in->options->json)
        print_json(setup, &result);
    else
        print_text(setup, &result);
    return NJ_EXIT_DONE;
}

int nj_cmd_bench(const nj_invocation *in)
{
    nj_bench_setup setup = {0};
    nj_err err = {0};
    int exit;

    if (in->rest->count > 0) {
        nj_fail(&err, NJ_E_USAGE, "argument '%s': bench takes none",
                in->rest->items[0]);
        return nj_cli_refuse(&err);
    }
    if (nj_bench_prepare(in->options, in->program_folder, &setup, &err) !=
        NJ_OK)
        exit = nj_cli_refuse(&err);
    else
        exit = run(in, &setup);
    nj_bench_release(&setup);
    return exit;
}
