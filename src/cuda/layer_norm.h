/* Layer norm as CUDA kernels, one launch forward and one back, and the same in
 * plain C. Rows of numbers, float32, float16 or bfloat16 in and out, float32
 * inside:
 *   y = (x - m) r gamma + beta, m the mean of a row, r = 1 / sqrt(var + eps)
 *   dx = r (g - mean(g) - h mean(g h)), g = dy gamma, h = (x - m) r
 * (Ba, Kiros & Hinton 2016, with the chain rule's sums put together).
 *
 * A warp has a row: each lane every 32nd piece of it, so that sums are taken in
 * an order that the row's length and type alone decide. */
#ifndef NJ_CUDA_LAYER_NORM_H
#define NJ_CUDA_LAYER_NORM_H

#include <stdint.h>

#include "base/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nj_layer_norm {
    int64_t rows;
    int width;         /* numbers of a row */
    nj_dtype dtype;    /* of x, y, dy, dx: F32, F16 or BF16 */
    nj_dtype params;   /* of gamma and beta: dtype or F32 */
    const void *gamma; /* [width]; NULL: ones */
    const void *beta;  /* [width]; NULL: zeros */
    float eps;
} nj_layer_norm;

enum { nj_layer_norm_lanes = 32 };

/* Device pointers; `stream` is a cudaStream_t. moments [rows,2]: m and r,
 * written by forward, read by backward. Return a cudaError_t. */
int nj_layer_norm_cuda(const nj_layer_norm *n, const void *x, void *y,
                       float *moments, void *stream);
int nj_layer_norm_backward_cuda(const nj_layer_norm *n,
                                const void *const x_dy[2], const float *moments,
                                void *dx, void *stream);

/* Host pointers to float32, gamma and beta too; `vector` is the length of a
 * piece: 16 bytes of dtype, or 1. */
void nj_layer_norm_twin(const nj_layer_norm *n, int vector, const float *x,
                        float *y, float *moments);
void nj_layer_norm_backward_twin(const nj_layer_norm *n, int vector,
                                 const float *const x_dy[2],
                                 const float *moments, float *dx);

#ifdef __cplusplus
}
#endif

#endif
