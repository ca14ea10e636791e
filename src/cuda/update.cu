// The kernel of update.h: a thread for each number.
#include <cuda_runtime.h>

#include "cuda/update.h"

namespace
{

constexpr int threads = 256;

__global__ void update(nj_update u, int64_t n, float *out)
{
    const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;

    if (i < n)
        nj_update_store(&u, i, out);
}

} // namespace

extern "C" int nj_update_cuda(const nj_update *u, int64_t n, float *out,
                              void *stream)
{
    update<<<static_cast<unsigned>((n + threads - 1) / threads), threads, 0,
             static_cast<cudaStream_t>(stream)>>>(*u, n, out);
    return cudaGetLastError();
}
