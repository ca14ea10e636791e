/* Perlin starts: the picture of perlin noise that a seed begins from. Two
 * layers of perlin.h, the first of twelve octaves on a lattice of 1 x 1 cells,
 * the second of eight on 4 x 4; octave i has 0.5 / 1.5^i. Quick CLIP Guided
 * Diffusion and Disco Diffusion; their resizing of 2021 had no antialiasing. */
#ifndef NJ_DIFFUSION_PERLIN_START_H
#define NJ_DIFFUSION_PERLIN_START_H

#include <stdint.h>

#include "base/err.h"
#include "diffusion/settings.h"

/* out [3,height,width] in [-1,1]. */
nj_status nj_perlin_start(uint64_t seed, nj_perlin_mode mode, int width,
                          int height, float *out, nj_err *err) NJ_MUST_USE;

#endif
