/* Work: what a network costs, by arithmetic on its card alone: numbers of
 * weights and multiplications of a pass. No tensor and no library is needed, so
 * that a plan can say it at once. What it keeps in memory is in space.h.
 *
 * A multiplication counts once (1 MAC = 2 FLOP). The backward pass is the
 * gradient with respect to the input only: weights are frozen.
 */
#ifndef NJ_WEIGHTS_WORK_H
#define NJ_WEIGHTS_WORK_H

#include <stdint.h>

#include "weights/card.h"

typedef struct nj_network_work {
    double weights;      /* numbers in the checkpoint's part that a step uses */
    double text_weights; /* of them in CLIP's text tower */
    double forward;      /* MACs of an image */
    double backward;     /* MACs of its gradient */
} nj_network_work;

/* The UNet at width x height pixels. */
nj_network_work nj_unet_work(const nj_unet_card *card, int width, int height);

/* CLIP's image tower; `weights` counts the text tower too. MACs of a ResNet are
 * not counted: 0. */
nj_network_work nj_clip_work(const nj_clip_card *card);

#endif
