/* Resizing of pictures, byte for byte as Pillow did it when the public
 * notebooks were written: Lanczos-3 for start pictures and image prompts,
 * bicubic for what CLIP is shown: weights in fixed point, columns first, 8
 * bits between the passes. Pillow 13 may take rows first where that is less
 * work; its bytes then differ a little. */
#ifndef NJ_IMAGE_RESIZE_H
#define NJ_IMAGE_RESIZE_H

#include "image/picture.h"

/* A picture of width x height with the same channels; *out is released by the
 * caller. Each side 1 to 65535 pixels. */
nj_status nj_picture_resize(const nj_picture *p, int width, int height,
                            nj_picture *out, nj_err *err) NJ_MUST_USE;

/* The picture as OpenAI's CLIP is shown it (openai/CLIP, clip.py, _transform):
 * its shorter side brought to `size` pixels with the bicubic filter (a = -1/2,
 * widened when it shrinks, as Pillow does), then the middle square. Same
 * channels; *out is released by the caller. */
nj_status nj_picture_square(const nj_picture *p, int size, nj_picture *out,
                            nj_err *err) NJ_MUST_USE;

/* Reads a picture as RGB and shrinks it, keeping its shape, until its shorter
 * side is no longer than `shorter`; a picture that is small enough stays. */
nj_status nj_picture_read_shrunk(const char *path, int shorter, nj_picture *out,
                                 nj_err *err) NJ_MUST_USE;

#endif
