// th_apply_bands and its place in autograd: the backward keeps the transposed
// maps, a few kilobytes, and no picture.
#include <cstring>

#include <ATen/Parallel.h>
#ifdef NJ_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

#include "torch/bands.hpp"
#include "torch/node.hpp"
#include "torch/th_internal.hpp"

namespace
{

namespace ag = torch::autograd;

// A map whose arrays are parts of a block of words.
struct held_band {
    int64_t inputs, outputs, taps;
    int64_t first, weights; // where they begin

    th::band view(const at::Tensor &words) const
    {
        const int32_t *const data = words.const_data_ptr<int32_t>();

        return {inputs, outputs, taps, data + first,
                reinterpret_cast<const float *>(data + weights)};
    }
};

// Two maps, in the memory of the device that will run them.
struct held_bands {
    held_band rows, cols;
    at::Tensor words;
};

struct band_sizes {
    int64_t pictures, images, channels;
};

void check_band(const th_band &b, int64_t pictures, int64_t inputs)
{
    TORCH_CHECK(b.inputs == inputs, "a map of ", b.inputs, " inputs got ",
                inputs);
    TORCH_CHECK(b.outputs > 0 && b.taps > 0 && b.taps <= b.inputs, "a map of ",
                b.outputs, " outputs has ", b.taps, " taps");
    for (int64_t i = 0; i < pictures * b.outputs; i++)
        TORCH_CHECK(b.first[i] >= 0 && b.first[i] + b.taps <= b.inputs,
                    "a map reads outside its inputs");
}

// Words of a map's arrays.
int64_t band_words(const th_band &b, int64_t pictures)
{
    return pictures * b.outputs * (1 + b.taps);
}

// Puts a map's arrays at `used`.
held_band store_band(const th_band &b, int64_t pictures, int32_t *words,
                     int64_t *used)
{
    const int64_t n = pictures * b.outputs;
    const held_band held = {b.inputs, b.outputs, b.taps, *used, *used + n};
    const auto bytes = [](int64_t count) {
        return static_cast<size_t>(count) * sizeof(*words);
    };

    std::memcpy(words + held.first, b.first, bytes(n));
    std::memcpy(words + held.weights, b.weights, bytes(n * b.taps));
    *used += band_words(b, pictures);
    return held;
}

// Maps there and, when wanted, back, in one block: an upload is a launch.
void hold_bands(const th_bands &b, at::Device device, held_bands *there,
                held_bands *back)
{
    const int64_t n = b.pictures;
    const int64_t size =
        band_words(b.rows, n) + band_words(b.cols, n) +
        (back ? band_words(b.rows_back, n) + band_words(b.cols_back, n) : 0);
    const at::Tensor words = at::empty({size}, at::kInt);
    int32_t *const data = words.mutable_data_ptr<int32_t>();
    int64_t used = 0;

    there->rows = store_band(b.rows, n, data, &used);
    there->cols = store_band(b.cols, n, data, &used);
    if (back) {
        back->rows = store_band(b.rows_back, n, data, &used);
        back->cols = store_band(b.cols_back, n, data, &used);
    }
    there->words = device.is_cpu() ? words : th::moved(words, device, at::kInt);
    if (back)
        back->words = there->words;
}

// ---- the CPU ---------------------------------------------------------------

void forward_on_cpu(const th::band &rows, const th::band &cols,
                    const band_sizes &n, const float *x, float *y)
{
    const int64_t in = rows.inputs * cols.inputs;
    const int64_t out = rows.outputs * cols.outputs;

    at::parallel_for(
        0, n.pictures * n.channels, 1, [&](int64_t i, int64_t end) {
            std::vector<float> row(static_cast<size_t>(cols.inputs));

            for (; i < end; i++) {
                const int64_t r = i / n.channels, c = i % n.channels;

                th::bands_forward_cpu(rows, cols, r,
                                      x + (r % n.images * n.channels + c) * in,
                                      y + i * out, row.data());
            }
        });
}

void backward_on_cpu(const th::band &rows, const th::band &cols,
                     const band_sizes &n, const float *dy, float *dx)
{
    const int64_t in = rows.inputs * cols.inputs;
    const int64_t out = rows.outputs * cols.outputs;

    std::fill_n(dx, n.images * n.channels * out, 0.0F);
    at::parallel_for(0, n.images * n.channels, 1, [&](int64_t i, int64_t end) {
        std::vector<float> rest(
            static_cast<size_t>(rows.inputs * cols.outputs));

        for (; i < end; i++)
            for (int64_t r = i / n.channels; r < n.pictures; r += n.images)
                th::bands_backward_cpu(
                    rows, cols, r, dy + (r * n.channels + i % n.channels) * in,
                    dx + i * out, rest.data());
    });
}

// ---- either device ---------------------------------------------------------

#ifdef NJ_CUDA
void run_on_cuda(bool back, const nj_bands &b, const at::Tensor &x,
                 const at::Tensor &y)
{
    const auto run = back ? nj_bands_backward_cuda : nj_bands_forward_cuda;
    const int code =
        run(&b, x.const_data_ptr<float>(), y.mutable_data_ptr<float>(),
            c10::cuda::getCurrentCUDAStream(x.device().index()).stream());

    th::check_launch(code);
}
#else
void run_on_cuda(bool, const nj_bands &, const at::Tensor &, const at::Tensor &)
{
    TORCH_CHECK(false, "this program was built without CUDA kernels");
}
#endif

// Forward: x [B,C,H,W] -> [R,C,S,T]; back, with the transposed maps: [R,C,S,T]
// -> [B,C,H,W].
at::Tensor run_bands(bool back, const at::Tensor &x, const held_bands &m,
                     band_sizes n)
{
    const c10::OptionalDeviceGuard guard(x.device());
    const th::band rows = m.rows.view(m.words), cols = m.cols.view(m.words);
    at::Tensor y = at::empty(
        {back ? n.images : n.pictures, n.channels, rows.outputs, cols.outputs},
        x.options());

    if (!x.is_cpu())
        run_on_cuda(back, {rows, cols, n.pictures, n.images, n.channels}, x, y);
    else
        (back ? backward_on_cpu : forward_on_cpu)(rows, cols, n,
                                                  x.const_data_ptr<float>(),
                                                  y.mutable_data_ptr<float>());
    return y;
}

// ---- autograd --------------------------------------------------------------

struct bands_node : public ag::Node {
    held_bands back;
    band_sizes sizes = {};

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return ag::variable_list(1);
        return {run_bands(true, grads[0].contiguous(), back, sizes)};
    }
};

at::Tensor apply_bands(const at::Tensor &x, const th_bands &b)
{
    const band_sizes sizes = {b.pictures, x.size(0), x.size(1)};
    const auto node = th::node_of<bands_node>(x);
    held_bands maps;
    at::Tensor y;

    if (node) {
        node->sizes = sizes;
    }
    hold_bands(b, x.device(), &maps, node ? &node->back : nullptr);
    {
        const c10::NoGradGuard no_grad;

        y = run_bands(false, x.detach().contiguous(), maps, sizes);
    }
    if (node)
        ag::set_history(y, node);
    return y;
}

void check_bands(const at::Tensor &x, const th_bands &b)
{
    TORCH_CHECK(x.dim() == 4 && x.scalar_type() == at::kFloat,
                "x must be float32 with 4 dimensions");
    TORCH_CHECK(x.numel() > 0 && b.pictures > 0 && b.pictures % x.size(0) == 0,
                b.pictures, " pictures do not divide into ", x.size(0),
                " images");
    check_band(b.rows, b.pictures, x.size(2));
    check_band(b.cols, b.pictures, x.size(3));
    check_band(b.rows_back, b.pictures, b.rows.outputs);
    check_band(b.cols_back, b.pictures, b.cols.outputs);
    TORCH_CHECK(b.rows_back.outputs == x.size(2) &&
                    b.cols_back.outputs == x.size(3),
                "the transposed maps have other sizes");
}

} // namespace

extern "C" th_tensor *th_apply_bands(th_scope *s, const th_tensor *x,
                                     const th_bands *bands)
{
    return th::op(s, "apply_bands", {x}, [&] {
        check_bands(x->t, *bands);
        return apply_bands(x->t, *bands);
    });
}
