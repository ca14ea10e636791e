/* Group norm + scale/shift + SiLU as CUDA kernels, and the same in plain C.
 *
 * Channels last; float32, float16 or bfloat16 in and out, float32 inside. The
 * formulas are those of torch/norm.hpp. Every sum is taken in a fixed order
 * without atomics, and how the work is cut depends on one image's shape alone,
 * so results repeat bit for bit and do not depend on the rest of the batch.
 *
 * Where a group of channels is small, a block has all its pixels and does
 * everything: one launch forward, one backward. Where it is large, a first
 * launch leaves a part of the sums for each chunk of pixels, and every block of
 * a second one adds the parts of its few groups before it uses them.
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

/* How threads share the work. A tile is what a block has of a pixel: whole
 * groups, or a slice of one that is too wide for it. A thread has `vector`
 * neighbouring channels of one group in every `rows`-th pixel of a chunk. */
typedef struct nj_norm_grid {
    bool whole;            /* one chunk, one launch */
    int vector;            /* channels a thread reads at once */
    int width;             /* channels of a group */
    int span;              /* channels of a tile */
    int groups;            /* of a tile; 1 where it has a slice */
    int slices;            /* tiles of one group; 1: a tile has whole groups */
    int tiles;             /* of a pixel */
    int columns;           /* of threads: span / vector */
    int group_columns;     /* those of one group */
    int rows;              /* of threads */
    int threads;           /* of a block: columns * rows, rounded up to warps */
    int steps, last_steps; /* pixels of a thread, here and in the last chunk;
                              one less where they are out */
    int64_t chunk, chunks; /* pixels of a block, blocks of an image's tile */
} nj_norm_grid;

enum {
    nj_norm_whole_threads = 1024, /* of a block that has all pixels */
    nj_norm_whole_values = 32768, /* most of these in such a block */
    nj_norm_threads = 256,        /* of other blocks */
    nj_norm_chunks = 128,         /* most of an image */
    nj_norm_batch = 4,            /* least pixels of a thread in a chunk */
    nj_norm_film_run = 64         /* pixels that film sums add at first */
};

/* A tile of as many whole groups as `bytes` of a pixel hold, at least one. */
static inline void nj_norm_tile(const nj_norm *n, int bytes, nj_norm_grid *g)
{
    g->groups = bytes / (n->dtype == NJ_F32 ? 4 : 2) / g->width;
    if (g->groups > n->groups)
        g->groups = n->groups;
    if (g->groups < 1)
        g->groups = 1;
    g->span = g->groups * g->width;
    g->columns = g->span / g->vector;
    g->group_columns = g->width / g->vector;
    g->slices = 1;
    g->tiles = (n->groups + g->groups - 1) / g->groups;
}

/* A group that is too wide for a tile goes to several. */
static inline void nj_norm_slice(const nj_norm *n, nj_norm_grid *g)
{
    g->columns = g->group_columns = nj_norm_threads;
    g->span = g->columns * g->vector;
    g->slices = (g->width + g->span - 1) / g->span;
    g->tiles = g->slices * n->groups;
}

static inline nj_norm_grid nj_norm_grid_of(const nj_norm *n)
{
    nj_norm_grid g;

    g.width = n->channels / n->groups;
    g.vector = n->dtype == NJ_F32 ? 4 : 8;
    if (g.width % g.vector != 0)
        g.vector = g.width % 4 == 0 ? 4 : 1;
    nj_norm_tile(n, 32, &g); /* what memory is read in */
    g.whole = g.span <= nj_norm_whole_threads &&
              n->pixels * g.span <= nj_norm_whole_values;
    if (!g.whole)
        nj_norm_tile(n, 128, &g); /* what caches are filled with */
    if (!g.whole && g.columns > nj_norm_threads)
        nj_norm_slice(n, &g);
    g.rows = (g.whole ? nj_norm_whole_threads : nj_norm_threads) / g.columns;
    if (g.rows > n->pixels)
        g.rows = (int)n->pixels;
    g.threads = (g.columns * g.rows + 31) / 32 * 32;
    g.chunk =
        g.whole ? n->pixels : (n->pixels + nj_norm_chunks - 1) / nj_norm_chunks;
    if (!g.whole && g.chunk < nj_norm_batch * g.rows)
        g.chunk = nj_norm_batch * g.rows;
    g.chunks = (n->pixels + g.chunk - 1) / g.chunk;
    g.steps = (int)((g.chunk + g.rows - 1) / g.rows);
    g.last_steps =
        (int)((n->pixels - (g.chunks - 1) * g.chunk + g.rows - 1) / g.rows);
    return g;
}

/* float32 numbers of scratch memory that forward and backward need. */
static inline int64_t nj_norm_scratch(const nj_norm *n)
{
    const nj_norm_grid g = nj_norm_grid_of(n);

    return g.whole ? 0 : n->images * n->groups * g.slices * g.chunks * 2;
}

/* What the backward pass reads. */
enum { NJ_NORM_X, NJ_NORM_DY, NJ_NORM_MORE, NJ_NORM_READS };

/* Device pointers; `stream` is a cudaStream_t. `more` (or NULL) is added to
 * dx. moments [B,G,2]: mean and
 * 1 / sqrt(var + eps), written by forward, read by backward. film NULL or
 * [2,B,C] float32: gradients of scale and of shift. Returns a cudaError_t. */
int nj_norm_forward_cuda(const nj_norm *n, const void *x, void *y,
                         float *moments, float *scratch, void *stream);
int nj_norm_backward_cuda(const nj_norm *n,
                          const void *const reads[NJ_NORM_READS],
                          const float *moments, void *dx, float *film,
                          float *scratch, void *stream);
const char *nj_norm_cuda_error(int error);

/* Host pointers, everything float32 whatever n->dtype says (it still decides
 * the grid). */
void nj_norm_forward_twin(const nj_norm *n, const float *x, float *y,
                          float *moments, float *scratch);
void nj_norm_backward_twin(const nj_norm *n,
                           const float *const reads[NJ_NORM_READS],
                           const float *moments, float *dx, float *film,
                           float *scratch);

#ifdef __cplusplus
}
#endif

#endif
