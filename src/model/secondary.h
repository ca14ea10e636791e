/* Secondary model: Disco Diffusion's small network that predicts the finished
 * picture, so that guidance need not run the UNet backwards (Crowson's
 * secondary_model_imagenet_2; public code alembics/disco-diffusion).
 *
 * It has a noise level of its own: t in [0,1] with alpha = cos(t pi/2), sigma
 * = sin(t pi/2). */
#ifndef NJ_MODEL_SECONDARY_H
#define NJ_MODEL_SECONDARY_H

#include "base/err.h"
#include "torch/th.h"
#include "weights/weights.h"

typedef struct nj_secondary nj_secondary;

/* Width and height are multiples of it. */
#define NJ_SECONDARY_FACTOR 32

/* Checks that the file holds exactly this network, then converts to dtype.
 * Freed with nj_secondary_free. */
nj_status nj_secondary_new(const nj_weights *weights, nj_dtype dtype,
                           th_device device, nj_secondary **out,
                           nj_err *err) NJ_MUST_USE;
void nj_secondary_free(nj_secondary *n);

/* The t of a sampler's step: alpha and sigma are the square roots of the
 * cumulative alpha and of one minus it. */
double nj_secondary_t(double alpha, double sigma);

/* alpha and sigma of t [B], each [B] float32. */
void nj_secondary_levels(th_scope *s, const th_tensor *t, th_tensor **alpha,
                         th_tensor **sigma);

typedef struct nj_secondary_output {
    th_tensor *v;    /* [B,3,H,W] */
    th_tensor *pred; /* x alpha - v sigma: the finished picture */
    th_tensor *eps;  /* x sigma + v alpha: the noise */
} nj_secondary_output;

/* x [B,3,H,W], t [B] float32; H and W multiples of the factor. Derivable by x;
 * NULLs after an error. */
nj_secondary_output nj_secondary_forward(th_scope *s, const nj_secondary *n,
                                         const th_tensor *x,
                                         const th_tensor *t);

#endif
