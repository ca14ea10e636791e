// th_conv2d: a convolution with frozen weights. Its backward needs the weight
// and the size of x only, so no activation is kept. The gradient with respect
// to x is the transposed convolution of dy with the same weight.
#include <torch/csrc/autograd/functions/utils.h>

#include "torch/conv.hpp"

namespace
{

struct conv_args {
    at::Tensor weight, bias; // [O,I/groups,h,w], [O]
    int64_t stride, padding, groups;
};

std::optional<at::Tensor> defined(const at::Tensor &t)
{
    return t.defined() ? std::optional<at::Tensor>(t) : std::nullopt;
}

// Rows or columns that the transposed convolution must append to give
// `size` again, where the stride dropped them.
int64_t appended(const conv_args &a, int64_t d, int64_t size, int64_t out)
{
    return size - ((out - 1) * a.stride - 2 * a.padding + a.weight.size(d));
}

bool by_winograd(const at::Tensor &x, const conv_args &a, bool turned)
{
    return a.stride == 1 && a.padding == 1 && a.groups == 1 &&
           th::winograd_fits(x, a.weight, turned);
}

// A convolution of single pixels is a product of matrices. oneDNN's kernel for
// it splits its sums by the number of threads, a product does not.
bool by_product(const at::Tensor &x, const conv_args &a)
{
    return x.is_cpu() && a.weight.size(2) == 1 && a.weight.size(3) == 1 &&
           a.stride == 1 && a.padding == 0 && a.groups == 1;
}

// x [B,I,H,W] -> [B,O,H,W], both channels-last; w [O,I]
at::Tensor product(const at::Tensor &x, const at::Tensor &w,
                   const at::Tensor &bias)
{
    const at::Tensor pixels =
        x.contiguous(at::MemoryFormat::ChannelsLast).permute({0, 2, 3, 1});

    return at::linear(pixels, w, defined(bias)).permute({0, 3, 1, 2});
}

// dy with zeros where the stride skipped pixels: its transposed convolution of
// stride 1 is that of dy with the stride, without oneDNN's strided kernel,
// whose sums depend on the number of threads.
at::Tensor spread(const at::Tensor &dy, int64_t stride, int64_t rows,
                  int64_t cols)
{
    at::Tensor out =
        at::empty({dy.size(0), dy.size(1), (dy.size(2) - 1) * stride + 1 + rows,
                   (dy.size(3) - 1) * stride + 1 + cols},
                  dy.options(), at::MemoryFormat::ChannelsLast);

    out.zero_();
    out.slice(2, 0, (dy.size(2) - 1) * stride + 1, stride)
        .slice(3, 0, (dy.size(3) - 1) * stride + 1, stride)
        .copy_(dy);
    return out;
}

// d / d x of a convolution whose result has the gradient dy; x is height x
// width pixels.
at::Tensor conv_gradient(const at::Tensor &dy, const conv_args &a,
                         int64_t height, int64_t width)
{
    const int64_t rows = appended(a, 2, height, dy.size(2));
    const int64_t cols = appended(a, 3, width, dy.size(3));

    if (dy.is_cpu() && a.stride > 1 && a.groups == 1) {
        const conv_args dense = {a.weight, a.bias, 1, a.padding, 1};

        return conv_gradient(spread(dy, a.stride, rows, cols), dense, height,
                             width);
    }
    if (by_winograd(dy, a, true))
        return th::conv_winograd(dy, a.weight, at::Tensor(), true);
    if (by_product(dy, a))
        return product(dy, a.weight.flatten(1).t(), at::Tensor());
    return at::convolution(dy, a.weight, {}, {a.stride, a.stride},
                           {a.padding, a.padding}, {1, 1}, true, {rows, cols},
                           a.groups);
}

struct conv_node : public torch::autograd::Node {
    conv_args args;
    int64_t height = 0, width = 0;

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return {at::Tensor()};
        return {conv_gradient(grads[0], args, height, width)};
    }
};

at::Tensor plain_conv(const at::Tensor &x, const conv_args &a)
{
    return at::conv2d(x, a.weight, defined(a.bias), a.stride, a.padding, 1,
                      a.groups);
}

at::Tensor frozen_conv(const at::Tensor &x, const conv_args &a)
{
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        if (by_winograd(x, a, false))
            y = th::conv_winograd(x, a.weight, a.bias, false);
        else if (by_product(x, a))
            y = product(x, a.weight.flatten(1), a.bias);
        else
            y = plain_conv(x, a);
    }
    if (torch::autograd::compute_requires_grad(x)) {
        const std::shared_ptr<conv_node> node(new conv_node,
                                              torch::autograd::deleteNode);

        node->set_next_edges(torch::autograd::collect_next_edges(x));
        node->args = a;
        node->height = x.size(2);
        node->width = x.size(3);
        torch::autograd::set_history(y, node);
    }
    return y;
}

} // namespace

extern "C" th_tensor *th_conv2d(th_scope *s, const th_tensor *x,
                                const th_tensor *w, const th_tensor *b,
                                int stride, int padding)
{
    return th_conv2d_groups(s, x, w, b, stride, padding, 1);
}

extern "C" th_tensor *th_conv2d_groups(th_scope *s, const th_tensor *x,
                                       const th_tensor *w, const th_tensor *b,
                                       int stride, int padding, int groups)
{
    return th::op(s, "conv2d", {x, w, th::opt(b)}, [&] {
        const conv_args a = {w->t, b ? b->t : at::Tensor(), stride, padding,
                             groups};

        TORCH_CHECK(x->t.dim() == 4, "x must have 4 dimensions");
        TORCH_CHECK(!w->t.requires_grad() && !(b && b->t.requires_grad()),
                    "no gradient is made for weight and bias");
        return th::plain_autograd() ? plain_conv(x->t, a)
                                    : frozen_conv(x->t, a);
    });
}
