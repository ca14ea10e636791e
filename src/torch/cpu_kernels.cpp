// The loops of cpu_kernels.hpp, written with the compiler's vector types.
#include <stdint.h>
#include <string.h>

#include "torch/cpu_exponential.hpp"
#include "torch/cpu_kernels.hpp"

namespace
{

static_assert(lanes == th::lanes, "callers count in the same lanes");

// n numbers from p, the rest zero; n >= lanes: all of them.
INLINE vfloat load(const float *p, int64_t n)
{
    vfloat v = {};

    if (n >= lanes)
        memcpy(&v, p, sizeof(v));
    else
        memcpy(&v, p, static_cast<size_t>(n) * sizeof(*p));
    return v;
}

INLINE vfloat load(const bf16 *p, int64_t n)
{
    vhalf h = {};

    if (n >= lanes)
        memcpy(&h, p, sizeof(h));
    else
        memcpy(&h, p, static_cast<size_t>(n) * sizeof(*p));
    return from_bf16(h);
}

INLINE void store(float *p, int64_t n, vfloat v)
{
    if (n >= lanes)
        memcpy(p, &v, sizeof(v));
    else
        memcpy(p, &v, static_cast<size_t>(n) * sizeof(*p));
}

INLINE void store(bf16 *p, int64_t n, vfloat v)
{
    const vhalf h = to_bf16(v);

    if (n >= lanes)
        memcpy(p, &h, sizeof(h));
    else
        memcpy(p, &h, static_cast<size_t>(n) * sizeof(*p));
}

INLINE vfloat sigmoid(vfloat v)
{
    return 1.0f / (1.0f + exponential(-v));
}

// d (u sigmoid(u)) / d u
INLINE vfloat silu_slope(vfloat u)
{
    const vfloat s = sigmoid(u);

    return s * (1.0f + u * (1.0f - s));
}

constexpr int64_t block = 16; // pixels that are summed before they are added

INLINE int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

INLINE void add_to(float *p, vfloat v)
{
    store(p, lanes, load(p, lanes) + v);
}

template <class T>
INLINE void moments_of(th::span s, const T *x, float *first, float *sum,
                       float *square)
{
    const int64_t channels = s.channels;

    for (int64_t c = 0; c < channels; c += lanes) {
        store(first + c, lanes, load(x + c, channels - c));
        store(sum + c, lanes, vfloat{});
        store(square + c, lanes, vfloat{});
    }
    // Block by block, so that a sum of float32 keeps its last digits: what
    // rounding takes from a variance, the denoising loop multiplies.
    for (int64_t p = 1; p < s.pixels; p += block) {
        const int64_t n = smaller(block, s.pixels - p);

        for (int64_t c = 0; c < channels; c += lanes) {
            const vfloat from = load(first + c, lanes);
            vfloat total = {}, squares = {};

            for (int64_t i = 0; i < n; i++) {
                const vfloat d =
                    load(x + (p + i) * channels + c, channels - c) - from;

                total += d;
                squares += d * d;
            }
            add_to(sum + c, total);
            add_to(square + c, squares);
        }
    }
}

template <bool silu, class T>
INLINE void apply_to(th::span s, const th::affine *a, const T *x, T *y)
{
    const int64_t channels = s.channels;

    for (int64_t p = 0; p < s.pixels; p++) {
        for (int64_t c = 0; c < channels; c += lanes) {
            const int64_t at = p * channels + c;
            vfloat u = load(x + at, channels - c) - load(a->mean + c, lanes);

            u = u * load(a->factor + c, lanes) + load(a->offset + c, lanes);
            store(y + at, channels - c, silu ? u * sigmoid(u) : u);
        }
    }
}

// du for 16 channels; `d` becomes x - mean.
template <bool silu, class T>
INLINE vfloat slope(const th::affine *a, const T *x, const T *dy, int64_t c,
                    int64_t left, vfloat *d)
{
    const vfloat g = load(dy, left);

    *d = load(x, left) - load(a->mean + c, lanes);
    if (!silu)
        return g;
    return g * silu_slope(*d * load(a->factor + c, lanes) +
                          load(a->offset + c, lanes));
}

template <bool silu, class T>
INLINE void sums_of(th::span s, const th::affine *a, const T *x, const T *dy,
                    float *kept, float *sum, float *product)
{
    const int64_t channels = s.channels;

    for (int64_t c = 0; c < channels; c += lanes) {
        store(sum + c, lanes, vfloat{});
        store(product + c, lanes, vfloat{});
    }
    for (int64_t p = 0; p < s.pixels; p += block) {
        const int64_t n = smaller(block, s.pixels - p);

        for (int64_t c = 0; c < channels; c += lanes) {
            vfloat total = {}, products = {};

            for (int64_t i = 0; i < n; i++) {
                const int64_t at = (p + i) * channels + c;
                vfloat d;
                const vfloat du =
                    slope<silu>(a, x + at, dy + at, c, channels - c, &d);

                if (kept)
                    store(kept + at, channels - c, du);
                total += du;
                products += du * d;
            }
            add_to(sum + c, total);
            add_to(product + c, products);
        }
    }
}

template <bool silu, class T>
INLINE void derive_to(th::span s, const th::affine *a, const th::slopes *k,
                      const T *x, const T *dy, const T *more, T *dx)
{
    const int64_t channels = s.channels;

    for (int64_t p = 0; p < s.pixels; p++) {
        for (int64_t c = 0; c < channels; c += lanes) {
            const int64_t at = p * channels + c;
            vfloat d;
            const vfloat du =
                slope<silu>(a, x + at, dy + at, c, channels - c, &d);

            vfloat sum = load(a->factor + c, lanes) * du -
                         load(k->c1 + c, lanes) - d * load(k->c2 + c, lanes);

            if (more)
                sum += load(more + at, channels - c);
            store(dx + at, channels - c, sum);
        }
    }
}

void moments(th::span s, const void *x, float *first, float *sum, float *square)
{
    if (s.bf16)
        moments_of(s, static_cast<const bf16 *>(x), first, sum, square);
    else
        moments_of(s, static_cast<const float *>(x), first, sum, square);
}

template <class T>
void apply_typed(th::span s, const th::affine *a, const void *x, void *y)
{
    if (a->silu)
        apply_to<true>(s, a, static_cast<const T *>(x), static_cast<T *>(y));
    else
        apply_to<false>(s, a, static_cast<const T *>(x), static_cast<T *>(y));
}

void apply(th::span s, const th::affine *a, const void *x, void *y)
{
    if (s.bf16)
        apply_typed<bf16>(s, a, x, y);
    else
        apply_typed<float>(s, a, x, y);
}

template <class T>
void sums_typed(th::span s, const th::affine *a, const void *x, const void *dy,
                float *kept, float *sum, float *product)
{
    const T *const tx = static_cast<const T *>(x);
    const T *const tdy = static_cast<const T *>(dy);

    if (a->silu)
        sums_of<true>(s, a, tx, tdy, kept, sum, product);
    else
        sums_of<false>(s, a, tx, tdy, kept, sum, product);
}

void sums(th::span s, const th::affine *a, const void *x, const void *dy,
          float *kept, float *sum, float *product)
{
    if (s.bf16)
        sums_typed<bf16>(s, a, x, dy, kept, sum, product);
    else
        sums_typed<float>(s, a, x, dy, kept, sum, product);
}

template <class T>
void derive_typed(th::span s, const th::affine *a, const th::slopes *k,
                  const void *x, const void *dy, const void *more, void *dx)
{
    const T *const tx = static_cast<const T *>(x);
    const T *const tdy = static_cast<const T *>(dy);
    const T *const tmore = static_cast<const T *>(more);

    if (a->silu)
        derive_to<true>(s, a, k, tx, tdy, tmore, static_cast<T *>(dx));
    else
        derive_to<false>(s, a, k, tx, tdy, tmore, static_cast<T *>(dx));
}

void derive(th::span s, const th::affine *a, const th::slopes *k, const void *x,
            const void *dy, const void *more, void *dx)
{
    if (s.bf16)
        derive_typed<bf16>(s, a, k, x, dy, more, dx);
    else
        derive_typed<float>(s, a, k, x, dy, more, dx);
}

template <class T> void gate(int64_t n, float k, const T *x, T *y)
{
    for (int64_t i = 0; i < n; i += lanes) {
        const vfloat v = load(x + i, n - i);

        store(y + i, n - i, v * sigmoid(k * v));
    }
}

void sigmoid_gate(int64_t n, bool is_bf16, float k, const void *x, void *y)
{
    if (is_bf16)
        gate(n, k, static_cast<const bf16 *>(x), static_cast<bf16 *>(y));
    else
        gate(n, k, static_cast<const float *>(x), static_cast<float *>(y));
}

template <class T>
void gate_backward(int64_t n, float k, const T *x, const T *dy, T *dx)
{
    for (int64_t i = 0; i < n; i += lanes)
        store(dx + i, n - i,
              load(dy + i, n - i) * silu_slope(k * load(x + i, n - i)));
}

void sigmoid_gate_backward(int64_t n, bool is_bf16, float k, const void *x,
                           const void *dy, void *dx)
{
    if (is_bf16)
        gate_backward(n, k, static_cast<const bf16 *>(x),
                      static_cast<const bf16 *>(dy), static_cast<bf16 *>(dx));
    else
        gate_backward(n, k, static_cast<const float *>(x),
                      static_cast<const float *>(dy), static_cast<float *>(dx));
}

} // namespace

extern const th::cpu_kernels TABLE(th_cpu_kernels_);
const th::cpu_kernels TABLE(th_cpu_kernels_) = {
    moments, apply, sums, derive, sigmoid_gate, sigmoid_gate_backward,
};
