/* Augmentations of one cutout, with given draws and with gradients.
 *
 * torchvision's tensor operations as Quick CLIP Guided Diffusion and Disco
 * Diffusion chain them (flip, rotation and shift, perspective, colour jitter,
 * grey, with noise in between). The draws come from stream 3 and 7 of the seed;
 * nothing here is random. Pictures [B,3,H,W] in about [0,1]. */
#ifndef NJ_ENGINE_AUGMENT_H
#define NJ_ENGINE_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "diffusion/draws.h"
#include "engine/cutouts.h"
#include "torch/th.h"

typedef struct nj_sampling {
    bool nearest;       /* else bilinear */
    const double *fill; /* [3], the colour outside, weighted by the sampled
                           mask; NULL: the sampled value alone */
} nj_sampling;

#define NJ_NOISE_TIMES 4

/* 2021-11: flip, noise, affine, noise, perspective, noise, jitter, noise, grey.
 * 2021-09: the same without jitter, grey before the last noise.
 * Disco: flip, noise, affine, noise, grey, noise, jitter.
 * x [B,3,H,W], every picture with the same draws; noise: NJ_NOISE_TIMES tensors
 * [B,3,H,W], already scaled, or NULL. */
th_tensor *nj_augment(th_scope *s, const th_tensor *x, nj_chain chain,
                      const nj_augmentation *draws,
                      const th_tensor *const *noise);

struct nj_augment_plan;

/* Cutouts that are augmented once more in the backward pass. */
typedef struct nj_augment_part {
    const nj_cutout_plan *cutouts; /* NULL: of a stack */
    const struct nj_augment_plan *augments;
    size_t image;
    size_t first; /* cutout */
} nj_augment_part;

/* What augments a step's cutouts: draws for every image and cut, and where the
 * noise comes from. */
typedef struct nj_augment_plan {
    nj_chain chain;
    const nj_augmentation *draws; /* [images,cutn], or [images] for stacks;
                                     borrowed */
    const nj_source *noise;       /* [images]; borrowed; NULL: no noise */
    double noise_scale;           /* deviation of the noise */
    /* Room for a part of each image and cut: none of a cutout's copies is kept
     * for the backward pass, which makes them again, to the same numbers. This
     * and all that it borrows must live until then. NULL: copies are kept, as
     * those of a stack are. */
    nj_augment_part *again;
} nj_augment_plan;

/* nj_plain_cutouts with every cut augmented before it is resampled: x [B,3,H,W]
 * in [0,1] -> [N*B,3,size,size], row = cut * B + image. */
th_tensor *nj_augmented_cutouts(th_scope *s, const th_tensor *x,
                                const nj_cutout_plan *cutouts,
                                const nj_augment_plan *augments);

/* Disco's way: the cuts of one image as a stack, x [N,3,S,S], augmented alike
 * but for the noise, of which cut n gets that of cut number n. */
th_tensor *nj_augmented_stack(th_scope *s, const th_tensor *x,
                              const nj_augment_plan *augments, size_t image);

th_tensor *nj_augment_hflip(th_scope *s, const th_tensor *x);

/* Rotation about the middle, then a shift. */
th_tensor *nj_augment_affine(th_scope *s, const th_tensor *x, double angle,
                             const double shift[2], nj_sampling how);

/* Moves the corners of `from` to those of `to` (order as in
 * nj_augmentation). Four corners of which three lie on a line are an error. */
th_tensor *nj_augment_perspective(th_scope *s, const th_tensor *x,
                                  const double from[4][2],
                                  const double to[4][2], nj_sampling how);

/* clamp(factor x), clamp(mix with the mean of grey), clamp(mix with grey). */
th_tensor *nj_augment_brightness(th_scope *s, const th_tensor *x,
                                 double factor);
th_tensor *nj_augment_contrast(th_scope *s, const th_tensor *x, double factor);
th_tensor *nj_augment_saturation(th_scope *s, const th_tensor *x,
                                 double factor);
/* RGB -> HSV, hue plus `turns` modulo 1, back. */
th_tensor *nj_augment_hue(th_scope *s, const th_tensor *x, double turns);
/* .2989 R + .587 G + .114 B in all three channels. */
th_tensor *nj_augment_gray(th_scope *s, const th_tensor *x);
/* The four colour steps in the order of the draws. */
th_tensor *nj_augment_jitter(th_scope *s, const th_tensor *x,
                             const nj_augmentation *draws);

#endif
