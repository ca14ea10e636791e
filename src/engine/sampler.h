/* Sampler: one step x_t -> x_{t-1} on tensors, from what the network said
 * about x_t and from guidance. The figures come from diffusion/steps.h; the
 * formulas are those of guided-diffusion (DDPM, DDIM) and of the public fork
 * that added PLMS.
 *
 *     nj_sampler_init(&sampler, scope, &config);
 *     for each step:
 *         now = {.step = step, .x = x};
 *         nj_predict(s, &now, network_output, clip_denoised);
 *         now.g = guidance;                          // or NULL
 *         x = nj_sampler_step(s, &sampler, &now, NULL, z);
 *
 * All tensors [B,3,H,W] float32. Nothing couples the images of a batch. */
#ifndef NJ_ENGINE_SAMPLER_H
#define NJ_ENGINE_SAMPLER_H

#include <stdbool.h>

#include "diffusion/settings.h"
#include "diffusion/steps.h"
#include "torch/th.h"

/* One look at a noisy picture. */
typedef struct nj_look {
    const nj_step *step;
    const th_tensor *x;
    th_tensor *x0;  /* predicted clean picture, before guidance */
    th_tensor *eps; /* the noise that belongs to x0 */
    th_tensor *v;   /* where the variance lies, -1..1; NULL: fixed variances */
    const th_tensor *g; /* -d loss / d x, to be added; NULL: no guidance */
} nj_look;

/* Fills x0, eps and v from the network's output [B,3,H,W] or, with a learned
 * variance, [B,6,H,W]. With `clip` x0 is clamped to [-1,1] and eps follows. */
void nj_predict(th_scope *s, nj_look *look, const th_tensor *output, bool clip);

/* A prediction with guidance in it: eps - sigma g and the x0 of that, which is
 * never clamped; x0 and eps themselves without guidance. */
typedef struct nj_guided {
    th_tensor *x0;
    th_tensor *eps;
} nj_guided;

nj_guided nj_guide(th_scope *s, const nj_look *look);

typedef struct nj_sampler_config {
    nj_sampler kind;
    nj_variance variance;
    int plms_order; /* 1..4 */
} nj_sampler_config;

typedef struct nj_sampler_run {
    nj_sampler_config config;
    th_scope *scope;                           /* owns the history */
    th_tensor *history[NJ_PLMS_ORDER_MAX - 1]; /* earlier eps, newest first */
    int known;
} nj_sampler_run;

/* `scope` must outlive the run and is borrowed. */
void nj_sampler_init(nj_sampler_run *r, th_scope *scope,
                     const nj_sampler_config *config);

/* PLMS begins with an improved Euler step that looks at two points: whether
 * this step needs the second look, and the point where it is taken (at the
 * following step's timestep). */
bool nj_sampler_looks_ahead(const nj_sampler_run *r, const nj_step *step);
th_tensor *nj_sampler_trial(th_scope *s, const nj_look *now);

/* The next x. `ahead` is the second look or NULL; z is the step's noise, which
 * the last step and PLMS do not use (it may be NULL then). The result carries
 * no gradient. */
th_tensor *nj_sampler_step(th_scope *s, nj_sampler_run *r, const nj_look *now,
                           const nj_look *ahead, const th_tensor *z);

/* nj_sampler_step of DDPM and DDIM in one pass, as it is done on a GPU: the
 * same numbers, apart from the rounding of exp. */
th_tensor *nj_sampler_at_once(th_scope *s, const nj_sampler_run *r,
                              const nj_look *now, const th_tensor *z);

/* x at the start: start_image * init + start_noise * z; init may be NULL. */
th_tensor *nj_sampler_start(th_scope *s, const nj_steps *steps,
                            const th_tensor *init, const th_tensor *z);

#endif
