/* Pictures: 8-bit pixels in memory, read from PNG, JPEG and WebP by the
 * libraries that the whole world tests (libpng, libjpeg-turbo, libwebp).
 *
 * Reading refuses what is no picture, what is cut short, and what would take
 * more memory than `pixels_max` allows, before that memory is taken.
 */
#ifndef NJ_IMAGE_PICTURE_H
#define NJ_IMAGE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Rows from the top, channels interleaved: 1 grey, 2 grey+alpha, 3 RGB,
 * 4 RGBA. */
typedef struct nj_picture {
    int width;
    int height;
    int channels;
    uint8_t *pixels; /* owned; width * height * channels */
} nj_picture;

/* Upper bound for `pixels_max` that most callers want: 64 megapixels. */
#define NJ_PICTURE_PIXELS_MAX ((size_t)64 << 20)

/* Reads a picture of at most pixels_max pixels in its own channels (palettes
 * are expanded, 16 bits become 8, CMYK is refused). EXIF orientation is
 * honoured. NJ_E_IO: unreadable file; NJ_E_FORMAT: not a picture, or broken,
 * or too large. */
nj_status nj_picture_read(const char *path, size_t pixels_max, nj_picture *out,
                          nj_err *err) NJ_MUST_USE;
nj_status nj_picture_decode(const uint8_t *bytes, size_t n, size_t pixels_max,
                            nj_picture *out, nj_err *err) NJ_MUST_USE;

/* Width, height and channels alone, from the header: nothing is decoded and
 * pixels stays NULL. */
nj_status nj_picture_probe(const char *path, nj_picture *out,
                           nj_err *err) NJ_MUST_USE;

void nj_picture_release(nj_picture *p);

/* RGB of the same size: grey is repeated, alpha is dropped. */
nj_status nj_picture_to_rgb(const nj_picture *p, nj_picture *out,
                            nj_err *err) NJ_MUST_USE;

#endif
