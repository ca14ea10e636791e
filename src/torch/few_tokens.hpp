// Own attention of few tokens on the CPU: libtorch's kernels take ten times as
// long for them as the arithmetic.
#ifndef NJ_TORCH_FEW_TOKENS_HPP
#define NJ_TORCH_FEW_TOKENS_HPP

#include "torch/th_internal.hpp"

namespace th
{

// Whether few_tokens can take qkv [B,T,3,H,D] or [B,T,H,3,D].
bool few_tokens_fit(const at::Tensor &qkv);

// softmax(q k^T scale) v -> [B,T,H*D], derivable by qkv, of which nothing more
// is kept; dim: the one of 3. Heads are computed by themselves, so that results
// depend neither on the batch nor on the number of threads.
at::Tensor few_tokens(const at::Tensor &qkv, int dim, double scale);

} // namespace th

#endif
