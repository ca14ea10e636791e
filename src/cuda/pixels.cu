// The kernels of pixels.h: a thread for each piece of the smaller picture.
#include "cuda/pieces.cuh"
#include "cuda/pixels.h"

namespace
{

using namespace nj_pieces;

constexpr int threads = 256;

// Pieces of the smaller picture, and where those of the larger one lie.
struct layout {
    int64_t height, width, across; // across: pieces of a pixel
    int64_t count;

    __device__ int64_t index() const
    {
        return int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    }
    // The first of the four that belong to piece i.
    __device__ int64_t larger(int64_t i) const
    {
        const int64_t column = i / across % width, row = i / across / width;

        return (row * 4 * width + 2 * column) * across + i % across;
    }
    // From one row of the larger picture to the next.
    __device__ int64_t row() const
    {
        return 2 * width * across;
    }
};

template <class T, int V>
__global__ void add_bias(layout l, const T *__restrict__ bias, T *y)
{
    const int64_t i = l.index();
    float value[V], more[V];

    if (i >= l.count)
        return;
    load<T, V>(y + i * V, value);
    load<T, V>(bias + i % l.across * V, more);
#pragma unroll
    for (int k = 0; k < V; k++)
        value[k] += more[k];
    store<T, V>(y + i * V, value);
}

template <class T, int V>
__global__ void spread(layout l, const T *__restrict__ x, float factor, T *y)
{
    const int64_t i = l.index();
    float value[V];

    if (i >= l.count)
        return;
    T *const at = y + l.larger(i) * V;

    load<T, V>(x + i * V, value);
#pragma unroll
    for (int k = 0; k < V; k++)
        value[k] *= factor;
    store<T, V>(at, value);
    store<T, V>(at + l.across * V, value);
    store<T, V>(at + l.row() * V, value);
    store<T, V>(at + (l.row() + l.across) * V, value);
}

template <class T, int V>
__global__ void gather(layout l, const T *__restrict__ x, float factor, T *y)
{
    const int64_t i = l.index();
    float a[V], b[V], c[V], d[V];

    if (i >= l.count)
        return;
    const T *const at = x + l.larger(i) * V;

    load<T, V>(at, a);
    load<T, V>(at + l.across * V, b);
    load<T, V>(at + l.row() * V, c);
    load<T, V>(at + (l.row() + l.across) * V, d);
#pragma unroll
    for (int k = 0; k < V; k++)
        a[k] = (a[k] + b[k] + c[k] + d[k]) * factor;
    store<T, V>(y + i * V, a);
}

// What a kernel is launched with; `in` is the bias or x.
struct call {
    const nj_pixels *p;
    const void *in;
    float factor;
    void *y;
    cudaStream_t stream;

    template <int V> layout pieces() const
    {
        layout l = {p->height, p->width, p->channels / V, 0};

        l.count = p->images * l.height * l.width * l.across;
        return l;
    }
};

unsigned blocks(const layout &l)
{
    return static_cast<unsigned>((l.count + threads - 1) / threads);
}

struct bias_kernel {
    template <class T, int V> static void launch(const call &c)
    {
        const layout l = c.pieces<V>();

        add_bias<T, V><<<blocks(l), threads, 0, c.stream>>>(
            l, static_cast<const T *>(c.in), static_cast<T *>(c.y));
    }
};

struct spread_kernel {
    template <class T, int V> static void launch(const call &c)
    {
        const layout l = c.pieces<V>();

        spread<T, V><<<blocks(l), threads, 0, c.stream>>>(
            l, static_cast<const T *>(c.in), c.factor, static_cast<T *>(c.y));
    }
};

struct gather_kernel {
    template <class T, int V> static void launch(const call &c)
    {
        const layout l = c.pieces<V>();

        gather<T, V><<<blocks(l), threads, 0, c.stream>>>(
            l, static_cast<const T *>(c.in), c.factor, static_cast<T *>(c.y));
    }
};

template <class K, class T> void by_width(const call &c)
{
    constexpr int wide = 16 / sizeof(T);

    if (c.p->channels % wide == 0)
        K::template launch<T, wide>(c);
    else
        K::template launch<T, 1>(c);
}

template <class K> int run(const call &c)
{
    switch (c.p->dtype) {
    case NJ_F32:
        by_width<K, float>(c);
        break;
    case NJ_F16:
        by_width<K, __half>(c);
        break;
    case NJ_BF16:
        by_width<K, __nv_bfloat16>(c);
        break;
    default:
        return cudaErrorInvalidValue;
    }
    return cudaGetLastError();
}

} // namespace

extern "C" int nj_pixels_bias_cuda(const nj_pixels *p, const void *bias,
                                   void *y, void *stream)
{
    return run<bias_kernel>({p, bias, 1, y, static_cast<cudaStream_t>(stream)});
}

extern "C" int nj_pixels_spread_cuda(const nj_pixels *p, const void *x,
                                     float factor, void *y, void *stream)
{
    return run<spread_kernel>(
        {p, x, factor, y, static_cast<cudaStream_t>(stream)});
}

extern "C" int nj_pixels_gather_cuda(const nj_pixels *p, const void *x,
                                     float factor, void *y, void *stream)
{
    return run<gather_kernel>(
        {p, x, factor, y, static_cast<cudaStream_t>(stream)});
}
