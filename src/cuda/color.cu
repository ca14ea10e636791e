// The kernels of color.h: a thread for each pixel.
#include <cuda_runtime.h>

#include "cuda/color.h"

namespace
{

constexpr unsigned int threads = 256;

// What a thread makes of its pixel: one of the functions of color.h.
struct forward {
    const float *x;
    float *y;

    __device__ void operator()(const nj_color &c, int64_t b, int64_t i) const
    {
        nj_color_forward_at(&c, b, i, x, y);
    }
};

struct gray {
    const float *x;
    float *y;

    __device__ void operator()(const nj_color &c, int64_t b, int64_t i) const
    {
        nj_color_gray_at(&c, b, i, x, y);
    }
};

struct slope {
    nj_color_back_run r;

    __device__ void operator()(const nj_color &c, int64_t b, int64_t i) const
    {
        nj_color_slope_at(&c, b, i, &r);
    }
};

struct backward {
    nj_color_back_run r;

    __device__ void operator()(const nj_color &c, int64_t b, int64_t i) const
    {
        nj_color_backward_at(&c, b, i, &r);
    }
};

// Images along y; those beyond the grid's limit are taken in turns.
template <class F> __global__ void each_pixel(nj_color c, F f)
{
    const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;

    if (i >= c.pixels)
        return;
    for (int64_t b = blockIdx.y; b < c.images; b += gridDim.y)
        f(c, b, i);
}

template <class F> int launch(const nj_color *c, F f, void *stream)
{
    const int64_t most = 65535;
    const dim3 grid(
        static_cast<unsigned int>((c->pixels + threads - 1) / threads),
        static_cast<unsigned int>(c->images < most ? c->images : most));

    each_pixel<<<grid, threads, 0, static_cast<cudaStream_t>(stream)>>>(*c, f);
    return cudaGetLastError();
}

} // namespace

extern "C" int nj_color_forward_cuda(const nj_color *c, const float *x,
                                     float *y, void *stream)
{
    return launch(c, forward{x, y}, stream);
}

extern "C" int nj_color_gray_cuda(const nj_color *c, const float *x,
                                  float *gray_out, void *stream)
{
    return launch(c, gray{x, gray_out}, stream);
}

extern "C" int nj_color_slope_cuda(const nj_color *c,
                                   const nj_color_back_run *r, void *stream)
{
    return launch(c, slope{*r}, stream);
}

extern "C" int nj_color_backward_cuda(const nj_color *c,
                                      const nj_color_back_run *r, void *stream)
{
    return launch(c, backward{*r}, stream);
}
