/* Starts: the picture that a run begins from beside its noise, and the symmetry
 * that is imposed on the way (Quick CLIP Guided Diffusion, Disco Diffusion). */
#ifndef NJ_ENGINE_START_H
#define NJ_ENGINE_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "diffusion/settings.h"
#include "torch/th.h"

typedef struct nj_start_config {
    const nj_settings *settings;
    const uint8_t *init_rgb; /* [H,W,3] or NULL; goes before perlin noise */
    const uint64_t *seeds;   /* [images] */
    size_t images;
    th_device device;
} nj_start_config;

/* *out in [-1,1]: [1,3,H,W] of an init image, [images,3,H,W] of perlin noise,
 * or NULL when neither is asked for. */
nj_status nj_start_picture(th_scope *s, const nj_start_config *config,
                           th_tensor **out, nj_err *err) NJ_MUST_USE;

/* Whether symmetry is imposed before the step at `index` (count-1..0) of a run
 * of `count` steps: at floor(count (1 - p)) for each part p of
 * transformation_percent, the first step at p = 0. */
bool nj_start_mirrors(const nj_settings *settings, int count, int index);

/* x [B,3,H,W] with its right half a mirror of the left, its lower half of the
 * upper one, or both. H and W are even. */
th_tensor *nj_start_mirrored(th_scope *s, const th_tensor *x, nj_symmetry how);

#endif
