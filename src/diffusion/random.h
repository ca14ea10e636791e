/* Randomness: every number of a picture comes from Philox4x32-10 (Salmon et
 * al. 2011) at a counter that names its use, so batch size, order, resuming
 * and device never change what a seed means. Rules: docs/randomness.md.
 *
 * key = (low, high) 32 bits of the seed; counter = (block, iteration, stream,
 * draw). Uniforms are (word + 0.5) / 2^32 in double; normals are Box-Muller
 * pairs in double, rounded to float once. The arithmetic, and the source of
 * numbers, are those of base/philox.h, which the GPU has in common. */
#ifndef NJ_DIFFUSION_RANDOM_H
#define NJ_DIFFUSION_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/philox.h"

typedef enum nj_stream {
    NJ_STREAM_START = 0,
    NJ_STREAM_STEP = 1,
    NJ_STREAM_BOXES = 2,
    NJ_STREAM_AUGMENT = 3,
    NJ_STREAM_PERLIN = 4,
    NJ_STREAM_CLASS = 5,
    NJ_STREAM_FUZZY = 6,
    NJ_STREAM_CUT_NOISE = 7
} nj_stream;

void nj_random_words(const nj_source *from, uint32_t block, uint32_t out[4]);
void nj_random_uniforms(const nj_source *from, uint32_t block, double out[4]);

/* The first normal of a pair of uniforms. */
double nj_random_normal(double u0, double u1);

/* n normals from block `first` on, rounded to float. */
void nj_random_field(const nj_source *from, uint32_t first, size_t n,
                     float *out);

/* floor(u * n) for n > 0. */
int64_t nj_random_integer(double u, int64_t n);

#endif
