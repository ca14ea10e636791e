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

__global__ void add_normals(nj_noise_sum s, const float *x, float *y)
{
    const int64_t block = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;

    if (4 * block < s.n)
        nj_noise_add_at(&s, static_cast<int>(blockIdx.y), block, x, y);
}

unsigned int blocks_for(int64_t n)
{
    return static_cast<unsigned int>((n + 4 * threads - 1) / (4 * threads));
}

} // namespace

extern "C" int nj_noise_cuda(const nj_source *from, uint32_t first, int64_t n,
                             float *out, void *stream)
{
    normals<<<blocks_for(n), threads, 0, static_cast<cudaStream_t>(stream)>>>(
        *from, first, n, out);
    return cudaGetLastError();
}

extern "C" int nj_noise_add_cuda(const nj_noise_sum *s, const float *x,
                                 float *y, void *stream)
{
    const dim3 grid(blocks_for(s->n), static_cast<unsigned int>(s->count));

    add_normals<<<grid, threads, 0, static_cast<cudaStream_t>(stream)>>>(*s, x,
                                                                         y);
    return cudaGetLastError();
}
