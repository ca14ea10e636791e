// The kernels of layer_norm.h. Each pass over a row reads it again: it is in
// the first cache by then.
#include "cuda/layer_norm.h"
#include "cuda/pieces.cuh"

namespace
{

using namespace nj_pieces;

constexpr int lanes = nj_layer_norm_lanes;
constexpr int warps = 2; // rows of a block

__device__ int64_t row_of_warp()
{
    return int64_t(blockIdx.x) * warps + threadIdx.x / lanes;
}

// f(first number) for the lane's pieces of a row.
template <int V, class F> __device__ void each_piece(int width, F f)
{
#pragma unroll 4
    for (int at = static_cast<int>(threadIdx.x) % lanes * V; at < width;
         at += lanes * V)
        f(at);
}

template <class P> struct parameters {
    const P *gamma, *beta;
};

// Numbers of a parameter, `absent` where it is left out.
template <class P, int V>
__device__ void read(const P *from, int at, float absent, float (&to)[V])
{
    if (from) {
        load<P, V>(from + at, to);
        return;
    }
#pragma unroll
    for (int i = 0; i < V; i++)
        to[i] = absent;
}

// The mean of f(number) over a row.
template <class T, int V, class F>
__device__ float mean_of(const T *x, int width, F f)
{
    float sum = 0;

    each_piece<V>(width, [&](int at) {
        float v[V], s = 0;

        load<T, V>(x + at, v);
#pragma unroll
        for (int i = 0; i < V; i++)
            s += f(v[i]);
        sum += s;
    });
    return warp_sum(sum) / static_cast<float>(width);
}

template <class T, class P, int V>
__global__ void __launch_bounds__(lanes *warps)
    forward(nj_layer_norm n, parameters<P> p, const T *__restrict__ x,
            T *__restrict__ y, float2 *__restrict__ moments)
{
    const int64_t row = row_of_warp();

    if (row >= n.rows)
        return;
    const T *const in = x + row * n.width;
    const float mean = mean_of<T, V>(in, n.width, [](float v) { return v; });
    const float variance = mean_of<T, V>(
        in, n.width, [mean](float v) { return (v - mean) * (v - mean); });
    const float r = 1 / sqrtf(variance + n.eps);

    if (threadIdx.x % lanes == 0)
        moments[row] = {mean, r};
    each_piece<V>(n.width, [&](int at) {
        float v[V], gamma[V], beta[V];

        load<T, V>(in + at, v);
        read(p.gamma, at, 1, gamma);
        read(p.beta, at, 0, beta);
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] = (v[i] - mean) * r * gamma[i] + beta[i];
        store<T, V>(y + row * n.width + at, v);
    });
}

// Where a warp stands in the backward pass.
template <class T, class P, int V> struct derivative {
    const T *x, *dy;
    const P *gamma;
    float2 moment;

    // h and g of a piece.
    __device__ void read_piece(int at, float (&h)[V], float (&g)[V]) const
    {
        float scale[V];

        load<T, V>(x + at, h);
        load<T, V>(dy + at, g);
        read(gamma, at, 1, scale);
#pragma unroll
        for (int i = 0; i < V; i++) {
            h[i] = (h[i] - moment.x) * moment.y;
            g[i] *= scale[i];
        }
    }

    // The means of g and of g h.
    __device__ float2 means(int width) const
    {
        float2 sum = {0, 0};

        each_piece<V>(width, [&](int at) {
            float h[V], g[V], s = 0, t = 0;

            read_piece(at, h, g);
#pragma unroll
            for (int i = 0; i < V; i++) {
                s += g[i];
                t += g[i] * h[i];
            }
            sum.x += s;
            sum.y += t;
        });
        return {warp_sum(sum.x) / static_cast<float>(width),
                warp_sum(sum.y) / static_cast<float>(width)};
    }
};

template <class T, class P, int V>
__global__ void __launch_bounds__(lanes *warps)
    backward(nj_layer_norm n, const P *__restrict__ gamma,
             const T *__restrict__ x, const T *__restrict__ dy,
             const float2 *__restrict__ moments, T *__restrict__ dx)
{
    const int64_t row = row_of_warp();

    if (row >= n.rows)
        return;
    const derivative<T, P, V> d = {x + row * n.width, dy + row * n.width, gamma,
                                   moments[row]};
    const float2 mean = d.means(n.width);

    each_piece<V>(n.width, [&](int at) {
        float h[V], g[V];

        d.read_piece(at, h, g);
#pragma unroll
        for (int i = 0; i < V; i++)
            g[i] = d.moment.y * (g[i] - mean.x - h[i] * mean.y);
        store<T, V>(dx + row * n.width + at, g);
    });
}

// A launch; dy NULL: forward.
struct norm_call {
    const nj_layer_norm &n;
    const void *x, *dy;
    float *moments;
    void *out;
    cudaStream_t stream;

    template <class T, class P, int V> void run_with() const
    {
        const auto blocks = static_cast<unsigned>((n.rows + warps - 1) / warps);
        const parameters<P> p = {static_cast<const P *>(n.gamma),
                                 static_cast<const P *>(n.beta)};
        const T *const in = static_cast<const T *>(x);
        float2 *const pairs = reinterpret_cast<float2 *>(moments);

        if (dy)
            backward<T, P, V><<<blocks, lanes * warps, 0, stream>>>(
                n, p.gamma, in, static_cast<const T *>(dy), pairs,
                static_cast<T *>(out));
        else
            forward<T, P, V><<<blocks, lanes * warps, 0, stream>>>(
                n, p, in, static_cast<T *>(out), pairs);
    }

    template <class T, int V> void run() const
    {
        if (n.params == NJ_F32)
            run_with<T, float, V>();
        else
            run_with<T, T, V>();
    }

    int launch() const
    {
        return run_by_type(n.dtype, n.width,
                           are_aligned({x, dy, out, n.gamma, n.beta}), *this);
    }
};

} // namespace

extern "C" int nj_layer_norm_cuda(const nj_layer_norm *n, const void *x,
                                  void *y, float *moments, void *stream)
{
    return norm_call{*n,      x, nullptr,
                     moments, y, static_cast<cudaStream_t>(stream)}
        .launch();
}

extern "C" int nj_layer_norm_backward_cuda(const nj_layer_norm *n,
                                           const void *const x_dy[2],
                                           const float *moments, void *dx,
                                           void *stream)
{
    return norm_call{*n,      x_dy[0],
                     x_dy[1], const_cast<float *>(moments),
                     dx,      static_cast<cudaStream_t>(stream)}
        .launch();
}
