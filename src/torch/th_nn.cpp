// Layers of networks whose stock autograd is good enough: one ATen call each.
#include "torch/node.hpp"
#include "torch/pixels.hpp"
#include "torch/repeatable.hpp"
#include "torch/th_internal.hpp"

extern "C" th_tensor *th_gelu(th_scope *s, const th_tensor *x)
{
    return th::op(s, "gelu", {x}, [&] { return at::gelu(x->t); });
}

extern "C" th_tensor *th_relu(th_scope *s, const th_tensor *x)
{
    return th::op(s, "relu", {x}, [&] { return at::relu(x->t); });
}

extern "C" th_tensor *th_leaky_relu(th_scope *s, const th_tensor *x,
                                    double slope)
{
    return th::op(s, "leaky_relu", {x},
                  [&] { return at::leaky_relu(x->t, slope); });
}

extern "C" th_tensor *th_embedding(th_scope *s, const th_tensor *table,
                                   const th_tensor *ids)
{
    return th::op(s, "embedding", {table, ids},
                  [&] { return at::embedding(table->t, ids->t); });
}

// Means of whole squares. libtorch's own keeps x, of which the backward needs
// the size alone.
struct mean_node : public torch::autograd::Node {
    int64_t size = 1;

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        const at::Tensor &dy = grads[0];

        if (!dy.defined())
            return {at::Tensor()};
        if (size == 2 && th::pixels_fit(dy))
            return {th::spread_pixels(dy, .25F)};
        return {at::upsample_nearest2d(dy / static_cast<double>(size * size),
                                       {dy.size(2) * size, dy.size(3) * size})};
    }
};

static at::Tensor own_avg_pool(const at::Tensor &x, int64_t size)
{
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = size == 2 && th::pixels_fit(x) ? th::gather_pixels(x, .25F)
                                           : at::avg_pool2d(x, size);
    }
    if (const auto node = th::node_of<mean_node>(x)) {
        node->size = size;
        torch::autograd::set_history(y, node);
    }
    return y;
}

extern "C" th_tensor *th_avg_pool2d(th_scope *s, const th_tensor *x, int size)
{
    return th::op(s, "avg_pool2d", {x}, [&] {
        return x->t.dim() == 4 && size > 0 && x->t.size(2) % size == 0 &&
                       x->t.size(3) % size == 0 && !th::plain_autograd()
                   ? own_avg_pool(x->t, size)
                   : at::avg_pool2d(x->t, size);
    });
}

extern "C" th_tensor *th_max_pool2d(th_scope *s, const th_tensor *x, int size)
{
    return th::op(s, "max_pool2d", {x},
                  [&] { return at::max_pool2d(x->t, size); });
}

struct double_node : public torch::autograd::Node {
    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return {at::Tensor()};
        return {th::gather_pixels(
            grads[0].contiguous(at::MemoryFormat::ChannelsLast), 1)};
    }
};

static at::Tensor own_double(const at::Tensor &x)
{
    at::Tensor y = th::spread_pixels(x, 1);

    if (const auto node = th::node_of<double_node>(x)) {
        torch::autograd::set_history(y, node);
    }
    return y;
}

extern "C" th_tensor *th_upsample_nearest2d(th_scope *s, const th_tensor *x,
                                            int64_t h, int64_t w)
{
    return th::op(s, "upsample_nearest2d", {x}, [&] {
        if (th::pixels_fit(x->t) && h == 2 * x->t.size(2) &&
            w == 2 * x->t.size(3))
            return own_double(x->t);
        return at::upsample_nearest2d(x->t, {h, w});
    });
}

extern "C" th_tensor *th_upsample_bilinear2d(th_scope *s, const th_tensor *x,
                                             int64_t h, int64_t w,
                                             bool align_corners)
{
    return th::op(s, "upsample_bilinear2d", {x}, [&] {
        if (th::wants_repeatable(x->t))
            return th::bilinear_repeatable(x->t, h, w, align_corners);
        return at::upsample_bilinear2d(x->t, {h, w}, align_corners);
    });
}

extern "C" th_tensor *th_pixel_unshuffle(th_scope *s, const th_tensor *x,
                                         int factor)
{
    return th::op(s, "pixel_unshuffle", {x},
                  [&] { return at::pixel_unshuffle(x->t, factor); });
}
