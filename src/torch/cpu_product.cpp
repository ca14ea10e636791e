// The loops of cpu_product.hpp. Compiled like cpu_winograd.cpp.
#include <stdint.h>
#include <string.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "torch/cpu_product.hpp"
#include "torch/cpu_vectors.hpp"

namespace
{

constexpr int64_t columns = 32;

// Rows whose two vectors of 16 columns stay in registers together.
#ifdef __AVX512F__
constexpr int step = 14;
#else
constexpr int step = 3;
#endif

template <class V> INLINE V load(const void *p)
{
    V v;

    memcpy(&v, p, sizeof(v));
    return v;
}

template <class V> INLINE void store(void *p, V v)
{
    memcpy(p, &v, sizeof(v));
}

INLINE vfloat number(const float *p)
{
    return load<vfloat>(p);
}

INLINE vfloat number(const bf16 *p)
{
    return from_bf16(load<vhalf>(p));
}

INLINE void put(float *p, vfloat v)
{
    store(p, v);
}

INLINE void put(bf16 *p, vfloat v)
{
    store(p, to_bf16(v));
}

// The corner of the pixels that an output pixel is made from, in its image.
struct corner {
    int64_t y, x;
};

// One row of v. `image` is where the pixel's image begins.
INLINE void gather_row(const th::gathered *g, const uint32_t *image, corner at,
                       uint32_t *to)
{
    const int64_t pitch = lanes * g->count;

    for (int64_t y = at.y; y < at.y + g->side; y++) {
        for (int64_t x = at.x; x < at.x + g->side; x++) {
            const bool inside =
                y >= 0 && y < g->height && x >= 0 && x < g->width;
            const uint32_t *const from = image + (y * g->width + x) * g->words;

            for (int64_t w = 0; w < g->words; w += lanes, to += pitch)
                store(to, inside ? load<vword>(from + w) : vword{});
        }
    }
}

void gather(const th::gathered *g, const void *x, void *v)
{
    const int64_t area = g->out_height * g->out_width;
    const int64_t pixel = g->first % area;
    const int64_t words = g->height * g->width * g->words; // of an image
    const uint32_t *image =
        static_cast<const uint32_t *>(x) + g->first / area * words;
    int64_t row = pixel / g->out_width, col = pixel % g->out_width;

    for (int64_t r = 0; r < g->count; r++) {
        gather_row(g, image,
                   {row * g->stride - g->padding, col * g->stride - g->padding},
                   static_cast<uint32_t *>(v) + r * lanes);
        if (++col == g->out_width) {
            col = 0;
            if (++row == g->out_height) {
                row = 0;
                image += words;
            }
        }
    }
}

// 16 rows of 16 words, `pitch` words apart, as columns of a panel.
INLINE void transpose(const uint32_t *from, int64_t pitch, uint32_t *to)
{
    uint32_t block[lanes][lanes];

    for (int64_t j = 0; j < lanes; j++)
        memcpy(block[j], from + j * pitch, sizeof(block[j]));
    for (int64_t k = 0; k < lanes; k++) {
        vword row;

        for (int64_t j = 0; j < lanes; j++)
            row[j] = block[j][k];
        store(to + k * columns, row);
    }
}

// Columns are outputs: rows of w become columns of the panel.
void pack_straight(const th::product_weight *w, int64_t n, uint32_t *panel)
{
    const int64_t words = w->bf16 ? w->inputs / 2 : w->inputs;
    const int64_t k = w->taps * words;
    const uint32_t *const from = static_cast<const uint32_t *>(w->data) + n * k;

    for (int64_t i = 0; i < k; i += lanes)
        for (int64_t half = 0; half < columns; half += lanes)
            transpose(from + half * k + i, k, panel + i * columns + half);
}

// Columns are inputs, which lie together in w.
void pack_turned(const th::product_weight *w, int64_t n, float *panel)
{
    const float *const from = static_cast<const float *>(w->data) + n;

    for (int64_t t = w->taps - 1; t >= 0; t--)
        for (int64_t o = 0; o < w->outputs; o++, panel += columns)
            memcpy(panel, from + (o * w->taps + t) * w->inputs,
                   columns * sizeof(*panel));
}

// The same with pairs of outputs as words.
void pack_turned_pairs(const th::product_weight *w, int64_t n, uint32_t *panel)
{
    const uint16_t *const from = static_cast<const uint16_t *>(w->data) + n;
    const int64_t row = w->taps * w->inputs;

    for (int64_t t = w->taps - 1; t >= 0; t--) {
        for (int64_t o = 0; o < w->outputs; o += 2) {
            const uint16_t *const at = from + o * row + t * w->inputs;

            for (int64_t half = 0; half < columns; half += lanes) {
                const vword low =
                    __builtin_convertvector(load<vhalf>(at + half), vword);
                const vword high = __builtin_convertvector(
                    load<vhalf>(at + row + half), vword);

                store(panel + half, low | high << 16);
            }
            panel += columns;
        }
    }
}

void pack(const th::product_weight *w, int64_t n, void *panel)
{
    if (!w->turned)
        pack_straight(w, n, static_cast<uint32_t *>(panel));
    else if (w->bf16)
        pack_turned_pairs(w, n, static_cast<uint32_t *>(panel));
    else
        pack_turned(w, n, static_cast<float *>(panel));
}

// ---- products

struct of_floats {
    typedef float word;
    typedef vfloat vector;

    INLINE vfloat add(vfloat sum, float a, vfloat u)
    {
        return sum + a * u;
    }
};

#ifdef __AVX512BF16__
struct of_pairs {
    typedef uint32_t word;
    typedef vword vector;

    INLINE vfloat add(vfloat sum, uint32_t a, vword u)
    {
        const vword all = vword{} + a;

        return reinterpret_cast<vfloat>(_mm512_dpbf16_ps(
            reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(all),
            reinterpret_cast<__m512bh>(u)));
    }
};
#endif

// `count` rows times 32 columns.
template <class kind, int count>
INLINE void multiply_step(int64_t rows, int64_t k, const typename kind::word *v,
                          const typename kind::word *u, float *m)
{
    typedef typename kind::vector vector;
    vfloat sum[count][2] = {};

    for (int64_t block = 0; block < k; block += lanes) {
        const typename kind::word *const from = v + block * rows;

        for (int64_t i = 0; i < lanes; i++) {
            const vector u0 = load<vector>(u), u1 = load<vector>(u + lanes);

            u += columns;
#pragma GCC unroll 14
            for (int r = 0; r < count; r++) {
                const typename kind::word value = from[r * lanes + i];

                sum[r][0] = kind::add(sum[r][0], value, u0);
                sum[r][1] = kind::add(sum[r][1], value, u1);
            }
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < count; r++) {
        store(m + r * lanes, sum[r][0]);
        store(m + (rows + r) * lanes, sum[r][1]);
    }
}

// The same for a count that only the caller knows.
template <class kind, int count = step>
INLINE void multiply_some(int64_t some, int64_t rows, int64_t k,
                          const typename kind::word *v,
                          const typename kind::word *u, float *m)
{
    if (some == count)
        multiply_step<kind, count>(rows, k, v, u, m);
    else if constexpr (count > 1)
        multiply_some<kind, count - 1>(some, rows, k, v, u, m);
}

// Rows are shared out evenly among the steps: no step is filled up.
template <class kind>
INLINE void multiply_all(int64_t rows, int64_t k, int64_t n, const void *v,
                         const void *u, float *m)
{
    const typename kind::word *const from =
        static_cast<const typename kind::word *>(v);
    const typename kind::word *const weight =
        static_cast<const typename kind::word *>(u);

    const int64_t steps = (rows + step - 1) / step;

    for (int64_t o = 0; o < n; o += columns) {
        for (int64_t i = 0; i < steps; i++) {
            const int64_t row = i * rows / steps;

            multiply_some<kind>((i + 1) * rows / steps - row, rows, k,
                                from + row * lanes, weight + o * k,
                                m + o * rows + row * lanes);
        }
    }
}

void multiply(int64_t rows, int64_t k, int64_t n, const void *v, const void *u,
              float *m)
{
    multiply_all<of_floats>(rows, k, n, v, u, m);
}

#ifdef __AVX512BF16__
void multiply_bf16(int64_t rows, int64_t k, int64_t n, const void *v,
                   const void *u, float *m)
{
    multiply_all<of_pairs>(rows, k, n, v, u, m);
}
#endif

// ---- results

template <class T>
INLINE void scatter_to(const th::scattered *s, const float *m,
                       const float *bias, const T *more, T *y)
{
    for (int64_t r = 0; r < s->count; r++) {
        for (int64_t c = 0; c < s->n; c += lanes) {
            const int64_t at = r * s->pitch + c;
            vfloat sum = load<vfloat>(m + c * s->count + r * lanes);

            if (bias)
                sum += load<vfloat>(bias + c);
            if (more)
                sum += number(more + at);
            put(y + at, sum);
        }
    }
}

void scatter(const th::scattered *s, const float *m, const float *bias,
             const void *more, void *y)
{
    if (s->bf16)
        scatter_to(s, m, bias, static_cast<const bf16 *>(more),
                   static_cast<bf16 *>(y));
    else
        scatter_to(s, m, bias, static_cast<const float *>(more),
                   static_cast<float *>(y));
}

} // namespace

extern const th::product_kernels TABLE(th_product_);
const th::product_kernels TABLE(th_product_) = {
    step,
#ifdef __AVX512BF16__
    true,
#else
    false,
#endif
    gather,        pack, multiply,
#ifdef __AVX512BF16__
    multiply_bf16,
#else
    nullptr,
#endif
    scatter,
};
