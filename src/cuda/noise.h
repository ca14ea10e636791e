/* Normals of docs/randomness.md on a CUDA device: base/philox.h, a thread for
 * each block of four. The plain twin is a loop over nj_philox_store. */
#ifndef NJ_CUDA_NOISE_H
#define NJ_CUDA_NOISE_H

#include "base/philox.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n > 0 normals from block `first` of a stream on, rounded to float, into
 * device memory; `stream` is a cudaStream_t. 0, or the cudaError_t of the
 * launch. */
int nj_noise_cuda(const nj_source *from, uint32_t first, int64_t n, float *out,
                  void *stream);

#ifdef __cplusplus
}
#endif

#endif
