/* Watch: lets tests see the values of a run that no picture shows, to find the
 * first step that differs from a reference. A run without one pays nothing.
 * Tensors live during the call only. */
#ifndef NJ_ENGINE_WATCH_H
#define NJ_ENGINE_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "diffusion/boxes.h"
#include "diffusion/steps.h"
#include "torch/th.h"

/* Terms of the loss, in this order wherever they are listed. */
typedef enum nj_loss {
    NJ_LOSS_CLIP,
    NJ_LOSS_TV,
    NJ_LOSS_RANGE,
    NJ_LOSS_SAT,
    NJ_LOSS_INIT,
    NJ_LOSSES
} nj_loss;

typedef struct nj_watched_step {
    int iteration;
    const nj_step *step;
    const th_tensor *x;        /* [B,3,H,W] before the step */
    const th_tensor *x0;       /* [B,3,H,W] unguided */
    const th_tensor *gradient; /* before the clamp; NULL without guidance */
    const th_tensor *clamped;  /* after it; NULL without guidance */
    const float *losses; /* [NJ_LOSSES,B], unscaled; 0 where a term is off */
} nj_watched_step;

typedef struct nj_watch {
    void *user;
    /* The prompt of an image for a CLIP, as the text tower gets it. */
    void (*tokens)(void *user, size_t clip, size_t image, const int64_t *rows,
                   size_t texts, size_t context);
    void (*target)(void *user, size_t clip, size_t image,
                   const th_tensor *embeddings, const th_tensor *weights);
    void (*step)(void *user, const nj_watched_step *step);
} nj_watch;

#endif
