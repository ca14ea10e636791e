/* Pixels: 8-bit pictures to and from the values that networks see, with the
 * public code's rounding (a picture's bytes are part of its identity). */
#ifndef NJ_DIFFUSION_PIXELS_H
#define NJ_DIFFUSION_PIXELS_H

#include <stddef.h>
#include <stdint.h>

/* rgb [H,W,3] -> out [3,H,W] in [-1,1]: v / 255 * 2 - 1 in float32. */
void nj_pixels_to_signed(const uint8_t *rgb, int width, int height, float *out);

/* rgb [H,W,3] -> out [3,H,W] in [0,1]: v / 255 in float32. */
void nj_pixels_to_unit(const uint8_t *rgb, int width, int height, float *out);

/* x [3,H,W] -> rgb [H,W,3]: 255 clamp((x + 1) / 2, 0, 1) in float32, cut off
 * to a whole number. */
void nj_pixels_from_signed(const float *x, int width, int height, uint8_t *rgb);

#endif
