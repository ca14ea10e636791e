// A place of our own in autograd's graph.
#ifndef NJ_TORCH_NODE_HPP
#define NJ_TORCH_NODE_HPP

#include <memory>

#include <torch/csrc/autograd/functions/utils.h>

namespace th
{

// A Node that gets the gradient of a function's result and hands its own to
// the inputs `of`, tensors or one list of them; none where nothing is derived
// by any. Of the result: torch::autograd::set_history.
template <class Node, class... Of>
std::shared_ptr<Node> node_of(const Of &...of)
{
    if (!torch::autograd::compute_requires_grad(of...))
        return nullptr;
    const std::shared_ptr<Node> node(new Node, torch::autograd::deleteNode);

    node->set_next_edges(torch::autograd::collect_next_edges(of...));
    return node;
}

} // namespace th

#endif
