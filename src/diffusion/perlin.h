/* Perlin start pictures, as Quick CLIP Guided Diffusion and Disco Diffusion
 * begin from: two layers of octaves of gradient noise, each brought to 8 bits
 * and stretched, then averaged. Plain arithmetic with given lattices.
 *
 * Only those points of a field are computed that its resized picture reads. */
#ifndef NJ_DIFFUSION_PERLIN_H
#define NJ_DIFFUSION_PERLIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NJ_PERLIN_OCTAVES_MAX 16

/* One field: octave o has cells of 2^(octaves-o) pixels and a lattice of
 * (rows 2^o + 1) x (cols 2^o + 1) gradients. The field is rows 2^octaves by
 * cols 2^octaves pixels: .5 + sum of amplitude_o * octave_o. */
typedef struct nj_perlin_field {
    int rows;
    int cols;
    int octaves;
    const double *amplitudes; /* [octaves] */
    /* [octaves][rows 2^o + 1, cols 2^o + 1, 2]: the part that goes with the
     * offset along the rows, then along the columns; borrowed */
    const float *const *gradients;
} nj_perlin_field;

/* The field resized to width x height (bilinear) -> out [height,width]. */
nj_status nj_perlin_resized(const nj_perlin_field *field, int width, int height,
                            bool antialias, float *out,
                            nj_err *err) NJ_MUST_USE;

/* clamp to [0,1], times 255 in float, truncated. */
void nj_perlin_rgb8(const float *values, size_t n, uint8_t *out);

/* Stretches n values of one channel from their least and greatest to 0..255;
 * a channel of one value stays (Pillow's autocontrast, cutoff 0). */
void nj_autocontrast(uint8_t *values, size_t n);

/* The average of two 8-bit layers, scaled to [-1,1]: n values. */
void nj_perlin_init(const uint8_t *a, const uint8_t *b, size_t n, float *out);

#endif
