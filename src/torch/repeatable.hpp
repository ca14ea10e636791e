// Operations whose gradient libtorch's CUDA kernels add up in whatever order
// threads arrive: the same functions with gradients that repeat bit for bit.
// They work on any device, but only CUDA needs them.
#ifndef NJ_TORCH_REPEATABLE_HPP
#define NJ_TORCH_REPEATABLE_HPP

#include "torch/th_internal.hpp"

namespace th
{

// Whether x needs them: on CUDA, unless speed comes first (th_set_fast).
bool wants_repeatable(const at::Tensor &x) noexcept;

at::Tensor bilinear_repeatable(const at::Tensor &x, int64_t h, int64_t w,
                               bool align_corners);

} // namespace th

#endif
