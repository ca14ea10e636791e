/* Steps: see steps.h. */
#include "diffusion/steps.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static void ddpm_figures(nj_step *step, const nj_schedule *s, size_t i,
                         nj_variance variance)
{
    /* The first entry of beta is replaced by the second posterior variance,
     * as the public code does for the fixed large variances. */
    double large = i ? s->betas[i] : s->posterior_variance[1];

    step->mean_x0 = s->posterior_mean_coef1[i];
    step->mean_x = s->posterior_mean_coef2[i];
    step->log_variance_min = s->posterior_log_variance_clipped[i];
    step->log_variance_max = log(s->betas[i]);
    if (variance == NJ_VARIANCE_FIXED_LARGE) {
        step->variance = large;
        step->deviation = sqrt(large);
    } else {
        step->variance = s->posterior_variance[i];
        step->deviation = exp(.5 * s->posterior_log_variance_clipped[i]);
    }
}

static void ddim_figures(nj_step *step, const nj_schedule *s, size_t i,
                         double eta)
{
    double now = s->alphas_cumprod[i];
    double next = s->alphas_cumprod_prev[i];
    double z = eta * sqrt((1 - next) / (1 - now)) * sqrt(1 - now / next);

    step->ddim_x0 = sqrt(next);
    step->ddim_eps = sqrt(fmax(1 - next - z * z, 0));
    step->ddim_z = z;
    step->plain_eps = sqrt(1 - next);
}

static nj_step step_at(const nj_schedule *s, size_t i,
                       const nj_steps_config *config)
{
    nj_step step = {
        .index = (int)i,
        .timestep = s->timesteps[i],
        .model_timestep = s->model_timesteps[i],
        .last = i == 0,
        .recip = s->sqrt_recip_alphas_cumprod[i],
        .recipm1 = s->sqrt_recipm1_alphas_cumprod[i],
        .sigma = s->sqrt_one_minus_alphas_cumprod[i],
    };

    ddpm_figures(&step, s, i, config->variance);
    ddim_figures(&step, s, i, config->etas ? config->etas[i] : config->eta);
    return step;
}

nj_status nj_steps_init(nj_steps *s, const nj_schedule *schedule,
                        const nj_steps_config *config, nj_err *err)
{
    size_t skip = (size_t)config->skip;
    size_t first;

    *s = (nj_steps){0};
    if (config->skip < 0 || skip >= schedule->count)
        return nj_fail(err, NJ_E_USAGE,
                       "cannot skip %d of %zu steps: at least one must be run",
                       config->skip, schedule->count);
    s->count = schedule->count - skip;
    s->at = nj_calloc(s->count, sizeof(*s->at));
    if (!s->at)
        return nj_fail(err, NJ_E_MEMORY, "no memory for %zu steps", s->count);
    first = s->count - 1;
    for (size_t k = 0; k < s->count; k++)
        s->at[k] = step_at(schedule, first - k, config);
    /* A run that skips starts like one with a picture, a grey one if need be;
     * only a whole run without a picture starts from noise alone. */
    s->start_noise = 1;
    if (config->init || skip > 0) {
        s->start_image = sqrt(schedule->alphas_cumprod[first]);
        s->start_noise = schedule->sqrt_one_minus_alphas_cumprod[first];
    }
    return NJ_OK;
}

void nj_steps_release(nj_steps *s)
{
    free(s->at);
    *s = (nj_steps){0};
}

const double *nj_plms_weights(int order)
{
    static const double weights[NJ_PLMS_ORDER_MAX][NJ_PLMS_ORDER_MAX] = {
        {1},
        {3. / 2, -1. / 2},
        {23. / 12, -16. / 12, 5. / 12},
        {55. / 24, -59. / 24, 37. / 24, -9. / 24},
    };

    return weights[order - 1];
}
