// The functions of repeatable.hpp. Values come from libtorch's own kernels;
// only the gradients take another way.
#include <atomic>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/repeatable.hpp"

namespace
{

namespace ag = torch::autograd;

std::atomic<bool> everywhere{false};

// Where a kernel of libtorch can be made to repeat, it does so only while
// operations that cannot are forbidden.
class strict
{
  public:
    strict()
        : on(at::globalContext().deterministicAlgorithms()),
          warns(at::globalContext().deterministicAlgorithmsWarnOnly())
    {
        at::globalContext().setDeterministicAlgorithms(true, false);
    }
    ~strict()
    {
        at::globalContext().setDeterministicAlgorithms(on, warns);
    }
    strict(const strict &) = delete;
    strict &operator=(const strict &) = delete;

  private:
    bool on, warns;
};

// A node of type N in front of x, or none where nothing is derived by x.
template <class N> std::shared_ptr<N> node_of(const at::Tensor &x)
{
    std::shared_ptr<N> node;

    if (ag::compute_requires_grad(x)) {
        node = std::shared_ptr<N>(new N, ag::deleteNode);
        node->set_next_edges(ag::collect_next_edges(x));
    }
    return node;
}

// ---- attention -------------------------------------------------------------

at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                  double scale, bool causal)
{
    return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal, scale);
}

struct attention_node : public ag::Node {
    ag::SavedVariable q, k, v;
    double scale = 1;
    bool causal = false;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return ag::variable_list(3);
        const c10::AutoGradMode with_grad(true);
        const auto leaf = [](const ag::SavedVariable &saved) {
            return saved.unpack().detach().set_requires_grad(true);
        };
        const ag::variable_list in = {leaf(q), leaf(k), leaf(v)};
        const at::Tensor y = attend(in[0], in[1], in[2], scale, causal);
        const strict repeats;

        return ag::grad({y}, in, {grads[0]});
    }

    void release_variables() override
    {
        q.reset_data();
        k.reset_data();
        v.reset_data();
    }
};

// ---- bilinear resizing -----------------------------------------------------

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

at::Tensor th::attention_repeatable(const at::Tensor &q, const at::Tensor &k,
                                    const at::Tensor &v, double scale,
                                    bool causal)
{
    std::shared_ptr<attention_node> node;
    at::Tensor y;

    if (ag::compute_requires_grad(q, k, v)) {
        node =
            std::shared_ptr<attention_node>(new attention_node, ag::deleteNode);
        node->set_next_edges(ag::collect_next_edges(q, k, v));
        node->q = ag::SavedVariable(q, false);
        node->k = ag::SavedVariable(k, false);
        node->v = ag::SavedVariable(v, false);
        node->scale = scale;
        node->causal = causal;
    }
    {
        const c10::NoGradGuard no_grad;

        y = attend(q, k, v, scale, causal);
    }
    if (node)
        ag::set_history(y, node);
    return y;
}

at::Tensor th::bilinear_repeatable(const at::Tensor &x, int64_t h, int64_t w,
                                   bool align_corners)
{
    const std::shared_ptr<bilinear_node> node = node_of<bilinear_node>(x);
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = at::upsample_bilinear2d(x, {h, w}, align_corners);
    }
    if (node) {
        node->height = x.size(2);
        node->width = x.size(3);
        node->align_corners = align_corners;
        ag::set_history(y, node);
    }
    return y;
}
