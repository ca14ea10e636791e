/* RRDBNet: Real-ESRGAN's generator (Wang et al. 2021, "Real-ESRGAN"; blocks
 * from Wang et al. 2018, "ESRGAN"; public code xinntao/Real-ESRGAN and
 * BasicSR, rrdbnet_arch.py). The scale and all sizes are read from shapes.
 * Not for: the compact "general" models, which are other networks. */
#ifndef NJ_MODEL_RRDBNET_H
#define NJ_MODEL_RRDBNET_H

#include "base/err.h"
#include "torch/th.h"
#include "weights/weights.h"

typedef struct nj_rrdbnet_config {
    int scale;    /* 4, 2 or 1 */
    int factor;   /* H and W must be multiples: 1, 2 or 4 */
    int features; /* channels of the trunk */
    int blocks;
    int growth; /* channels that each dense layer adds */
} nj_rrdbnet_config;

typedef struct nj_rrdbnet nj_rrdbnet;

/* Reads the configuration, checks that the file holds exactly that network,
 * then converts to dtype. Freed with nj_rrdbnet_free. */
nj_status nj_rrdbnet_new(const nj_weights *weights, nj_dtype dtype,
                         th_device device, nj_rrdbnet **out,
                         nj_err *err) NJ_MUST_USE;
void nj_rrdbnet_free(nj_rrdbnet *net);

const nj_rrdbnet_config *nj_rrdbnet_shape(const nj_rrdbnet *net);

/* image [B,3,H,W] in [0,1] -> [B,3,H*scale,W*scale] in the dtype of image,
 * not clamped. */
th_tensor *nj_rrdbnet_forward(th_scope *s, const nj_rrdbnet *net,
                              const th_tensor *image);

#endif
