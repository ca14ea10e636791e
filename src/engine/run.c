/* Run: one batch of pictures from noise to RGB. The loop of the whole program
 * is `denoise` and `one_step`. Nothing couples the images of a batch: noise,
 * boxes, classes, targets, losses and clamps are each image's own. */
#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/pixels.h"
#include "diffusion/random.h"
#include "engine/engine_internal.h"
#include "engine/guidance.h"
#include "engine/labels.h"
#include "engine/sampler.h"
#include "engine/start.h"
#include "engine/targets.h"

struct run {
    const nj_engine *engine;
    const nj_work *work;
    const nj_settings *settings;
    const nj_engine_callbacks *callbacks;
    const nj_watch *watch; /* or NULL */

    th_scope *scope; /* lives as long as the run */
    nj_schedule schedule;
    nj_steps steps;
    nj_sampler_run sampler;
    nj_guide_clip guides[NJ_ENGINE_CLIPS_MAX];
    nj_guidance guidance;
    nj_guide_start compared; /* what the init loss compares with */
    nj_settings now;         /* the settings that hold at this step */
    bool guided;             /* whether they ask for guidance */
    double *etas;            /* [schedule's count], where eta has a curve */
    nj_clock clock;

    size_t batch;              /* B, padding included */
    int64_t shape[4];          /* [B,3,H,W] */
    size_t image_values;       /* 3 * H * W */
    uint64_t *seeds;           /* [B] */
    const nj_prompt **prompts; /* [B] */
    nj_target *targets;        /* [CLIPs,B] */
    bool *failed;              /* [B] */
    float *losses;             /* [NJ_LOSSES,B] of the step before */
    float *host;               /* [B,3,H,W] on its way in or out */
    uint8_t *rgb;              /* [H,W,3] */
    th_tensor *x;              /* [B,3,H,W], overwritten by each step */
};

/* ---- setting up -------------------------------------------------------- */

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a batch of pictures");
}

/* Sizes are those of checked settings; products are checked by nj_calloc. */
static nj_status allocate(struct run *r, nj_err *err)
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
    r->losses = nj_calloc(NJ_LOSSES * r->batch, sizeof(*r->losses));
    r->host = nj_calloc(r->batch, r->image_values * sizeof(*r->host));
    r->rgb = nj_calloc(pixels, 3);
    r->scope = th_scope_new(NULL);
    return r->seeds && r->prompts && r->targets && r->failed && r->losses &&
                   r->host && r->rgb && r->scope
               ? NJ_OK
               : no_memory(err);
}

/* A short batch is filled up with its first image again, so that it runs at
 * its size: algorithms may be chosen by it. */
static void fill_up(struct run *r)
{
    for (size_t b = 0; b < r->batch; b++) {
        size_t from = b < r->work->images ? b : 0;

        r->seeds[b] = r->work->seeds[from];
        r->prompts[b] = r->work->prompts[from];
    }
}

/* eta of every index of the chain, when it has a curve. */
static nj_status plan_etas(struct run *r, nj_err *err)
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

static nj_status plan_steps(struct run *r, nj_err *err)
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
static nj_status make_targets(struct run *r, nj_err *err)
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

/* ---- noise ------------------------------------------------------------- */

/* One field of normals for each image -> [B,3,H,W] */
static th_tensor *noise(const struct run *r, th_scope *s, nj_stream stream,
                        uint32_t iteration)
{
    const th_normals from = {r->seeds, iteration, stream, 0, 0};

    return th_philox_normals(s, &from, r->engine->device, 4, r->shape);
}

static th_tensor *step_noise(const struct run *r, th_scope *s,
                             const nj_step *step, int k)
{
    bool needed = r->settings->sampler == NJ_DDPM ||
                  (r->settings->sampler == NJ_DDIM && step->ddim_z > 0);

    return needed && !step->last ? noise(r, s, NJ_STREAM_STEP, (uint32_t)k)
                                 : NULL;
}

/* The init loss looks at the start picture once for the whole run. */
static void compare_with(struct run *r, const th_tensor *picture)
{
    if (!picture || !r->engine->lpips || r->settings->init_scale == 0)
        return;
    r->compared = (nj_guide_start){
        r->engine->lpips,
        nj_lpips_look(r->scope, r->engine->lpips, picture, NULL)};
    r->guidance.start = &r->compared;
}

static nj_status start(struct run *r, nj_err *err)
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
        th_tensor *z = noise(r, s, NJ_STREAM_START, 0);

        r->x = th_keep(r->scope, nj_sampler_start(s, &r->steps, picture, z));
        compare_with(r, picture);
        status = th_scope_check(s, err);
    }
    th_scope_free(s);
    th_enable_grad(grad);
    return status;
}

/* ---- one look ---------------------------------------------------------- */

static th_tensor *labels_at(const struct run *r, th_scope *s, int k)
{
    const nj_labels_config config = {
        .classes = nj_unet_flags(r->engine->unet)->num_classes,
        .class_id = r->settings->class_id,
        .seeds = r->seeds,
        .images = r->batch,
        .device = r->engine->device,
    };

    return nj_labels(s, &config, (uint32_t)k);
}

/* What the UNet says about x, and where guidance pulls it: through the UNet or
 * through the secondary model. `k` says which random numbers are used. */
static nj_look look_at(const struct run *r, th_scope *s, const nj_step *step,
                       const th_tensor *x, int k, nj_guided_loss *loss)
{
    bool through = r->guided && !r->engine->secondary;
    bool grad = th_enable_grad(through);
    nj_look look = {.step = step, .x = th_leaf(s, x, through)};
    th_tensor *t = th_full(s, NJ_F32, r->engine->device, 1, r->shape,
                           (double)step->model_timestep); /* [B] */
    th_tensor *output;

    nj_clock_start(r->guidance.clock);
    output = nj_unet_forward(s, r->engine->unet, look.x, t, labels_at(r, s, k),
                             NULL);
    nj_clock_part(r->guidance.clock, NJ_PART_UNET_FORWARD);
    nj_predict(s, &look, output, r->settings->clip_denoised);
    th_enable_grad(r->guided);
    if (r->guided) {
        nj_look guide =
            through ? look : nj_engine_look_aside(s, r->engine, step, x);

        *loss = nj_guidance_gradient(s, &r->guidance, &guide, (uint32_t)k);
        look.g = loss->clamped;
    }
    th_enable_grad(grad);
    return look;
}

/* ---- after a step ------------------------------------------------------ */

static void read_losses(struct run *r, th_scope *s, const nj_guided_loss *loss)
{
    for (size_t i = 0; i < NJ_LOSSES; i++)
        if (loss->terms[i])
            th_read_f32(s, loss->terms[i], r->losses + i * r->batch, r->batch);
}

static void show_step(const struct run *r, const nj_look *now,
                      const nj_guided_loss *loss, int k)
{
    const nj_watched_step step = {
        .iteration = k,
        .step = now->step,
        .x = now->x,
        .x0 = now->x0,
        .gradient = loss->gradient,
        .clamped = loss->clamped,
        .losses = r->losses,
    };

    if (r->watch && r->watch->step)
        r->watch->step(r->watch->user, &step);
}

/* Images whose values are no longer finite are reported once and go on as
 * zeros: the others do not notice. */
static void drop_failed(struct run *r, th_scope *s, int k)
{
    if (th_all_finite(s, r->x))
        return;
    for (size_t b = 0; b < r->batch; b++) {
        th_tensor *one = th_select(s, r->x, 0, (int64_t)b);
        nj_err why = {0};

        if (th_all_finite(s, one))
            continue;
        th_copy_(s, one,
                 th_zeros(s, NJ_F32, r->engine->device, 3, r->shape + 1));
        if (r->failed[b] || b >= r->work->images)
            continue;
        r->failed[b] = true;
        nj_fail(&why, NJ_E_NUMERIC,
                "values are not finite after iteration %d of %zu", k,
                r->steps.count);
        if (r->callbacks->failed)
            r->callbacks->failed(r->callbacks->user, b, &why);
    }
}

static bool all_failed(const struct run *r)
{
    for (size_t b = 0; b < r->work->images; b++)
        if (!r->failed[b])
            return false;
    return true;
}

static nj_status hand_out(struct run *r, size_t b, int k, nj_err *err)
{
    const nj_settings *s = r->settings;
    const nj_engine_picture picture = {
        .image = b,
        .iteration = k,
        .iterations = (int)r->steps.count,
        .last = (size_t)k + 1 == r->steps.count,
        .width = s->width,
        .height = s->height,
        .rgb = r->rgb,
        .clip_loss = (double)r->losses[NJ_LOSS_CLIP * r->batch + b],
        .precision = r->engine->facts.precision,
    };

    nj_pixels_from_signed(r->host + b * r->image_values, s->width, s->height,
                          r->rgb);
    return r->callbacks->picture
               ? r->callbacks->picture(r->callbacks->user, &picture, err)
               : NJ_OK;
}

/* The finished pictures, and those that save_every and frame_every ask for: the
 * unguided x0 of this step. */
static nj_status hand_out_all(struct run *r, th_scope *s, const th_tensor *x0,
                              int k, nj_err *err)
{
    bool wanted = nj_is_every(r->settings->save_every, k) ||
                  nj_is_every(r->work->frame_every, k);
    bool last = (size_t)k + 1 == r->steps.count;
    nj_status status;

    if (!last && !wanted)
        return NJ_OK;
    th_read_f32(s, x0, r->host, r->batch * r->image_values);
    status = th_scope_check(s, err);
    for (size_t b = 0; b < r->work->images && status == NJ_OK; b++)
        if (!r->failed[b])
            status = hand_out(r, b, k, err);
    return status;
}

/* ---- the loop ---------------------------------------------------------- */

/* What holds at step k, and the symmetry that begins with it. */
static void enter_step(struct run *r, th_scope *s, int k)
{
    const nj_step *step = &r->steps.at[k];
    int base = nj_unet_flags(r->engine->unet)->diffusion_steps;
    nj_curve_place place = {nj_curve_place_of(step->timestep, base), k};

    r->now = nj_settings_at(r->settings, &place);
    r->guided = nj_guidance_is_on(&r->guidance);
    if (nj_start_mirrors(r->settings, (int)r->steps.count, step->index))
        th_copy_(s, r->x, nj_start_mirrored(s, r->x, r->settings->symmetry));
}

static nj_status one_step(struct run *r, int k, nj_err *err)
{
    const nj_step *step = &r->steps.at[k];
    th_scope *s = th_scope_new(r->scope);
    nj_guided_loss loss = {{NULL}, NULL, NULL};
    nj_guided_loss second = {{NULL}, NULL, NULL};
    nj_look now;
    nj_look trial;
    const nj_look *ahead = NULL;
    th_tensor *next;
    nj_status status;

    enter_step(r, s, k);
    now = look_at(r, s, step, r->x, k, &loss);

    if (nj_sampler_looks_ahead(&r->sampler, step)) {
        trial = look_at(r, s, step + 1, nj_sampler_trial(s, &now), k, &second);
        ahead = &trial;
    }
    nj_clock_start(&r->clock);
    next =
        nj_sampler_step(s, &r->sampler, &now, ahead, step_noise(r, s, step, k));
    nj_clock_part(&r->clock, NJ_PART_SAMPLER);
    /* Reading waits for a GPU, so it comes when all is asked of it. */
    read_losses(r, s, &loss);
    show_step(r, &now, &loss, k);
    th_copy_(s, r->x, next);
    status = th_scope_check(s, err);
    if (status == NJ_OK) {
        drop_failed(r, s, k);
        status = hand_out_all(r, s, now.x0, k, err);
    }
    th_scope_free(s);
    return status;
}

static nj_status denoise(struct run *r, nj_err *err)
{
    int steps = (int)r->steps.count;

    for (int k = 0; k < steps && !all_failed(r); k++) {
        nj_status status = one_step(r, k, err);
        bool go_on = true;

        if (status != NJ_OK)
            return status;
        if (r->callbacks->step)
            go_on = r->callbacks->step(r->callbacks->user, k, steps);
        if (!go_on && k + 1 < steps)
            return nj_fail(err, NJ_E_INTERRUPTED,
                           "stopped after iteration %d of %d", k, steps);
    }
    return NJ_OK;
}

static void release(struct run *r)
{
    th_scope_free(r->scope);
    nj_steps_release(&r->steps);
    nj_schedule_release(&r->schedule);
    free(r->etas);
    free(r->seeds);
    free(r->prompts);
    free(r->targets);
    free(r->failed);
    free(r->losses);
    free(r->host);
    free(r->rgb);
}

nj_status nj_engine_run(nj_engine *e, const nj_work *work,
                        const nj_engine_callbacks *callbacks,
                        const nj_watch *watch, nj_err *err)
{
    struct run r = {
        .engine = e,
        .work = work,
        .settings = work->settings,
        .callbacks = callbacks,
        .watch = watch,
        .clock = {.seconds = work->parts, .device = e->device},
    };
    nj_status status = nj_run_check(e, work, err);

    nj_unet_recompute(e->unet, work->saving.recompute);
    nj_engine_record(e, work->settings, &work->saving);
    if (status == NJ_OK)
        status = allocate(&r, err);
    if (status == NJ_OK) {
        fill_up(&r);
        status = plan_steps(&r, err);
    }
    if (status == NJ_OK)
        status = nj_engine_load_texts(e, err);
    if (status == NJ_OK)
        status = make_targets(&r, err);
    if (status == NJ_OK && work->saving.drop_text)
        nj_engine_drop_texts(e);
    if (status == NJ_OK)
        status = start(&r, err);
    if (status == NJ_OK)
        status = denoise(&r, err);
    release(&r);
    if (status == NJ_E_DEVICE_MEMORY)
        nj_engine_forget(e);
    return status;
}
