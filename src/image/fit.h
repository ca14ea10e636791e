/* Pictures of any size made to fit a given one: for start pictures, which must
 * have exactly the size of the picture to be made. Scaling is that of
 * image/resize.h; a picture that has the size already is copied bit for bit.
 */
#ifndef NJ_IMAGE_FIT_H
#define NJ_IMAGE_FIT_H

#include "image/picture.h"

typedef enum nj_fit {
    NJ_FIT_CROP,   /* the largest window of the wanted shape, in the middle */
    NJ_FIT_WHOLE,  /* the whole picture; what is left over is middle grey */
    NJ_FIT_STRETCH /* the whole picture, its shape changed: what the public
                      notebooks do */
} nj_fit;

/* A picture of width x height (each 1 to 65535) with the channels of p; the
 * caller releases *out. NJ_E_USAGE: a size that cannot be. */
nj_status nj_picture_fit(const nj_picture *p, int width, int height, nj_fit fit,
                         nj_picture *out, nj_err *err) NJ_MUST_USE;

#endif
