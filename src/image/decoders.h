/* Decoders behind nj_picture_decode: one per format, each around the format's
 * own library. Internal to src/image. */
#ifndef NJ_IMAGE_DECODERS_H
#define NJ_IMAGE_DECODERS_H

#include "image/picture.h"

/* What a decoder works on. With `header_only` out->pixels stays NULL. */
typedef struct nj_decode_job {
    const uint8_t *bytes;
    size_t n;
    size_t pixels_max;
    int header_only;
} nj_decode_job;

nj_status nj_decode_png(const nj_decode_job *job, nj_picture *out,
                        nj_err *err) NJ_MUST_USE;
nj_status nj_decode_jpeg(const nj_decode_job *job, nj_picture *out,
                         nj_err *err) NJ_MUST_USE;
nj_status nj_decode_webp(const nj_decode_job *job, nj_picture *out,
                         nj_err *err) NJ_MUST_USE;

/* Checks the size against the job and allocates pixels unless only the header
 * is wanted; width, height and channels of `out` are set. */
nj_status nj_decode_allocate(const nj_decode_job *job, nj_picture *out,
                             nj_err *err) NJ_MUST_USE;

/* Turns the picture as EXIF's orientation (1..8) says. */
nj_status nj_picture_orient(nj_picture *p, int orientation,
                            nj_err *err) NJ_MUST_USE;

/* EXIF's orientation in a JPEG file, or in a block of EXIF data as PNG and WebP
 * carry it; 1 (upright) when none is stated or the data is broken. */
int nj_exif_orientation(const uint8_t *bytes, size_t n);
int nj_exif_block_orientation(const uint8_t *block, size_t n);

#endif
