/* Schedules: see schedule.h. All in double; the chain that was kept is built
 * anew from its own betas, as the public code does, so that rounding agrees. */
#include "diffusion/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static const double half_pi = 1.5707963267948966192313216916398;

static double linear_beta(int i, int base)
{
    double scale = 1000.0 / base;
    double first = scale * 0.0001;
    double last = scale * 0.02;

    return first + i * ((last - first) / (base - 1));
}

static double cosine_alpha_bar(double part)
{
    double c = cos((part + 0.008) / 1.008 * half_pi);

    return c * c;
}

static double cosine_beta(int i, int base)
{
    double kept = cosine_alpha_bar((double)(i + 1) / base) /
                  cosine_alpha_bar((double)i / base);

    return fmin(1 - kept, 0.999);
}

static nj_status allocate(nj_schedule *s, size_t count, nj_err *err)
{
    double **const arrays[] = {
        &s->betas,
        &s->alphas_cumprod,
        &s->alphas_cumprod_prev,
        &s->posterior_variance,
        &s->posterior_log_variance_clipped,
        &s->posterior_mean_coef1,
        &s->posterior_mean_coef2,
        &s->sqrt_recip_alphas_cumprod,
        &s->sqrt_recipm1_alphas_cumprod,
        &s->sqrt_one_minus_alphas_cumprod,
    };

    s->count = count;
    s->model_timesteps = nj_calloc(count, sizeof(*s->model_timesteps));
    if (!s->model_timesteps)
        return nj_fail(err, NJ_E_MEMORY, "no memory for %zu steps", count);
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        *arrays[i] = nj_calloc(count, sizeof(double));
        if (!*arrays[i])
            return nj_fail(err, NJ_E_MEMORY, "no memory for %zu steps", count);
    }
    return NJ_OK;
}

/* Betas of the kept steps: 1 - alpha_bar / alpha_bar of the step before. */
static nj_status respaced_betas(nj_schedule *s,
                                const nj_schedule_config *config, nj_err *err)
{
    double alpha_bar = 1;
    double previous = 1;
    size_t kept = 0;

    for (int t = 0; t < config->diffusion_steps && kept < s->count; t++) {
        double beta = config->kind == NJ_BETA_COSINE
                          ? cosine_beta(t, config->diffusion_steps)
                          : linear_beta(t, config->diffusion_steps);

        if (!(beta > 0 && beta < 1))
            return nj_fail(err, NJ_E_USAGE,
                           "%d diffusion steps are too few: beta %g is not "
                           "between 0 and 1",
                           config->diffusion_steps, beta);
        alpha_bar *= 1 - beta;
        if (t != s->timesteps[kept])
            continue;
        s->betas[kept++] = 1 - alpha_bar / previous;
        previous = alpha_bar;
    }
    return NJ_OK;
}

static void derive(nj_schedule *s)
{
    double alpha_bar = 1;

    for (size_t i = 0; i < s->count; i++) {
        double beta = s->betas[i];
        double before = alpha_bar;

        alpha_bar *= 1 - beta;
        s->alphas_cumprod[i] = alpha_bar;
        s->alphas_cumprod_prev[i] = before;
        s->posterior_variance[i] = beta * (1 - before) / (1 - alpha_bar);
        s->posterior_mean_coef1[i] = beta * sqrt(before) / (1 - alpha_bar);
        s->posterior_mean_coef2[i] =
            (1 - before) * sqrt(1 - beta) / (1 - alpha_bar);
        s->sqrt_recip_alphas_cumprod[i] = sqrt(1 / alpha_bar);
        s->sqrt_recipm1_alphas_cumprod[i] = sqrt(1 / alpha_bar - 1);
        s->sqrt_one_minus_alphas_cumprod[i] = sqrt(1 - alpha_bar);
    }
    /* The first posterior variance is 0: its logarithm takes the second's. */
    for (size_t i = 0; i < s->count; i++)
        s->posterior_log_variance_clipped[i] =
            log(s->posterior_variance[i ? i : 1]);
}

static void fill_model_timesteps(nj_schedule *s,
                                 const nj_schedule_config *config)
{
    float scale = config->rescale_timesteps
                      ? (float)(1000.0 / config->diffusion_steps)
                      : 1.0F;

    for (size_t i = 0; i < s->count; i++)
        s->model_timesteps[i] = (float)s->timesteps[i] * scale;
}

nj_status nj_schedule_init(nj_schedule *s, const nj_schedule_config *config,
                           nj_err *err)
{
    size_t count;
    nj_status status;

    *s = (nj_schedule){0};
    status = nj_respace(config->respacing, config->diffusion_steps,
                        &s->timesteps, &count, err);
    if (status == NJ_OK)
        status = allocate(s, count, err);
    if (status == NJ_OK)
        status = respaced_betas(s, config, err);
    if (status != NJ_OK) {
        nj_schedule_release(s);
        return status;
    }
    derive(s);
    fill_model_timesteps(s, config);
    return NJ_OK;
}

void nj_schedule_release(nj_schedule *s)
{
    free(s->timesteps);
    free(s->model_timesteps);
    free(s->betas);
    free(s->alphas_cumprod);
    free(s->alphas_cumprod_prev);
    free(s->posterior_variance);
    free(s->posterior_log_variance_clipped);
    free(s->posterior_mean_coef1);
    free(s->posterior_mean_coef2);
    free(s->sqrt_recip_alphas_cumprod);
    free(s->sqrt_recipm1_alphas_cumprod);
    free(s->sqrt_one_minus_alphas_cumprod);
    *s = (nj_schedule){0};
}
