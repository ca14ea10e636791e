// Shape: views and rearrangements, one ATen call each.
#include <algorithm>

#include <ATen/ExpandUtils.h>

#include "torch/node.hpp"
#include "torch/pixels.hpp"
#include "torch/th_internal.hpp"

static std::vector<at::Tensor> tensors(const th_tensor *const *list, size_t n)
{
    std::vector<at::Tensor> out;

    out.reserve(n);
    for (size_t i = 0; i < n; i++) {
        TORCH_CHECK(list[i], "input ", i + 1, " is missing");
        out.push_back(list[i]->t);
    }
    return out;
}

extern "C" th_tensor *th_reshape(th_scope *s, const th_tensor *a, int ndim,
                                 const int64_t *shape)
{
    return th::op(s, "reshape", {a},
                  [&] { return at::reshape(a->t, th::dims(ndim, shape)); });
}

extern "C" th_tensor *th_permute(th_scope *s, const th_tensor *a, int ndim,
                                 const int *order)
{
    return th::op(s, "permute", {a}, [&] {
        TORCH_CHECK(ndim == a->t.dim(), "order has ", ndim, " entries");
        return at::permute(a->t, std::vector<int64_t>(order, order + ndim));
    });
}

extern "C" th_tensor *th_transpose(th_scope *s, const th_tensor *a, int d0,
                                   int d1)
{
    return th::op(s, "transpose", {a},
                  [&] { return at::transpose(a->t, d0, d1); });
}

extern "C" th_tensor *th_unsqueeze(th_scope *s, const th_tensor *a, int dim)
{
    return th::op(s, "unsqueeze", {a},
                  [&] { return at::unsqueeze(a->t, dim); });
}

namespace
{

// The gradient of one number that was spread over a picture is a sum.
struct expand_node : public torch::autograd::Node {
    std::vector<int64_t> shape;

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        const th::alone guard;

        if (!grads[0].defined())
            return {at::Tensor()};
        return {at::sum_to(grads[0], shape)};
    }
};

at::Tensor expand(const at::Tensor &x, at::IntArrayRef shape)
{
    at::Tensor y = x.detach().expand(shape);

    if (const auto node = th::node_of<expand_node>(x)) {
        node->shape = x.sizes().vec();
        torch::autograd::set_history(y, node);
    }
    return y;
}

// The gradient of a window: zeros around it, in one go and not a side at a
// time.
struct crop_node : public torch::autograd::Node {
    std::vector<int64_t> around; // as constant_pad_nd has them: last side first

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return {at::Tensor()};
        return {at::constant_pad_nd(grads[0], around, 0)};
    }
};

at::Tensor crop(const at::Tensor &x, int64_t b, const th_window &w)
{
    at::Tensor y = x.detach()
                       .narrow(0, b, 1)
                       .narrow(2, w.top, w.height)
                       .narrow(3, w.left, w.width);

    if (const auto node = th::node_of<crop_node>(x)) {
        node->around = {w.left, x.size(3) - w.left - w.width,
                        w.top,  x.size(2) - w.top - w.height,
                        0,      0,
                        b,      x.size(0) - b - 1};
        torch::autograd::set_history(y, node);
    }
    return y;
}

} // namespace

extern "C" th_tensor *th_expand(th_scope *s, const th_tensor *a, int ndim,
                                const int64_t *shape)
{
    return th::op(s, "expand", {a},
                  [&] { return expand(a->t, th::dims(ndim, shape)); });
}

extern "C" th_tensor *th_narrow(th_scope *s, const th_tensor *a, int dim,
                                int64_t start, int64_t length)
{
    return th::op(s, "narrow", {a},
                  [&] { return at::narrow(a->t, dim, start, length); });
}

extern "C" th_tensor *th_select(th_scope *s, const th_tensor *a, int dim,
                                int64_t index)
{
    return th::op(s, "select", {a},
                  [&] { return at::select(a->t, dim, index); });
}

extern "C" th_tensor *th_crop(th_scope *s, const th_tensor *a, int64_t b,
                              const th_window *window)
{
    return th::op(s, "crop", {a}, [&] { return crop(a->t, b, *window); });
}

// libtorch's own gives parts of one gradient: whoever keeps one of them keeps
// all, and must copy it before use where the channels come last.
struct cat_node : public torch::autograd::Node {
    std::vector<int64_t> channels; // of each input

    bool in_one_pass(const at::Tensor &dy)
    {
        return channels.size() == 2 && task_should_compute_output(0) &&
               task_should_compute_output(1) && th::pixels_fit(dy);
    }

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        torch::autograd::variable_list out(channels.size());
        const at::Tensor &dy = grads[0];
        int64_t first = 0;

        if (!dy.defined())
            return out;
        if (in_one_pass(dy)) {
            const std::array<at::Tensor, 2> parts =
                th::part_pixels(dy, channels[0]);

            return {parts[0], parts[1]};
        }
        for (size_t i = 0; i < out.size(); i++) {
            if (task_should_compute_output(i))
                out[i] = dy.narrow(1, first, channels[i])
                             .contiguous(dy.suggest_memory_format());
            first += channels[i];
        }
        return out;
    }
};

// Two pictures that lie as our own kernel reads them.
static bool join_fits(const std::vector<at::Tensor> &list)
{
    return list.size() == 2 && th::pixels_fit(list[0]) &&
           th::pixels_fit(list[1]) && list[0].device() == list[1].device() &&
           list[0].size(0) == list[1].size(0) &&
           list[0].sizes().slice(2) == list[1].sizes().slice(2);
}

// Pictures side by side in their channels.
static at::Tensor cat_channels(const std::vector<at::Tensor> &list)
{
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = join_fits(list) ? th::join_pixels(list[0], list[1])
                            : at::cat(list, 1);
    }
    if (const auto node = th::node_of<cat_node>(at::TensorList(list))) {
        for (const at::Tensor &t : list)
            node->channels.push_back(t.size(1));
        torch::autograd::set_history(y, node);
    }
    return y;
}

static bool are_pictures(const std::vector<at::Tensor> &list)
{
    const auto other = [&](const at::Tensor &t) {
        return t.dim() != 4 || t.scalar_type() != list[0].scalar_type();
    };

    return std::none_of(list.begin(), list.end(), other);
}

extern "C" th_tensor *th_cat(th_scope *s, const th_tensor *const *list,
                             size_t n, int dim)
{
    return th::op(s, "cat", {}, [&] {
        const std::vector<at::Tensor> all = tensors(list, n);

        return dim == 1 && n > 0 && !th::plain_autograd() && are_pictures(all)
                   ? cat_channels(all)
                   : at::cat(all, dim);
    });
}

extern "C" th_tensor *th_stack(th_scope *s, const th_tensor *const *list,
                               size_t n, int dim)
{
    return th::op(s, "stack", {},
                  [&] { return at::stack(tensors(list, n), dim); });
}

extern "C" th_tensor *th_index_select(th_scope *s, const th_tensor *a, int dim,
                                      const th_tensor *index)
{
    return th::op(s, "index_select", {a, index},
                  [&] { return at::index_select(a->t, dim, index->t); });
}

extern "C" th_tensor *th_flip(th_scope *s, const th_tensor *a, int dim)
{
    return th::op(s, "flip", {a}, [&] { return at::flip(a->t, {dim}); });
}

extern "C" th_tensor *th_contiguous(th_scope *s, const th_tensor *a)
{
    return th::op(s, "contiguous", {a}, [&] { return a->t.contiguous(); });
}

extern "C" th_tensor *th_channels_last(th_scope *s, const th_tensor *a)
{
    return th::op(s, "channels_last", {a}, [&] {
        return a->t.contiguous(at::MemoryFormat::ChannelsLast);
    });
}

extern "C" th_tensor *th_pad2d(th_scope *s, const th_tensor *a,
                               th_pad_mode mode, int left, int right, int top,
                               int bottom)
{
    return th::op(s, "pad2d", {a}, [&] {
        const int64_t pad[4] = {left, right, top, bottom};

        switch (mode) {
        case TH_PAD_ZERO:
            return at::constant_pad_nd(a->t, pad, 0);
        case TH_PAD_REFLECT:
            return at::reflection_pad2d(a->t, pad);
        case TH_PAD_REPLICATE:
            return at::replication_pad2d(a->t, pad);
        }
        TORCH_CHECK(false, "no padding has number ", static_cast<int>(mode));
    });
}
