// The functions of repeatable.hpp. Values come from libtorch's own kernels;
// only the gradients take another way.
#include <atomic>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/node.hpp"
#include "torch/repeatable.hpp"

namespace
{

namespace ag = torch::autograd;

std::atomic<bool> everywhere{false};

// What each of `from` pixels of a side contributes to each of `to`: [from,to].
at::Tensor shares(int64_t from, int64_t to, bool align_corners,
                  const at::TensorOptions &options)
{
    return at::upsample_linear1d(at::eye(from, options).unsqueeze(0), {to},
                                 align_corners)[0];
}

struct bilinear_node : public ag::Node {
    int64_t height = 0, width = 0;
    bool align_corners = false;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        const at::Tensor &dy = grads[0];

        if (!dy.defined())
            return {at::Tensor()};
        const at::Tensor rows =
            shares(height, dy.size(2), align_corners, dy.options());
        const at::Tensor cols =
            shares(width, dy.size(3), align_corners, dy.options());

        return {at::matmul(at::matmul(rows, dy), cols.t())};
    }
};

} // namespace

extern "C" void th_set_repeatable_everywhere(bool on)
{
    everywhere = on;
}

bool th::wants_repeatable(const at::Tensor &x) noexcept
{
    return everywhere ||
           (x.is_cuda() && at::globalContext().deterministicAlgorithms());
}

at::Tensor th::bilinear_repeatable(const at::Tensor &x, int64_t h, int64_t w,
                                   bool align_corners)
{
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = at::upsample_bilinear2d(x, {h, w}, align_corners);
    }
    if (const auto node = th::node_of<bilinear_node>(x)) {
        node->height = x.size(2);
        node->width = x.size(3);
        node->align_corners = align_corners;
        ag::set_history(y, node);
    }
    return y;
}
