/* Small passes over channels-last pictures [B,H,W,C] as CUDA kernels, and the
 * same in plain C: a bias after a convolution, two pictures side by side in
 * their channels, and pictures of twice or half the size. float32, float16 or
 * bfloat16, float32 inside.
 *
 * A thread makes neighbouring channels, 16 bytes where C allows it; each number
 * is made by one thread in a fixed order. */
#ifndef NJ_CUDA_PIXELS_H
#define NJ_CUDA_PIXELS_H

#include <stdint.h>

#include "base/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nj_pixels {
    int64_t images, height, width; /* of the smaller picture, where two are */
    int64_t channels;
    nj_dtype dtype; /* F32, F16 or BF16; the twins take F32 only */
} nj_pixels;

/* y = y + bias + more, in place and rounded once; bias [C] and more [B,H,W,C]
 * in the type of y, more NULL: nothing. */
int nj_pixels_bias_cuda(const nj_pixels *p, const void *bias, const void *more,
                        void *y, void *stream);
/* y: its first `split` channels from parts[0], the others from parts[1]. */
int nj_pixels_join_cuda(const nj_pixels *p, int64_t split,
                        const void *const parts[2], void *y, void *stream);
/* The two parts of y. */
int nj_pixels_part_cuda(const nj_pixels *p, int64_t split, const void *y,
                        void *const parts[2], void *stream);
/* y [B,2H,2W,C]: each pixel of x [B,H,W,C] four times, times `factor`. */
int nj_pixels_spread_cuda(const nj_pixels *p, const void *x, float factor,
                          void *y, void *stream);
/* y [B,H,W,C]: the sum of each four neighbours of x [B,2H,2W,C], first row
 * first, times `factor`. */
int nj_pixels_gather_cuda(const nj_pixels *p, const void *x, float factor,
                          void *y, void *stream);

void nj_pixels_bias_twin(const nj_pixels *p, const float *bias,
                         const float *more, float *y);
void nj_pixels_join_twin(const nj_pixels *p, int64_t split,
                         const float *const parts[2], float *y);
void nj_pixels_part_twin(const nj_pixels *p, int64_t split, const float *y,
                         float *const parts[2]);
void nj_pixels_spread_twin(const nj_pixels *p, const float *x, float factor,
                           float *y);
void nj_pixels_gather_twin(const nj_pixels *p, const float *x, float factor,
                           float *y);

#ifdef __cplusplus
}
#endif

#endif
