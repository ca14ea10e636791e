// What a block of norm.cu does: where its threads stand, sums over a group in
// a fixed order, and the loops over pixels.
//
// A thread walks its pixels forwards to sum them and backwards to use them: the
// batch that it read last is still in its registers, and what was read just
// before is the likeliest to be in a cache.
#ifndef NJ_CUDA_NORM_BLOCK_CUH
#define NJ_CUDA_NORM_BLOCK_CUH

#include "cuda/gate.h"
#include "cuda/norm.h"
#include "cuda/pieces.cuh"

namespace nj_norm_block
{

using namespace nj_pieces;

// Pixels that a thread reads at once: of x, and of x and dy.
constexpr int one_batch = 4, two_batch = 2;

// Divisions are few here: nothing can be read before all of this is known.
struct place {
    int64_t image, first;       // first pixel of the chunk
    int pixels;                 // of the chunk
    int base, width;            // first channel of the tile, how many
    int first_group, slice;     // of the tile
    int row, column;            // of the thread
    int channel, group;         // its first channel
    int column_from, column_to; // which columns have its group
    bool inside;                // false: the thread has no channels

    __device__ place(const nj_norm &n, const nj_norm_grid &g)
        : image(blockIdx.z), first(blockIdx.y * g.chunk),
          pixels(static_cast<int>(min(g.chunk, n.pixels - first))),
          first_group(static_cast<int>(blockIdx.x) * g.groups), slice(0),
          row(static_cast<int>(threadIdx.x) / g.columns),
          column(static_cast<int>(threadIdx.x) - row * g.columns)
    {
        if (g.slices > 1) {
            first_group = static_cast<int>(blockIdx.x) / g.slices;
            slice = static_cast<int>(blockIdx.x) % g.slices;
        }
        base = first_group * g.width + slice * g.span;
        width = min(g.span,
                    (g.slices > 1 ? (first_group + 1) * g.width : n.channels) -
                        base);
        channel = base + column * g.vector;
        inside = row < g.rows && channel < base + width;
        group = min(first_group + column / g.group_columns, n.groups - 1);
        column_from = (group - first_group) * g.group_columns;
        column_to =
            g.slices > 1 ? width / g.vector : column_from + g.group_columns;
    }

    // Whether the thread is the one that writes what concerns its group.
    __device__ bool speaks() const
    {
        return inside && row == 0 && column == column_from;
    }
    __device__ int64_t pair(const nj_norm &n) const
    {
        return image * n.groups + group;
    }
    // Numbers that the block has of the thread's group.
    __device__ float values(const nj_norm_grid &g) const
    {
        return static_cast<float>(pixels) *
               static_cast<float>((column_to - column_from) * g.vector);
    }
};

// Elements that a thread reads.
struct walk {
    int64_t at, step; // of the first pixel, from one to the next
    int count;        // pixels

    __device__ walk(const nj_norm &n, const nj_norm_grid &g, const place &p)
        : at((p.image * n.pixels + p.first + p.row) * n.channels + p.channel),
          step(static_cast<int64_t>(g.rows) * n.channels),
          count(blockIdx.y + 1 < g.chunks ? g.steps : g.last_steps)
    {
        if (!p.inside)
            count = 0;
        else if (p.row + (count - 1) * g.rows >= p.pixels)
            count--;
    }
    template <int U> __device__ int last_batch() const
    {
        return max(count - 1, 0) / U;
    }
    template <class T, int V, int U>
    __device__ void read(const T *from, int batch, piece<T, V> (&to)[U]) const
    {
        fetch<T, V, U>(from + at + batch * U * step, step, count - batch * U,
                       to);
    }
};

// A parameter's bits, so that several are read before one is waited for.
__device__ inline unsigned read_bits(const nj_norm_param &p, int64_t image,
                                     int channel)
{
    const int64_t at = image * p.row + channel;

    if (!p.data)
        return 0;
    return p.dtype == NJ_F32 ? static_cast<const unsigned *>(p.data)[at]
                             : static_cast<const unsigned short *>(p.data)[at];
}

__device__ inline float number(const nj_norm_param &p, unsigned bits,
                               float absent)
{
    if (!p.data)
        return absent;
    if (p.dtype == NJ_F16)
        return __half2float(
            __ushort_as_half(static_cast<unsigned short>(bits)));
    return __uint_as_float(p.dtype == NJ_BF16 ? bits << 16 : bits);
}

// {gamma (1 + scale), beta (1 + scale) + shift}
__device__ inline float2 film_of(const nj_norm &n, int64_t image, int channel)
{
    const unsigned gamma = read_bits(n.gamma, 0, channel);
    const unsigned beta = read_bits(n.beta, 0, channel);
    const unsigned scale = read_bits(n.scale, image, channel);
    const unsigned shift = read_bits(n.shift, image, channel);
    const float film = 1 + number(n.scale, scale, 0);

    return {number(n.gamma, gamma, 1) * film,
            number(n.beta, beta, 0) * film + number(n.shift, shift, 0)};
}

// film_of for every channel of the tile.
__device__ inline void read_film(const nj_norm &n, const place &p, float2 *film)
{
    for (int i = static_cast<int>(threadIdx.x); i < p.width;
         i += static_cast<int>(blockDim.x))
        film[i] = film_of(n, p.image, p.base + i);
}

// Not less than `least`: with 1 all that follows is as without SiLU, and no
// branch parts the channels, whose exponentials are slow but can overlap.
__device__ inline float sigmoid(float u, float least)
{
    return fmaxf(nj_pieces::sigmoid(u), least);
}

__device__ inline float least_of(const nj_norm &n)
{
    return n.silu ? 0 : 1;
}

// du = dy dy/du
__device__ inline float slope(float least, float u, float dy)
{
    return dy * nj_gate_slope(u, sigmoid(u, least));
}

// u = (x - mean) * factor + offset for the thread's channels.
template <int V> struct affine {
    float mean, factor[V], offset[V];

    // moment: mean and 1 / sqrt(var + eps)
    __device__ affine(const place &p, const float2 *film, float2 moment)
        : mean(moment.x)
    {
#pragma unroll
        for (int i = 0; i < V; i++) {
            const float2 f = film[p.column * V + i];

            factor[i] = moment.y * f.x;
            offset[i] = f.y;
        }
    }
    __device__ float u(int i, float distance) const
    {
        return distance * factor[i] + offset[i];
    }
    // factor du
    __device__ float gradient(float least, int i, float distance,
                              float dy) const
    {
        return factor[i] * slope(least, u(i, distance), dy);
    }
};

// Sum of v over the block's threads that have this thread's group: rows four
// by four, then columns in their order. All threads call it; `cells` has room
// for a number of each.
__device__ inline float2 add_group(const place &p, const nj_norm_grid &g,
                                   float2 v, float2 *cells)
{
    float2 *const own = cells + threadIdx.x;
    float2 total = {0, 0};

    if (p.row < g.rows)
        *own = v;
    for (int rows = g.rows; rows > 1;) {
        const int fourth = (rows + 3) / 4;

        __syncthreads();
        if (p.row < fourth) {
            for (int r = fourth; p.row + r < rows; r += fourth) {
                v.x += own[r * g.columns].x;
                v.y += own[r * g.columns].y;
            }
            *own = v;
        }
        rows = fourth;
    }
    __syncthreads();
    for (int c = p.column_from; c < p.column_to; c++) {
        total.x += cells[c].x;
        total.y += cells[c].y;
    }
    __syncthreads();
    return total;
}

// Sums of x - pivot and of its square. `held` has batch 0, then the last one.
template <class T, int V, int U>
__device__ float2 sum_pixels(const walk &w, const T *x, float pivot,
                             piece<T, V> (&held)[U])
{
    const int last = w.last_batch<U>();
    float2 sum = {0, 0};

    for (int j = 0; j <= last; j++) {
        if (j > 0)
            w.read(x, j, held);
#pragma unroll
        for (int i = 0; i < U; i++) {
            float v[V], a = 0, b = 0;

            if (j * U + i >= w.count)
                break;
            unpack(held[i], v);
#pragma unroll
            for (int c = 0; c < V; c++) {
                const float d = v[c] - pivot;

                a += d;
                b += d * d;
            }
            sum.x += a;
            sum.y += b;
        }
    }
    return sum;
}

// Mean (from the pivot) and sum of squared distances from it of what the block
// has of a group, from the sums of its threads. Each thread's distances are
// from its own mean, so that no large numbers cancel where many are added.
__device__ inline float2 spread_of(const place &p, const nj_norm_grid &g,
                                   int count, float2 sum, float2 *cells)
{
    const float own = static_cast<float>(count * g.vector);
    const float mean = count > 0 ? sum.x / own : 0;
    const float all = add_group(p, g, {sum.x, 0}, cells).x / p.values(g);
    const float distance = mean - all;
    const float square = sum.y - sum.x * mean + own * (distance * distance);

    return {all, add_group(p, g, {square, 0}, cells).x};
}

// Mean and 1 / sqrt(var + eps)
__device__ inline float2 moment_of(const nj_norm &n, float pivot, float2 spread,
                                   float values)
{
    return {pivot + spread.x, 1 / sqrtf(fmaxf(spread.y, 0) / values + n.eps)};
}

// `held` has the last batch.
template <class T, int V, int U>
__device__ void apply_pixels(float least, const walk &w, const affine<V> &a,
                             const T *x, piece<T, V> (&held)[U], T *y)
{
    for (int j = w.last_batch<U>(); j >= 0; j--) {
#pragma unroll
        for (int i = 0; i < U; i++) {
            float v[V];

            if (j * U + i >= w.count)
                break;
            unpack(held[i], v);
#pragma unroll
            for (int c = 0; c < V; c++) {
                const float u = a.u(c, v[c] - a.mean);

                v[c] = u * sigmoid(u, least);
            }
            store<T, V>(y + w.at + (j * U + i) * w.step, v);
        }
        if (j > 0)
            w.read(x, j - 1, held);
    }
}

template <class T> struct gradient_in {
    const T *x, *dy, *more; // more: NULL, or what dx is added to
};

// What is added to dx at an element and its neighbours.
template <class T, int V>
__device__ void read_more(gradient_in<T> in, int64_t at, float (&to)[V])
{
    if (in.more) {
        load<T, V>(in.more + at, to);
        return;
    }
#pragma unroll
    for (int c = 0; c < V; c++)
        to[c] = 0;
}

// The batches of x and dy that a thread has in its registers.
template <class T, int V> struct two_held {
    piece<T, V> x[two_batch], dy[two_batch];

    __device__ void read(const walk &w, gradient_in<T> in, int batch)
    {
        w.read(in.x, batch, x);
        w.read(in.dy, batch, dy);
    }
};

// Sums of factor du and of factor du (x - mean). `held` as in sum_pixels.
template <class T, int V>
__device__ float2 sum_gradients(float least, const walk &w, const affine<V> &a,
                                gradient_in<T> in, two_held<T, V> &held)
{
    const int last = w.last_batch<two_batch>();
    float2 sum = {0, 0};

    for (int j = 0; j <= last; j++) {
        if (j > 0)
            held.read(w, in, j);
#pragma unroll
        for (int i = 0; i < two_batch; i++) {
            float v[V], d[V], s = 0, t = 0;

            if (j * two_batch + i >= w.count)
                break;
            unpack(held.x[i], v);
            unpack(held.dy[i], d);
#pragma unroll
            for (int c = 0; c < V; c++) {
                const float distance = v[c] - a.mean;
                const float du = a.gradient(least, c, distance, d[c]);

                s += du;
                t += du * distance;
            }
            sum.x += s;
            sum.y += t;
        }
    }
    return sum;
}

// c1 and c2 of torch/norm.hpp from the sums over a whole group.
__device__ inline float2 correction_of(float2 sum, float r, float values)
{
    return {sum.x / values, r * r * (sum.y / values)};
}

// `held` has the last batch.
template <class T, int V>
__device__ void derive_pixels(float least, const walk &w, const affine<V> &a,
                              float2 correction, gradient_in<T> in,
                              two_held<T, V> &held, T *dx)
{
    for (int j = w.last_batch<two_batch>(); j >= 0; j--) {
#pragma unroll
        for (int i = 0; i < two_batch; i++) {
            const int64_t at = w.at + (j * two_batch + i) * w.step;
            float v[V], d[V], more[V];

            if (j * two_batch + i >= w.count)
                break;
            read_more(in, at, more);
            unpack(held.x[i], v);
            unpack(held.dy[i], d);
#pragma unroll
            for (int c = 0; c < V; c++) {
                const float distance = v[c] - a.mean;

                v[c] = a.gradient(least, c, distance, d[c]) - correction.x -
                       distance * correction.y + more[c];
            }
            store<T, V>(dx + at, v);
        }
        if (j > 0)
            held.read(w, in, j - 1);
    }
}

} // namespace nj_norm_block

#endif
