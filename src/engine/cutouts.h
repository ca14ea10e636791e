/* Cutouts: every window of a step, brought to CLIP's input size in one go.
 *
 * Each image of a batch has boxes of its own. Crop, zero border, filter and
 * scaling are linear and treat rows and columns apart, so a cutout is a banded
 * map a side (diffusion/bands.h) and all of a step are one operation, whose
 * gradient is the transposed maps: exact, without atomics, the same on every
 * run.
 * Crowson's cutouts pool; Russell's resample with a prefilter. */
#ifndef NJ_ENGINE_CUTOUTS_H
#define NJ_ENGINE_CUTOUTS_H

#include <stddef.h>

#include "diffusion/boxes.h"
#include "torch/th.h"

/* Mean and deviation of CLIP's training pictures in [0,1] (OpenAI's CLIP). */
extern const double nj_clip_mean[3];
extern const double nj_clip_std[3];

typedef enum nj_cut_filter {
    NJ_CUT_POOL,    /* adaptive average pooling (Crowson) */
    NJ_CUT_LANCZOS, /* prefilter and bicubic (Russell) */
    NJ_CUT_CUBIC    /* ResizeRight (Disco) */
} nj_cut_filter;

typedef struct nj_cutout_plan {
    nj_cut_filter filter;
    int size;            /* side of CLIP's input, pixels */
    int border;          /* zeros around the picture; boxes count from its
                            outer corner */
    size_t images;       /* B */
    size_t cutn;         /* N */
    const nj_box *boxes; /* [images,cutn]; borrowed */
} nj_cutout_plan;

/* x [B,C,H,W] -> [N*B,C,size,size], row = cut * B + image. The border is 0 in
 * the values of x. Fails when a box leaves the picture with its border. */
th_tensor *nj_plain_cutouts(th_scope *s, const th_tensor *x,
                            const nj_cutout_plan *plan);

/* (x - mean) / std by channel, x [B,3,H,W]. */
th_tensor *nj_normalise(th_scope *s, const th_tensor *x, const double mean[3],
                        const double std[3]);

/* CLIP's normalisation of pictures in [0,1]. */
th_tensor *nj_clip_normalise(th_scope *s, const th_tensor *x);

/* [-1,1] -> [0,1]: x / 2 + 1/2. */
th_tensor *nj_to_unit(th_scope *s, const th_tensor *x);

#endif
