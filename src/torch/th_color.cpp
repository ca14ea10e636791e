// th_color and its place in autograd: cuda/color.h in loops on the CPU, as
// kernels on CUDA. The backward keeps x and the means of grey, and makes the
// steps between once more.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/saved_variable.h>
#ifdef NJ_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

#include "cuda/color.h"
#include "torch/node.hpp"
#include "torch/th_internal.hpp"

namespace
{

namespace ag = torch::autograd;

// f(image, pixel) for all, or the launch that does the same.
template <class F> void each_color(const nj_color &c, F f)
{
    at::parallel_for(0, c.images * c.pixels, 4096, [&](int64_t k, int64_t end) {
        for (; k < end; k++)
            f(k / c.pixels, k % c.pixels);
    });
}

enum class color_part { forward, gray, slope, backward };

// What all parts read and write, in the memory of one device.
struct color_run {
    color_part part;
    nj_color_back_run back; // x and dy
    float *out;             // of forward and gray
};

void color_on_cpu(const nj_color &c, const color_run &r)
{
    switch (r.part) {
    case color_part::forward:
        each_color(c, [&](int64_t b, int64_t i) {
            nj_color_forward_at(&c, b, i, r.back.x, r.out);
        });
        break;
    case color_part::gray:
        each_color(c, [&](int64_t b, int64_t i) {
            nj_color_gray_at(&c, b, i, r.back.x, r.out);
        });
        break;
    case color_part::slope:
        each_color(c, [&](int64_t b, int64_t i) {
            nj_color_slope_at(&c, b, i, &r.back);
        });
        break;
    case color_part::backward:
        each_color(c, [&](int64_t b, int64_t i) {
            nj_color_backward_at(&c, b, i, &r.back);
        });
        break;
    }
}

#ifdef NJ_CUDA
int color_launched(const nj_color &c, const color_run &r, void *stream)
{
    switch (r.part) {
    case color_part::forward:
        return nj_color_forward_cuda(&c, r.back.x, r.out, stream);
    case color_part::gray:
        return nj_color_gray_cuda(&c, r.back.x, r.out, stream);
    case color_part::slope:
        return nj_color_slope_cuda(&c, &r.back, stream);
    case color_part::backward:
        break;
    }
    return nj_color_backward_cuda(&c, &r.back, stream);
}

void color_on_cuda(const nj_color &c, const color_run &r)
{
    const int code =
        color_launched(c, r, c10::cuda::getCurrentCUDAStream().stream());

    th::check_launch(code);
}
#else
void color_on_cuda(const nj_color &, const color_run &)
{
    TORCH_CHECK(false, "this program was built without CUDA kernels");
}
#endif

void run_color(const nj_color &c, const at::Tensor &x, const color_run &r)
{
    const c10::OptionalDeviceGuard guard(x.device());

    (x.is_cpu() ? color_on_cpu : color_on_cuda)(c, r);
}

// Forward, or the grey of what contrast gets.
at::Tensor colored(color_part part, const nj_color &c, const at::Tensor &x)
{
    const at::Tensor out = part == color_part::gray
                               ? at::empty({c.images, c.pixels}, x.options())
                               : at::empty(x.sizes(), x.options());

    run_color(c, x,
              {part,
               {x.const_data_ptr<float>(), nullptr, nullptr, nullptr},
               out.mutable_data_ptr<float>()});
    return out;
}

// The mean over the pixels of each image: [B]. On one thread, so that it does
// not depend on their number.
at::Tensor mean_of_pixels(const at::Tensor &plane)
{
    const th::alone guard;

    return at::mean(plane, at::IntArrayRef({1}));
}

struct color_node : public ag::Node {
    nj_color c = {};
    at::Tensor mean; // undefined without contrast
    ag::SavedVariable x;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return ag::variable_list(1);
        const at::Tensor in = x.unpack().detach().contiguous();
        const at::Tensor dy = grads[0].contiguous();
        const at::Tensor dx = at::empty(in.sizes(), in.options());
        color_run run = {color_part::slope,
                         {in.const_data_ptr<float>(),
                          dy.const_data_ptr<float>(),
                          dx.mutable_data_ptr<float>(), nullptr},
                         nullptr};
        nj_color with = c;
        at::Tensor slope;

        if (mean.defined()) {
            slope = at::empty({c.images, c.pixels}, in.options());
            run.back.slopes = slope.mutable_data_ptr<float>();
            with.mean = mean.const_data_ptr<float>();
            run_color(with, in, run);
            slope = mean_of_pixels(slope);
            with.slope = slope.const_data_ptr<float>();
        }
        run.part = color_part::backward;
        run_color(with, in, run);
        return {dx};
    }

    void release_variables() override
    {
        x.reset_data();
    }
};

nj_color_kind color_kind_of(th_color_kind kind)
{
    switch (kind) {
    case TH_COLOR_BRIGHTNESS:
        return NJ_COLOR_BRIGHTNESS;
    case TH_COLOR_CONTRAST:
        return NJ_COLOR_CONTRAST;
    case TH_COLOR_SATURATION:
        return NJ_COLOR_SATURATION;
    case TH_COLOR_HUE:
        return NJ_COLOR_HUE;
    case TH_COLOR_GRAY:
        break;
    }
    return NJ_COLOR_GRAY;
}

nj_color color_of(const at::Tensor &x, const th_color_step *steps, int n)
{
    nj_color c = {};

    TORCH_CHECK(x.dim() == 4 && x.scalar_type() == at::kFloat &&
                    x.size(1) == 3 && x.numel() > 0,
                "x must be float32 [B,3,H,W]");
    TORCH_CHECK(n > 0 && n <= NJ_COLOR_STEPS, n, " steps, 1 to ",
                NJ_COLOR_STEPS, " expected");
    c.count = c.contrast = n;
    c.images = x.size(0);
    c.pixels = x.size(2) * x.size(3);
    for (int k = 0; k < n; k++) {
        c.step[k] = {color_kind_of(steps[k].kind),
                     static_cast<float>(steps[k].factor),
                     static_cast<float>(1 - steps[k].factor)};
        if (steps[k].kind != TH_COLOR_CONTRAST)
            continue;
        TORCH_CHECK(c.contrast == n, "contrast is changed twice");
        c.contrast = k;
    }
    return c;
}

at::Tensor color(const at::Tensor &x, nj_color c)
{
    const auto node = th::node_of<color_node>(x);
    at::Tensor y, mean;

    if (node) {
        node->x = ag::SavedVariable(x, false);
        node->c = c;
    }
    {
        const c10::NoGradGuard no_grad;
        const at::Tensor in = x.detach().contiguous();

        if (c.contrast < c.count) {
            mean = mean_of_pixels(colored(color_part::gray, c, in));
            c.mean = mean.const_data_ptr<float>();
        }
        y = colored(color_part::forward, c, in);
    }
    if (node) {
        node->mean = mean;
        ag::set_history(y, node);
    }
    return y;
}

} // namespace

extern "C" th_tensor *th_color(th_scope *s, const th_tensor *x,
                               const th_color_step *steps, int n)
{
    return th::op(s, "color", {x},
                  [&] { return color(x->t, color_of(x->t, steps, n)); });
}
