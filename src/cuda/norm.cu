// The kernels of norm.h. A thread keeps its channels for all its pixels and
// reads 16 bytes at once where the channels of a group allow it.
#include "cuda/norm_block.cuh"

namespace
{

using namespace nj_norm_block;

// Shared memory of a block: film_of for the tile's channels, then a cell for
// each thread.
extern __shared__ float2 shared[];

template <class T>
__device__ float pivot_of(const nj_norm &n, const nj_norm_grid &g,
                          int64_t image, int group, const T *x)
{
    return wide(
        x[image * n.pixels * n.channels + group * (n.channels / n.groups)]);
}

__device__ float group_values(const nj_norm &n, const nj_norm_grid &g)
{
    return static_cast<float>(n.pixels) * static_cast<float>(g.width);
}

__device__ float2 read_pair(const float *pairs, int64_t i)
{
    return reinterpret_cast<const float2 *>(pairs)[i];
}

__device__ void write_pair(float *pairs, int64_t i, float2 v)
{
    reinterpret_cast<float2 *>(pairs)[i] = v;
}

template <class T, int V>
__global__ void __launch_bounds__(nj_norm_whole_threads)
    whole_forward_kernel(nj_norm n, nj_norm_grid g, const T *__restrict__ x,
                         T *__restrict__ y, float *__restrict__ moments)
{
    const place p(n, g);
    const walk w(n, g, p);
    float2 *const cells = shared + g.span;
    piece<T, V> held[one_batch];

    w.read(x, 0, held);
    const float pivot = pivot_of(n, g, p.image, p.group, x);

    read_film(n, p, shared);
    const float2 sum = sum_pixels(w, x, pivot, held);
    const float2 spread = spread_of(p, g, w.count, sum, cells);
    const float2 moment = moment_of(n, pivot, spread, group_values(n, g));

    if (p.speaks())
        write_pair(moments, p.pair(n), moment);
    apply_pixels(least_of(n), w, affine<V>(p, shared, moment), x, held, y);
}

// What a block has of a group's two sums in the backward pass.
template <class T, int V> struct gradient_sums {
    float2 moment;
    affine<V> a;
    float2 sum;

    __device__ gradient_sums(const nj_norm &n, const nj_norm_grid &g,
                             const place &p, const walk &w, gradient_in<T> in,
                             const float *moments, two_held<T, V> &held)
        : moment(read_pair(moments, p.pair(n))), a(p, film(n, p), moment),
          sum(add_group(p, g, sum_gradients(least_of(n), w, a, in, held),
                        shared + g.span))
    {
    }
    __device__ static const float2 *film(const nj_norm &n, const place &p)
    {
        read_film(n, p, shared);
        __syncthreads();
        return shared;
    }
};

template <class T, int V>
__global__ void __launch_bounds__(nj_norm_whole_threads)
    whole_backward_kernel(nj_norm n, nj_norm_grid g, gradient_in<T> in,
                          const float *__restrict__ moments, T *__restrict__ dx)
{
    const place p(n, g);
    const walk w(n, g, p);
    two_held<T, V> held;

    held.read(w, in, 0);
    const gradient_sums<T, V> s(n, g, p, w, in, moments, held);

    derive_pixels(least_of(n), w, s.a,
                  correction_of(s.sum, s.moment.y, group_values(n, g)), in,
                  held, dx);
}

// Where the parts of a group's sums are: [B,groups,slices,chunks] pairs.
__device__ int64_t part_at(const nj_norm &n, const nj_norm_grid &g,
                           int64_t image, int group)
{
    return (image * n.groups + group) * g.slices * g.chunks;
}

__device__ void write_part(const nj_norm &n, const nj_norm_grid &g,
                           const place &p, float2 v, float2 *parts)
{
    if (p.speaks())
        parts[part_at(n, g, p.image, p.group) + p.slice * g.chunks +
              blockIdx.y] = v;
}

template <class T, int V>
__global__ void __launch_bounds__(nj_norm_threads, 4)
    sum_kernel(nj_norm n, nj_norm_grid g, const T *__restrict__ x,
               float2 *__restrict__ parts)
{
    const place p(n, g);
    const walk w(n, g, p);
    piece<T, V> held[one_batch];

    w.read(x, 0, held);
    const float pivot = pivot_of(n, g, p.image, p.group, x);
    const float2 sum = sum_pixels(w, x, pivot, held);

    write_part(n, g, p, spread_of(p, g, w.count, sum, shared + g.span), parts);
}

template <class T, int V>
__global__ void __launch_bounds__(nj_norm_threads, 4)
    sum_gradient_kernel(nj_norm n, nj_norm_grid g, gradient_in<T> in,
                        const float *__restrict__ moments,
                        float2 *__restrict__ parts)
{
    const place p(n, g);
    const walk w(n, g, p);
    two_held<T, V> held;

    held.read(w, in, 0);
    write_part(n, g, p, gradient_sums<T, V>(n, g, p, w, in, moments, held).sum,
               parts);
}

// f(part, its values) for every 32nd part of a group from this lane's on.
template <class F>
__device__ void each_part(const nj_norm &n, const nj_norm_grid &g,
                          const float2 *parts, F f)
{
    const int chunks = static_cast<int>(g.chunks);

    for (int s = 0; s < g.slices; s++) {
        const float width = static_cast<float>(
            g.slices > 1 ? min(g.span, g.width - s * g.span) : g.width);
        const float full = static_cast<float>(g.chunk) * width;
        const float rest =
            static_cast<float>(n.pixels - (g.chunks - 1) * g.chunk) * width;

#pragma unroll 4
        for (int k = static_cast<int>(threadIdx.x) % 32; k < chunks; k += 32)
            f(parts[s * chunks + k], k < chunks - 1 ? full : rest);
    }
}

// One warp: the spread of a group from those of its parts.
__device__ float2 add_spreads(const nj_norm &n, const nj_norm_grid &g,
                              const float2 *parts)
{
    float mean = 0, square = 0;

    each_part(n, g, parts,
              [&](float2 part, float values) { mean += part.x * values; });
    mean = warp_sum(mean) / group_values(n, g);
    each_part(n, g, parts, [&](float2 part, float values) {
        const float distance = part.x - mean;

        square += part.y + values * (distance * distance);
    });
    return {mean, warp_sum(square)};
}

// One warp: the sum of a group's parts.
__device__ float2 add_parts(const nj_norm &n, const nj_norm_grid &g,
                            const float2 *parts)
{
    float2 sum = {0, 0};

    each_part(n, g, parts, [&](float2 part, float) {
        sum.x += part.x;
        sum.y += part.y;
    });
    return {warp_sum(sum.x), warp_sum(sum.y)};
}

// results[i] = f(group, its parts) for the tile's groups, a warp for each.
template <class F>
__device__ void each_group(const nj_norm &n, const nj_norm_grid &g,
                           const place &p, const float2 *parts, float2 *results,
                           F f)
{
    const int count = min(g.groups, n.groups - p.first_group);
    const int warps = static_cast<int>(blockDim.x) / 32;

    for (int i = static_cast<int>(threadIdx.x) / 32; i < count; i += warps) {
        const int group = p.first_group + i;
        const float2 result = f(group, parts + part_at(n, g, p.image, group));

        if (threadIdx.x % 32 == 0)
            results[i] = result;
    }
    __syncthreads();
}

template <class T, int V>
__global__ void __launch_bounds__(nj_norm_threads, 4)
    apply_kernel(nj_norm n, nj_norm_grid g, const T *__restrict__ x,
                 const float2 *__restrict__ parts, T *__restrict__ y,
                 float *__restrict__ moments)
{
    const place p(n, g);
    const walk w(n, g, p);
    float2 *const results = shared + g.span;
    piece<T, V> held[one_batch];

    w.read(x, w.last_batch<one_batch>(), held);
    read_film(n, p, shared);
    each_group(n, g, p, parts, results, [&](int group, const float2 *own) {
        const float pivot = pivot_of(n, g, p.image, group, x);

        return moment_of(n, pivot, add_spreads(n, g, own), group_values(n, g));
    });
    const float2 moment = results[p.group - p.first_group];

    if (blockIdx.y == 0 && p.slice == 0 && p.speaks())
        write_pair(moments, p.pair(n), moment);
    apply_pixels(least_of(n), w, affine<V>(p, shared, moment), x, held, y);
}

template <class T, int V>
__global__ void __launch_bounds__(nj_norm_threads, 4)
    derive_kernel(nj_norm n, nj_norm_grid g, gradient_in<T> in,
                  const float *__restrict__ moments,
                  const float2 *__restrict__ parts, T *__restrict__ dx)
{
    const place p(n, g);
    const walk w(n, g, p);
    float2 *const results = shared + g.span;
    two_held<T, V> held;

    held.read(w, in, w.last_batch<two_batch>());
    const float2 moment = read_pair(moments, p.pair(n));

    read_film(n, p, shared);
    each_group(n, g, p, parts, results,
               [&](int, const float2 *own) { return add_parts(n, g, own); });
    derive_pixels(least_of(n), w, affine<V>(p, shared, moment),
                  correction_of(results[p.group - p.first_group], moment.y,
                                group_values(n, g)),
                  in, held, dx);
}

// Gradients of scale and shift, which only training asks for: a block has
// film_columns channels of an image, a thread every film_rows-th pixel.
constexpr int film_columns = 32, film_rows = 32;

template <class T>
__device__ float2 sum_film(const nj_norm &n, gradient_in<T> in, float2 moment,
                           int channel)
{
    const int64_t base = blockIdx.y * n.pixels * n.channels + channel;
    const float2 film = film_of(n, blockIdx.y, channel);
    const float factor = moment.y * film.x;
    float2 sum = {0, 0};

    for (int64_t from = threadIdx.y; from < n.pixels;
         from += nj_norm_film_run * film_rows) {
        float2 run = {0, 0};

        for (int i = 0; i < nj_norm_film_run; i++) {
            const int64_t pixel = from + i * film_rows;

            if (pixel >= n.pixels)
                break;
            const float distance =
                wide(in.x[base + pixel * n.channels]) - moment.x;
            const float du = slope(least_of(n), distance * factor + film.y,
                                   wide(in.dy[base + pixel * n.channels]));

            run.x += du;
            run.y += du * distance;
        }
        sum.x += run.x;
        sum.y += run.y;
    }
    return sum;
}

template <class T>
__global__ void __launch_bounds__(film_columns *film_rows)
    film_kernel(nj_norm n, gradient_in<T> in, const float *__restrict__ moments,
                float *__restrict__ film)
{
    __shared__ float2 cells[film_rows][film_columns];
    const int channel =
        static_cast<int>(blockIdx.x * film_columns + threadIdx.x);
    const int group = min(channel, n.channels - 1) / (n.channels / n.groups);
    const float2 moment =
        read_pair(moments, static_cast<int64_t>(blockIdx.y) * n.groups + group);
    float2 sum = {0, 0};

    if (channel < n.channels)
        sum = sum_film(n, in, moment, channel);
    cells[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || channel >= n.channels)
        return;
    for (int row = 1; row < film_rows; row++) {
        sum.x += cells[row][threadIdx.x].x;
        sum.y += cells[row][threadIdx.x].y;
    }
    const float gamma = number(n.gamma, read_bits(n.gamma, 0, channel), 1);
    const float beta = number(n.beta, read_bits(n.beta, 0, channel), 0);
    float *const out =
        film + static_cast<int64_t>(blockIdx.y) * n.channels + channel;

    out[0] = gamma * moment.y * sum.y + beta * sum.x;
    out[n.images * n.channels] = sum.x;
}

// What every launch of a call has in common.
struct launch {
    nj_norm_grid grid;
    dim3 blocks;
    unsigned threads;
    size_t bytes; // of shared memory
    float2 *parts;
    cudaStream_t stream;

    launch(const nj_norm *n, float *scratch, void *stream_)
        : grid(nj_norm_grid_of(n)), blocks(static_cast<unsigned>(grid.tiles),
                                           static_cast<unsigned>(grid.chunks),
                                           static_cast<unsigned>(n->images)),
          threads(static_cast<unsigned>(grid.threads)),
          bytes(sizeof(float2) * static_cast<size_t>(grid.span + grid.threads)),
          parts(reinterpret_cast<float2 *>(scratch)),
          stream(static_cast<cudaStream_t>(stream_))
    {
    }
};

struct forward_call {
    const nj_norm *n;
    const launch &l;
    const void *in;
    void *out;
    float *moments;

    template <class T, int V> void run() const
    {
        const T *const x = static_cast<const T *>(in);
        T *const y = static_cast<T *>(out);

        if (l.grid.whole) {
            whole_forward_kernel<T, V>
                <<<l.blocks, l.threads, l.bytes, l.stream>>>(*n, l.grid, x, y,
                                                             moments);
            return;
        }
        sum_kernel<T, V><<<l.blocks, l.threads, l.bytes, l.stream>>>(
            *n, l.grid, x, l.parts);
        apply_kernel<T, V><<<l.blocks, l.threads, l.bytes, l.stream>>>(
            *n, l.grid, x, l.parts, y, moments);
    }
};

struct backward_call {
    const nj_norm *n;
    const launch &l;
    const void *const *reads;
    const float *moments;
    void *out;
    float *film;

    template <class T, int V> void run() const
    {
        const gradient_in<T> in = {static_cast<const T *>(reads[NJ_NORM_X]),
                                   static_cast<const T *>(reads[NJ_NORM_DY]),
                                   static_cast<const T *>(reads[NJ_NORM_MORE])};
        T *const dx = static_cast<T *>(out);

        if (film)
            film_kernel<T>
                <<<dim3(static_cast<unsigned>(n->channels + film_columns - 1) /
                            film_columns,
                        l.blocks.z),
                   dim3(film_columns, film_rows), 0, l.stream>>>(*n, in,
                                                                 moments, film);
        if (l.grid.whole) {
            whole_backward_kernel<T, V>
                <<<l.blocks, l.threads, l.bytes, l.stream>>>(*n, l.grid, in,
                                                             moments, dx);
            return;
        }
        sum_gradient_kernel<T, V><<<l.blocks, l.threads, l.bytes, l.stream>>>(
            *n, l.grid, in, moments, l.parts);
        derive_kernel<T, V><<<l.blocks, l.threads, l.bytes, l.stream>>>(
            *n, l.grid, in, moments, l.parts, dx);
    }
};

template <class T, class F> int with_vector(int vector, const F &f)
{
    if constexpr (sizeof(T) == 2)
        if (vector == 8) {
            f.template run<T, 8>();
            return cudaGetLastError();
        }
    vector == 4 ? f.template run<T, 4>() : f.template run<T, 1>();
    return cudaGetLastError();
}

// Calls f.run<T, V>() with the element type and vector of the grid.
template <class F> int dispatch(const nj_norm *n, const launch &l, const F &f)
{
    switch (n->dtype) {
    case NJ_F32:
        return with_vector<float>(l.grid.vector, f);
    case NJ_F16:
        return with_vector<__half>(l.grid.vector, f);
    case NJ_BF16:
        return with_vector<__nv_bfloat16>(l.grid.vector, f);
    default:
        return cudaErrorInvalidValue;
    }
}

} // namespace

extern "C" int nj_norm_forward_cuda(const nj_norm *n, const void *x, void *y,
                                    float *moments, float *scratch,
                                    void *stream)
{
    const launch l(n, scratch, stream);

    return dispatch(n, l, forward_call{n, l, x, y, moments});
}

extern "C" int nj_norm_backward_cuda(const nj_norm *n,
                                     const void *const reads[NJ_NORM_READS],
                                     const float *moments, void *dx,
                                     float *film, float *scratch, void *stream)
{
    const launch l(n, scratch, stream);

    return dispatch(n, l, backward_call{n, l, reads, moments, dx, film});
}

extern "C" const char *nj_norm_cuda_error(int error)
{
    return cudaGetErrorString(static_cast<cudaError_t>(error));
}
