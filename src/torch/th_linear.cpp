// th_linear: a linear layer with a frozen weight. Its backward needs the weight
// only, so no activation is kept.
#include "torch/node.hpp"
#include "torch/product.hpp"

namespace
{

struct linear_node : public torch::autograd::Node {
    at::Tensor weight; // [O,I]

    torch::autograd::variable_list
    apply(torch::autograd::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return {at::Tensor()};
        return {th::linear_product(grads[0], weight, at::Tensor(), true)};
    }
};

at::Tensor frozen_linear(const at::Tensor &x, const at::Tensor &w,
                         const at::Tensor &bias)
{
    at::Tensor y;

    {
        const c10::NoGradGuard no_grad;

        y = th::linear_product(x, w, bias, false);
    }
    if (const auto node = th::node_of<linear_node>(x)) {
        node->weight = w;
        torch::autograd::set_history(y, node);
    }
    return y;
}

bool own_linear_fits(const at::Tensor &x, const at::Tensor &w)
{
    return !th::plain_autograd() && !w.requires_grad() && w.dim() == 2 &&
           x.dim() > 0 && x.size(-1) == w.size(1) && w.is_contiguous() &&
           th::product_fits(x, w, false) && th::product_fits(x, w, true);
}

} // namespace

extern "C" th_tensor *th_linear(th_scope *s, const th_tensor *x,
                                const th_tensor *w, const th_tensor *b)
{
    return th::op(s, "linear", {x, w, th::opt(b)}, [&] {
        return own_linear_fits(x->t, w->t) && !(b && b->t.requires_grad())
                   ? frozen_linear(x->t, w->t, b ? b->t : at::Tensor())
                   : at::linear(x->t, w->t, th::maybe(b));
    });
}
