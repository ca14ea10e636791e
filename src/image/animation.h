/* Animations: frames of one size as an animated WebP, by libwebp. For videos
 * where no video encoder is at hand: every browser plays them, few video
 * players do.
 *
 *     nj_animation *a;
 *     nj_animation_new(64, 64, 12, &a, &err);
 *     nj_animation_add(a, rgb, &err);              // for each frame
 *     nj_animation_finish(a, &bytes, &n, &err);
 *     nj_animation_free(a);
 */
#ifndef NJ_IMAGE_ANIMATION_H
#define NJ_IMAGE_ANIMATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct nj_animation nj_animation;

/* Sides of 1 to 16383 pixels, 1 to 1000 frames a second; played again and
 * again. *out is freed with nj_animation_free. */
nj_status nj_animation_new(int width, int height, int fps, nj_animation **out,
                           nj_err *err) NJ_MUST_USE;
void nj_animation_free(nj_animation *a);

/* Appends a frame, width x height x 3 bytes. */
nj_status nj_animation_add(nj_animation *a, const uint8_t *rgb,
                           nj_err *err) NJ_MUST_USE;

/* The whole file (owned by the caller, freed with free). */
nj_status nj_animation_finish(nj_animation *a, uint8_t **bytes, size_t *n,
                              nj_err *err) NJ_MUST_USE;

#endif
