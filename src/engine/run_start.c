/* Run, before the first step: see run_state.h. */
#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/random.h"
#include "engine/run_state.h"
#include "engine/start.h"

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a batch of pictures");
}

/* Sizes are those of checked settings; products are checked by nj_calloc. */
static nj_status allocate(nj_run *r, nj_err *err)
{
    const nj_settings *s = r->settings;
    size_t clips = r->engine->clip_count;
    size_t pixels = (size_t)s->width * (size_t)s->height;

    r->batch = (size_t)s->batch_size;
    r->shape[0] = s->batch_size;
    r->shape[1] = 3;
    r->shape[2] = s->height;
    r->shape[3] = s->width;
    r->image_values = 3 * pixels;
    r->seeds = nj_calloc(r->batch, sizeof(*r->seeds));
    r->prompts = nj_calloc(r->batch, sizeof(*r->prompts));
    r->targets = nj_calloc(clips * r->batch, sizeof(*r->targets));
    r->failed = nj_calloc(r->batch, sizeof(*r->failed));
    r->finite = nj_calloc(r->batch, sizeof(*r->finite));
    r->losses = nj_calloc(NJ_LOSSES * r->batch, sizeof(*r->losses));
    r->host = nj_calloc(r->batch, r->image_values * sizeof(*r->host));
    r->rgb = nj_calloc(pixels, 3);
    r->scope = th_scope_new(NULL);
    return r->seeds && r->prompts && r->targets && r->failed && r->finite &&
                   r->losses && r->host && r->rgb && r->scope
               ? NJ_OK
               : no_memory(err);
}

/* A short batch is filled up with its first image again, so that it runs at
 * its size: algorithms may be chosen by it. */
static void fill_up(nj_run *r)
{
    for (size_t b = 0; b < r->batch; b++) {
        size_t from = b < r->work->images ? b : 0;

        r->seeds[b] = r->work->seeds[from];
        r->prompts[b] = r->work->prompts[from];
    }
}

/* eta of every index of the chain, when it has a curve. */
static nj_status plan_etas(nj_run *r, nj_err *err)
{
    if (r->settings->curves[NJ_CURVED_ETA].kind == NJ_CURVE_NONE)
        return NJ_OK;
    r->etas = nj_calloc(r->schedule.count, sizeof(*r->etas));
    if (!r->etas)
        return no_memory(err);
    nj_settings_etas(r->settings, &r->schedule,
                     nj_unet_flags(r->engine->unet)->diffusion_steps, r->etas);
    return NJ_OK;
}

static nj_status plan_steps(nj_run *r, nj_err *err)
{
    const nj_unet_card *card = nj_unet_flags(r->engine->unet);
    const nj_variance variance =
        card->learn_sigma ? NJ_VARIANCE_LEARNED_RANGE : NJ_VARIANCE_FIXED_LARGE;
    const nj_schedule_config schedule = {
        .kind = card->cosine ? NJ_BETA_COSINE : NJ_BETA_LINEAR,
        .diffusion_steps = card->diffusion_steps,
        .rescale_timesteps = card->rescale_timesteps,
        .respacing = r->settings->timestep_respacing,
    };
    nj_steps_config steps = {
        .variance = variance,
        .eta = r->settings->eta,
        .skip = r->settings->skip_timesteps,
        .init = r->work->init_rgb != NULL || r->settings->perlin_init,
    };
    const nj_sampler_config sampler = {
        .kind = r->settings->sampler,
        .variance = variance,
        .plms_order = r->settings->plms_order,
    };
    nj_status status = nj_schedule_init(&r->schedule, &schedule, err);

    if (status == NJ_OK)
        status = plan_etas(r, err);
    steps.etas = r->etas;
    if (status == NJ_OK)
        status = nj_steps_init(&r->steps, &r->schedule, &steps, err);
    nj_sampler_init(&r->sampler, r->scope, &sampler);
    return status;
}

/* What the prompts look like to each CLIP. */
static nj_status make_targets(nj_run *r, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < r->engine->clip_count && status == NJ_OK; i++) {
        const nj_engine_clip *clip = &r->engine->clips[i];
        nj_target *targets = r->targets + i * r->batch;
        const nj_targets_config config = {
            .clip = clip->clip,
            .tokenizer = clip->tokenizer,
            .settings = r->settings,
            .prompts = r->prompts,
            .seeds = r->seeds,
            .images = r->batch,
            .clip_index = i,
            .truncate = r->work->truncate,
            .device = r->engine->device,
            .watch = r->watch,
        };

        status = nj_targets_make(r->scope, &config, targets, err);
        r->guides[i] = (nj_guide_clip){clip->clip, clip->weight, targets};
    }
    r->guidance = (nj_guidance){
        .settings = &r->now,
        .clips = r->guides,
        .count = r->engine->clip_count,
        .seeds = r->seeds,
        .images = r->batch,
        .clock = &r->clock,
        .all_terms = r->watch && r->watch->step,
    };
    return status;
}

th_tensor *nj_run_noise(const nj_run *r, th_scope *s, nj_stream stream,
                        uint32_t iteration)
{
    const th_normals from = {r->seeds, iteration, stream, 0, 0};

    return th_philox_normals(s, &from, r->engine->device, 4, r->shape);
}

/* The init loss looks at the start picture once for the whole run. */
static void compare_with(nj_run *r, const th_tensor *picture)
{
    if (!picture || !r->engine->lpips || r->settings->init_scale == 0)
        return;
    r->compared = (nj_guide_start){
        r->engine->lpips,
        nj_lpips_look(r->scope, r->engine->lpips, picture, NULL)};
    r->guidance.start = &r->compared;
}

static nj_status start(nj_run *r, nj_err *err)
{
    bool grad = th_enable_grad(false);
    th_scope *s = th_scope_new(r->scope);
    const nj_start_config config = {.settings = r->settings,
                                    .init_rgb = r->work->init_rgb,
                                    .seeds = r->seeds,
                                    .images = r->batch,
                                    .device = r->engine->device};
    th_tensor *picture = NULL;
    nj_status status = nj_start_picture(s, &config, &picture, err);

    if (status == NJ_OK) {
        th_tensor *z = nj_run_noise(r, s, NJ_STREAM_START, 0);

        r->x = th_keep(r->scope, nj_sampler_start(s, &r->steps, picture, z));
        compare_with(r, picture);
        status = th_scope_check(s, err);
    }
    th_scope_free(s);
    th_enable_grad(grad);
    return status;
}

nj_status nj_run_prepare(nj_run *r, nj_err *err)
{
    nj_engine *e = r->engine;
    nj_status status = allocate(r, err);

    if (status == NJ_OK) {
        fill_up(r);
        status = plan_steps(r, err);
    }
    if (status == NJ_OK)
        status = nj_engine_load_texts(e, err);
    if (status == NJ_OK)
        status = make_targets(r, err);
    if (status == NJ_OK && r->work->saving.drop_text)
        nj_engine_drop_texts(e);
    return status == NJ_OK ? start(r, err) : status;
}

void nj_run_release(nj_run *r)
{
    th_scope_free(r->scope);
    nj_steps_release(&r->steps);
    nj_schedule_release(&r->schedule);
    free(r->etas);
    free(r->seeds);
    free(r->prompts);
    free(r->targets);
    free(r->failed);
    free(r->finite);
    free(r->losses);
    nj_report_release(&r->report);
    free(r->host);
    free(r->rgb);
}
