/* Run: one batch of pictures from noise to RGB. The loop of the whole program
 * is `denoise` and `one_step`. Nothing couples the images of a batch: noise,
 * boxes, classes, targets, losses and clamps are each image's own. */
#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/draws.h"
#include "diffusion/pixels.h"
#include "engine/engine_internal.h"
#include "engine/guidance.h"
#include "engine/sampler.h"
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
    bool guided;
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

/* ---- checks ------------------------------------------------------------ */

static nj_status check_class(const struct run *r, nj_err *err)
{
    int classes = nj_unet_flags(r->engine->unet)->num_classes;
    int id = r->settings->class_id;

    if (classes == 0 && id >= 0)
        return nj_fail(err, NJ_E_USAGE,
                       "class %d: the network is not class-conditional", id);
    if (classes > 0 && id == NJ_CLASS_NONE)
        return nj_fail(err, NJ_E_USAGE,
                       "the network is class-conditional: it needs a class of "
                       "0 to %d or random ones",
                       classes - 1);
    if (classes > 0 && id >= classes)
        return nj_fail(err, NJ_E_USAGE, "class %d: the network has 0 to %d", id,
                       classes - 1);
    return NJ_OK;
}

static nj_status check_work(const struct run *r, nj_err *err)
{
    const nj_settings *s = r->settings;
    int factor = nj_unet_card_factor(nj_unet_flags(r->engine->unet));

    if (s->width < 1 || s->height < 1 || s->width % factor ||
        s->height % factor)
        return nj_fail(err, NJ_E_USAGE,
                       "size %d x %d: the network needs multiples of %d",
                       s->width, s->height, factor);
    if (s->batch_size < 1 || r->work->images < 1 ||
        r->work->images > (size_t)s->batch_size)
        return nj_fail(err, NJ_E_INTERNAL, "%zu images in a batch of %d",
                       r->work->images, s->batch_size);
    if (s->cutn < 1 || s->cutn_batches < 1)
        return nj_fail(err, NJ_E_USAGE, "%d cutouts in %d batches: at least 1",
                       s->cutn, s->cutn_batches);
    if (s->sampler == NJ_PLMS &&
        (s->plms_order < 1 || s->plms_order > NJ_PLMS_ORDER_MAX))
        return nj_fail(err, NJ_E_USAGE, "PLMS order %d, not 1 to %d",
                       s->plms_order, NJ_PLMS_ORDER_MAX);
    if (s->clip_guidance_scale != 0 && r->engine->clip_count == 0)
        return nj_fail(err, NJ_E_USAGE, "CLIP guidance without a CLIP network");
    return check_class(r, err);
}

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
    const nj_steps_config steps = {
        .variance = variance,
        .eta = r->settings->eta,
        .skip = r->settings->skip_timesteps,
        .init = r->work->init_rgb != NULL,
    };
    const nj_sampler_config sampler = {
        .kind = r->settings->sampler,
        .variance = variance,
        .plms_order = r->settings->plms_order,
    };
    nj_status status = nj_schedule_init(&r->schedule, &schedule, err);

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
        .settings = r->settings,
        .clips = r->guides,
        .count = r->engine->clip_count,
        .seeds = r->seeds,
        .images = r->batch,
        .clock = &r->clock,
        .all_terms = r->watch && r->watch->step,
    };
    r->guided = nj_guidance_is_on(&r->guidance);
    return status;
}

/* ---- noise ------------------------------------------------------------- */

/* One field of normals for each image -> [B,3,H,W] */
static th_tensor *noise(struct run *r, th_scope *s, nj_stream stream,
                        uint32_t iteration)
{
    for (size_t b = 0; b < r->batch; b++) {
        const nj_source from = {r->seeds[b], iteration, stream, 0};

        nj_random_field(&from, 0, r->image_values,
                        r->host + b * r->image_values);
    }
    return th_to(s, th_from_data(s, NJ_F32, 4, r->shape, r->host), NJ_F32,
                 r->engine->device);
}

static th_tensor *step_noise(struct run *r, th_scope *s, const nj_step *step,
                             int k)
{
    bool needed = r->settings->sampler == NJ_DDPM ||
                  (r->settings->sampler == NJ_DDIM && step->ddim_z > 0);

    return needed && !step->last ? noise(r, s, NJ_STREAM_STEP, (uint32_t)k)
                                 : NULL;
}

static th_tensor *init_picture(struct run *r, th_scope *s)
{
    const int64_t shape[4] = {1, 3, r->shape[2], r->shape[3]};

    if (!r->work->init_rgb)
        return NULL;
    nj_pixels_to_signed(r->work->init_rgb, r->settings->width,
                        r->settings->height, r->host);
    return th_to(s, th_from_data(s, NJ_F32, 4, shape, r->host), NJ_F32,
                 r->engine->device);
}

static nj_status start(struct run *r, nj_err *err)
{
    th_scope *s = th_scope_new(r->scope);
    th_tensor *init = init_picture(r, s);
    th_tensor *z = noise(r, s, NJ_STREAM_START, 0);
    nj_status status;

    r->x = th_keep(r->scope, nj_sampler_start(s, &r->steps, init, z));
    status = th_scope_check(s, err);
    th_scope_free(s);
    return status;
}

/* ---- one look ---------------------------------------------------------- */

/* Labels of the images at step k -> [B] int64, or NULL without classes */
static th_tensor *classes(const struct run *r, th_scope *s, int k)
{
    int count = nj_unet_flags(r->engine->unet)->num_classes;
    int64_t *labels;
    th_tensor *t;

    if (count == 0)
        return NULL;
    labels = nj_calloc(r->batch, sizeof(*labels));
    if (!labels) {
        th_scope_fail(s, NJ_E_MEMORY, "no memory for classes");
        return NULL;
    }
    for (size_t b = 0; b < r->batch; b++) {
        const nj_source from = {r->seeds[b], (uint32_t)k, NJ_STREAM_CLASS, 0};

        labels[b] = r->settings->class_id == NJ_CLASS_RANDOM
                        ? nj_draw_class(&from, count)
                        : r->settings->class_id;
    }
    t = th_to(s, th_from_data(s, NJ_I64, 1, r->shape, labels), NJ_I64,
              r->engine->device);
    free(labels);
    return t;
}

/* What the UNet says about x, and where guidance pulls it. `k` says which
 * random numbers are used. */
static nj_look look_at(const struct run *r, th_scope *s, const nj_step *step,
                       const th_tensor *x, int k, nj_guided_loss *loss)
{
    bool grad = th_enable_grad(r->guided);
    nj_look look = {.step = step, .x = th_leaf(s, x, r->guided)};
    th_tensor *t = th_full(s, NJ_F32, r->engine->device, 1, r->shape,
                           (double)step->model_timestep); /* [B] */
    th_tensor *output;

    nj_clock_start(r->guidance.clock);
    output =
        nj_unet_forward(s, r->engine->unet, look.x, t, classes(r, s, k), NULL);
    nj_clock_part(r->guidance.clock, NJ_PART_UNET_FORWARD);
    nj_predict(s, &look, output, r->settings->clip_denoised);
    if (r->guided) {
        *loss = nj_guidance_gradient(s, &r->guidance, &look, (uint32_t)k);
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
    return r->callbacks->picture(r->callbacks->user, &picture, err);
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

static nj_status one_step(struct run *r, int k, nj_err *err)
{
    const nj_step *step = &r->steps.at[k];
    th_scope *s = th_scope_new(r->scope);
    nj_guided_loss loss = {{NULL}, NULL, NULL};
    nj_guided_loss second = {{NULL}, NULL, NULL};
    nj_look now = look_at(r, s, step, r->x, k, &loss);
    nj_look trial;
    const nj_look *ahead = NULL;
    nj_status status;

    if (nj_sampler_looks_ahead(&r->sampler, step)) {
        trial = look_at(r, s, step + 1, nj_sampler_trial(s, &now), k, &second);
        ahead = &trial;
    }
    read_losses(r, s, &loss);
    show_step(r, &now, &loss, k);
    nj_clock_start(&r->clock);
    th_copy_(s, r->x,
             nj_sampler_step(s, &r->sampler, &now, ahead,
                             step_noise(r, s, step, k)));
    nj_clock_part(&r->clock, NJ_PART_SAMPLER);
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
    nj_status status = check_work(&r, err);

    if (status == NJ_OK)
        status = allocate(&r, err);
    if (status == NJ_OK) {
        fill_up(&r);
        status = plan_steps(&r, err);
    }
    if (status == NJ_OK)
        status = make_targets(&r, err);
    if (status == NJ_OK)
        status = start(&r, err);
    if (status == NJ_OK)
        status = denoise(&r, err);
    release(&r);
    return status;
}
