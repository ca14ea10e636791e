// The kernels of norm.h. Each pass reads the tensors once, in 16-byte pieces:
//   forward   sums of x, then apply
//   backward  sums of du and du (x - mean), then derive
// with a small kernel in between that turns the sums of the chunks into one
// pair of numbers per group. A thread keeps its channels for all its pixels,
// so the parameters are read once.
#include "cuda/norm.h"
#include "cuda/pieces.cuh"

namespace
{

using namespace nj_pieces;

__device__ float parameter(const nj_norm_param &p, int64_t image, int channel,
                           float absent)
{
    const int64_t at = image * p.row + channel;

    if (!p.data)
        return absent;
    if (p.dtype == NJ_F16)
        return wide(static_cast<const __half *>(p.data)[at]);
    if (p.dtype == NJ_BF16)
        return wide(static_cast<const __nv_bfloat16 *>(p.data)[at]);
    return static_cast<const float *>(p.data)[at];
}

// Where a thread works: its first channel, its pixels, and whether any.
struct place {
    int64_t image, first, pixels; // first pixel of the chunk, count
    int channel, column, row;
    bool inside;

    __device__ place(const nj_norm &n, const nj_norm_grid &g)
        : image(blockIdx.z), first(blockIdx.x * g.chunk),
          pixels(min(g.chunk, n.pixels - first)),
          column(static_cast<int>(threadIdx.x) % g.columns),
          row(static_cast<int>(threadIdx.x) / g.columns)
    {
        const int vector = static_cast<int>(blockIdx.y) * g.columns + column;

        inside = vector < g.vectors;
        channel = vector * g.vector;
    }
    // Element of the thread's channels in pixel p of the chunk.
    __device__ int64_t at(const nj_norm &n, int64_t p) const
    {
        return (image * n.pixels + first + p) * n.channels + channel;
    }
};

// u = (x - mean) * factor + offset for the thread's channels.
template <int V> struct affine {
    float mean[V], factor[V], offset[V];

    __device__ affine(const nj_norm &n, const place &at, const float *moments)
    {
        const int width = n.channels / n.groups;

#pragma unroll
        for (int i = 0; i < V; i++) {
            const int c = at.channel + i;
            const float *const m =
                moments + 2 * (at.image * n.groups + c / width);
            const float film = 1 + parameter(n.scale, at.image, c, 0);

            mean[i] = m[0];
            factor[i] = m[1] * parameter(n.gamma, 0, c, 1) * film;
            offset[i] = parameter(n.beta, 0, c, 0) * film +
                        parameter(n.shift, at.image, c, 0);
        }
    }
};

__device__ float sigmoid(float u)
{
    return 1 / (1 + __expf(-u));
}

// du = dy dy/du
__device__ float slope(bool silu, float u, float dy)
{
    const float s = sigmoid(u);

    return silu ? dy * (s * (1 + u * (1 - s))) : dy;
}

// Adds the rows of a block in their order and writes one pair of numbers per
// channel: sums [B,chunks,2,C].
template <int V>
__device__ void write_sums(const nj_norm &n, const nj_norm_grid &g,
                           const place &at, const float (&a)[V],
                           const float (&b)[V], float *sums)
{
    __shared__ float row_sums[2][nj_norm_threads * V];
    float *const out =
        sums + (at.image * g.chunks + blockIdx.x) * 2 * n.channels;
    const int values = g.columns * V;

#pragma unroll
    for (int i = 0; i < V; i++) {
        row_sums[0][at.row * values + at.column * V + i] = a[i];
        row_sums[1][at.row * values + at.column * V + i] = b[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 2 * values; i += nj_norm_threads) {
        const int which = i / values, value = i % values;
        const int channel =
            static_cast<int>(blockIdx.y) * g.columns * V + value;
        float sum = 0;

        for (int r = 0; r < g.rows; r++)
            sum += row_sums[which][r * values + value];
        if (channel < n.channels)
            out[which * n.channels + channel] = sum;
    }
}

// Sums of x - first and of its square; first is the image's first pixel.
template <class T, int V>
__global__ void sum_kernel(nj_norm n, nj_norm_grid g, const T *x, float *sums)
{
    const place at(n, g);
    float first[V], value[V], sum[V] = {}, square[V] = {};

    if (at.inside) {
        load<T, V>(x + at.image * n.pixels * n.channels + at.channel, first);
        for (int64_t p = at.row; p < at.pixels; p += g.rows) {
            load<T, V>(x + at.at(n, p), value);
#pragma unroll
            for (int i = 0; i < V; i++) {
                const float d = value[i] - first[i];

                sum[i] += d;
                square[i] += d * d;
            }
        }
    }
    write_sums<V>(n, g, at, sum, square, sums);
}

template <class T, int V>
__global__ void apply_kernel(nj_norm n, nj_norm_grid g, const T *x,
                             const float *moments, T *y)
{
    const place at(n, g);

    if (!at.inside)
        return;
    const affine<V> a(n, at, moments);

    for (int64_t p = at.row; p < at.pixels; p += g.rows) {
        float v[V];

        load<T, V>(x + at.at(n, p), v);
#pragma unroll
        for (int i = 0; i < V; i++) {
            const float u = (v[i] - a.mean[i]) * a.factor[i] + a.offset[i];

            v[i] = n.silu ? u * sigmoid(u) : u;
        }
        store<T, V>(y + at.at(n, p), v);
    }
}

template <class T, int V>
__global__ void sum_gradient_kernel(nj_norm n, nj_norm_grid g, const T *x,
                                    const T *dy, const float *moments,
                                    float *sums)
{
    const place at(n, g);
    float sum[V] = {}, product[V] = {};

    if (at.inside) {
        const affine<V> a(n, at, moments);

        for (int64_t p = at.row; p < at.pixels; p += g.rows) {
            float v[V], d[V];

            load<T, V>(x + at.at(n, p), v);
            load<T, V>(dy + at.at(n, p), d);
#pragma unroll
            for (int i = 0; i < V; i++) {
                const float distance = v[i] - a.mean[i];
                const float du =
                    slope(n.silu, distance * a.factor[i] + a.offset[i], d[i]);

                sum[i] += du;
                product[i] += du * distance;
            }
        }
    }
    write_sums<V>(n, g, at, sum, product, sums);
}

template <class T, int V>
__global__ void derive_kernel(nj_norm n, nj_norm_grid g, const T *x,
                              const T *dy, const float *moments,
                              const float *corrections, T *dx)
{
    const place at(n, g);

    if (!at.inside)
        return;
    const affine<V> a(n, at, moments);
    const int width = n.channels / n.groups;
    float c1[V], c2[V];

#pragma unroll
    for (int i = 0; i < V; i++) {
        const float *const c =
            corrections + 2 * (at.image * n.groups + (at.channel + i) / width);

        c1[i] = c[0];
        c2[i] = c[1];
    }
    for (int64_t p = at.row; p < at.pixels; p += g.rows) {
        float v[V], d[V];

        load<T, V>(x + at.at(n, p), v);
        load<T, V>(dy + at.at(n, p), d);
#pragma unroll
        for (int i = 0; i < V; i++) {
            const float distance = v[i] - a.mean[i];
            const float du =
                slope(n.silu, distance * a.factor[i] + a.offset[i], d[i]);

            v[i] = a.factor[i] * du - c1[i] - distance * c2[i];
        }
        store<T, V>(dx + at.at(n, p), v);
    }
}

// One block per image and group: adds the chunks' sums of each channel in
// their order into totals[2][width].
constexpr int group_threads = 128;

__device__ void add_chunks(const nj_norm &n, const nj_norm_grid &g,
                           const float *sums, double *totals)
{
    __shared__ double lane_sums[2][group_threads];
    const int width = n.channels / n.groups;
    const int across = min(width, group_threads);
    const int lanes = group_threads / across;
    const int lane = static_cast<int>(threadIdx.x) / across;
    const int64_t image = blockIdx.y;
    const int group = static_cast<int>(blockIdx.x);

    for (int from = 0; from < width; from += across) {
        const int c = from + static_cast<int>(threadIdx.x) % across;
        double a = 0, b = 0;

        if (lane < lanes && c < width) {
            for (int64_t k = lane; k < g.chunks; k += lanes) {
                const float *const row =
                    sums + (image * g.chunks + k) * 2 * n.channels +
                    group * width + c;

                a += row[0];
                b += row[n.channels];
            }
        }
        lane_sums[0][threadIdx.x] = a;
        lane_sums[1][threadIdx.x] = b;
        __syncthreads();
        if (lane == 0 && c < width) {
            for (int l = 1; l < lanes; l++) {
                a += lane_sums[0][l * across + threadIdx.x];
                b += lane_sums[1][l * across + threadIdx.x];
            }
            totals[c] = a;
            totals[width + c] = b;
        }
        __syncthreads();
    }
}

template <class T>
__global__ void moments_kernel(nj_norm n, nj_norm_grid g, const T *x,
                               const float *sums, float *moments)
{
    extern __shared__ double totals[]; // [2,width]
    const int width = n.channels / n.groups;
    const int64_t image = blockIdx.y;
    const int group = static_cast<int>(blockIdx.x);
    const T *const first = x + image * n.pixels * n.channels + group * width;
    const double count = static_cast<double>(n.pixels);
    double mean = 0, square = 0;

    add_chunks(n, g, sums, totals);
    if (threadIdx.x != 0)
        return;
    for (int c = 0; c < width; c++)
        mean += wide(first[c]) + totals[c] / count;
    mean /= width;
    for (int c = 0; c < width; c++) {
        const double distance = wide(first[c]) + totals[c] / count - mean;

        square += totals[width + c] - totals[c] * totals[c] / count +
                  count * distance * distance;
    }
    float *const out = moments + 2 * (image * n.groups + group);

    out[0] = static_cast<float>(mean);
    out[1] = static_cast<float>(
        1 / sqrt(fmax(square, 0.0) / (count * width) + n.eps));
}

__global__ void corrections_kernel(nj_norm n, nj_norm_grid g, const float *sums,
                                   const float *moments, float *corrections,
                                   float *film)
{
    extern __shared__ double totals[]; // [2,width]
    const int width = n.channels / n.groups;
    const int64_t image = blockIdx.y;
    const int group = static_cast<int>(blockIdx.x);
    const int64_t pair = image * n.groups + group;
    const double r = moments[2 * pair + 1];
    const double count = static_cast<double>(n.pixels) * width;

    add_chunks(n, g, sums, totals);
    if (film) {
        for (int c = threadIdx.x; c < width; c += group_threads) {
            const int channel = group * width + c;
            float *const out = film + image * n.channels + channel;

            out[0] = static_cast<float>(
                parameter(n.gamma, 0, channel, 1) * r * totals[width + c] +
                parameter(n.beta, 0, channel, 0) * totals[c]);
            out[n.images * n.channels] = static_cast<float>(totals[c]);
        }
    }
    if (threadIdx.x != 0)
        return;
    double s1 = 0, s2 = 0;

    for (int c = 0; c < width; c++) {
        const int channel = group * width + c;
        const float factor = static_cast<float>(r) *
                             parameter(n.gamma, 0, channel, 1) *
                             (1 + parameter(n.scale, image, channel, 0));

        s1 += factor * totals[c];
        s2 += factor * totals[width + c];
    }
    corrections[2 * pair] = static_cast<float>(s1 / count);
    corrections[2 * pair + 1] = static_cast<float>(r * r * s2 / count);
}

struct launch {
    nj_norm_grid grid;
    dim3 blocks, groups;
    size_t totals; // bytes of shared memory for a group's sums
    float *sums, *corrections;
    cudaStream_t stream;

    launch(const nj_norm *n, float *scratch, void *stream_)
        : grid(nj_norm_grid_of(n)), blocks(static_cast<unsigned>(grid.chunks),
                                           static_cast<unsigned>(grid.tiles),
                                           static_cast<unsigned>(n->images)),
          groups(static_cast<unsigned>(n->groups),
                 static_cast<unsigned>(n->images)),
          totals(2 * sizeof(double) *
                 static_cast<size_t>(n->channels / n->groups)),
          sums(scratch),
          corrections(scratch + n->images * grid.chunks * 2 * n->channels),
          stream(static_cast<cudaStream_t>(stream_))
    {
    }
};

template <class T, int V>
void forward(const nj_norm *n, const launch &l, const void *x, void *y,
             float *moments)
{
    const T *const in = static_cast<const T *>(x);

    sum_kernel<T, V>
        <<<l.blocks, nj_norm_threads, 0, l.stream>>>(*n, l.grid, in, l.sums);
    moments_kernel<T><<<l.groups, group_threads, l.totals, l.stream>>>(
        *n, l.grid, in, l.sums, moments);
    apply_kernel<T, V><<<l.blocks, nj_norm_threads, 0, l.stream>>>(
        *n, l.grid, in, moments, static_cast<T *>(y));
}

template <class T, int V>
void backward(const nj_norm *n, const launch &l, const void *const x_dy[2],
              const float *moments, void *dx, float *film)
{
    const T *const x = static_cast<const T *>(x_dy[0]);
    const T *const dy = static_cast<const T *>(x_dy[1]);

    sum_gradient_kernel<T, V><<<l.blocks, nj_norm_threads, 0, l.stream>>>(
        *n, l.grid, x, dy, moments, l.sums);
    corrections_kernel<<<l.groups, group_threads, l.totals, l.stream>>>(
        *n, l.grid, l.sums, moments, l.corrections, film);
    derive_kernel<T, V><<<l.blocks, nj_norm_threads, 0, l.stream>>>(
        *n, l.grid, x, dy, moments, l.corrections, static_cast<T *>(dx));
}

// Calls f.template run<T, V>() with the element type and vector of the grid.
template <class F> int dispatch(const nj_norm *n, const launch &l, F f)
{
    const bool one = l.grid.vector == 1;

    switch (n->dtype) {
    case NJ_F32:
        one ? f.template run<float, 1>() : f.template run<float, 4>();
        break;
    case NJ_F16:
        one ? f.template run<__half, 1>() : f.template run<__half, 8>();
        break;
    case NJ_BF16:
        one ? f.template run<__nv_bfloat16, 1>()
            : f.template run<__nv_bfloat16, 8>();
        break;
    default:
        return cudaErrorInvalidValue;
    }
    return cudaGetLastError();
}

struct forward_call {
    const nj_norm *n;
    const launch &l;
    const void *x;
    void *y;
    float *moments;

    template <class T, int V> void run() const
    {
        forward<T, V>(n, l, x, y, moments);
    }
};

struct backward_call {
    const nj_norm *n;
    const launch &l;
    const void *const *x_dy;
    const float *moments;
    void *dx;
    float *film;

    template <class T, int V> void run() const
    {
        backward<T, V>(n, l, x_dy, moments, dx, film);
    }
};

} // namespace

extern "C" int nj_norm_forward_cuda(const nj_norm *n, const void *x, void *y,
                                    float *moments, float *scratch,
                                    void *stream)
{
    const launch l(n, scratch, stream);

    return dispatch(n, l, forward_call{n, l, x, y, moments});
}

extern "C" int nj_norm_backward_cuda(const nj_norm *n,
                                     const void *const x_dy[2],
                                     const float *moments, void *dx,
                                     float *film, float *scratch, void *stream)
{
    const launch l(n, scratch, stream);

    return dispatch(n, l, backward_call{n, l, x_dy, moments, dx, film});
}

extern "C" const char *nj_norm_cuda_error(int error)
{
    return cudaGetErrorString(static_cast<cudaError_t>(error));
}
