// The loops of cpu_winograd.hpp. Compiled like cpu_kernels.cpp, but with fused
// multiply-add, so results may differ between kinds of processors.
#include <stdint.h>
#include <string.h>

#include "torch/cpu_vectors.hpp"
#include "torch/cpu_winograd.hpp"

namespace
{

constexpr int64_t columns = 32;
constexpr int side = 6; // of a transformed tile
constexpr int64_t frequencies = th::winograd_frequencies;
constexpr int64_t tile = th::winograd_tile;

// The points +-a, +-b
constexpr float a1 = 0.625f, b1 = 1.25f;
constexpr float a2 = a1 * a1, b2 = b1 * b1;

INLINE vfloat load(const float *p)
{
    vfloat v;

    memcpy(&v, p, sizeof(v));
    return v;
}

INLINE vfloat load(const bf16 *p)
{
    vhalf h;

    memcpy(&h, p, sizeof(h));
    return from_bf16(h);
}

INLINE void store(float *p, vfloat v)
{
    memcpy(p, &v, sizeof(v));
}

INLINE void store(bf16 *p, vfloat v)
{
    const vhalf h = to_bf16(v);

    memcpy(p, &h, sizeof(h));
}

// A word of two bfloat16 numbers for each lane.
INLINE void store_pair(float *p, vfloat low, vfloat high)
{
    const vword w = rounded(low) >> 16 | (rounded(high) & 0xffff0000);

    memcpy(p, &w, sizeof(w));
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
template <class T>
INLINE void weight_tile(const T *w, int64_t apart, bool turned,
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
        const vfloat down[3] = {half[0][c], half[1][c], half[2][c]};
        vfloat t[side];

        transform_weight(down, t);
        for (int r = 0; r < side; r++)
            u[r][c] = t[r];
    }
}

// Turned: the lanes of a weight tile are the lanes of u.
void weights_turned(const float *w, int64_t outputs, int64_t inputs, int64_t o,
                    float *u)
{
    for (int64_t i = 0; i < inputs; i += lanes) {
        for (int64_t j = 0; j < columns; j++) {
            vfloat t[side][side];

            weight_tile(w + (o + j) * 9 * inputs + i, inputs, true, t);
            for (int64_t f = 0; f < frequencies; f++)
                store(u +
                          ((f * (inputs / 32) + i / 32) * outputs + o + j) *
                              columns +
                          i % 32,
                      t[f / side][f % side]);
        }
    }
}

// The same for bfloat16: outputs 16 apart become a word.
void weights_turned(const bf16 *w, int64_t outputs, int64_t inputs, int64_t o,
                    float *u)
{
    const int64_t words = outputs / 2, row = 9 * inputs;

    for (int64_t i = 0; i < inputs; i += lanes) {
        for (int64_t j = 0; j < lanes; j++) {
            vfloat low[side][side], high[side][side];

            weight_tile(w + (o + j) * row + i, inputs, true, low);
            weight_tile(w + (o + j + lanes) * row + i, inputs, true, high);
            for (int64_t f = 0; f < frequencies; f++)
                store_pair(
                    u +
                        ((f * (inputs / 32) + i / 32) * words + o / 2 + j) *
                            columns +
                        i % 32,
                    low[f / side][f % side], high[f / side][f % side]);
        }
    }
}

typedef float weight_block[frequencies][lanes][lanes]; // output, input

// Tiles of 16 outputs and 16 inputs.
template <class T>
INLINE void weight_tiles(const T *w, int64_t inputs, weight_block block)
{
    for (int64_t j = 0; j < lanes; j++) {
        vfloat t[side][side];

        weight_tile(w + j * 9 * inputs, inputs, false, t);
        for (int64_t f = 0; f < frequencies; f++)
            store(block[f][j], t[f / side][f % side]);
    }
}

// All outputs of input k of a block.
INLINE vfloat column(const float block[lanes][lanes], int64_t k)
{
    vfloat v;

    for (int64_t j = 0; j < lanes; j++)
        v[j] = block[j][k];
    return v;
}

// Not turned: the lanes of u are outputs, so 16x16 blocks are transposed.
INLINE void straight(const float *w, int64_t outputs, int64_t inputs, int64_t o,
                     float *u)
{
    weight_block block;

    for (int64_t i = 0; i < inputs; i += lanes) {
        weight_tiles(w + o * 9 * inputs + i, inputs, block);
        for (int64_t f = 0; f < frequencies; f++)
            for (int64_t k = 0; k < lanes; k++)
                store(u +
                          ((f * (outputs / 32) + o / 32) * inputs + i + k) *
                              columns +
                          o % 32,
                      column(block[f], k));
    }
}

// The same for bfloat16: inputs 16 apart become a word.
INLINE void straight(const bf16 *w, int64_t outputs, int64_t inputs, int64_t o,
                     float *u)
{
    const int64_t words = inputs / 2;
    weight_block low, high;

    for (int64_t i = 0; i < inputs; i += 2 * lanes) {
        const bf16 *const from = w + o * 9 * inputs + i;

        weight_tiles(from, inputs, low);
        weight_tiles(from + lanes, inputs, high);
        for (int64_t f = 0; f < frequencies; f++)
            for (int64_t k = 0; k < lanes; k++)
                store_pair(
                    u +
                        ((f * (outputs / 32) + o / 32) * words + i / 2 + k) *
                            columns +
                        o % 32,
                    column(low[f], k), column(high[f], k));
    }
}

template <class T>
void weights_of(const T *w, int64_t outputs, int64_t inputs, bool turned,
                int64_t o, float *u)
{
    if (turned) {
        weights_turned(w, outputs, inputs, o, u);
        return;
    }
    straight(w, outputs, inputs, o, u);
    straight(w, outputs, inputs, o + lanes, u);
}

void weights(const th::winograd_weight *w, int64_t o, float *u)
{
    if (w->bf16)
        weights_of(static_cast<const bf16 *>(w->data), w->outputs, w->inputs,
                   w->turned, o, u);
    else
        weights_of(static_cast<const float *>(w->data), w->outputs, w->inputs,
                   w->turned, o, u);
}

// Row r of the 6x6 inputs of a tile, zero outside of the image.
template <class T>
INLINE void input_row(const th::winograd_tiles *t, int64_t channels, const T *x,
                      corner at, int r, vfloat d[side])
{
    const int64_t y = at.y - 1 + r;

    for (int c = 0; c < side; c++) {
        const int64_t px = at.x - 1 + c;

        d[c] = vfloat{};
        if (y >= 0 && y < t->height && px >= 0 && px < t->width)
            d[c] = load(x + (y * t->width + px) * channels);
    }
}

// B^T d B for 16 channels.
template <class T>
INLINE void input_tile(const th::winograd_tiles *t, int64_t channels,
                       const T *x, corner at, vfloat out[side][side])
{
    vfloat half[side][side];

    for (int r = 0; r < side; r++) {
        vfloat d[side];

        input_row(t, channels, x, at, r, d);
        transform_input(d, half[r]);
    }
    for (int c = 0; c < side; c++) {
        const vfloat down[side] = {half[0][c], half[1][c], half[2][c],
                                   half[3][c], half[4][c], half[5][c]};
        vfloat v[side];

        transform_input(down, v);
        for (int r = 0; r < side; r++)
            out[r][c] = v[r];
    }
}

void input_of(const th::winograd_tiles *t, int64_t channels, const float *x,
              float *v)
{
    const int64_t plane = channels * t->count; // of one frequency

    for (int64_t i = 0; i < t->count; i++) {
        const corner at(t, i);

        for (int64_t c = 0; c < channels; c += lanes) {
            vfloat out[side][side];

            input_tile(t, channels, x + c, at, out);
            for (int64_t f = 0; f < frequencies; f++)
                store(v + f * plane + c * t->count + i * lanes,
                      out[f / side][f % side]);
        }
    }
}

void input_of(const th::winograd_tiles *t, int64_t channels, const bf16 *x,
              float *v)
{
    const int64_t plane = channels / 2 * t->count;

    for (int64_t i = 0; i < t->count; i++) {
        const corner at(t, i);

        for (int64_t c = 0; c < channels; c += 2 * lanes) {
            vfloat low[side][side], high[side][side];

            input_tile(t, channels, x + c, at, low);
            input_tile(t, channels, x + c + lanes, at, high);
            for (int64_t f = 0; f < frequencies; f++)
                store_pair(v + f * plane + c / 2 * t->count + i * lanes,
                           low[f / side][f % side], high[f / side][f % side]);
        }
    }
}

void input(const th::winograd_tiles *t, int64_t channels, bool is_bf16,
           const void *x, float *v)
{
    if (is_bf16)
        input_of(t, channels, static_cast<const bf16 *>(x), v);
    else
        input_of(t, channels, static_cast<const float *>(x), v);
}

template <class T>
INLINE void output_tile(const th::winograd_tiles *t, int64_t channels,
                        corner at, const vfloat y[tile][tile], const T *more,
                        T *to)
{
    for (int64_t r = 0; r < tile && at.y + r < t->height; r++) {
        for (int64_t c = 0; c < tile && at.x + c < t->width; c++) {
            const int64_t i = ((at.y + r) * t->width + at.x + c) * channels;

            store(to + i, more ? y[r][c] + load(more + i) : y[r][c]);
        }
    }
}

template <class T>
INLINE void output_of(const th::winograd_tiles *t, int64_t channels,
                      const float *m, const th::winograd_added *added, T *y)
{
    const int64_t plane = channels * t->count;
    const float *const bias = added->bias;
    const T *const more = static_cast<const T *>(added->more);

    for (int64_t i = 0; i < t->count; i++) {
        const corner at(t, i);

        for (int64_t c = 0; c < channels; c += lanes) {
            const float *const from = m + c * t->count + i * lanes;
            const vfloat add = bias ? load(bias + c) : vfloat{};
            vfloat half[side][tile], out[tile][tile];

            for (int r = 0; r < side; r++) {
                vfloat d[side];

                for (int col = 0; col < side; col++)
                    d[col] = load(from + (r * side + col) * plane);
                transform_output(d, half[r]);
            }
            for (int col = 0; col < tile; col++) {
                const vfloat down[side] = {half[0][col], half[1][col],
                                           half[2][col], half[3][col],
                                           half[4][col], half[5][col]};
                vfloat d[tile];

                transform_output(down, d);
                for (int r = 0; r < tile; r++)
                    out[r][col] = d[r] + add;
            }
            output_tile(t, channels, at, out, more ? more + c : more, y + c);
        }
    }
}

void output(const th::winograd_tiles *t, int64_t channels, const float *m,
            const th::winograd_added *added, bool is_bf16, void *y)
{
    if (is_bf16)
        output_of(t, channels, m, added, static_cast<bf16 *>(y));
    else
        output_of(t, channels, m, added, static_cast<float *>(y));
}

} // namespace

extern const th::winograd_kernels TABLE(th_winograd_);
const th::winograd_kernels TABLE(th_winograd_) = {
    weights,
    input,
    output,
};
