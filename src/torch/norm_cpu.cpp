// Group norm + scale/shift + SiLU on the CPU, in channels last.
//
// The pixels of an image are cut into parts of a fixed number of values. Each
// part is reduced by one thread, and the parts are added in their order, in
// double: results depend neither on the number of threads nor on the other
// images of the batch.
#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>

#include "torch/cpu_kernels.hpp"
#include "torch/norm.hpp"

namespace
{

constexpr int64_t part_values = 8192; // 32 KiB of float32: fits caches

// Pixels whose sums are kept in float32; the rest is added in double. What
// rounding takes from a variance shifts a whole group of channels, and the
// denoising loop multiplies it.
constexpr int64_t span_pixels = 64;

struct geometry {
    int64_t images, channels, pixels, groups;
    int64_t width;       // channels of a group
    int64_t padded;      // channels rounded up to whole vectors
    int64_t part, parts; // pixels of a part, parts of an image
    bool bf16;

    geometry(const at::Tensor &x, int64_t groups_)
        : images(x.size(0)), channels(x.size(1)), pixels(x.size(2) * x.size(3)),
          groups(groups_), width(channels / groups_),
          padded((channels + th::lanes - 1) / th::lanes * th::lanes),
          part(even(pixels, std::max<int64_t>(1, part_values / channels))),
          parts((pixels + part - 1) / part),
          bf16(x.scalar_type() == at::kBFloat16)
    {
    }

    // All in as many parts as `most` would make, of one size.
    static int64_t even(int64_t all, int64_t most)
    {
        const int64_t n = (all + most - 1) / most;

        return (all + n - 1) / n;
    }
    // Pixels of part p.
    int64_t count(int64_t p) const
    {
        return std::min(part, pixels - p * part);
    }
    th::span span(int64_t p) const
    {
        return {count(p), channels, bf16};
    }
    // Pixels from `first` of part p on, at most span_pixels.
    th::span span(int64_t p, int64_t first) const
    {
        return {std::min(span_pixels, count(p) - first), channels, bf16};
    }
    // Byte offset of a pixel of part p of image b.
    int64_t at(int64_t b, int64_t p, int64_t pixel = 0) const
    {
        return (b * pixels + p * part + pixel) * channels * (bf16 ? 2 : 4);
    }
};

template <class T> T *offset(T *data, int64_t bytes)
{
    using byte = std::conditional_t<std::is_const_v<T>, const char, char>;

    return reinterpret_cast<T *>(reinterpret_cast<byte *>(data) + bytes);
}

// f(image, part) for every part, on all threads.
template <class F> void each_part(const geometry &g, F f)
{
    at::parallel_for(0, g.images * g.parts, 1, [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; i++)
            f(i / g.parts, i % g.parts);
    });
}

struct moment {
    double mean, square; // square: sum of squared distances from the mean
};

// Mean and spread of one group in one part, from its channels' sums.
moment group_moment(const geometry &g, int64_t group, double n,
                    const float *first, const float *sum, const float *square)
{
    moment m = {0, 0};
    const int64_t from = group * g.width, to = from + g.width;

    for (int64_t c = from; c < to; c++)
        m.mean += first[c] + sum[c] / n;
    m.mean /= static_cast<double>(g.width);
    for (int64_t c = from; c < to; c++) {
        const double distance = first[c] + sum[c] / n - m.mean;

        m.square += square[c] - static_cast<double>(sum[c]) * sum[c] / n +
                    n * distance * distance;
    }
    return m;
}

// Takes the moments of n more values in (Chan, Golub and LeVeque 1983).
void merge(moment *m, double had, const moment &more, double n)
{
    const double distance = more.mean - m->mean;

    m->mean += distance * n / (had + n);
    m->square += more.square + distance * distance * had * n / (had + n);
}

// Moments of all parts of one image and group.
moment whole_moment(const geometry &g, const moment *parts)
{
    moment m = {0, 0};
    double had = 0;

    for (int64_t p = 0; p < g.parts; p++) {
        const double n = static_cast<double>(g.count(p) * g.width);

        merge(&m, had, parts[p * g.groups], n);
        had += n;
    }
    m.square = std::max(m.square, 0.0);
    return m;
}

// Moments of every group in part p of image b -> m [groups]
void part_moments(const geometry &g, int64_t b, int64_t p, const void *data,
                  moment *m)
{
    std::vector<float> scratch(static_cast<size_t>(3 * g.padded));
    float *const first = scratch.data();

    std::fill_n(m, g.groups, moment{0, 0});
    for (int64_t at = 0; at < g.count(p); at += span_pixels) {
        const th::span s = g.span(p, at);
        const double width = static_cast<double>(g.width);

        th::kernels().moments(s, offset(data, g.at(b, p, at)), first,
                              first + g.padded, first + 2 * g.padded);
        for (int64_t i = 0; i < g.groups; i++)
            merge(&m[i], static_cast<double>(at) * width,
                  group_moment(g, i, static_cast<double>(s.pixels), first,
                               first + g.padded, first + 2 * g.padded),
                  static_cast<double>(s.pixels) * width);
    }
}

// -> [B,groups,2] f32: mean and 1 / sqrt(var + eps)
at::Tensor moments_of(const geometry &g, const at::Tensor &x, double eps)
{
    at::Tensor out = at::empty({g.images, g.groups, 2}, at::kFloat);
    float *const result = out.data_ptr<float>();
    std::vector<moment> partial(
        static_cast<size_t>(g.images * g.parts * g.groups));
    const void *const data = x.const_data_ptr();

    each_part(g, [&](int64_t b, int64_t p) {
        part_moments(
            g, b, p, data,
            &partial[static_cast<size_t>((b * g.parts + p) * g.groups)]);
    });
    for (int64_t i = 0; i < g.images * g.groups; i++) {
        const int64_t b = i / g.groups;
        const moment m =
            whole_moment(g, &partial[static_cast<size_t>(
                                b * g.parts * g.groups + i % g.groups)]);
        const double n = static_cast<double>(g.pixels * g.width);

        result[2 * i] = static_cast<float>(m.mean);
        result[2 * i + 1] =
            static_cast<float>(1 / std::sqrt(m.square / n + eps));
    }
    return out;
}

// Row-major float32 numbers of an argument that may be undefined.
class numbers
{
  public:
    explicit numbers(const at::Tensor &t)
        : kept(t.defined() ? t.detach().to(at::kFloat).contiguous() : t),
          data(t.defined() ? kept.const_data_ptr<float>() : nullptr)
    {
    }
    float at(int64_t i, float absent) const
    {
        return data ? data[i] : absent;
    }

  private:
    at::Tensor kept;
    const float *data;
};

// The per-channel parameters of every image.
class parameters
{
  public:
    parameters(const geometry &geometry_, const at::Tensor &moments,
               const th::norm_args &a)
        : g(geometry_), silu(a.silu),
          values(static_cast<size_t>(3 * g.images * g.padded))
    {
        const numbers gamma(a.gamma), beta(a.beta), scale(a.scale),
            shift(a.shift);
        const float *const m = moments.const_data_ptr<float>();

        for (int64_t b = 0; b < g.images; b++) {
            for (int64_t c = 0; c < g.channels; c++) {
                const float *const at = m + 2 * (b * g.groups + c / g.width);
                const float film = 1 + scale.at(b * g.channels + c, 0);
                float *const out = row(b) + c;

                out[0] = at[0];
                out[g.padded] = at[1] * gamma.at(c, 1) * film;
                out[2 * g.padded] =
                    beta.at(c, 0) * film + shift.at(b * g.channels + c, 0);
            }
        }
    }
    th::affine of(int64_t b) const
    {
        const float *const r =
            values.data() + static_cast<size_t>(3 * b * g.padded);

        return {r, r + g.padded, r + 2 * g.padded, silu};
    }

  private:
    float *row(int64_t b)
    {
        return values.data() + static_cast<size_t>(3 * b * g.padded);
    }

    const geometry &g;
    bool silu;
    std::vector<float> values;
};

// Sums over all pixels of an image, per channel: of du and of du (x - mean).
struct channel_sums {
    std::vector<double> du, product; // [B,C]
};

// What the sums are of; kept: see cpu_kernels.hpp
struct summed {
    const void *x, *dy;
    float *kept;
};

// Both sums of part p of image b -> out [2,padded]
void part_sums(const geometry &g, const parameters &a, int64_t b, int64_t p,
               const summed &s, double *out)
{
    const th::affine affine = a.of(b);
    std::vector<float> sums(static_cast<size_t>(2 * g.padded));

    for (int64_t at = 0; at < g.count(p); at += span_pixels) {
        const int64_t byte = g.at(b, p, at);

        th::kernels().sums(g.span(p, at), &affine, offset(s.x, byte),
                           offset(s.dy, byte),
                           s.kept ? offset(s.kept, byte) : nullptr, sums.data(),
                           sums.data() + g.padded);
        for (size_t i = 0; i < sums.size(); i++)
            out[i] += sums[i];
    }
}

// Adds the parts of image b, [parts,2,padded], in their order.
void add_parts(const geometry &g, int64_t b, const double *parts,
               channel_sums *out)
{
    const size_t to = static_cast<size_t>(b * g.channels);

    for (int64_t p = 0; p < g.parts; p++, parts += 2 * g.padded)
        for (int64_t c = 0; c < g.channels; c++) {
            out->du[to + static_cast<size_t>(c)] += parts[c];
            out->product[to + static_cast<size_t>(c)] += parts[g.padded + c];
        }
}

channel_sums sums_of(const geometry &g, const parameters &a, const summed &s)
{
    const size_t row = static_cast<size_t>(2 * g.padded);
    std::vector<double> partial(static_cast<size_t>(g.images * g.parts) * row);
    channel_sums out;

    each_part(g, [&](int64_t b, int64_t p) {
        part_sums(g, a, b, p, s,
                  &partial[static_cast<size_t>(b * g.parts + p) * row]);
    });
    out.du.resize(static_cast<size_t>(g.images * g.channels));
    out.product.resize(out.du.size());
    at::parallel_for(0, g.images, 1, [&](int64_t from, int64_t to) {
        for (int64_t b = from; b < to; b++)
            add_parts(g, b, &partial[static_cast<size_t>(b * g.parts) * row],
                      &out);
    });
    return out;
}

// c1 and c2 of norm.hpp, per channel.
std::vector<float> corrections(const geometry &g, const parameters &a,
                               const at::Tensor &moments,
                               const channel_sums &sums)
{
    std::vector<float> out(static_cast<size_t>(2 * g.images * g.padded));
    const double n = static_cast<double>(g.pixels * g.width);
    const float *const m = moments.const_data_ptr<float>();

    for (int64_t i = 0; i < g.images * g.groups; i++) {
        const int64_t b = i / g.groups, from = i % g.groups * g.width;
        const th::affine affine = a.of(b);
        const double r = m[2 * i + 1];
        double s1 = 0, s2 = 0;

        for (int64_t c = from; c < from + g.width; c++) {
            const size_t at = static_cast<size_t>(b * g.channels + c);

            s1 += affine.factor[c] * sums.du[at];
            s2 += affine.factor[c] * sums.product[at];
        }
        float *const row = &out[static_cast<size_t>(2 * b * g.padded)];

        std::fill_n(row + from, g.width, static_cast<float>(s1 / n));
        std::fill_n(row + g.padded + from, g.width,
                    static_cast<float>(r * r * s2 / n));
    }
    return out;
}

// d / d scale = sum(du (gamma xhat + beta)), d / d shift = sum(du); [B,C]
void film_gradient(const geometry &g, const at::Tensor &moments,
                   const th::norm_args &a, const channel_sums &sums,
                   th::norm_gradient *out)
{
    const numbers gamma(a.gamma), beta(a.beta);
    const float *const m = moments.const_data_ptr<float>();
    at::Tensor scale = at::empty({g.images, g.channels}, at::kFloat);
    at::Tensor shift = at::empty({g.images, g.channels}, at::kFloat);

    for (int64_t i = 0; i < g.images * g.channels; i++) {
        const int64_t b = i / g.channels, c = i % g.channels;
        const double r = m[2 * (b * g.groups + c / g.width) + 1];
        const size_t at = static_cast<size_t>(i);

        scale.data_ptr<float>()[i] =
            static_cast<float>(gamma.at(c, 1) * r * sums.product[at] +
                               beta.at(c, 0) * sums.du[at]);
        shift.data_ptr<float>()[i] = static_cast<float>(sums.du[at]);
    }
    out->scale = scale.to(a.scale.scalar_type());
    out->shift = shift.to(a.shift.scalar_type());
}

} // namespace

th::norm_result th::norm_forward_cpu(const at::Tensor &x, const norm_args &a)
{
    const at::Tensor in = x.contiguous(at::MemoryFormat::ChannelsLast);
    const geometry g(in, a.groups);
    const at::Tensor moments = moments_of(g, in, a.eps);
    const parameters p(g, moments, a);
    at::Tensor y =
        at::empty(in.sizes(), in.options(), at::MemoryFormat::ChannelsLast);
    const void *const from = in.const_data_ptr();
    void *const to = y.mutable_data_ptr();

    each_part(g, [&](int64_t b, int64_t part) {
        const affine affine = p.of(b);

        kernels().apply(g.span(part), &affine, offset(from, g.at(b, part)),
                        offset(to, g.at(b, part)));
    });
    return {y, moments};
}

th::norm_gradient th::norm_backward_cpu(const norm_reads &reads,
                                        const norm_args &a, bool want_film)
{
    const at::Tensor in = reads.x.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor grad = reads.dy.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor &moments = reads.moments;
    const geometry g(in, a.groups);
    const parameters p(g, moments, a);
    const at::Tensor more =
        reads.more.defined()
            ? reads.more.contiguous(at::MemoryFormat::ChannelsLast)
            : at::Tensor();
    norm_gradient out;

    out.x = at::empty(in.sizes(), in.options(), at::MemoryFormat::ChannelsLast);
    void *const to = out.x.mutable_data_ptr();
    // The slopes of SiLU cost most: in float32 they wait where dx will be.
    const bool keep = a.silu && !g.bf16;
    const channel_sums sums =
        sums_of(g, p,
                {in.const_data_ptr(), grad.const_data_ptr(),
                 keep ? static_cast<float *>(to) : nullptr});
    const std::vector<float> c = corrections(g, p, moments, sums);
    const void *const from = in.const_data_ptr(),
                      *const slope = keep ? to : grad.const_data_ptr(),
                      *const rest =
                          more.defined() ? more.const_data_ptr() : nullptr;

    each_part(g, [&](int64_t b, int64_t part) {
        const affine whole = p.of(b);
        const affine affine = {whole.mean, whole.factor, whole.offset,
                               whole.silu && !keep};
        const float *const c1 = &c[static_cast<size_t>(2 * b * g.padded)];
        const slopes k = {c1, c1 + g.padded};
        const int64_t at = g.at(b, part);

        kernels().derive(g.span(part), &affine, &k, offset(from, at),
                         offset(slope, at), rest ? offset(rest, at) : nullptr,
                         offset(to, at));
    });
    if (want_film)
        film_gradient(g, moments, a, sums, &out);
    return out;
}
