// The loops of bands.hpp. Rows are sums of whole rows, which the compiler
// turns into vectors; columns are short sums of neighbours. Bands have few
// taps (pooling 256 to 224 pixels: 2), so this is several times quicker than
// products with full matrices.
#include <cstring>

#include "torch/bands.hpp"

namespace
{

// The part of a band that belongs to one picture.
struct one_band {
    const int32_t *first;
    const float *weights;
    int64_t outputs, taps;

    one_band(const th::band &b, int64_t picture)
        : first(b.first + picture * b.outputs),
          weights(b.weights + picture * b.outputs * b.taps), outputs(b.outputs),
          taps(b.taps)
    {
    }
    bool idle(int64_t i) const
    {
        for (int64_t k = 0; k < taps; k++)
            if (weights[i * taps + k] != 0)
                return false;
        return true;
    }
};

struct range {
    int64_t low, high; // low <= i < high
};

// The inputs that a band reads: a window is mostly a part of its picture.
range inputs_of(const one_band &b)
{
    range r = {b.first[0], b.first[0] + b.taps};

    for (int64_t i = 1; i < b.outputs; i++) {
        r.low = b.first[i] < r.low ? b.first[i] : r.low;
        r.high = b.first[i] + b.taps > r.high ? b.first[i] + b.taps : r.high;
    }
    return r;
}

// The outputs between the first and the last that are not always zero.
range outputs_of(const one_band &b)
{
    range r = {0, b.outputs};

    while (r.low < r.high && b.idle(r.low))
        r.low++;
    while (r.low < r.high && b.idle(r.high - 1))
        r.high--;
    return r;
}

// to[0..n-1] += w * from[0..n-1]
void add_row(int64_t n, float w, const float *__restrict from,
             float *__restrict to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += w * from[i];
}

// One row through the columns' map, outputs low to high.
void map_row(const one_band &b, range r, const float *__restrict from,
             float *__restrict to)
{
    if (b.taps == 2) {
        for (int64_t i = r.low; i < r.high; i++) {
            const float *at = from + b.first[i];

            to[i] = b.weights[2 * i] * at[0] + b.weights[2 * i + 1] * at[1];
        }
        return;
    }
    for (int64_t i = r.low; i < r.high; i++) {
        const float *at = from + b.first[i];
        const float *w = b.weights + i * b.taps;
        float sum = 0;

        for (int64_t k = 0; k < b.taps; k++)
            sum += w[k] * at[k];
        to[i] = sum;
    }
}

} // namespace

void th::bands_forward_cpu(const band &rows, const band &cols, int64_t picture,
                           const float *from, float *to, float *row)
{
    const one_band r(rows, picture), c(cols, picture);
    const range read = inputs_of(c);
    const int64_t n = read.high - read.low;

    for (int64_t i = 0; i < r.outputs; i++) {
        memset(row + read.low, 0, static_cast<size_t>(n) * sizeof(*row));
        for (int64_t k = 0; k < r.taps; k++)
            if (r.weights[i * r.taps + k] != 0)
                add_row(n, r.weights[i * r.taps + k],
                        from + (r.first[i] + k) * cols.inputs + read.low,
                        row + read.low);
        map_row(c, {0, c.outputs}, row, to + i * c.outputs);
    }
}

void th::bands_backward_cpu(const band &rows, const band &cols, int64_t picture,
                            const float *from, float *to, float *rest)
{
    const one_band r(rows, picture), c(cols, picture);
    const range written = outputs_of(c);
    const int64_t n = written.high - written.low, width = c.outputs;

    for (int64_t i = 0; i < rows.inputs; i++)
        map_row(c, written, from + i * cols.inputs, rest + i * width);
    for (int64_t i = 0; i < r.outputs; i++)
        for (int64_t k = 0; k < r.taps; k++)
            if (r.weights[i * r.taps + k] != 0)
                add_row(n, r.weights[i * r.taps + k],
                        rest + (r.first[i] + k) * width + written.low,
                        to + i * width + written.low);
}
