// A part of a network as a function of its inputs (th_block), for the files
// that run one at another time than it is called: th_checkpoint.cpp and
// th_recorded.cpp.
#ifndef NJ_TORCH_BLOCK_HPP
#define NJ_TORCH_BLOCK_HPP

#include <memory>

#include <torch/csrc/autograd/function.h>

#include "torch/th_internal.hpp"
#include "torch/th_recorded.h"

namespace th
{

// The block on tensors of its own; what it made besides its result lives on in
// the result's history alone. Throws what went wrong.
at::Tensor run_block(th_block *block, const void *user,
                     const std::vector<at::Tensor> &inputs);

// t under another history: one that is an input itself must not lose its own.
at::Tensor result_of(const at::Tensor &t,
                     const std::shared_ptr<torch::autograd::Node> &node);

// An edge to each input that has a history or is a leaf to derive by.
void add_edges(torch::autograd::Node &node, const th_tensor *const *inputs,
               size_t n);

// Whether anything is derived by the inputs.
bool any_wanted(const th_tensor *const *inputs, size_t n);

// As th::ready, for a list of required inputs.
bool all_there(th_scope *s, const char *name, const th_tensor *const *inputs,
               size_t n) noexcept;

} // namespace th

#endif
