/* Work: what a network costs, by arithmetic on its card alone: numbers of
 * weights, multiplications of a pass, and what a guided step keeps in memory.
 * No tensor and no library is needed, so that a plan can say it at once.
 *
 * A multiplication counts once (1 MAC = 2 FLOP). The backward pass is the
 * gradient with respect to the input only: weights are frozen. Elements are
 * those of one image or cutout; bytes depend on the number format.
 */
#ifndef NJ_WEIGHTS_WORK_H
#define NJ_WEIGHTS_WORK_H

#include <stdint.h>

#include "weights/card.h"

typedef struct nj_network_work {
    double weights;  /* numbers in the checkpoint's part that a step uses */
    double forward;  /* MACs of an image */
    double backward; /* MACs of its gradient */
    double kept;     /* elements that the backward pass needs */
    double peak;     /* elements at most at once, `kept` and gradients among
                        them */
    double widest;   /* elements of the largest activation */
} nj_network_work;

/* The UNet at width x height pixels. */
nj_network_work nj_unet_work(const nj_unet_card *card, int width, int height);

/* CLIP's image tower, a vision transformer; `weights` counts the text tower
 * too. */
nj_network_work nj_clip_work(const nj_clip_card *card);

#endif
