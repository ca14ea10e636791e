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

/* Parts in which CLIP sees them: at least 1, none of them empty. */
int nj_cut_slices(const nj_settings *settings);

/* Draws the boxes of every image for pictures of width x height, image-major:
 * nj_cut_count for each image, of Disco's cuts 1 for all overviews and then
 * the inner ones. NULL when memory is short; the caller frees them. */
nj_box *nj_cut_boxes(const nj_settings *settings, int clip_size, int width,
                     int height, const nj_cut_draw *draw);

/* A draw for pictures of one size: boxes, augmentations and where the noise
 * comes from. Where the settings give CLIP the cutouts in slices, the copies
 * that the augmentations of November 2021 make of a cutout are not kept for the
 * backward pass, but made again there; no number changes by that. */
typedef struct nj_cutting nj_cutting;

/* Borrows settings and draw. NULL: no memory. */
nj_cutting *nj_cutting_new(const nj_settings *settings, int clip_size,
                           int width, int height, const nj_cut_draw *draw);
void nj_cutting_free(nj_cutting *c); /* NULL is fine */

/* x [B,3,H,W] in [0,1] -> CLIP's normalised input [N*B,3,S,S], row = cut * B +
 * image. Draws follow the settings' compat: in a notebook all images of a batch
 * share their boxes and augmentations. `c` must live until the backward pass is
 * done. */
th_tensor *nj_cut(th_scope *s, const nj_cutting *c, const th_tensor *x);

/* The same for one draw, without a backward pass. */
th_tensor *nj_cut_once(th_scope *s, const nj_settings *settings, int clip_size,
                       const th_tensor *x, const nj_cut_draw *draw);

#endif
