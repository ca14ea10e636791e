/* What the files of space.h share: a count of what lives, and the working
 * memory of the CPU's own convolutions. */
#ifndef NJ_WEIGHTS_SPACE_TAPE_H
#define NJ_WEIGHTS_SPACE_TAPE_H

#include "weights/space.h"

/* Bytes that live, and the most that ever did. */
typedef struct tape {
    double live;
    double peak;
} tape;

static inline void tape_touch(tape *t, double bytes)
{
    if (t->live + bytes > t->peak)
        t->peak = t->live + bytes;
}

static inline void tape_add(tape *t, double bytes)
{
    tape_touch(t, bytes);
    t->live += bytes;
}

static inline void tape_drop(tape *t, double bytes)
{
    t->live -= bytes;
}

/* Working memory of a convolution with side x side taps at `pixels`: its
 * prepared weight, unless that is small and stays, and each thread's share.
 * 0 on a GPU. */
double space_conv(const nj_space_how *how, double in, double out, double pixels,
                  double side);

#endif
