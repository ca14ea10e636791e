// The functions of block.hpp.
#include <torch/csrc/autograd/functions/utils.h>

#include "torch/block.hpp"

namespace
{

struct scope_deleter {
    void operator()(th_scope *s) const
    {
        th_scope_free(s);
    }
};

} // namespace

at::Tensor th::run_block(th_block *block, const void *user,
                         const std::vector<at::Tensor> &inputs)
{
    const std::unique_ptr<th_scope, scope_deleter> s(th_scope_new(nullptr));
    std::vector<const th_tensor *> handles;
    nj_err err = {};

    if (!s)
        throw std::bad_alloc();
    for (const at::Tensor &t : inputs)
        handles.push_back(own(s.get(), t));
    const th_tensor *const y = block(s.get(), user, handles.data());

    if (th_scope_check(s.get(), &err) != NJ_OK)
        throw failure(err);
    return y->t;
}

at::Tensor th::result_of(const at::Tensor &t,
                         const std::shared_ptr<torch::autograd::Node> &node)
{
    at::Tensor y = t.detach();

    torch::autograd::set_history(y, node);
    return y;
}

void th::add_edges(torch::autograd::Node &node, const th_tensor *const *inputs,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const at::Tensor &t = inputs[i]->t;

        node.add_next_edge(t.requires_grad()
                               ? torch::autograd::impl::gradient_edge(t)
                               : torch::autograd::Edge());
    }
}

bool th::any_wanted(const th_tensor *const *inputs, size_t n)
{
    bool wanted = false;

    for (size_t i = 0; i < n; i++)
        wanted = wanted || inputs[i]->t.requires_grad();
    return wanted && c10::GradMode::is_enabled();
}

bool th::all_there(th_scope *s, const char *name,
                   const th_tensor *const *inputs, size_t n) noexcept
{
    for (size_t i = 0; i < n; i++)
        if (!ready(s, name, {inputs[i]}))
            return false;
    return true;
}
