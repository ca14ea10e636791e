// The loops of cpu_winograd.hpp. Compiled like cpu_kernels.cpp, but with fused
// multiply-add, so results may differ between kinds of processors.
#include <stdint.h>
#include <string.h>

#include "torch/cpu_winograd.hpp"

#ifndef NJ_KERNELS
#define NJ_KERNELS baseline
#endif

#define INLINE static inline __attribute__((always_inline))

namespace
{

typedef float vfloat __attribute__((vector_size(64)));

constexpr int64_t lanes = 16;
constexpr int side = 6; // of a transformed tile
constexpr int64_t frequencies = th::winograd_frequencies;
constexpr int64_t tile = th::winograd_tile;

// Tiles times vectors of 16 outputs that stay in registers.
#ifdef __AVX512F__
constexpr int step = 14;
#else
constexpr int step = 3;
#endif

// The points +-a, +-b
constexpr float a1 = 0.625f, b1 = 1.25f;
constexpr float a2 = a1 * a1, b2 = b1 * b1;

INLINE vfloat load(const float *p)
{
    vfloat v;

    memcpy(&v, p, sizeof(v));
    return v;
}

INLINE void store(float *p, vfloat v)
{
    memcpy(p, &v, sizeof(v));
}

// B^T d
INLINE void transform_input(const vfloat d[6], vfloat t[6])
{
    const vfloat even_a = d[4] - b2 * d[2], odd_a = a1 * (d[3] - b2 * d[1]);
    const vfloat even_b = d[4] - a2 * d[2], odd_b = b1 * (d[3] - a2 * d[1]);

    t[0] = a2 * b2 * d[0] - (a2 + b2) * d[2] + d[4];
    t[1] = even_a + odd_a;
    t[2] = even_a - odd_a;
    t[3] = even_b + odd_b;
    t[4] = even_b - odd_b;
    t[5] = a2 * b2 * d[1] - (a2 + b2) * d[3] + d[5];
}

// G g
INLINE void transform_weight(const vfloat g[3], vfloat t[6])
{
    constexpr float na = 1 / (2 * a2 * (a2 - b2));
    constexpr float nb = 1 / (2 * b2 * (b2 - a2));
    const vfloat even_a = na * (g[0] + a2 * g[2]), odd_a = na * a1 * g[1];
    const vfloat even_b = nb * (g[0] + b2 * g[2]), odd_b = nb * b1 * g[1];

    t[0] = (1 / (a2 * b2)) * g[0];
    t[1] = even_a + odd_a;
    t[2] = even_a - odd_a;
    t[3] = even_b + odd_b;
    t[4] = even_b - odd_b;
    t[5] = g[2];
}

// A^T m
INLINE void transform_output(const vfloat m[6], vfloat y[4])
{
    const vfloat even_a = m[1] + m[2], odd_a = m[1] - m[2];
    const vfloat even_b = m[3] + m[4], odd_b = m[3] - m[4];

    y[0] = m[0] + even_a + even_b;
    y[1] = a1 * odd_a + b1 * odd_b;
    y[2] = a2 * even_a + b2 * even_b;
    y[3] = a1 * a2 * odd_a + b1 * b2 * odd_b + m[5];
}

// Corner of a tile in the image.
struct corner {
    int64_t y, x;

    corner(const th::winograd_tiles *t, int64_t i)
    {
        const int64_t across = (t->width + tile - 1) / tile;

        y = (t->first + i) / across * tile;
        x = (t->first + i) % across * tile;
    }
};

// G w G^T for 16 neighbouring inputs; w points to the first of 3x3 vectors
// that lie `apart` numbers from each other.
INLINE void weight_tile(const float *w, int64_t apart, bool turned,
                        vfloat u[side][side])
{
    vfloat half[3][side];

    for (int r = 0; r < 3; r++) {
        vfloat g[3];

        for (int c = 0; c < 3; c++) {
            const int at = r * 3 + c;

            g[c] = load(w + (turned ? 8 - at : at) * apart);
        }
        transform_weight(g, half[r]);
    }
    for (int c = 0; c < side; c++) {
        const vfloat column[3] = {half[0][c], half[1][c], half[2][c]};
        vfloat t[side];

        transform_weight(column, t);
        for (int r = 0; r < side; r++)
            u[r][c] = t[r];
    }
}

// Turned: the lanes of a weight tile are the lanes of u.
void weights_turned(const float *w, int64_t outputs, int64_t inputs, int64_t o,
                    float *u)
{
    for (int64_t i = 0; i < inputs; i += lanes) {
        for (int64_t j = 0; j < lanes; j++) {
            vfloat t[side][side];

            weight_tile(w + (o + j) * 9 * inputs + i, inputs, true, t);
            for (int64_t f = 0; f < frequencies; f++)
                store(
                    u + ((f * (inputs / 32) + i / 32) * outputs + o + j) * 32 +
                        i % 32,
                    t[f / side][f % side]);
        }
    }
}

// Not turned: the lanes of u are outputs, so 16x16 blocks are transposed.
void weights_straight(const float *w, int64_t outputs, int64_t inputs,
                      int64_t o, float *u)
{
    float block[frequencies][lanes][lanes]; // output, input

    for (int64_t i = 0; i < inputs; i += lanes) {
        for (int64_t j = 0; j < lanes; j++) {
            vfloat t[side][side];

            weight_tile(w + (o + j) * 9 * inputs + i, inputs, false, t);
            for (int64_t f = 0; f < frequencies; f++)
                store(block[f][j], t[f / side][f % side]);
        }
        for (int64_t f = 0; f < frequencies; f++) {
            float *const to =
                u + ((f * (outputs / 32) + o / 32) * inputs + i) * 32 + o % 32;

            for (int64_t k = 0; k < lanes; k++) {
                vfloat row;

                for (int64_t j = 0; j < lanes; j++)
                    row[j] = block[f][j][k];
                store(to + k * 32, row);
            }
        }
    }
}

void weights(const float *w, int64_t outputs, int64_t inputs, bool turned,
             int64_t o, float *u)
{
    if (turned)
        weights_turned(w, outputs, inputs, o, u);
    else
        weights_straight(w, outputs, inputs, o, u);
}

// Row r of the 6x6 inputs of a tile, zero outside of the image.
INLINE void input_row(const th::winograd_tiles *t, int64_t channels,
                      const float *x, corner at, int r, vfloat d[side])
{
    const int64_t y = at.y - 1 + r;

    for (int c = 0; c < side; c++) {
        const int64_t px = at.x - 1 + c;

        d[c] = vfloat{};
        if (y >= 0 && y < t->height && px >= 0 && px < t->width)
            d[c] = load(x + (y * t->width + px) * channels);
    }
}

void input(const th::winograd_tiles *t, int64_t channels, const float *x,
           float *v)
{
    const int64_t plane = channels * t->rows; // of one frequency

    for (int64_t i = 0; i < t->count; i++) {
        const corner at(t, i);

        for (int64_t c = 0; c < channels; c += lanes) {
            vfloat half[side][side];
            float *const to = v + c * t->rows + i * lanes;

            for (int r = 0; r < side; r++) {
                vfloat d[side];

                input_row(t, channels, x + c, at, r, d);
                transform_input(d, half[r]);
            }
            for (int col = 0; col < side; col++) {
                const vfloat column[side] = {half[0][col], half[1][col],
                                             half[2][col], half[3][col],
                                             half[4][col], half[5][col]};
                vfloat out[side];

                transform_input(column, out);
                for (int r = 0; r < side; r++)
                    store(to + (r * side + col) * plane, out[r]);
            }
        }
    }
    for (int64_t i = t->count; i < t->rows; i++)
        for (int64_t f = 0; f < frequencies; f++)
            for (int64_t c = 0; c < channels; c += lanes)
                store(v + f * plane + c * t->rows + i * lanes, vfloat{});
}

// `step` tiles times 32 outputs.
INLINE void multiply_step(int64_t rows, int64_t k, const float *v,
                          const float *u, float *m)
{
    vfloat sum[step][2] = {};

    for (int64_t block = 0; block < k; block += lanes) {
        const float *const from = v + block * rows;

        for (int64_t i = 0; i < lanes; i++) {
            const vfloat u0 = load(u), u1 = load(u + lanes);

            u += 2 * lanes;
#pragma GCC unroll 14
            for (int r = 0; r < step; r++) {
                const float value = from[r * lanes + i];

                sum[r][0] += value * u0;
                sum[r][1] += value * u1;
            }
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < step; r++) {
        store(m + r * lanes, sum[r][0]);
        store(m + (rows + r) * lanes, sum[r][1]);
    }
}

void multiply(int64_t rows, int64_t k, int64_t n, const float *v,
              const float *u, float *m)
{
    for (int64_t o = 0; o < n; o += 2 * lanes)
        for (int64_t row = 0; row < rows; row += step)
            multiply_step(rows, k, v + row * lanes, u + o * k,
                          m + o * rows + row * lanes);
}

INLINE void output_tile(const th::winograd_tiles *t, int64_t channels,
                        corner at, const vfloat y[tile][tile], float *to)
{
    for (int64_t r = 0; r < tile && at.y + r < t->height; r++)
        for (int64_t c = 0; c < tile && at.x + c < t->width; c++)
            store(to + ((at.y + r) * t->width + at.x + c) * channels, y[r][c]);
}

void output(const th::winograd_tiles *t, int64_t channels, const float *m,
            const float *bias, float *y)
{
    const int64_t plane = channels * t->rows;

    for (int64_t i = 0; i < t->count; i++) {
        const corner at(t, i);

        for (int64_t c = 0; c < channels; c += lanes) {
            const float *const from = m + c * t->rows + i * lanes;
            const vfloat add = bias ? load(bias + c) : vfloat{};
            vfloat half[side][tile], out[tile][tile];

            for (int r = 0; r < side; r++) {
                vfloat d[side];

                for (int col = 0; col < side; col++)
                    d[col] = load(from + (r * side + col) * plane);
                transform_output(d, half[r]);
            }
            for (int col = 0; col < tile; col++) {
                const vfloat column[side] = {half[0][col], half[1][col],
                                             half[2][col], half[3][col],
                                             half[4][col], half[5][col]};
                vfloat d[tile];

                transform_output(column, d);
                for (int r = 0; r < tile; r++)
                    out[r][col] = d[r] + add;
            }
            output_tile(t, channels, at, out, y + c);
        }
    }
}

} // namespace

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

extern const th::winograd_kernels JOIN(th_winograd_, NJ_KERNELS);
const th::winograd_kernels JOIN(th_winograd_, NJ_KERNELS) = {
    step, weights, input, multiply, output,
};
