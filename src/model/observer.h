/* Observer: lets a caller see the activations inside a network, for finding
 * the first layer that differs from a reference. A network without one pays
 * nothing.
 *
 * The tensor lives during the call only; th_keep it in a scope of your own to
 * look at it later. Names are those of the public code's modules. */
#ifndef NJ_MODEL_OBSERVER_H
#define NJ_MODEL_OBSERVER_H

#include "base/err.h"
#include "torch/th.h"

typedef struct nj_observer {
    void *user;
    void (*see)(void *user, const char *name, const th_tensor *t);
} nj_observer;

/* Shows t under a name made from the format; an observer of NULL and a tensor
 * of NULL (after an error) are fine. */
void nj_observe(const nj_observer *o, const th_tensor *t, const char *format,
                ...) NJ_PRINTF(3, 4);

#endif
