/* Noise schedules and respacing (Ho et al. 2020, Nichol & Dhariwal 2021;
 * crowsonkb/guided-diffusion gaussian_diffusion.py, respace.py), in double. */
#ifndef NJ_DIFFUSION_SCHEDULE_H
#define NJ_DIFFUSION_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef enum nj_beta_schedule {
    NJ_BETA_LINEAR,
    NJ_BETA_COSINE
} nj_beta_schedule;

/* Base steps a chain may have. */
#define NJ_DIFFUSION_STEPS_MAX 1000000

/* The respaced chain: arrays of `count` entries, index 0 the least noisy. */
typedef struct nj_schedule {
    size_t count;
    int *timesteps;         /* original timestep, rising */
    float *model_timesteps; /* what the network receives */
    double *betas;
    double *alphas_cumprod;
    double *alphas_cumprod_prev;
    double *posterior_variance;
    double *posterior_log_variance_clipped;
    double *posterior_mean_coef1; /* of x0 */
    double *posterior_mean_coef2; /* of x */
    double *sqrt_recip_alphas_cumprod;
    double *sqrt_recipm1_alphas_cumprod;
    double *sqrt_one_minus_alphas_cumprod;
} nj_schedule;

typedef struct nj_schedule_config {
    nj_beta_schedule kind;
    int diffusion_steps; /* base steps, 1000 in the public nets */
    bool rescale_timesteps;
    const char *respacing; /* "25", "ddim50", "24,48,64"; borrowed */
} nj_schedule_config;

/* Refuses a respacing that has no solution (NJ_E_USAGE, says why). */
nj_status nj_schedule_init(nj_schedule *s, const nj_schedule_config *config,
                           nj_err *err) NJ_MUST_USE;
void nj_schedule_release(nj_schedule *s);

/* Kept timesteps alone, rising; the caller frees *steps. */
nj_status nj_respace(const char *respacing, int diffusion_steps, int **steps,
                     size_t *count, nj_err *err) NJ_MUST_USE;

#endif
