/* Losses: the terms of guidance, per image, each with its gradient by
 * autograd (formulas: CLIP Guided Diffusion by Katherine Crowson, Quick CLIP
 * Guided Diffusion by Daniel Russell).
 *
 * A term returns one number per image [B], unscaled; the loop multiplies by
 * the scales and sums. Nothing couples the images of a batch. float32. */
#ifndef NJ_ENGINE_LOSSES_H
#define NJ_ENGINE_LOSSES_H

#include <stddef.h>

#include "torch/th.h"

/* x_in = sigma * x0 + (1 - sigma) * x: what the losses look at. */
th_tensor *nj_blend(th_scope *s, const th_tensor *x0, const th_tensor *x,
                    double sigma);

/* Mean over C,H,W of the squared steps to the right and lower neighbour, the
 * last column and row repeated. x [B,C,H,W] -> [B]. */
th_tensor *nj_tv_loss(th_scope *s, const th_tensor *x);

/* Mean over C,H,W of (x - clamp(x,-1,1))^2. [B,C,H,W] -> [B]. */
th_tensor *nj_range_loss(th_scope *s, const th_tensor *x);

/* Mean over C,H,W of |x - clamp(x,-1,1)|. [B,C,H,W] -> [B]. */
th_tensor *nj_saturation_loss(th_scope *s, const th_tensor *x);

/* 2 asin(|a/|a| - b/|b|| / 2)^2 over the last dimension, which is dropped; a
 * and b broadcast. Value and gradient are finite for every pair of vectors:
 * the gradient of equal and of opposite vectors is 0. */
th_tensor *nj_spherical_distance(th_scope *s, const th_tensor *a,
                                 const th_tensor *b);

/* embeddings [N*B,D] (row = cut * B + image), targets [B,P,D] or, the same
 * for every image, [P,D] -> distances [N*B,P]. */
th_tensor *nj_clip_distances(th_scope *s, const th_tensor *embeddings,
                             const th_tensor *targets);

/* Sum over prompts of weight * distance. distances [N*B,P], weights [B,P] or
 * [P], already divided by the absolute value of their sum -> [N,B]. */
th_tensor *nj_clip_sums(th_scope *s, const th_tensor *distances,
                        const th_tensor *weights, size_t images);

/* Their mean over cuts -> [B]. */
th_tensor *nj_clip_loss(th_scope *s, const th_tensor *distances,
                        const th_tensor *weights, size_t images);

/* g * min(r, limit) / r with r = sqrt(mean(g^2)) of each image; an image
 * whose gradient is zero stays zero. g [B,C,H,W]. */
th_tensor *nj_rms_clamp(th_scope *s, const th_tensor *g, double limit);

/* The same with one r for the whole batch, as the notebooks do it. */
th_tensor *nj_rms_clamp_batch(th_scope *s, const th_tensor *g, double limit);

/* clamp(embedding + magnitude * noise, 0, 1): Russell's fuzzy prompts.
 * embedding [1,D], noise [copies,D] -> [copies,D]. */
th_tensor *nj_fuzzy_targets(th_scope *s, const th_tensor *embedding,
                            const th_tensor *noise, double magnitude);

#endif
