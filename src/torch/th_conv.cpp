// th_conv2d: a convolution with frozen weights. Its backward needs the weight
// and the size of x only, so no activation is kept. The gradient with respect
// to x is the transposed convolution of dy with the same weight.
#include "torch/conv.hpp"
#include "torch/node.hpp"
#include "torch/pixels.hpp"
#include "torch/product.hpp"

namespace
{

struct conv_args {
    at::Tensor weight, bias; // [O,I,h,w], [O]
    int64_t stride, padding;
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

bool by_narrow(const at::Tensor &x, const conv_args &a, bool turned)
{
    return a.stride == 1 && a.padding == 1 &&
           th::narrow_fits(x, a.weight, turned);
}

bool by_winograd(const at::Tensor &x, const conv_args &a, bool turned)
{
    return a.stride == 1 && a.padding == 1 &&
           th::winograd_fits(x, a.weight, turned);
}

bool by_own_product(const at::Tensor &x, const conv_args &a, bool turned)
{
    const int64_t side = a.weight.size(2);

    return side % 2 == 1 && a.weight.size(3) == side && a.padding == side / 2 &&
           (a.stride == 1 || !turned) &&
           x.size(1) == a.weight.size(turned ? 0 : 1) &&
           th::product_fits(x, a.weight, turned);
}

// Patches that neither overlap nor leave gaps.
bool by_patches(int64_t channels, const conv_args &a)
{
    const int64_t side = a.weight.size(2);

    return a.padding == 0 && side > 1 && a.stride == side &&
           a.weight.size(3) == side &&
           a.weight.is_contiguous(at::MemoryFormat::ChannelsLast) &&
           channels == a.weight.size(1);
}

// The weight as [O,s*s*I].
at::Tensor patch_weight(const conv_args &a)
{
    return a.weight.permute({0, 2, 3, 1}).flatten(1);
}

// x [B,I,H,W] -> [B,O,H/s,W/s]
at::Tensor patches(const at::Tensor &x, const conv_args &a)
{
    const int64_t side = a.stride, rows = x.size(2) / side,
                  cols = x.size(3) / side;
    const at::Tensor in = x.narrow(2, 0, rows * side)
                              .narrow(3, 0, cols * side)
                              .permute({0, 2, 3, 1})
                              .reshape({x.size(0), rows, side, cols, side, -1})
                              .permute({0, 1, 3, 2, 4, 5})
                              .flatten(3);
    const at::Tensor w = patch_weight(a);

    return (th::product_fits(in, w, false)
                ? th::linear_product(in, w, a.bias, false)
                : at::linear(in, w, defined(a.bias)))
        .permute({0, 3, 1, 2});
}

// dy [B,O,H/s,W/s] -> [B,I,height,width]
at::Tensor patches_gradient(const at::Tensor &dy, const conv_args &a,
                            int64_t height, int64_t width)
{
    const int64_t side = a.stride, rows = dy.size(2), cols = dy.size(3);
    const at::Tensor in = dy.permute({0, 2, 3, 1}), w = patch_weight(a);
    const at::Tensor pixels =
        (th::product_fits(in, w, true)
             ? th::linear_product(in, w, at::Tensor(), true)
             : at::matmul(in, w))
            .reshape({dy.size(0), rows, cols, side, side, -1})
            .permute({0, 1, 3, 2, 4, 5})
            .reshape({dy.size(0), rows * side, cols * side, -1})
            .permute({0, 3, 1, 2});

    return at::constant_pad_nd(
        pixels, {0, width - cols * side, 0, height - rows * side});
}

// A convolution of single pixels is a product of matrices. oneDNN's kernel for
// it splits its sums by the number of threads, a product does not.
bool by_product(const at::Tensor &x, const conv_args &a)
{
    return x.is_cpu() && a.weight.size(2) == 1 && a.weight.size(3) == 1 &&
           a.stride == 1 && a.padding == 0;
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

    if (by_patches(a.weight.size(1), a))
        return patches_gradient(dy, a, height, width);
    if (dy.is_cpu() && a.stride > 1) {
        const conv_args dense = {a.weight, a.bias, 1, a.padding};

        return conv_gradient(spread(dy, a.stride, rows, cols), dense, height,
                             width);
    }
    if (by_winograd(dy, a, true))
        return th::conv_winograd(dy, a.weight, {}, {}, true);
    if (by_own_product(dy, a, true))
        return th::conv_product(dy, a.weight, {}, {}, 1, true);
    if (by_narrow(dy, a, true))
        return th::conv_narrow(dy, a.weight, {}, true);
    if (by_product(dy, a))
        return product(dy, a.weight.flatten(1).t(), at::Tensor());
    return at::convolution(dy, a.weight, {}, {a.stride, a.stride},
                           {a.padding, a.padding}, {1, 1}, true, {rows, cols},
                           1);
}

// Of x, and of what is added to the result.
struct conv_node : public torch::autograd::Node {
    conv_args args;
    int64_t height = 0, width = 0;

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return torch::autograd::variable_list(2);
        return {task_should_compute_output(0)
                    ? conv_gradient(grads[0], args, height, width)
                    : at::Tensor(),
                grads[0]};
    }
};

at::Tensor plain_conv(const at::Tensor &x, const conv_args &a)
{
    return at::conv2d(x, a.weight, defined(a.bias), a.stride, a.padding);
}

bool matches(const at::Tensor &more, const at::Tensor &y)
{
    return th::pixels_fit(more) && more.sizes() == y.sizes() &&
           more.scalar_type() == y.scalar_type();
}

// What is left to add, from now on nothing.
at::Tensor taken(at::Tensor *more)
{
    at::Tensor t = more->defined()
                       ? more->contiguous(at::MemoryFormat::ChannelsLast)
                       : at::Tensor();

    more->reset();
    return t;
}

// cuDNN's; the bias and what is added (undefined: nothing) in one pass of wide
// words: libtorch's own adds number by number.
at::Tensor cuda_conv(const at::Tensor &x, const conv_args &a,
                     const at::Tensor &more)
{
    const conv_args bare = {a.weight, at::Tensor(), a.stride, a.padding};
    at::Tensor y = plain_conv(x, bare);

    if (th::pixels_fit(y) && (!more.defined() || matches(more, y))) {
        th::add_bias_(y, a.bias, more);
        return y;
    }
    y.add_(a.bias.view({1, -1, 1, 1}));
    return more.defined() ? y.add_(more) : y;
}

// more: added to the result if that costs no pass of its own, and undefined
// from then on.
at::Tensor conv_of(const at::Tensor &x, const conv_args &a, at::Tensor *more)
{
    if (by_winograd(x, a, false))
        return th::conv_winograd(x, a.weight, a.bias, taken(more), false);
    if (by_own_product(x, a, false))
        return th::conv_product(x, a.weight, a.bias, taken(more), a.stride,
                                false);
    if (by_narrow(x, a, false))
        return th::conv_narrow(x, a.weight, a.bias, false);
    if (by_patches(x.size(1), a))
        return patches(x, a);
    if (by_product(x, a))
        return product(x, a.weight.flatten(1), a.bias);
    if (x.is_cuda() && a.bias.defined())
        return cuda_conv(x, a, taken(more));
    return plain_conv(x, a);
}

// more: added to the result; may be undefined.
at::Tensor frozen_conv(const at::Tensor &x, const conv_args &a,
                       const at::Tensor &more)
{
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        at::Tensor left = more;

        y = conv_of(x, a, &left);
        if (left.defined())
            y.add_(left);
    }
    if (const auto node = th::node_of<conv_node>(x, more)) {
        node->args = a;
        node->height = x.size(2);
        node->width = x.size(3);
        torch::autograd::set_history(y, node);
    }
    return y;
}

void check_conv(const at::Tensor &x, const conv_args &a)
{
    TORCH_CHECK(x.dim() == 4, "x must have 4 dimensions");
    TORCH_CHECK(!a.weight.requires_grad() &&
                    !(a.bias.defined() && a.bias.requires_grad()),
                "no gradient is made for weight and bias");
}

// Own passes read it as they write their result.
void check_added(const at::Tensor &x, const conv_args &a,
                 const at::Tensor &more)
{
    const auto side = [&](int64_t d) {
        return x.size(d) + 2 * a.padding - a.weight.size(d) + 1;
    };

    TORCH_CHECK(more.scalar_type() == x.scalar_type(),
                "what is added must have the type of x");
    TORCH_CHECK(more.sizes() == at::IntArrayRef({x.size(0), a.weight.size(0),
                                                 side(2), side(3)}),
                "what is added must have the result's shape");
}

} // namespace

extern "C" th_tensor *th_conv2d(th_scope *s, const th_tensor *x,
                                const th_tensor *w, const th_tensor *b,
                                int stride, int padding)
{
    return th::op(s, "conv2d", {x, w, th::opt(b)}, [&] {
        const conv_args a = {w->t, b ? b->t : at::Tensor(), stride, padding};

        check_conv(x->t, a);
        return th::plain_autograd() ? plain_conv(x->t, a)
                                    : frozen_conv(x->t, a, at::Tensor());
    });
}

extern "C" th_tensor *th_conv2d_add(th_scope *s, const th_tensor *x,
                                    const th_tensor *w, const th_tensor *b,
                                    int padding, const th_tensor *more)
{
    return th::op(s, "conv2d_add", {x, w, th::opt(b), more}, [&] {
        const conv_args a = {w->t, b ? b->t : at::Tensor(), 1, padding};

        check_conv(x->t, a);
        check_added(x->t, a, more->t);
        return th::plain_autograd() ? plain_conv(x->t, a) + more->t
                                    : frozen_conv(x->t, a, more->t);
    });
}
