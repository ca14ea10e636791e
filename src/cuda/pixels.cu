// The kernels of pixels.h. What resamples has a thread for each piece of the
// smaller picture; the others have blocks of whole pixels, so that nothing
// needs to be divided.
#include <algorithm>

#include "cuda/pieces.cuh"
#include "cuda/pixels.h"

namespace
{

using namespace nj_pieces;

constexpr int threads = 256;

// Pixels, and how many pieces each has.
struct rows {
    int64_t pixels;
    int across;

    // Pieces by pixels; a pixel that has more of them goes round.
    dim3 block() const
    {
        const int x = std::min(across, threads);

        return dim3(static_cast<unsigned>(x),
                    static_cast<unsigned>(threads / x));
    }
    unsigned blocks() const
    {
        const int64_t each = block().y;

        return static_cast<unsigned>((pixels + each - 1) / each);
    }
    __device__ int64_t pixel() const
    {
        return int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    }
};

// f(pixel, piece of it) for the thread's pieces.
template <class F> __device__ void each_piece(const rows &r, F f)
{
    const int64_t pixel = r.pixel();

    if (pixel >= r.pixels)
        return;
    for (int i = static_cast<int>(threadIdx.x); i < r.across;
         i += static_cast<int>(blockDim.x))
        f(pixel, i);
}

template <class T, int V>
__global__ void add_bias(rows r, const T *__restrict__ bias,
                         const T *__restrict__ more, T *y)
{
    each_piece(r, [&](int64_t pixel, int i) {
        const int64_t at = (pixel * r.across + i) * V;
        float value[V], once[V], other[V];

        load<T, V>(y + at, value);
        load<T, V>(bias + i * V, once);
        if (more)
            load<T, V>(more + at, other);
#pragma unroll
        for (int k = 0; k < V; k++) {
            value[k] += once[k];
            if (more)
                value[k] += other[k];
        }
        store<T, V>(y + at, value);
    });
}

// Where piece i of a joined pixel lies in the part that it belongs to; left:
// pieces that a pixel has of the first part.
template <class T, int V>
__device__ T *in_part(const rows &r, int left, T *const (&parts)[2],
                      int64_t pixel, int i)
{
    return i < left ? parts[0] + (pixel * left + i) * V
                    : parts[1] + (pixel * (r.across - left) + i - left) * V;
}

template <class T> struct two_parts {
    T *at[2];
};

template <class T, int V>
__global__ void join(rows r, int left, two_parts<const T> parts, T *y)
{
    each_piece(r, [&](int64_t pixel, int i) {
        copy<T, V>(in_part<const T, V>(r, left, parts.at, pixel, i),
                   y + (pixel * r.across + i) * V);
    });
}

template <class T, int V>
__global__ void part(rows r, int left, const T *y, two_parts<T> parts)
{
    each_piece(r, [&](int64_t pixel, int i) {
        copy<T, V>(y + (pixel * r.across + i) * V,
                   in_part<T, V>(r, left, parts.at, pixel, i));
    });
}

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

template <class T> const T *in(const void *p)
{
    return static_cast<const T *>(p);
}

template <class T> T *out(void *p)
{
    return static_cast<T *>(p);
}

template <int V> rows rows_of(const nj_pixels &p)
{
    return {p.images * p.height * p.width, static_cast<int>(p.channels / V)};
}

struct bias_call {
    const nj_pixels &p;
    const void *bias, *more;
    void *y;
    cudaStream_t stream;

    template <class T, int V> void run() const
    {
        const rows r = rows_of<V>(p);

        add_bias<T, V><<<r.blocks(), r.block(), 0, stream>>>(
            r, in<T>(bias), in<T>(more), out<T>(y));
    }
};

struct join_call {
    const nj_pixels &p;
    int64_t split;
    const void *const *parts;
    void *y;
    cudaStream_t stream;

    template <class T, int V> void run() const
    {
        const rows r = rows_of<V>(p);

        join<T, V><<<r.blocks(), r.block(), 0, stream>>>(
            r, static_cast<int>(split / V),
            two_parts<const T>{{in<T>(parts[0]), in<T>(parts[1])}}, out<T>(y));
    }
};

struct part_call {
    const nj_pixels &p;
    int64_t split;
    const void *y;
    void *const *parts;
    cudaStream_t stream;

    template <class T, int V> void run() const
    {
        const rows r = rows_of<V>(p);

        part<T, V><<<r.blocks(), r.block(), 0, stream>>>(
            r, static_cast<int>(split / V), in<T>(y),
            two_parts<T>{{out<T>(parts[0]), out<T>(parts[1])}});
    }
};

struct resample_call {
    const nj_pixels &p;
    const void *x;
    float factor;
    void *y;
    bool larger; // y is
    cudaStream_t stream;

    template <class T, int V> void run() const
    {
        layout l = {p.height, p.width, p.channels / V, 0};

        l.count = p.images * l.height * l.width * l.across;
        const auto blocks =
            static_cast<unsigned>((l.count + threads - 1) / threads);

        if (larger)
            spread<T, V><<<blocks, threads, 0, stream>>>(l, in<T>(x), factor,
                                                         out<T>(y));
        else
            gather<T, V><<<blocks, threads, 0, stream>>>(l, in<T>(x), factor,
                                                         out<T>(y));
    }
};

// A width that divides both parts of a pixel: words have a power of two.
int64_t common(int64_t channels, int64_t split)
{
    return channels | split;
}

cudaStream_t stream_of(void *stream)
{
    return static_cast<cudaStream_t>(stream);
}

} // namespace

extern "C" int nj_pixels_bias_cuda(const nj_pixels *p, const void *bias,
                                   const void *more, void *y, void *stream)
{
    return run_by_type(p->dtype, p->channels, are_aligned({bias, more, y}),
                       bias_call{*p, bias, more, y, stream_of(stream)});
}

extern "C" int nj_pixels_join_cuda(const nj_pixels *p, int64_t split,
                                   const void *const parts[2], void *y,
                                   void *stream)
{
    return run_by_type(p->dtype, common(p->channels, split),
                       are_aligned({parts[0], parts[1], y}),
                       join_call{*p, split, parts, y, stream_of(stream)});
}

extern "C" int nj_pixels_part_cuda(const nj_pixels *p, int64_t split,
                                   const void *y, void *const parts[2],
                                   void *stream)
{
    return run_by_type(p->dtype, common(p->channels, split),
                       are_aligned({parts[0], parts[1], y}),
                       part_call{*p, split, y, parts, stream_of(stream)});
}

extern "C" int nj_pixels_spread_cuda(const nj_pixels *p, const void *x,
                                     float factor, void *y, void *stream)
{
    return run_by_type(
        p->dtype, p->channels, are_aligned({x, y}),
        resample_call{*p, x, factor, y, true, stream_of(stream)});
}

extern "C" int nj_pixels_gather_cuda(const nj_pixels *p, const void *x,
                                     float factor, void *y, void *stream)
{
    return run_by_type(
        p->dtype, p->channels, are_aligned({x, y}),
        resample_call{*p, x, factor, y, false, stream_of(stream)});
}
