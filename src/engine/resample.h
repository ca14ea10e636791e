/* Resampling of whole pictures, with gradients: the separable filters of
 * diffusion/bands.h applied to tensors [B,C,H,W], float32. */
#ifndef NJ_ENGINE_RESAMPLE_H
#define NJ_ENGINE_RESAMPLE_H

#include "torch/th.h"

/* Adaptive average pooling -> [B,C,h,w]. */
th_tensor *nj_resample_pool(th_scope *s, const th_tensor *x, int h, int w);

/* Russell's Lanczos prefilter and bicubic -> [B,C,h,w]. */
th_tensor *nj_resample_lanczos(th_scope *s, const th_tensor *x, int h, int w);

/* ResizeRight's cubic, as Disco calls it -> [B,C,h,w]; a side that keeps its
 * size is left alone. */
th_tensor *nj_resample_cubic(th_scope *s, const th_tensor *x, int h, int w);

#endif
