// The driver of Winograd's convolution: cuts the work into parts for threads.
// A tile's result does not depend on the part that it is in.
//
// The transformed weight of a large layer is made anew for every call. Kept, it
// would be four times the size of the weight; made, it costs a few percent of
// the convolution for the pictures of 32x32 and larger that take this way.
#include <algorithm>

#include <ATen/Parallel.h>

#include "torch/conv.hpp"
#include "torch/cpu_product.hpp"
#include "torch/cpu_winograd.hpp"
#include "torch/product.hpp"
#include "torch/scratch.hpp"

namespace
{

// Tiles of a part. Their transformed arrays shall stay near the core; but a
// transformed weight that does not is read for as many tiles as possible.
int64_t tiles_at_once(int64_t words, int64_t n)
{
    constexpr int64_t near_numbers = 160 << 10, near_weight = 1 << 14;
    constexpr int64_t least = 28, most = 126;

    if (words * n > near_weight)
        return most;
    return std::clamp(near_numbers / (th::winograd_frequencies * (words + n)),
                      least, most);
}

constexpr int64_t channel_unit = 32;

struct winograd_plan {
    int64_t images, height, width;
    int64_t k, n; // channels in and out
    bool bf16;
    int64_t words; // in k channels
    int64_t tiles; // of an image
    int64_t most;  // tiles of a part
    const th::winograd_kernels &kernels;
    const th::product_kernels &product;

    winograd_plan(const at::Tensor &x, int64_t outputs)
        : images(x.size(0)), height(x.size(2)), width(x.size(3)), k(x.size(1)),
          n(outputs), bf16(x.scalar_type() == at::kBFloat16),
          words(bf16 ? k / 2 : k), tiles(across(height) * across(width)),
          most(tiles_at_once(words, n)), kernels(*th::winograd()),
          product(*th::product())
    {
    }

    static int64_t across(int64_t pixels)
    {
        return (pixels + th::winograd_tile - 1) / th::winograd_tile;
    }

    // The next part of the tiles `first` to last - 1 of all images, of which
    // it is an even share; *image is the one that it lies in.
    th::winograd_tiles part(int64_t first, int64_t last, int64_t *image) const
    {
        const int64_t from = first % tiles;
        const int64_t left = std::min(last - first, tiles - from);
        const int64_t parts = (left + most - 1) / most;

        *image = first / tiles;
        return {height, width, from, (left + parts - 1) / parts};
    }
};

// -> u of cpu_winograd.hpp
at::Tensor transform_weight(const winograd_plan &p, const at::Tensor &w,
                            bool turned)
{
    at::Tensor u =
        at::empty({th::winograd_frequencies * p.words * p.n}, at::kFloat);
    const th::winograd_weight from = {w.const_data_ptr(), w.size(0), w.size(1),
                                      turned, p.bf16};
    float *const to = u.mutable_data_ptr<float>();

    at::parallel_for(0, w.size(0) / 32, 1, [&](int64_t first, int64_t last) {
        for (int64_t o = first; o < last; o++)
            p.kernels.weights(&from, 32 * o, to);
    });
    return u;
}

void convolve_part(const winograd_plan &p, const th::winograd_tiles &t,
                   const float *u, const th::winograd_added &added,
                   const void *x, float *scratch, void *y)
{
    float *const v = scratch;
    float *const m = v + th::winograd_frequencies * t.count * p.words;
    const auto multiply = p.bf16 ? p.product.multiply_bf16 : p.product.multiply;

    p.kernels.input(&t, p.k, p.bf16, x, v);
    for (int64_t f = 0; f < th::winograd_frequencies; f++)
        multiply(t.count, p.words, p.n, v + f * t.count * p.words,
                 u + f * p.words * p.n, m + f * t.count * p.n);
    p.kernels.output(&t, p.n, m, &added, p.bf16, y);
}

// Of a picture that is worth the transforms. In bfloat16 they cost digits as
// well; and a large weight would be transformed anew for few pixels.
int64_t least_pixels(const at::Tensor &x, const at::Tensor &weight)
{
    const bool small = weight.size(0) * weight.size(1) <= 1 << 15;

    return small && x.scalar_type() == at::kFloat ? 256 : 1024;
}

} // namespace

bool th::winograd_fits(const at::Tensor &x, const at::Tensor &weight,
                       bool turned)
{
    const auto many = [](int64_t channels) {
        return channels % channel_unit == 0 && channels >= 64;
    };

    return winograd() && product_fits(x, weight, turned) && weight.dim() == 4 &&
           weight.size(2) == 3 && weight.size(3) == 3 &&
           x.size(1) == weight.size(turned ? 0 : 1) && many(weight.size(0)) &&
           many(weight.size(1)) &&
           x.size(2) * x.size(3) >= least_pixels(x, weight);
}

at::Tensor th::conv_winograd(const at::Tensor &x, const at::Tensor &weight,
                             const at::Tensor &bias, const at::Tensor &more,
                             bool turned)
{
    const at::Tensor in = x.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor w = weight.contiguous(at::MemoryFormat::ChannelsLast);
    const winograd_plan p(in, weight.size(turned ? 1 : 0));
    const at::Tensor add = as_float(bias);
    const auto transform = [&] { return transform_weight(p, w, turned); };
    const at::Tensor u = w.is_same(weight)
                             ? prepared(w, turned ? 3 : 2, transform)
                             : transform();
    at::Tensor y = at::empty({p.images, p.n, p.height, p.width}, in.options(),
                             at::MemoryFormat::ChannelsLast);
    const char *const rest =
        more.defined() ? static_cast<const char *>(more.const_data_ptr())
                       : nullptr;
    const char *const from = static_cast<const char *>(in.const_data_ptr());
    char *const to = static_cast<char *>(y.mutable_data_ptr());
    const int64_t bytes = p.height * p.width * in.element_size();

    at::parallel_for(
        0, p.images * p.tiles, 1, [&](int64_t first, int64_t last) {
            const int64_t most = std::min(p.most, last - first);
            const scratch memory(winograd_frequencies * most * (p.words + p.n));

            while (first < last) {
                int64_t image;
                const winograd_tiles t = p.part(first, last, &image);

                const int64_t at = image * bytes * p.n;

                convolve_part(
                    p, t, u.const_data_ptr<float>(),
                    {add.defined() ? add.const_data_ptr<float>() : nullptr,
                     rest ? rest + at : nullptr},
                    from + image * bytes * p.k, memory.data(), to + at);
                first += t.count;
            }
        });
    return y;
}

bool th::narrow_fits(const at::Tensor &x, const at::Tensor &weight, bool turned)
{
    const int64_t few = std::min(weight.size(0), weight.size(1)),
                  many = std::max(weight.size(0), weight.size(1));

    return winograd() && x.is_cpu() && x.scalar_type() == at::kFloat &&
           weight.scalar_type() == at::kFloat && weight.dim() == 4 &&
           weight.size(2) == 3 && weight.size(3) == 3 &&
           x.size(1) == weight.size(turned ? 0 : 1) && few < channel_unit &&
           many % channel_unit == 0 && many >= 64 && x.size(0) > 0 &&
           x.size(2) * x.size(3) >= 1024;
}

at::Tensor th::conv_narrow(const at::Tensor &x, const at::Tensor &weight,
                           const at::Tensor &bias, bool turned)
{
    const at::Tensor wide = prepared(weight, 4, [&] {
        return filled(filled(weight, 0, channel_unit), 1, channel_unit)
            .contiguous(at::MemoryFormat::ChannelsLast);
    });
    const at::Tensor add =
        bias.defined() ? filled(bias, 0, channel_unit) : bias;

    return conv_winograd(filled(x, 1, channel_unit), wide, add, {}, turned)
        .narrow(1, 0, weight.size(turned ? 1 : 0))
        .contiguous(at::MemoryFormat::ChannelsLast);
}
