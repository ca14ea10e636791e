/* Parity of the samplers: the start, every step from stored values, and whole
 * loops with the stand-in network that the cases describe. */
#include <string.h>

#include "engine/sampler.h"
#include "parity/areas.h"
#include "parity/tensors.h"

struct bench {
    parity_case *c;
    th_scope *scope; /* of the whole case */
    nj_schedule schedule;
    nj_steps steps;
    nj_sampler_config sampler;
    bool clip;
    bool with_grad; /* cond_fn_with_grad, not cond_fn */
    bool guided;
    double scale; /* of the guidance */
    int64_t shape[4];
    size_t n; /* elements of a picture batch */
};

/* ---- the case ---------------------------------------------------------- */

static bool config_is(const struct bench *b, const char *key, const char *value)
{
    return strcmp(parity_string(b->c, key), value) == 0;
}

static nj_variance variance_of(const struct bench *b)
{
    if (config_is(b, "variance", "fixed_large"))
        return NJ_VARIANCE_FIXED_LARGE;
    return config_is(b, "variance", "fixed_small") ? NJ_VARIANCE_FIXED_SMALL
                                                   : NJ_VARIANCE_LEARNED_RANGE;
}

static nj_status build_steps(struct bench *b, nj_err *err)
{
    const cJSON *config = parity_config(b->c);
    const nj_schedule_config schedule = {
        .kind = config_is(b, "noise_schedule", "cosine") ? NJ_BETA_COSINE
                                                         : NJ_BETA_LINEAR,
        .diffusion_steps = (int)parity_number(b->c, "diffusion_steps"),
        .rescale_timesteps = nj_json_bool(config, "rescale_timesteps", false),
        .respacing = parity_string(b->c, "timestep_respacing"),
    };
    const nj_steps_config steps = {
        .variance = b->sampler.variance,
        .eta = nj_json_number(config, "eta", 0),
        .skip = (int)nj_json_number(config, "skip_timesteps", 0),
        .init = nj_json_bool(config, "init_image", false),
    };
    nj_status status = nj_schedule_init(&b->schedule, &schedule, err);

    if (status != NJ_OK)
        return status;
    return nj_steps_init(&b->steps, &b->schedule, &steps, err);
}

static void setup(struct bench *b, parity_case *c)
{
    nj_err err = {0};

    *b = (struct bench){.c = c, .scope = th_scope_new(NULL)};
    b->sampler.kind = config_is(b, "sampler", "plms")   ? NJ_PLMS
                      : config_is(b, "sampler", "ddim") ? NJ_DDIM
                                                        : NJ_DDPM;
    b->sampler.variance = variance_of(b);
    b->sampler.plms_order =
        (int)nj_json_number(parity_config(c), "plms_order", 0);
    b->clip = nj_json_bool(parity_config(c), "clip_denoised", false);
    b->guided = !config_is(b, "guidance", "none");
    b->with_grad = config_is(b, "guidance", "cond_fn_with_grad");
    b->scale = nj_json_number(parity_config(c), "guidance_scale", 0);
    b->shape[0] = (int64_t)parity_number(c, "batch");
    b->shape[1] = 3;
    b->shape[2] = (int64_t)parity_number(c, "height");
    b->shape[3] = (int64_t)parity_number(c, "width");
    b->n = (size_t)(b->shape[0] * 3 * b->shape[2] * b->shape[3]);
    if (parity_bad(c, build_steps(b, &err), &err))
        return;
    parity_expect(c, (double)b->steps.count == parity_number(c, "steps_run"),
                  "%zu steps are run", b->steps.count);
}

static void teardown(struct bench *b)
{
    nj_err err = {0};

    parity_bad(b->c, th_scope_check(b->scope, &err), &err);
    th_scope_free(b->scope);
    nj_steps_release(&b->steps);
    nj_schedule_release(&b->schedule);
}

/* ---- tensors ----------------------------------------------------------- */

/* Batch k of a stored tensor [S,B,3,H,W] (or [B,3,H,W] with k = 0). */
static const float *stored(const struct bench *b, const char *name, size_t k)
{
    const parity_tensor *t = parity_input(b->c, name);

    if (!t || !t->f32 || t->n < (k + 1) * b->n) {
        parity_fail(b->c, "%s: no batch %zu", name, k);
        return NULL;
    }
    return t->f32 + k * b->n;
}

static th_tensor *tensor(const struct bench *b, th_scope *s, const char *name,
                         size_t k)
{
    const float *data = stored(b, name, k);

    return data ? parity_place(s, th_from_data(s, NJ_F32, 4, b->shape, data))
                : NULL;
}

static th_tensor *matrix(const struct bench *b, th_scope *s, const char *name,
                         int ndim, const int64_t *shape)
{
    const float *data = parity_input_f32(b->c, name, 0);

    return data ? parity_place(s, th_from_data(s, NJ_F32, ndim, shape, data))
                : NULL;
}

enum pass { STEP, LOOP };

/* Compares batch k of an output with the tolerance of single steps (which may
 * be given for each) or of the loop. */
static void compare_batch(const struct bench *b, const char *name, size_t k,
                          const th_tensor *got, enum pass pass)
{
    const cJSON *output = parity_output(b->c, name);
    const cJSON *each = nj_json_get(output, "abs_per_step");
    const cJSON *loop = nj_json_get(output, "loop");
    const float *want = stored(b, name, k);
    float *values = parity_alloc(b->c, b->n, sizeof(*values));
    double abs = nj_json_number(output, "abs", 0);
    size_t tolerance = strcmp(name, "x") == 0 && k > 0 ? k - 1 : k;

    if (pass == LOOP && !loop)
        return;
    if (pass == LOOP)
        abs = nj_json_number(loop, "abs", 0);
    else if (each && (strcmp(name, "x") != 0 || k > 0))
        abs = cJSON_GetArrayItem(each, (int)tolerance)->valuedouble;
    th_read_f32(b->scope, got, values, b->n);
    if (want && !parity_failed(b->c))
        parity_check_part(b->c, name, values, want, b->n, abs,
                          nj_json_number(output, "rel", 0));
}

/* ---- (a) start and timesteps ------------------------------------------- */

static th_tensor *start(const struct bench *b, th_scope *s)
{
    bool init = nj_json_bool(parity_config(b->c), "init_image", false);

    return nj_sampler_start(s, &b->steps, init ? tensor(b, s, "init", 0) : NULL,
                            tensor(b, s, "noise", 0));
}

static void check_timesteps(const struct bench *b)
{
    size_t count = b->steps.count;
    const int64_t shape = (int64_t)count;
    const int64_t *index = parity_input_i64(b->c, "index", count);
    float *network = parity_alloc(b->c, count, sizeof(*network));
    float *cond_fn = parity_alloc(b->c, count, sizeof(*cond_fn));

    for (size_t k = 0; k < count && index; k++) {
        const nj_step *step = &b->steps.at[k];

        parity_expect(b->c, step->index == index[k], "step %zu has index %d", k,
                      step->index);
        network[k] = step->model_timestep;
        cond_fn[k] = b->with_grad ? (float)step->index : step->model_timestep;
    }
    parity_check_f32(b->c, "t_network", network, 1, &shape);
    if (parity_output(b->c, "t_cond_fn"))
        parity_check_f32(b->c, "t_cond_fn", cond_fn, 1, &shape);
}

/* ---- (b) each step from stored values ---------------------------------- */

/* The network's output of a stored look: eps and, if there is one, v. */
static th_tensor *stored_output(const struct bench *b, th_scope *s,
                                const char *eps, size_t k)
{
    th_tensor *both[2] = {tensor(b, s, eps, k), NULL};

    if (b->sampler.variance != NJ_VARIANCE_LEARNED_RANGE)
        return both[0];
    both[1] = parity_has(b->c, "v") ? tensor(b, s, "v", k) : both[0];
    return th_cat(s, (const th_tensor *const *)both, 2, 1);
}

static nj_look stored_look(const struct bench *b, th_scope *s, size_t k)
{
    nj_look look = {.step = &b->steps.at[k], .x = tensor(b, s, "x", k)};

    nj_predict(s, &look, stored_output(b, s, "eps", k), b->clip);
    if (b->guided)
        look.g = tensor(b, s, "g", k);
    return look;
}

static nj_look stored_trial(const struct bench *b, th_scope *s, size_t k)
{
    nj_look look = {.step = &b->steps.at[k + 1],
                    .x = tensor(b, s, "x_euler", 0)};

    nj_predict(s, &look, stored_output(b, s, "eps_euler", 0), b->clip);
    if (b->guided)
        look.g = tensor(b, s, "g_euler", 0);
    return look;
}

static void stored_step(const struct bench *b, nj_sampler_run *run, size_t k)
{
    th_scope *s = th_scope_new(b->scope);
    nj_look now = stored_look(b, s, k);
    nj_look trial;
    const nj_look *ahead = NULL;
    th_tensor *z = NULL;

    if (nj_sampler_looks_ahead(run, now.step)) {
        compare_batch(b, "x_euler", 0, nj_sampler_trial(s, &now), STEP);
        trial = stored_trial(b, s, k);
        ahead = &trial;
    }
    if (b->sampler.kind != NJ_PLMS && !now.step->last)
        z = tensor(b, s, "z", k);
    compare_batch(b, "x0", k, now.x0, STEP);
    if (parity_output(b->c, "x0_guided"))
        compare_batch(b, "x0_guided", k, nj_guide(s, &now).x0, STEP);
    compare_batch(b, "x", k + 1, nj_sampler_step(s, run, &now, ahead, z), STEP);
    th_scope_free(s);
}

/* ---- (c) the loop with the stand-in network ---------------------------- */

/* matrix [3,3] applied to the channels of x [B,3,H,W] */
static th_tensor *mix_channels(const struct bench *b, th_scope *s,
                               const char *name, const th_tensor *x)
{
    const int64_t flat[3] = {b->shape[0], 3, b->shape[2] * b->shape[3]};
    th_tensor *mix = matrix(b, s, name, 2, (int64_t[]){3, 3});

    return th_reshape(s, th_matmul(s, mix, th_reshape(s, x, 3, flat)), 4,
                      b->shape);
}

/* 1 - 2 / (1 + e^2x) */
static th_tensor *hyperbolic_tangent(th_scope *s, const th_tensor *x)
{
    const th_tensor *down =
        th_add_scalar(s, th_exp(s, th_mul_scalar(s, x, 2)), 1);
    const th_tensor *less = th_div(
        s, th_full(s, NJ_F32, (th_device){TH_CPU, 0}, 0, NULL, -2), down);

    return th_add_scalar(s, less, 1);
}

/* config.network: eps and v of x at a timestep -> [B,6,H,W] or [B,3,H,W] */
static th_tensor *network(const struct bench *b, th_scope *s,
                          const th_tensor *x, double t)
{
    double tau = t / 1000;
    th_tensor *phase = matrix(b, s, "net.phase", 3, (int64_t[]){3, 1, 1});
    th_tensor *map = matrix(b, s, "net.map", 3, b->shape + 1);
    th_tensor *m = mix_channels(b, s, "net.mix_eps", x);
    th_tensor *waves = th_sin(s, th_add(s, th_mul_scalar(s, m, 1.3), phase));
    th_tensor *turn = th_cos(s, th_add_scalar(s, phase, 6 * tau));
    th_tensor *both[2];

    both[0] = th_add(s, th_mul_scalar(s, x, tau / (tau + .06)),
                     th_mul_scalar(s, waves, .15));
    both[0] = th_add(s, both[0], th_add(s, th_mul_scalar(s, turn, .1), map));
    if (b->sampler.variance != NJ_VARIANCE_LEARNED_RANGE)
        return both[0];
    both[1] = th_add_scalar(s, mix_channels(b, s, "net.mix_v", x), 2 * tau - 1);
    both[1] = th_mul_scalar(s, hyperbolic_tangent(s, both[1]), 1.3);
    return th_cat(s, (const th_tensor *const *)both, 2, 1);
}

/* config.gradient of cond_fn: pulls x towards the target. */
static th_tensor *plain_guidance(const struct bench *b, th_scope *s,
                                 const nj_look *look)
{
    double pull = -b->scale * (.5 + (double)look->step->model_timestep / 1000);

    return th_mul_scalar(s, th_sub(s, look->x, tensor(b, s, "target", 0)),
                         pull);
}

/* g * min(rms, limit) / rms for each image */
static th_tensor *clamp_rms(th_scope *s, const th_tensor *g, double limit)
{
    const int dims[3] = {1, 2, 3};
    th_tensor *rms =
        th_sqrt(s, th_mean_dims(s, th_square(s, g), 3, dims, true));

    return th_mul(s, g, th_div(s, th_clamp(s, rms, 0, limit), rms));
}

/* config.gradient of cond_fn_with_grad: through the network. */
static th_tensor *deep_guidance(const struct bench *b, th_scope *s,
                                const nj_look *look)
{
    double sigma = look->step->sigma;
    double numbers = (double)(3 * b->shape[2] * b->shape[3]);
    th_tensor *x_in = th_add(s, th_mul_scalar(s, look->x0, sigma),
                             th_mul_scalar(s, look->x, 1 - sigma));
    th_tensor *away = th_square(s, th_sub(s, x_in, tensor(b, s, "target", 0)));
    th_tensor *loss = th_mul_scalar(s, th_sum(s, away), b->scale / numbers);

    return clamp_rms(s, th_neg(s, th_grad(s, loss, NULL, look->x)), .4);
}

static nj_look look_at(const struct bench *b, th_scope *s, const nj_step *step,
                       const th_tensor *x)
{
    nj_look look = {.step = step, .x = th_leaf(s, x, b->with_grad)};

    nj_predict(s, &look, network(b, s, look.x, (double)step->model_timestep),
               b->clip);
    if (b->with_grad)
        look.g = deep_guidance(b, s, &look);
    else if (b->guided)
        look.g = plain_guidance(b, s, &look);
    return look;
}

static void loop_step(const struct bench *b, nj_sampler_run *run, size_t k,
                      th_tensor *x)
{
    th_scope *s = th_scope_new(b->scope);
    nj_look now = look_at(b, s, &b->steps.at[k], x);
    nj_look trial;
    const nj_look *ahead = NULL;
    th_tensor *z = NULL;

    if (nj_sampler_looks_ahead(run, now.step)) {
        th_tensor *point = nj_sampler_trial(s, &now);

        compare_batch(b, "x_euler", 0, point, LOOP);
        trial = look_at(b, s, &b->steps.at[k + 1], point);
        ahead = &trial;
    }
    if (b->sampler.kind != NJ_PLMS && !now.step->last)
        z = tensor(b, s, "z", k);
    compare_batch(b, "x0", k, now.x0, LOOP);
    th_copy_(s, x, nj_sampler_step(s, run, &now, ahead, z));
    compare_batch(b, "x", k + 1, x, LOOP);
    th_scope_free(s);
}

/* ---- the kind ---------------------------------------------------------- */

static void run_sampler(parity_case *c)
{
    struct bench b;
    nj_sampler_run run;
    th_tensor *x;

    setup(&b, c);
    if (!parity_failed(c)) {
        check_timesteps(&b);
        x = start(&b, b.scope);
        compare_batch(&b, "x", 0, x, STEP);
        nj_sampler_init(&run, b.scope, &b.sampler);
        for (size_t k = 0; k < b.steps.count; k++)
            stored_step(&b, &run, k);
        nj_sampler_init(&run, b.scope, &b.sampler);
        for (size_t k = 0; k < b.steps.count; k++)
            loop_step(&b, &run, k, x);
    }
    teardown(&b);
}

const parity_kind parity_sampler[] = {
    {"sampler", run_sampler},
    {NULL, NULL},
};
