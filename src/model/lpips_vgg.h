/* LPIPS: distance of two pictures as people see it, version 0.1 with VGG16
 * (Zhang et al. 2018, "The unreasonable effectiveness of deep features as a
 * perceptual metric"; public code richzhang/PerceptualSimilarity). VGG16's
 * features come from torchvision's file, the heads from the LPIPS file. */
#ifndef NJ_MODEL_LPIPS_VGG_H
#define NJ_MODEL_LPIPS_VGG_H

#include "base/err.h"
#include "model/observer.h"
#include "torch/th.h"
#include "weights/weights.h"

#define NJ_LPIPS_LAYERS 5

typedef struct nj_lpips nj_lpips;

/* Whether the files hold VGG16's features and the LPIPS heads; both may be the
 * same file. Converts nothing. */
nj_status nj_lpips_check(const nj_weights *vgg, const nj_weights *heads,
                         nj_err *err) NJ_MUST_USE;

/* Checks, then converts to dtype. Freed with nj_lpips_free. */
nj_status nj_lpips_new(const nj_weights *vgg, const nj_weights *heads,
                       nj_dtype dtype, th_device device, nj_lpips **out,
                       nj_err *err) NJ_MUST_USE;
void nj_lpips_free(nj_lpips *n);

/* Activations of a picture, divided by their length at every pixel. */
typedef struct nj_lpips_features {
    th_tensor *layer[NJ_LPIPS_LAYERS]; /* [B,C,h,w] */
} nj_lpips_features;

/* image [B,3,H,W] in about [-1,1]. The observer (may be NULL) sees the raw
 * activations as layer_0..4. NULLs after an error. */
nj_lpips_features nj_lpips_look(th_scope *s, const nj_lpips *n,
                                const th_tensor *image,
                                const nj_observer *observer);

/* Distance of each layer, [B,5] float32; the picture's distance is their sum.
 * One reference (B = 1) may serve a whole batch. Derivable by the features. */
th_tensor *nj_lpips_distances(th_scope *s, const nj_lpips *n,
                              const nj_lpips_features *image,
                              const nj_lpips_features *reference);

#endif
