/* Cut: one draw of cutouts for a batch, from random numbers to CLIP's input.
 * Guidance and image prompts cut the same way; this is the way. */
#ifndef NJ_ENGINE_CUT_H
#define NJ_ENGINE_CUT_H

#include <stddef.h>
#include <stdint.h>

#include "diffusion/boxes.h"
#include "diffusion/settings.h"
#include "torch/th.h"

/* Which draw: docs/randomness.md. */
typedef struct nj_cut_draw {
    const uint64_t *seeds; /* [images]; borrowed */
    size_t images;
    uint32_t iteration;
    uint32_t draw;
} nj_cut_draw;

/* Cutouts that the settings ask for; 0 is possible with Disco's alone. */
int nj_cut_count(const nj_settings *settings);

/* Draws the boxes of every image for pictures of width x height, image-major:
 * nj_cut_count for each image, of Disco's cuts 1 for all overviews and then
 * the inner ones. NULL when memory is short; the caller frees them. */
nj_box *nj_cut_boxes(const nj_settings *settings, int clip_size, int width,
                     int height, const nj_cut_draw *draw);

/* x [B,3,H,W] in [0,1] -> CLIP's normalised input [N*B,3,S,S], row = cut * B +
 * image. Draws follow the settings' compat: in a notebook all images of a batch
 * share their boxes and augmentations. */
th_tensor *nj_cut(th_scope *s, const nj_settings *settings, int clip_size,
                  const th_tensor *x, const nj_cut_draw *draw);

#endif
