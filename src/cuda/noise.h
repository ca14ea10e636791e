/* Normals of docs/randomness.md on a CUDA device: base/philox.h, a thread for
 * each block of four. The plain twin is a loop over nj_philox_store. */
#ifndef NJ_CUDA_NOISE_H
#define NJ_CUDA_NOISE_H

#include "base/philox.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NJ_NOISE_FIELDS 32 /* at most in a launch */

/* What is added to `count` pictures of n numbers each: scale times the normals
 * from block first[b] of from[b] on. */
typedef struct nj_noise_sum {
    int count;
    nj_source from[NJ_NOISE_FIELDS];
    uint32_t first[NJ_NOISE_FIELDS];
    int64_t n;
    float scale;
} nj_noise_sum;

/* Part `block` of picture b, four numbers: y = x + scale normals, the normals
 * rounded to float first. */
NJ_EVERYWHERE void nj_noise_add_at(const nj_noise_sum *s, int b, int64_t block,
                                   const float *x, float *y)
{
    const int64_t at = b * s->n;
    double normals[4];

    nj_philox_normals(&s->from[b], s->first[b] + (uint32_t)block, normals);
    for (int64_t i = 0; i < 4 && 4 * block + i < s->n; i++)
        y[at + 4 * block + i] =
            x[at + 4 * block + i] + (float)normals[i] * s->scale;
}

/* All of it, on device memory; the rest as for nj_noise_cuda. */
int nj_noise_add_cuda(const nj_noise_sum *s, const float *x, float *y,
                      void *stream);

/* n > 0 normals from block `first` of a stream on, rounded to float, into
 * device memory; `stream` is a cudaStream_t. 0, or the cudaError_t of the
 * launch. */
int nj_noise_cuda(const nj_source *from, uint32_t first, int64_t n, float *out,
                  void *stream);

#ifdef __cplusplus
}
#endif

#endif
