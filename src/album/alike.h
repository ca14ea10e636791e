/* Alike: whether two pictures are the same picture, after a change of size or
 * of quality, a little brighter, a little noisy.
 *
 * CLIP's embedding tells what a picture shows; a small CLIP gives two seeds of
 * one prompt nearly the same one. So the pixels have the last word: both
 * pictures at 16 x 16, each channel's mean taken away, must correlate.
 */
#ifndef NJ_ALBUM_ALIKE_H
#define NJ_ALBUM_ALIKE_H

#include <stdbool.h>

#include "base/err.h"

#define NJ_ALIKE_SIDE 16

typedef struct nj_thumb {
    bool flat; /* one colour: nothing to correlate */
    /* Differences from the mean of each channel, of length 1 together. */
    float values[NJ_ALIKE_SIDE * NJ_ALIKE_SIDE * 3];
    float means[3]; /* 0..255 */
} nj_thumb;

/* Reads a picture and shrinks it. */
nj_status nj_thumb_read(const char *path, nj_thumb *out,
                        nj_err *err) NJ_MUST_USE;

bool nj_thumb_alike(const nj_thumb *a, const nj_thumb *b);

#endif
