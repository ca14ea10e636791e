/* Upscaling whole pictures with an RRDBNet, as Real-ESRGAN's RealESRGANer
 * does it (public code xinntao/Real-ESRGAN, utils.py): tiles, mirrored edges,
 * transparency, grey. */
#ifndef NJ_MODEL_UPSCALE_H
#define NJ_MODEL_UPSCALE_H

#include <stdint.h>

#include "base/err.h"
#include "model/rrdbnet.h"
#include "torch/th.h"

/* Tiles of `size` pixels a side, each grown by `pad` pixels on the sides that
 * have neighbours; size 0: the whole picture at once. Both are multiples of
 * the network's factor. */
typedef struct nj_tiling {
    int size;
    int pad;
} nj_tiling;

/* image [1,3,H,W] -> [1,3,H*scale,W*scale]; H and W are multiples of the
 * network's factor. A size or pad that is none fails with NJ_E_USAGE. */
th_tensor *nj_upscale_tensor(th_scope *s, const nj_rrdbnet *net,
                             const nj_tiling *tiling, const th_tensor *image);

/* Bytes, row by row; 1 channel: grey, 3: RGB, 4: RGB and alpha (colour not
 * premultiplied). */
typedef struct nj_bytes {
    int width;
    int height;
    int channels;
    uint8_t *bytes;
} nj_bytes;

/* in -> *out, scale times as wide and high, same channels. The caller frees
 * out->bytes. NJ_E_NUMERIC: the network gave what is no number. */
nj_status nj_upscale_bytes(const nj_rrdbnet *net, const nj_tiling *tiling,
                           const nj_bytes *in, nj_bytes *out,
                           nj_err *err) NJ_MUST_USE;

#endif
