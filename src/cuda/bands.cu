// The kernels of bands.h.
#include <cuda_runtime.h>

#include "cuda/bands.h"

namespace
{

constexpr unsigned int block_width = 32, block_height = 8;

// A thread for each column, a row for each y of the grid, planes (picture and
// channel) along z; those beyond the grid's limit are taken in turns.
template <bool back>
__global__ void map(nj_bands b, int64_t planes, const float *from, float *to)
{
    const int64_t i = int64_t(blockIdx.y) * blockDim.y + threadIdx.y;
    const int64_t j = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;

    if (i >= b.rows.outputs || j >= b.cols.outputs)
        return;
    for (int64_t p = blockIdx.z; p < planes; p += gridDim.z)
        back ? nj_bands_backward_at(&b, p, i, j, from, to)
             : nj_bands_forward_at(&b, p, i, j, from, to);
}

unsigned int parts(int64_t n, unsigned int size)
{
    return static_cast<unsigned int>((n + size - 1) / size);
}

template <bool back>
int launch(const nj_bands *b, int64_t planes, const float *from, float *to,
           void *stream)
{
    const int64_t most = 65535;
    const dim3 block(block_width, block_height);
    const dim3 grid(parts(b->cols.outputs, block.x),
                    parts(b->rows.outputs, block.y),
                    static_cast<unsigned int>(planes < most ? planes : most));

    map<back><<<grid, block, 0, static_cast<cudaStream_t>(stream)>>>(*b, planes,
                                                                     from, to);
    return cudaGetLastError();
}

} // namespace

extern "C" int nj_bands_forward_cuda(const nj_bands *b, const float *x,
                                     float *y, void *stream)
{
    return launch<false>(b, b->pictures * b->channels, x, y, stream);
}

extern "C" int nj_bands_backward_cuda(const nj_bands *b, const float *dy,
                                      float *dx, void *stream)
{
    return launch<true>(b, b->images * b->channels, dy, dx, stream);
}
