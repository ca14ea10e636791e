// The kernels of gate.h: a thread for each piece.
#include "cuda/gate.h"
#include "cuda/pieces.cuh"

namespace
{

using namespace nj_pieces;

constexpr int threads = 256;

// The first number of the thread's piece.
template <int V> __device__ int64_t first_number()
{
    return (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * V;
}

template <class T, int V>
__global__ void forward(nj_gate g, const T *__restrict__ x, T *__restrict__ y)
{
    const int64_t at = first_number<V>();
    float v[V];

    if (at >= g.count)
        return;
    load<T, V>(x + at, v);
#pragma unroll
    for (int i = 0; i < V; i++)
        v[i] = nj_gate_value(v[i], sigmoid(g.k * v[i]));
    store<T, V>(y + at, v);
}

template <class T, int V>
__global__ void backward(nj_gate g, const T *__restrict__ x,
                         const T *__restrict__ dy, T *__restrict__ dx)
{
    const int64_t at = first_number<V>();
    float v[V], d[V];

    if (at >= g.count)
        return;
    load<T, V>(x + at, v);
    load<T, V>(dy + at, d);
#pragma unroll
    for (int i = 0; i < V; i++) {
        const float u = g.k * v[i];

        d[i] *= nj_gate_slope(u, sigmoid(u));
    }
    store<T, V>(dx + at, d);
}

struct gate_call {
    const nj_gate *g;
    const void *x, *dy; // dy NULL: forward
    void *out;
    cudaStream_t stream;

    template <class T, int V> void run() const
    {
        const auto blocks =
            static_cast<unsigned>((g->count / V + threads - 1) / threads);
        const T *const in = static_cast<const T *>(x);

        if (dy)
            backward<T, V><<<blocks, threads, 0, stream>>>(
                *g, in, static_cast<const T *>(dy), static_cast<T *>(out));
        else
            forward<T, V>
                <<<blocks, threads, 0, stream>>>(*g, in, static_cast<T *>(out));
    }

    int launch() const
    {
        return run_by_type(g->dtype, g->count, are_aligned({x, dy, out}),
                           *this);
    }
};

} // namespace

extern "C" int nj_gate_cuda(const nj_gate *g, const void *x, void *y,
                            void *stream)
{
    return gate_call{g, x, nullptr, y, static_cast<cudaStream_t>(stream)}
        .launch();
}

extern "C" int nj_gate_backward_cuda(const nj_gate *g, const void *x,
                                     const void *dy, void *dx, void *stream)
{
    return gate_call{g, x, dy, dx, static_cast<cudaStream_t>(stream)}.launch();
}
