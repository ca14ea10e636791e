/* Run: one batch of pictures from noise to RGB. The loop of the whole program
 * is `denoise` and `one_step`. Nothing couples the images of a batch: noise,
 * boxes, classes, targets, losses and clamps are each image's own. */
#include "base/mem.h"
#include "diffusion/pixels.h"
#include "diffusion/random.h"
#include "engine/labels.h"
#include "engine/run_state.h"
#include "engine/start.h"

/* ---- one look ---------------------------------------------------------- */

static th_tensor *step_noise(const nj_run *r, th_scope *s, const nj_step *step,
                             int k)
{
    bool needed = r->settings->sampler == NJ_DDPM ||
                  (r->settings->sampler == NJ_DDIM && step->ddim_z > 0);

    return needed && !step->last
               ? nj_run_noise(r, s, NJ_STREAM_STEP, (uint32_t)k)
               : NULL;
}

static th_tensor *labels_at(const nj_run *r, th_scope *s, int k)
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
static nj_look look_at(const nj_run *r, th_scope *s, const nj_step *step,
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

static void show_step(const nj_run *r, const nj_look *now,
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
static void drop_failed(nj_run *r, th_scope *s, th_tensor *x, int k)
{
    for (size_t b = 0; b < r->batch; b++) {
        nj_err why = {0};

        if (r->finite[b])
            continue;
        th_copy_(s, th_select(s, x, 0, (int64_t)b),
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

/* Waits for a step's report, and does what follows from it to x, which is what
 * comes next. */
static nj_status receive(nj_run *r, th_scope *s, th_tensor *x, nj_err *err)
{
    nj_status status;

    nj_report_read(&r->report, s, r->losses, r->finite);
    status = th_scope_check(s, err);
    if (status == NJ_OK)
        drop_failed(r, s, x, r->report.iteration);
    r->reported = r->report.iteration + 1;
    return status;
}

/* Tells of the steps that have reported since. */
static nj_status tell(nj_run *r, nj_err *err)
{
    int steps = (int)r->steps.count;
    bool go_on = true;

    for (; r->told < r->reported && go_on; r->told++)
        go_on = !r->callbacks->step ||
                r->callbacks->step(r->callbacks->user, r->told, steps);
    if (go_on || r->told >= steps)
        return NJ_OK;
    return nj_fail(err, NJ_E_INTERRUPTED, "stopped after iteration %d of %d",
                   r->told - 1, steps);
}

static bool all_failed(const nj_run *r)
{
    for (size_t b = 0; b < r->work->images; b++)
        if (!r->failed[b])
            return false;
    return true;
}

static nj_status hand_out(nj_run *r, size_t b, int k, nj_err *err)
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

static bool is_handed_out(const nj_run *r, int k)
{
    return (size_t)k + 1 == r->steps.count ||
           nj_is_every(r->settings->save_every, k) ||
           nj_is_every(r->work->frame_every, k);
}

/* The finished pictures, and those that save_every and frame_every ask for: the
 * unguided x0 of this step. */
static nj_status hand_out_all(nj_run *r, th_scope *s, const th_tensor *x0,
                              int k, nj_err *err)
{
    nj_status status;

    if (!is_handed_out(r, k))
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
static void enter_step(nj_run *r, th_scope *s, int k)
{
    const nj_step *step = &r->steps.at[k];
    int base = nj_unet_flags(r->engine->unet)->diffusion_steps;
    nj_curve_place place = {nj_curve_place_of(step->timestep, base), k};

    r->now = nj_settings_at(r->settings, &place);
    r->guided = nj_guidance_is_on(&r->guidance);
    if (nj_start_mirrors(r->settings, (int)r->steps.count, step->index))
        th_copy_(s, r->x, nj_start_mirrored(s, r->x, r->settings->symmetry));
}

/* Whether the report of step k may wait until the next step is computed: where
 * nobody looks at the step, and a failed image does not touch the others (the
 * notebooks' clamp is one of the whole batch). */
static bool reports_late(const nj_run *r, int k)
{
    return th_runs_ahead(r->engine->device) && !r->watch && !r->clock.seconds &&
           r->settings->compat != NJ_COMPAT_NOTEBOOK && !is_handed_out(r, k);
}

/* Everything of step k that is asked of the device -> x of the next one. */
static th_tensor *compute(nj_run *r, th_scope *s, int k, nj_look *now,
                          nj_guided_loss *loss)
{
    const nj_step *step = &r->steps.at[k];
    nj_guided_loss second = {{NULL}, NULL, NULL};
    const nj_look *ahead = NULL;
    nj_look trial;
    th_tensor *next;

    *now = look_at(r, s, step, r->x, k, loss);
    if (nj_sampler_looks_ahead(&r->sampler, step)) {
        trial = look_at(r, s, step + 1, nj_sampler_trial(s, now), k, &second);
        ahead = &trial;
    }
    nj_clock_start(&r->clock);
    next =
        nj_sampler_step(s, &r->sampler, now, ahead, step_noise(r, s, step, k));
    nj_clock_part(&r->clock, NJ_PART_SAMPLER);
    return next;
}

/* Everything that step k reports, at once. */
static nj_status report_now(nj_run *r, th_scope *s, const nj_look *now,
                            const nj_guided_loss *loss, th_tensor *next,
                            nj_err *err)
{
    int k = r->report.iteration;
    nj_status status = receive(r, s, next, err);

    if (status != NJ_OK)
        return status;
    show_step(r, now, loss, k);
    return hand_out_all(r, s, now->x0, k, err);
}

static nj_status one_step(nj_run *r, int k, nj_err *err)
{
    th_scope *s = th_scope_new(r->scope);
    nj_guided_loss loss = {{NULL}, NULL, NULL};
    nj_look now;
    th_tensor *next;
    nj_status status = NJ_OK;

    enter_step(r, s, k);
    next = compute(r, s, k, &now, &loss);
    /* The step before reports when this one is on its way. */
    if (r->report.numbers)
        status = receive(r, s, next, err);
    if (status == NJ_OK) {
        nj_report_ask(&r->report, s, &loss, next, k);
        status = th_scope_check(s, err);
    }
    if (status == NJ_OK && !reports_late(r, k))
        status = report_now(r, s, &now, &loss, next, err);
    th_copy_(s, r->x, next);
    if (status == NJ_OK)
        status = th_scope_check(s, err);
    th_scope_free(s);
    return status;
}

static nj_status denoise(nj_run *r, nj_err *err)
{
    nj_status status = NJ_OK;

    for (int k = 0; k < (int)r->steps.count && !all_failed(r); k++) {
        status = one_step(r, k, err);
        if (status == NJ_OK)
            status = tell(r, err);
        if (status != NJ_OK)
            break;
    }
    return status;
}

nj_status nj_engine_run(nj_engine *e, const nj_work *work,
                        const nj_engine_callbacks *callbacks,
                        const nj_watch *watch, nj_err *err)
{
    nj_run r = {
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
        status = nj_run_prepare(&r, err);
    if (status == NJ_OK)
        status = denoise(&r, err);
    nj_run_release(&r);
    if (status == NJ_E_DEVICE_MEMORY)
        nj_engine_forget(e);
    return status;
}
