// The driver of Winograd's convolution: cuts the work into parts for threads.
//
// The transformed weight is made anew for every call. Kept, it would be four
// times the size of the weight; made, it costs a few percent of the
// convolution for the pictures of 32x32 and larger that take this way.
#include <algorithm>

#include <ATen/Parallel.h>

#include "torch/conv.hpp"
#include "torch/cpu_winograd.hpp"

namespace
{

struct winograd_plan {
    int64_t images, height, width;
    int64_t k, n;  // channels in and out
    int64_t steps; // of kernels.rows tiles, in an image
    int64_t parts; // of an image
    int64_t most;  // tiles of the largest part, rounded up
    const th::winograd_kernels &kernels;

    winograd_plan(const at::Tensor &x, int64_t outputs,
                  const th::winograd_kernels &kernels_)
        : images(x.size(0)), height(x.size(2)), width(x.size(3)), k(x.size(1)),
          n(outputs), kernels(kernels_)
    {
        const int64_t rows = kernels.rows, most_steps = 126 / rows;

        steps = (tiles() + rows - 1) / rows;
        parts = std::min(
            steps, std::max<int64_t>(8, (steps + most_steps - 1) / most_steps));
        most = (steps + parts - 1) / parts * rows;
    }

    int64_t tiles() const
    {
        const int64_t side = th::winograd_tile;

        return (height + side - 1) / side * ((width + side - 1) / side);
    }

    th::winograd_tiles part(int64_t p) const
    {
        const int64_t from = p * steps / parts, to = (p + 1) * steps / parts;
        th::winograd_tiles t = {height, width, from * kernels.rows, 0,
                                (to - from) * kernels.rows};

        t.count = std::min(t.rows, tiles() - t.first);
        return t;
    }
};

// -> u of cpu_winograd.hpp
at::Tensor transform_weight(const winograd_plan &p, const at::Tensor &weight,
                            bool turned)
{
    const at::Tensor w = weight.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor u =
        at::empty({th::winograd_frequencies * p.k * p.n}, w.options());
    const float *const from = w.const_data_ptr<float>();
    float *const to = u.mutable_data_ptr<float>();
    const int64_t outputs = w.size(0), inputs = w.size(1);

    at::parallel_for(0, outputs / 16, 1, [&](int64_t first, int64_t last) {
        for (int64_t o = first; o < last; o++)
            p.kernels.weights(from, outputs, inputs, turned, 16 * o, to);
    });
    return u;
}

void convolve_part(const winograd_plan &p, const th::winograd_tiles &t,
                   const float *u, const float *bias, const float *x,
                   float *scratch, float *y)
{
    float *const v = scratch;
    float *const m = v + th::winograd_frequencies * t.rows * p.k;

    p.kernels.input(&t, p.k, x, v);
    for (int64_t f = 0; f < th::winograd_frequencies; f++)
        p.kernels.multiply(t.rows, p.k, p.n, v + f * t.rows * p.k,
                           u + f * p.k * p.n, m + f * t.rows * p.n);
    p.kernels.output(&t, p.n, m, bias, y);
}

} // namespace

bool th::winograd_fits(const at::Tensor &x, const at::Tensor &weight,
                       bool turned)
{
    const auto many = [](int64_t channels) {
        return channels % 32 == 0 && channels >= 64;
    };

    return winograd() && x.is_cpu() && x.scalar_type() == at::kFloat &&
           weight.scalar_type() == at::kFloat && weight.dim() == 4 &&
           weight.size(2) == 3 && weight.size(3) == 3 &&
           x.size(1) == weight.size(turned ? 0 : 1) && many(weight.size(0)) &&
           many(weight.size(1)) && x.size(2) * x.size(3) >= 1024;
}

at::Tensor th::conv_winograd(const at::Tensor &x, const at::Tensor &weight,
                             const at::Tensor &bias, bool turned)
{
    const at::Tensor in = x.contiguous(at::MemoryFormat::ChannelsLast);
    const winograd_plan p(in, weight.size(turned ? 1 : 0), *winograd());
    const at::Tensor add = bias.defined() ? bias.contiguous() : bias;
    const at::Tensor u = transform_weight(p, weight, turned);
    const at::Tensor y =
        at::empty({p.images, p.n, p.height, p.width}, in.options(),
                  at::MemoryFormat::ChannelsLast);
    const float *const from = in.const_data_ptr<float>();
    float *const to = y.mutable_data_ptr<float>();
    const int64_t pixels = p.height * p.width;

    at::parallel_for(
        0, p.images * p.parts, 1, [&](int64_t first, int64_t last) {
            const at::Tensor scratch =
                at::empty({winograd_frequencies * p.most * (p.k + p.n)},
                          at::TensorOptions(at::kFloat));

            for (int64_t i = first; i < last; i++) {
                const int64_t image = i / p.parts;

                convolve_part(p, p.part(i % p.parts), u.const_data_ptr<float>(),
                              add.defined() ? add.const_data_ptr<float>()
                                            : nullptr,
                              from + image * pixels * p.k,
                              scratch.mutable_data_ptr<float>(),
                              to + image * pixels * p.n);
            }
        });
    return y;
}
