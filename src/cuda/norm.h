/* Group norm + scale/shift + SiLU as CUDA kernels, and the same in plain C.
 *
 * Channels last; float32, float16 or bfloat16 in and out, float32 inside. The
 * formulas are those of torch/norm.hpp. An image is cut into chunks of a fixed
 * number of pixels and every sum is taken in a fixed order without atomics, so
 * results repeat bit for bit and do not depend on the rest of the batch.
 *
 * The twin (norm_twin.c) sums in the same order as the kernels, on float32
 * arrays; it is slow and is there for tests.
 */
#ifndef NJ_CUDA_NORM_H
#define NJ_CUDA_NORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers per channel: one row for all images (row 0) or one row each.
 * data NULL: left out. F32, F16 or BF16; the twin takes F32 only. */
typedef struct nj_norm_param {
    const void *data;
    nj_dtype dtype;
    int64_t row; /* elements from one image's row to the next */
} nj_norm_param;

typedef struct nj_norm {
    int64_t images, pixels;
    int channels, groups;
    nj_dtype dtype; /* of x, y, dy, dx: F32, F16 or BF16 */
    float eps;
    bool silu;
    nj_norm_param gamma, beta;  /* [C] */
    nj_norm_param scale, shift; /* [B,C] */
} nj_norm;

/* How threads share the work: blocks of `threads` threads, each with `vector`
 * neighbouring channels, `columns` times `rows` of them. */
typedef struct nj_norm_grid {
    int vector;  /* channels a thread reads at once */
    int vectors; /* of one pixel */
    int columns, rows;
    int tiles;      /* blocks side by side over one pixel's channels */
    int64_t chunk;  /* pixels of a block */
    int64_t chunks; /* of an image */
} nj_norm_grid;

enum { nj_norm_threads = 256, nj_norm_chunk_values = 32768 };

static inline nj_norm_grid nj_norm_grid_of(const nj_norm *n)
{
    const int wide = n->dtype == NJ_F32 ? 4 : 8;
    nj_norm_grid g;

    g.vector = n->channels % wide == 0 ? wide : 1;
    g.vectors = n->channels / g.vector;
    g.columns = 32;
    while (g.columns > 1 && g.columns / 2 >= g.vectors)
        g.columns /= 2;
    g.rows = nj_norm_threads / g.columns;
    g.tiles = (g.vectors + g.columns - 1) / g.columns;
    g.chunk = nj_norm_chunk_values / n->channels;
    if (g.chunk < g.rows)
        g.chunk = g.rows;
    g.chunks = (n->pixels + g.chunk - 1) / g.chunk;
    return g;
}

/* float32 numbers of scratch memory that forward and backward need. */
static inline int64_t nj_norm_scratch(const nj_norm *n)
{
    const int64_t chunks = nj_norm_grid_of(n).chunks;

    return n->images * (chunks * 2 * n->channels + 2 * n->groups);
}

/* Device pointers; `stream` is a cudaStream_t. moments [B,G,2]: mean and
 * 1 / sqrt(var + eps), written by forward, read by backward. film NULL or
 * [2,B,C] float32: gradients of scale and of shift. Returns a cudaError_t. */
int nj_norm_forward_cuda(const nj_norm *n, const void *x, void *y,
                         float *moments, float *scratch, void *stream);
int nj_norm_backward_cuda(const nj_norm *n, const void *const x_dy[2],
                          const float *moments, void *dx, float *film,
                          float *scratch, void *stream);
const char *nj_norm_cuda_error(int error);

/* Host pointers, everything float32 whatever n->dtype says (it still decides
 * the grid). */
void nj_norm_forward_twin(const nj_norm *n, const float *x, float *y,
                          float *moments, float *scratch);
void nj_norm_backward_twin(const nj_norm *n, const float *const x_dy[2],
                           const float *moments, float *dx, float *film,
                           float *scratch);

#ifdef __cplusplus
}
#endif

#endif
