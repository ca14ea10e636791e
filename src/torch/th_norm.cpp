// th_group_norm_silu and th_layer_norm: the choice between libtorch's plain
// functions and our own, and the place of our own in autograd.
//
// Our group norm keeps x and the moments for the backward, where the plain
// chain of functions keeps five or six activations. Our layer norm, on CUDA
// alone, keeps x in its own type and not in float32.
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/block.hpp"
#include "torch/node.hpp"
#include "torch/norm.hpp"

namespace
{

namespace ag = torch::autograd;

at::Tensor tensor(const th_tensor *h)
{
    return h ? h->t : at::Tensor();
}

std::optional<at::Tensor> in_type(const at::Tensor &t, at::ScalarType type)
{
    return t.defined() ? std::optional<at::Tensor>(t.to(type)) : std::nullopt;
}

// float32 or, for double, double
at::ScalarType wide(const at::Tensor &x)
{
    return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor plain_group_norm(const at::Tensor &x, const th::norm_args &a)
{
    const at::ScalarType type = wide(x);
    at::Tensor h = at::group_norm(x.to(type), a.groups, in_type(a.gamma, type),
                                  in_type(a.beta, type), a.eps)
                       .to(x.scalar_type());

    if (a.scale.defined())
        h = h * (1 + a.scale.unsqueeze(-1).unsqueeze(-1)) +
            a.shift.unsqueeze(-1).unsqueeze(-1);
    return a.silu ? at::silu(h) : h;
}

th::norm_result forward(const at::Tensor &x, const th::norm_args &a)
{
#ifdef NJ_CUDA
    if (x.is_cuda())
        return th::norm_forward_cuda(x, a);
#endif
    return th::norm_forward_cpu(x, a);
}

th::norm_gradient backward(const th::norm_reads &reads, const th::norm_args &a,
                           bool want_film)
{
#ifdef NJ_CUDA
    if (reads.x.is_cuda())
        return th::norm_backward_cuda(reads, a, want_film);
#endif
    return th::norm_backward_cpu(reads, a, want_film);
}

struct norm_node : public ag::Node {
    ag::SavedVariable x;
    at::Tensor moments;
    th::norm_args args;

    // grads: of the result and, where x goes through, of that.
    ag::variable_list apply(ag::variable_list &&grads) override
    {
        const at::Tensor more = grads.size() > 1 ? grads[1] : at::Tensor();

        if (!grads[0].defined())
            return {more, at::Tensor(), at::Tensor()};
        const th::norm_gradient g = backward(
            {x.unpack(), moments, grads[0], more}, args,
            task_should_compute_output(1) || task_should_compute_output(2));

        return {g.x, g.scale, g.shift};
    }

    void release_variables() override
    {
        x.reset_data();
        moments.reset();
    }
};

// through: NULL, or what gets x itself with a history that leads here.
at::Tensor own_group_norm(const at::Tensor &x, const th::norm_args &a,
                          at::Tensor *through)
{
    const auto node = th::node_of<norm_node>(x, a.scale, a.shift);
    th::norm_result result;

    if (node) {
        node->x = ag::SavedVariable(x, false);
        node->args = a;
        if (a.scale.defined()) {
            node->args.scale = a.scale.detach();
            node->args.shift = a.shift.detach();
        }
    }
    {
        const c10::NoGradGuard no_grad;

        result = forward(x, a);
    }
    if (node) {
        node->moments = result.moments;
        ag::set_history(result.y, node);
        if (through && x.requires_grad())
            *through = th::result_of(x, node);
    }
    return result.y;
}

void check_norm(const at::Tensor &x, const th::norm_args &a)
{
    const int64_t channels = x.dim() == 4 ? x.size(1) : 0;

    TORCH_CHECK(x.dim() == 4, "x must have 4 dimensions");
    TORCH_CHECK(a.groups > 0 && channels % a.groups == 0, channels,
                " channels do not divide into ", a.groups, " groups");
    for (const at::Tensor *t : {&a.gamma, &a.beta}) {
        TORCH_CHECK(!t->defined() || t->sizes() == at::IntArrayRef{channels},
                    "gamma and beta must have ", channels, " elements");
        TORCH_CHECK(!t->defined() || !t->requires_grad(),
                    "no gradient is made for gamma and beta");
    }
    TORCH_CHECK(a.scale.defined() == a.shift.defined(),
                "scale and shift come together");
    for (const at::Tensor *t : {&a.scale, &a.shift})
        TORCH_CHECK(!t->defined() ||
                        t->sizes() == at::IntArrayRef({x.size(0), channels}),
                    "scale and shift must have the shape [", x.size(0), ",",
                    channels, "]");
}

bool own_norm_fits(const at::Tensor &x)
{
    const at::ScalarType type = x.scalar_type();

    if (th::plain_autograd() || x.numel() == 0)
        return false;
#ifdef NJ_CUDA
    if (x.is_cuda())
        return type == at::kFloat || type == at::kHalf || type == at::kBFloat16;
#endif
    return x.is_cpu() && (type == at::kFloat || type == at::kBFloat16);
}

at::Tensor plain_layer_norm(const at::Tensor &x, const at::Tensor &gamma,
                            const at::Tensor &beta, double eps)
{
    const at::ScalarType type = wide(x);

    return at::layer_norm(x.to(type), {x.size(-1)}, in_type(gamma, type),
                          in_type(beta, type), eps)
        .to(x.scalar_type());
}

#ifdef NJ_CUDA
struct layer_norm_node : public ag::Node {
    ag::SavedVariable x;
    at::Tensor moments;
    th::layer_norm_args args;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        if (!grads[0].defined())
            return {at::Tensor()};
        return {
            th::layer_norm_backward_cuda(grads[0], x.unpack(), moments, args)};
    }

    void release_variables() override
    {
        x.reset_data();
        moments.reset();
    }
};

at::Tensor own_layer_norm(const at::Tensor &x, const th::layer_norm_args &a)
{
    th::norm_result result;
    at::Tensor in; // of a view its rows alone, which are what is kept

    {
        const c10::NoGradGuard no_grad;

        in = x.contiguous();
        result = th::layer_norm_cuda(in, a);
    }
    if (const auto node = th::node_of<layer_norm_node>(x)) {
        node->x = ag::SavedVariable(in, false);
        node->moments = result.moments;
        node->args = a;
        ag::set_history(result.y, node);
    }
    return result.y;
}
#endif

at::Tensor layer_norm(const at::Tensor &x, const at::Tensor &gamma,
                      const at::Tensor &beta, double eps)
{
    TORCH_CHECK(x.dim() > 0, "x must have a dimension");
    for (const at::Tensor *t : {&gamma, &beta})
        TORCH_CHECK(!t->defined() || t->sizes() == at::IntArrayRef{x.size(-1)},
                    "gamma and beta must have ", x.size(-1), " elements");
#ifdef NJ_CUDA
    if (x.is_cuda() && own_norm_fits(x))
        return own_layer_norm(x, {gamma, beta, eps});
#endif
    return plain_layer_norm(x, gamma, beta, eps);
}

} // namespace

extern "C" th_tensor *th_group_norm_silu(th_scope *s, const th_tensor *x,
                                         const th_group_norm *n)
{
    at::Tensor passed;
    th_tensor *const y = th::op(
        s, "group_norm_silu",
        {x, th::opt(n->gamma), th::opt(n->beta), th::opt(n->scale),
         th::opt(n->shift)},
        [&] {
            const th::norm_args a = {n->groups,       n->eps,
                                     n->silu,         tensor(n->gamma),
                                     tensor(n->beta), tensor(n->scale),
                                     tensor(n->shift)};

            check_norm(x->t, a);
            passed = x->t;
            return own_norm_fits(x->t)
                       ? own_group_norm(x->t, a, n->through ? &passed : nullptr)
                       : plain_group_norm(x->t, a);
        });

    if (y && n->through)
        *n->through = th::op(s, "group_norm_silu", {}, [&] { return passed; });
    return y;
}

extern "C" th_tensor *th_layer_norm(th_scope *s, const th_tensor *x,
                                    const th_tensor *gamma,
                                    const th_tensor *beta, double eps)
{
    return th::op(s, "layer_norm", {x, th::opt(gamma), th::opt(beta)}, [&] {
        return layer_norm(x->t, tensor(gamma), tensor(beta), eps);
    });
}
