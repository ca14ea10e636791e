/* Bench: see bench.h. */
#include "run/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "diffusion/schedule.h"
#include "job/device.h"
#include "job/footprint.h"
#include "run/room.h"
#include "weights/catalogue.h"

enum { BATCH_MAX = 256 }; /* of --batch-size */
/* The step after which no memory is asked for, and a GPU's graphs are there. */
enum { WARM = 2 };

static const char prompt_text[] = "a white lighthouse by the sea at dawn";

const char *nj_bench_part_name(nj_part part)
{
    static const char *const names[NJ_PARTS] = {
        [NJ_PART_UNET_FORWARD] = "unet_forward",
        [NJ_PART_UNET_BACKWARD] = "unet_backward",
        [NJ_PART_CLIP_FORWARD] = "clip_forward",
        [NJ_PART_CLIP_BACKWARD] = "clip_backward",
        [NJ_PART_CUTOUTS] = "cutouts",
        [NJ_PART_SAMPLER] = "sampler",
    };

    return names[part];
}

/* ---- what is timed ------------------------------------------------------- */

/* Enough steps for any bench. */
static void many_steps(nj_settings *s)
{
    snprintf(s->timestep_respacing, sizeof(s->timestep_respacing), "250");
    s->skip_timesteps = 0;
    s->save_every = 0;
}

static nj_status use_job(const nj_options *o, const char *program_folder,
                         nj_bench_setup *out, nj_err *err)
{
    nj_list prompts = {0};
    nj_status status;

    if (!nj_list_add(&prompts, prompt_text))
        return nj_fail(err, NJ_E_MEMORY, "no memory for a prompt");
    status = nj_request_build(o, &prompts, &out->request, err);
    nj_list_release(&prompts);
    if (status == NJ_OK)
        status = nj_job_open(&out->request, program_folder, &out->job, err);
    if (status != NJ_OK)
        return status;
    nj_job_engine_config(&out->job, &out->config);
    out->settings = out->job.groups[0].options.settings;
    out->iterations = out->job.groups[0].iterations;
    out->networks = nj_networks_of(&out->job, &out->job.groups[0], false);
    return NJ_OK;
}

struct random_net {
    const char *name;
    const char *unet;
    const char *clip;
    int cutn;
};

static const struct random_net *find_net(const char *name)
{
    static const struct random_net nets[] = {
        {"demo", "demo", "demo", 4},
        {"256", "256x256_diffusion_uncond", "ViT-B-32", 16},
        {"512", "512x512_diffusion_uncond_finetune_008100", "ViT-B-32", 16},
    };

    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if (strcmp(nets[i].name, name) == 0)
            return &nets[i];
    return NULL;
}

/* The file beside a model's. */
static char *beside(const char *path, const char *name)
{
    char *folder = nj_path_folder(path);
    char *joined = folder ? nj_path_join(folder, name) : NULL;

    free(folder);
    return joined;
}

/* The tokenizer of random networks is the demo's: it is always there. */
static nj_status use_demo_words(const nj_catalogue *c, nj_bench_setup *out,
                                nj_err *err)
{
    const nj_model *clip = nj_catalogue_find(c, NJ_MODEL_CLIP, "demo");
    nj_clip_card demo;
    nj_status status;

    if (!clip)
        return nj_fail(err, NJ_E_USAGE, "the demo model's card is missing");
    status = nj_clip_card_from(clip->flags, &demo, err);
    if (status != NJ_OK)
        return status;
    out->clip.vocab_size = demo.vocab_size;
    out->vocabulary = beside(
        clip->path, nj_json_string(clip->flags, "vocabulary", "vocab.txt"));
    return out->vocabulary ? NJ_OK
                           : nj_fail(err, NJ_E_MEMORY, "no memory for names");
}

static nj_status read_cards(const nj_catalogue *c, const struct random_net *net,
                            nj_bench_setup *out, nj_err *err)
{
    const nj_model *unet = nj_catalogue_find(c, NJ_MODEL_UNET, net->unet);
    const nj_model *clip = nj_catalogue_find(c, NJ_MODEL_CLIP, net->clip);
    nj_status status;

    if (!unet || !clip)
        return nj_fail(err, NJ_E_USAGE, "the model card of '%s' is missing",
                       unet ? net->clip : net->unet);
    status = nj_unet_card_from(unet->flags, &out->config.unet, err);
    if (status == NJ_OK)
        status = nj_clip_card_from(clip->flags, &out->clip, err);
    return status == NJ_OK ? use_demo_words(c, out, err) : status;
}

/* Values that a job would get from the network's card. */
static nj_status fill_settings(const nj_options *o,
                               const struct random_net *net,
                               nj_bench_setup *out, nj_err *err)
{
    nj_settings *s = &out->settings;
    nj_schedule schedule;
    nj_status status;
    int factor = nj_unet_card_factor(&out->config.unet);
    const nj_schedule_config config = {
        .diffusion_steps = out->config.unet.diffusion_steps,
        .respacing = o->settings.timestep_respacing,
    };

    *s = o->settings;
    s->clip_denoised = true; /* keeps what random networks say finite */
    if (!nj_options_given(o, "width"))
        s->width = out->config.unet.image_size;
    if (!nj_options_given(o, "height"))
        s->height = out->config.unet.image_size;
    if (!nj_options_given(o, "cutn"))
        s->cutn = net->cutn;
    if (s->width % factor || s->height % factor)
        return nj_fail(err, NJ_E_USAGE,
                       "option '--width': %dx%d pixels, multiples of %d are "
                       "expected",
                       s->width, s->height, factor);
    status = nj_schedule_init(&schedule, &config, err);
    out->iterations = (int)schedule.count;
    nj_schedule_release(&schedule);
    return status;
}

static nj_status use_random(const nj_options *o, const char *program_folder,
                            nj_bench_setup *out, nj_err *err)
{
    const struct random_net *net = find_net(o->random_weights);
    nj_list folders = {0};
    nj_catalogue *c = NULL;
    nj_status status =
        nj_models_open(o->models_dir, program_folder, &folders, &c, err);

    if (status == NJ_OK)
        status = read_cards(c, net, out, err);
    if (status == NJ_OK)
        status = fill_settings(o, net, out, err);
    nj_catalogue_free(c);
    nj_list_release(&folders);
    if (status == NJ_OK)
        status = nj_device_parse(o->device, &out->config.device,
                                 &out->config.device_index, err);
    out->config.made_up = &out->clip;
    out->config.clips = 1;
    out->config.clip_weights[0] = 1;
    out->config.vocabulary_path = out->vocabulary;
    out->config.precision = o->precision;
    out->config.threads = o->threads;
    out->config.fast = o->fast;
    out->networks = (nj_networks){.unet = &out->config.unet,
                                  .clips = &out->clip,
                                  .clip_count = 1,
                                  .precision = o->precision,
                                  .threads = o->threads,
                                  .launch = o->no_graphs};
    return status;
}

nj_status nj_bench_prepare(const nj_options *o, const char *program_folder,
                           nj_bench_setup *out, nj_err *err)
{
    nj_status status;

    *out = (nj_bench_setup){.steps = o->steps};
    status = o->random_weights ? use_random(o, program_folder, out, err)
                               : use_job(o, program_folder, out, err);
    many_steps(&out->settings);
    out->memory = o->memory;
    if (status == NJ_OK)
        out->work = nj_footprint_flop(&out->networks, &out->settings);
    return status;
}

void nj_bench_release(nj_bench_setup *s)
{
    nj_job_release(&s->job);
    nj_request_release(&s->request);
    free(s->vocabulary);
    *s = (nj_bench_setup){0};
}

/* ---- timing ----------------------------------------------------------------
 */

struct timing {
    nj_bench_result *out;
    nj_err failure; /* of a picture; its steps are no longer run */
    int warm;       /* the step that is not timed, after those before it */
    int steps;      /* to be timed */
    double began;
    double since; /* when that step was done */
    long faults;  /* of the process, when the third step was done */
};

static long faults_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static bool on_step(void *user, int iteration, int iterations)
{
    struct timing *t = user;
    double now = nj_seconds();

    (void)iterations;
    if (iteration == 0)
        t->out->first_step = now - t->began;
    if (iteration == t->warm) {
        t->since = now;
        memset(t->out->parts, 0, sizeof(t->out->parts));
    }
    if (iteration == WARM)
        t->faults = faults_now();
    if (iteration > WARM)
        t->out->faults =
            (double)(faults_now() - t->faults) / (iteration - WARM);
    t->out->step = (now - t->since) / t->steps;
    return iteration < t->warm + t->steps;
}

static void on_failed(void *user, size_t image, const nj_err *why)
{
    struct timing *t = user;

    (void)image;
    t->failure = *why;
}

/* Per step, and what is left of a step that took `step` seconds. */
static void share_out(nj_bench_result *out, int steps, double step)
{
    out->host = step;
    for (int i = 0; i < NJ_PARTS; i++) {
        out->parts[i] /= steps;
        out->host -= out->parts[i];
    }
}

static nj_status time_steps(const nj_bench_setup *s, const nj_engine_api *api,
                            nj_engine *engine, bool parts, nj_bench_result *out,
                            nj_err *err)
{
    struct timing timing = {.out = out,
                            .warm = api->facts(engine)->cuda ? WARM : 0,
                            .steps = s->steps,
                            .began = nj_seconds()};
    const nj_engine_callbacks callbacks = {&timing, on_step, NULL, on_failed};
    nj_prompt prompt = {0};
    const nj_prompt *prompts[BATCH_MAX];
    uint64_t seeds[BATCH_MAX];
    nj_work work = {
        .settings = &s->settings,
        .images = (size_t)s->settings.batch_size,
        .prompts = prompts,
        .seeds = seeds,
        .truncate = true,
        .parts = parts ? out->parts : NULL,
        .saving = s->how.saving,
    };
    nj_status status = nj_prompt_parse(prompt_text, &prompt, err);

    for (size_t i = 0; i < work.images; i++) {
        prompts[i] = &prompt;
        seeds[i] = i;
    }
    if (status == NJ_OK)
        status = api->run(engine, &work, &callbacks, err);
    nj_prompt_release(&prompt);
    if (timing.failure.code != NJ_OK) {
        *err = timing.failure;
        return timing.failure.code;
    }
    return status == NJ_E_INTERRUPTED ? NJ_OK : status;
}

/* A clock between the parts of a step makes a GPU wait for the host at each of
 * them: there a step's time and that of its parts are measured apart. */
static nj_status time_all(const nj_bench_setup *s, const nj_engine_api *api,
                          nj_engine *engine, nj_bench_result *out, nj_err *err)
{
    const bool apart = api->facts(engine)->cuda;
    nj_bench_result watched;
    nj_status status = time_steps(s, api, engine, !apart, out, err);
    double step = out->step;

    if (status == NJ_OK && apart) {
        watched = (nj_bench_result){0};
        status = time_steps(s, api, engine, true, &watched, err);
        memcpy(out->parts, watched.parts, sizeof(out->parts));
        step = watched.step;
    }
    share_out(out, s->steps, step);
    return status;
}

/* How the batch is made, by what is free before anything is loaded. */
static void choose_way(nj_bench_setup *s, const nj_engine_api *api,
                       nj_bench_result *out)
{
    nj_networks *n = &s->networks;
    nj_room room = nj_room_now(api, &s->config);
    nj_footprint need;

    n->cuda = nj_room_on_gpu(api, &s->config);
    s->how = nj_footprint_choose(n, &s->settings, s->memory, &room);
    s->settings.clip_slices = s->how.clip_slices;
    need = nj_footprint_of(n, &s->settings, &s->how);
    out->predicted_bytes = n->cuda ? need.device : need.host;
}

nj_status nj_bench_run(nj_bench_setup *s, const nj_engine_api *api,
                       nj_bench_result *out, nj_err *err)
{
    struct rusage usage;
    nj_engine *engine = NULL;
    nj_status status;

    *out = (nj_bench_result){0};
    choose_way(s, api, out);
    status = api->open(&s->config, &engine, err);
    if (status != NJ_OK)
        return status;
    status = time_all(s, api, engine, out, err);
    getrusage(RUSAGE_SELF, &usage);
    out->host_bytes = (uint64_t)usage.ru_maxrss * 1024;
    out->graphs = api->graphs();
    out->tensor_bytes = api->host_peak(engine);
    out->device_bytes = api->device_peak(engine);
    if (status == NJ_OK)
        status = api->matmul_peak(engine, &out->matmul, err);
    out->facts = *api->facts(engine);
    out->facts.device = out->facts.cuda ? "cuda" : "cpu";
    out->load_seconds = out->facts.load_seconds;
    api->close(engine);
    return status;
}
