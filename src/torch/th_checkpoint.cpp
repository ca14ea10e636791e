// th_checkpoint: a part of a network of which the backward pass keeps only the
// inputs; what lies between is computed once more when it is needed (Chen and
// others 2016, "Training deep nets with sublinear memory cost").
#include <memory>

#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/th_internal.hpp"

namespace
{

namespace ag = torch::autograd;

struct scope_deleter {
    void operator()(th_scope *s) const
    {
        th_scope_free(s);
    }
};

struct checkpoint_node : public ag::Node {
    th_block *block = nullptr;
    const void *user = nullptr;
    std::vector<ag::SavedVariable> inputs;
    std::vector<bool> wanted; // inputs that gradients are taken by

    // The block on leaves of its own; what it made besides its result lives on
    // in the result's history alone.
    at::Tensor run(const std::vector<at::Tensor> &leaves)
    {
        const std::unique_ptr<th_scope, scope_deleter> s(th_scope_new(nullptr));
        std::vector<const th_tensor *> handles;
        nj_err err = {};

        if (!s)
            throw std::bad_alloc();
        for (const at::Tensor &t : leaves)
            handles.push_back(th::own(s.get(), t));
        const th_tensor *const y = block(s.get(), user, handles.data());

        if (th_scope_check(s.get(), &err) != NJ_OK)
            throw th::failure(err);
        return y->t;
    }

    // grads: of the result and, where the last input goes through, of that.
    ag::variable_list apply(ag::variable_list &&grads) override
    {
        const c10::AutoGradMode on(true);
        std::vector<at::Tensor> leaves;
        ag::edge_list by, from;
        ag::variable_list out(inputs.size()), dy;

        for (size_t i = 0; i < inputs.size(); i++) {
            leaves.push_back(inputs[i].unpack().detach());
            leaves[i].set_requires_grad(wanted[i]);
            if (wanted[i])
                by.push_back(ag::impl::gradient_edge(leaves[i]));
        }
        if (grads[0].defined()) {
            from.push_back(ag::impl::gradient_edge(run(leaves)));
            dy.push_back(grads[0]);
        }
        if (grads.size() > 1 && grads[1].defined()) {
            from.push_back(ag::impl::gradient_edge(leaves.back()));
            dy.push_back(grads[1]);
        }
        if (from.empty())
            return out;
        const ag::variable_list found =
            ag::Engine::get_default_engine().execute(from, dy, false, false,
                                                     false, by);

        for (size_t i = 0, k = 0; i < out.size(); i++)
            if (wanted[i])
                out[i] = found[k++];
        return out;
    }

    void release_variables() override
    {
        for (ag::SavedVariable &v : inputs)
            v.reset_data();
    }
};

// A node of the inputs, without a result yet.
std::shared_ptr<checkpoint_node> remember(th_block *block, const void *user,
                                          const th_tensor *const *inputs,
                                          size_t n)
{
    std::shared_ptr<checkpoint_node> node(new checkpoint_node, ag::deleteNode);

    node->block = block;
    node->user = user;
    for (size_t i = 0; i < n; i++) {
        const at::Tensor &t = inputs[i]->t;

        node->inputs.emplace_back(t, false);
        node->wanted.push_back(t.requires_grad());
        node->add_next_edge(t.requires_grad() ? ag::impl::gradient_edge(t)
                                              : ag::Edge());
    }
    return node;
}

// t under another history: one that is an input itself must not lose its own.
at::Tensor result_of(const at::Tensor &t,
                     const std::shared_ptr<checkpoint_node> &node)
{
    at::Tensor y = t.detach();

    ag::set_history(y, node);
    return y;
}

bool any_wanted(const th_tensor *const *inputs, size_t n)
{
    bool wanted = false;

    for (size_t i = 0; i < n; i++)
        wanted = wanted || inputs[i]->t.requires_grad();
    return wanted && c10::GradMode::is_enabled();
}

bool all_there(th_scope *s, const th_tensor *const *inputs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!th::ready(s, "checkpoint", {inputs[i]}))
            return false;
    return true;
}

} // namespace

extern "C" th_tensor *th_checkpoint(th_scope *s, th_block *block,
                                    const void *user,
                                    const th_tensor *const *inputs, size_t n,
                                    th_tensor **through)
{
    std::shared_ptr<checkpoint_node> node;
    th_scope *inner;
    th_tensor *y;

    if (!all_there(s, inputs, n))
        return nullptr;
    if (!any_wanted(inputs, n)) {
        if (through)
            *through = th_keep(s, inputs[n - 1]);
        return block(s, user, inputs);
    }
    inner = th_scope_new(s);
    {
        const c10::NoGradGuard no_grad;

        y = block(inner, user, inputs);
    }
    y = th::op(s, "checkpoint", {y}, [&] {
        node = remember(block, user, inputs, n);
        return result_of(y->t, node);
    });
    if (y && through)
        *through =
            inputs[n - 1]->t.requires_grad()
                ? th::op(s, "checkpoint", {},
                         [&] { return result_of(inputs[n - 1]->t, node); })
                : th_keep(s, inputs[n - 1]);
    th_scope_free(inner);
    return y;
}
