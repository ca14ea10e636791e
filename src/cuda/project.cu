// The kernels of project.h: a thread for each pixel with its channels.
#include <cuda_runtime.h>

#include "cuda/project.h"

namespace
{

constexpr unsigned int block_width = 32, block_height = 8;

// Images along z; those beyond the grid's limit are taken in turns.
template <bool back>
__global__ void project(nj_project p, const float *from, float *to)
{
    const int64_t i = int64_t(blockIdx.y) * blockDim.y + threadIdx.y;
    const int64_t j = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;

    if (i >= p.height || j >= p.width)
        return;
    for (int64_t b = blockIdx.z; b < p.images; b += gridDim.z)
        back ? nj_project_backward_at(&p, b, i, j, from, to)
             : nj_project_forward_at(&p, b, i, j, from, to);
}

unsigned int parts(int64_t n, unsigned int size)
{
    return static_cast<unsigned int>((n + size - 1) / size);
}

template <bool back>
int launch(const nj_project *p, const float *from, float *to, void *stream)
{
    const int64_t most = 65535;
    const dim3 block(block_width, block_height);
    const dim3 grid(
        parts(p->width, block.x), parts(p->height, block.y),
        static_cast<unsigned int>(p->images < most ? p->images : most));

    project<back>
        <<<grid, block, 0, static_cast<cudaStream_t>(stream)>>>(*p, from, to);
    return cudaGetLastError();
}

} // namespace

extern "C" int nj_project_forward_cuda(const nj_project *p, const float *x,
                                       float *y, void *stream)
{
    return launch<false>(p, x, y, stream);
}

extern "C" int nj_project_backward_cuda(const nj_project *p, const float *dy,
                                        float *dx, void *stream)
{
    return launch<true>(p, dy, dx, stream);
}
