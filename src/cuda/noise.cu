// The kernel of noise.h. Compiled without fused multiply-add (see
// base/philox.h), so that its bytes are the CPU's.
#include <cuda_runtime.h>

#include "cuda/noise.h"

namespace
{

constexpr int threads = 128;

__global__ void normals(nj_source from, uint32_t first, int64_t n, float *out)
{
    const int64_t block = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;

    if (4 * block < n)
        nj_philox_store(&from, first, block, n, out);
}

} // namespace

extern "C" int nj_noise_cuda(const nj_source *from, uint32_t first, int64_t n,
                             float *out, void *stream)
{
    const int64_t grid = (n + 4 * threads - 1) / (4 * threads);

    normals<<<static_cast<unsigned>(grid), threads, 0,
              static_cast<cudaStream_t>(stream)>>>(*from, first, n, out);
    return cudaGetLastError();
}
