// The loops of cpu_attention.hpp. Compiled like cpu_winograd.cpp.
#include <stdint.h>
#include <string.h>

#include "torch/cpu_attention.hpp"
#include "torch/cpu_exponential.hpp"

namespace
{

// Rows whose two vectors of sums stay in registers together.
#ifdef __AVX512F__
constexpr int step = 8;
#else
constexpr int step = 2;
#endif

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

// ---- products

// Element (i, j) is at[i * row + j * col].
struct matrix {
    const float *at;
    int64_t row, col;
};

// `rows` rows and 16 * `vectors` columns of a b; b [k][n], c [m][n].
template <int rows, int vectors>
INLINE void multiply_block(int64_t n, int64_t k, const matrix &a,
                           const float *b, float *c)
{
    vfloat sum[rows][vectors] = {};

    for (int64_t j = 0; j < k; j++, b += n) {
        vfloat line[vectors];

        for (int i = 0; i < vectors; i++)
            line[i] = load(b + i * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const float value = a.at[r * a.row + j * a.col];

            for (int i = 0; i < vectors; i++)
                sum[r][i] += value * line[i];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < vectors; i++)
            store(c + r * n + i * lanes, sum[r][i]);
}

template <int rows>
INLINE void multiply_rows(int64_t n, int64_t k, const matrix &a, const float *b,
                          float *c)
{
    int64_t i = 0;

    for (; i + 2 * lanes <= n; i += 2 * lanes)
        multiply_block<rows, 2>(n, k, a, b + i, c + i);
    if (i < n)
        multiply_block<rows, 1>(n, k, a, b + i, c + i);
}

// c [m][n] = a [m][k] b [k][n]; n is a multiple of 16.
void multiply(int64_t m, int64_t n, int64_t k, matrix a, const float *b,
              float *c)
{
    int64_t i = 0;

    for (; i + step <= m; i += step, a.at += step * a.row)
        multiply_rows<step>(n, k, a, b, c + i * n);
    for (; i < m; i++, a.at += a.row)
        multiply_rows<1>(n, k, a, b, c + i * n);
}

// ---- between the head's arrays and float32

INLINE vfloat read(const th::attention_head *h, const void *p, int64_t at)
{
    vhalf half;

    if (!h->bf16)
        return load(static_cast<const float *>(p) + at);
    memcpy(&half, static_cast<const bf16 *>(p) + at, sizeof(half));
    return from_bf16(half);
}

INLINE void write(const th::attention_head *h, void *p, int64_t at, vfloat v)
{
    const vhalf half = to_bf16(v);

    if (h->bf16)
        memcpy(static_cast<bf16 *>(p) + at, &half, sizeof(half));
    else
        store(static_cast<float *>(p) + at, v);
}

// -> to [tokens][width]
void fetch(const th::attention_head *h, const void *from, int64_t first,
           int64_t pitch, float *to)
{
    for (int64_t t = 0; t < h->tokens; t++)
        for (int64_t i = 0; i < h->width; i += lanes)
            store(to + t * h->width + i, read(h, from, first + t * pitch + i));
}

void put(const th::attention_head *h, const float *from, void *to,
         int64_t first, int64_t pitch)
{
    for (int64_t t = 0; t < h->tokens; t++)
        for (int64_t i = 0; i < h->width; i += lanes)
            write(h, to, first + t * pitch + i, load(from + t * h->width + i));
}

// [tokens][width] -> [width][padded], the rest zero
void turn(const th::attention_head *h, int64_t padded, const float *from,
          float *to)
{
    memset(to, 0, static_cast<size_t>(h->width * padded) * sizeof(*to));
    for (int64_t t = 0; t < h->tokens; t++)
        for (int64_t i = 0; i < h->width; i++)
            to[i * padded + t] = from[t * h->width + i];
}

// ---- softmax

INLINE float sum_of(vfloat v)
{
    float part[lanes];

    store(part, v);
    for (int64_t n = lanes / 2; n > 0; n /= 2)
        for (int64_t i = 0; i < n; i++)
            part[i] += part[i + n];
    return part[0];
}

INLINE float largest_of(vfloat v)
{
    float part[lanes];

    store(part, v);
    for (int64_t n = lanes / 2; n > 0; n /= 2)
        for (int64_t i = 0; i < n; i++)
            part[i] = part[i] > part[i + n] ? part[i] : part[i + n];
    return part[0];
}

// One row in place; what lies behind the last token becomes next to nothing.
void softmax(int64_t tokens, int64_t padded, float scale, float *row)
{
    vfloat most = vfloat{} + row[0], total = {};

    for (int64_t t = tokens; t < padded; t++)
        row[t] = -3e38F;
    for (int64_t t = 0; t < padded; t += lanes) {
        const vfloat v = load(row + t);

        most = v > most ? v : most;
    }
    const float peak = largest_of(most);

    for (int64_t t = 0; t < padded; t += lanes) {
        const vfloat p = exponential((load(row + t) - peak) * scale);

        total += p;
        store(row + t, p);
    }
    const float share = 1 / sum_of(total);

    for (int64_t t = 0; t < padded; t += lanes)
        store(row + t, load(row + t) * share);
}

// dp in place becomes ds; its padding is zero.
void softmax_gradient(int64_t padded, float scale, const float *p, float *dp)
{
    vfloat total = {};

    for (int64_t t = 0; t < padded; t += lanes)
        total += load(p + t) * load(dp + t);
    const float mean = sum_of(total);

    for (int64_t t = 0; t < padded; t += lanes)
        store(dp + t, load(p + t) * (load(dp + t) - mean) * scale);
}

// ---- a head

// The scratch memory's parts, with q, k and v in them.
struct head {
    const th::attention_head *h;
    int64_t tokens, width, padded;
    float *q, *k, *v; // [tokens][width]
    float *turned;    // [width][padded]
    float *dy, *out;  // [tokens][width]
    float *p, *dp;    // [tokens][padded]

    head(const th::attention_head *h_, const void *qkv, float *scratch)
        : h(h_), tokens(h_->tokens), width(h_->width),
          padded((h_->tokens + lanes - 1) / lanes * lanes), q(scratch),
          k(q + th::attention_tokens * width),
          v(k + th::attention_tokens * width),
          turned(v + th::attention_tokens * width),
          dy(turned + th::attention_tokens * width),
          out(dy + th::attention_tokens * width),
          p(out + th::attention_tokens * width),
          dp(p + th::attention_tokens * th::attention_tokens)
    {
        fetch(h, qkv, 0, h->token, q);
        fetch(h, qkv, h->part, h->token, k);
        fetch(h, qkv, 2 * h->part, h->token, v);
    }
    void weigh()
    {
        turn(h, padded, k, turned);
        multiply(tokens, padded, width, {q, width, 1}, turned, p);
        for (int64_t t = 0; t < tokens; t++)
            softmax(tokens, padded, h->scale, p + t * padded);
    }
};

void forward(const th::attention_head *h, const void *qkv, float *scratch,
             void *y)
{
    head a(h, qkv, scratch);

    a.weigh();
    multiply(a.tokens, a.width, a.tokens, {a.p, a.padded, 1}, a.v, a.out);
    put(h, a.out, y, 0, h->pitch);
}

void backward(const th::attention_head *h, const void *qkv, const void *dy,
              float *scratch, void *dqkv)
{
    head a(h, qkv, scratch);

    a.weigh();
    fetch(h, dy, 0, h->pitch, a.dy);
    multiply(a.tokens, a.width, a.tokens, {a.p, 1, a.padded}, a.dy, a.out);
    put(h, a.out, dqkv, 2 * h->part, h->token);
    turn(h, a.padded, a.v, a.turned);
    multiply(a.tokens, a.padded, a.width, {a.dy, a.width, 1}, a.turned, a.dp);
    for (int64_t t = 0; t < a.tokens; t++)
        softmax_gradient(a.padded, h->scale, a.p + t * a.padded,
                         a.dp + t * a.padded);
    multiply(a.tokens, a.width, a.tokens, {a.dp, a.padded, 1}, a.k, a.out);
    put(h, a.out, dqkv, 0, h->token);
    multiply(a.tokens, a.width, a.tokens, {a.dp, 1, a.padded}, a.q, a.out);
    put(h, a.out, dqkv, h->part, h->token);
}

} // namespace

extern const th::attention_kernels TABLE(th_attention_);
const th::attention_kernels TABLE(th_attention_) = {
    forward,
    backward,
};
