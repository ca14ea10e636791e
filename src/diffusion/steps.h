/* Steps: the figures of every sampler step a run will make, worked out before
 * the first one, in double. What is left for tensors is multiplying and
 * adding (engine/sampler.h).
 *
 * Ho et al. 2020 (DDPM), Nichol & Dhariwal 2021 (learned range of variances),
 * Song et al. 2021 (DDIM), Liu et al. 2022 (PLMS), as guided-diffusion's
 * gaussian_diffusion.py and its public forks compute them. */
#ifndef NJ_DIFFUSION_STEPS_H
#define NJ_DIFFUSION_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "diffusion/schedule.h"

#define NJ_PLMS_ORDER_MAX 4

typedef enum nj_variance {
    NJ_VARIANCE_LEARNED_RANGE, /* the network says where between the two */
    NJ_VARIANCE_FIXED_LARGE,   /* beta */
    NJ_VARIANCE_FIXED_SMALL    /* that of the posterior */
} nj_variance;

/* One step, x_t -> x_{t-1}. Symbols: x the noisy picture, x0 the predicted
 * one, eps the predicted noise, z noise, g guidance. */
typedef struct nj_step {
    int index;            /* in the respaced chain, falling to 0 */
    int timestep;         /* of the base chain */
    float model_timestep; /* what the network receives */
    bool last;            /* index 0: no noise is added */

    /* x0 = recip x - recipm1 eps */
    double recip;
    double recipm1;
    double sigma; /* sqrt(1 - alpha_bar): share of noise in x */

    /* DDPM: x' = mean_x0 x0 + mean_x x + variance g + deviation z */
    double mean_x0;
    double mean_x;
    double variance;         /* fixed variances only */
    double deviation;        /* fixed variances only */
    double log_variance_min; /* learned: v = -1 */
    double log_variance_max; /* learned: v = 1 */

    /* DDIM: x' = ddim_x0 x0 + ddim_eps eps + ddim_z z, and without eta */
    double ddim_x0;
    double ddim_eps;
    double ddim_z;
    double plain_eps;
} nj_step;

typedef struct nj_steps {
    size_t count;
    nj_step *at; /* in the order they are run */
    /* The start: start_image * init + start_noise * z. */
    double start_image;
    double start_noise;
} nj_steps;

typedef struct nj_steps_config {
    nj_variance variance;
    double eta;         /* DDIM only */
    const double *etas; /* [chain's count] by index, instead of eta; or NULL */
    int skip;           /* steps left out at the noisy end, 0..count-1 */
    bool init;          /* whether the run starts from a picture */
} nj_steps_config;

/* Refuses to skip every step (NJ_E_USAGE). Released with nj_steps_release. */
nj_status nj_steps_init(nj_steps *s, const nj_schedule *schedule,
                        const nj_steps_config *config, nj_err *err) NJ_MUST_USE;
void nj_steps_release(nj_steps *s);

/* Adams-Bashforth weights of the last `order` (1..4) values of eps, the newest
 * first. */
const double *nj_plms_weights(int order);

#endif
