// th_checkpoint: a part of a network of which the backward pass keeps only the
// inputs; what lies between is computed once more when it is needed (Chen and
// others 2016, "Training deep nets with sublinear memory cost").
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include "torch/block.hpp"

namespace
{

namespace ag = torch::autograd;

struct checkpoint_node : public ag::Node {
    th_block *block = nullptr;
    const void *user = nullptr;
    std::vector<ag::SavedVariable> inputs;
    std::vector<bool> wanted; // inputs that gradients are taken by

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
            from.push_back(
                ag::impl::gradient_edge(th::run_block(block, user, leaves)));
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
    }
    th::add_edges(*node, inputs, n);
    return node;
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

    if (!th::all_there(s, "checkpoint", inputs, n))
        return nullptr;
    if (!th::any_wanted(inputs, n)) {
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
        return th::result_of(y->t, node);
    });
    if (y && through)
        *through =
            inputs[n - 1]->t.requires_grad()
                ? th::op(s, "checkpoint", {},
                         [&] { return th::result_of(inputs[n - 1]->t, node); })
                : th_keep(s, inputs[n - 1]);
    th_scope_free(inner);
    return y;
}
