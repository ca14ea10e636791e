/* Space: the memory that networks take while a step runs, by walking through
 * their forward and backward passes as src/model runs them and counting which
 * activations live. From cards alone, without tensors. docs/speed.md compares
 * the figures with measured ones.
 */
#ifndef NJ_WEIGHTS_SPACE_H
#define NJ_WEIGHTS_SPACE_H

#include <stdbool.h>

#include "weights/card.h"

/* How a network is run. */
typedef struct nj_space_how {
    double bytes;   /* of a number: 4, or 2 */
    int threads;    /* of the CPU; 0: on a GPU */
    int images;     /* pictures or cutouts at once */
    bool forward;   /* UNet: no backward pass follows */
    bool recompute; /* UNet: blocks run again in the backward pass */
} nj_space_how;

/* Bytes of activations. */
typedef struct nj_space {
    double kept; /* after the forward pass, for the backward pass */
    double peak; /* at most at once, `kept` among it */
} nj_space;

/* The UNet at width x height pixels. */
nj_space nj_unet_space(const nj_unet_card *card, int width, int height,
                       const nj_space_how *how);

/* CLIP's image tower. */
nj_space nj_clip_space(const nj_clip_card *card, const nj_space_how *how);

/* The secondary model and LPIPS (what is kept of the start picture apart: a
 * number of bytes for each pixel), float32. */
nj_space nj_secondary_space(int width, int height, const nj_space_how *how);
nj_space nj_lpips_space(int width, int height, const nj_space_how *how);

#endif
