// The passes of cuda/pixels.h on tensors, and when they can be taken.
#ifndef NJ_TORCH_PIXELS_HPP
#define NJ_TORCH_PIXELS_HPP

#include <array>

#include "torch/th_internal.hpp"

namespace th
{

// Whether a picture [B,C,H,W] lies on CUDA, channels last, in a type that the
// kernels know.
bool pixels_fit(const at::Tensor &t) noexcept;

// y + bias [C] + more, in place; more may be undefined, else it fits as well
// and has the shape and type of y.
void add_bias_(const at::Tensor &y, const at::Tensor &bias,
               const at::Tensor &more);

// Two pictures that fit, of one size and type, side by side in their channels,
// and the two parts of one of which the first has `channels`.
at::Tensor join_pixels(const at::Tensor &a, const at::Tensor &b);
std::array<at::Tensor, 2> part_pixels(const at::Tensor &y, int64_t channels);

// Each pixel four times, times factor / the sum of each four, times factor.
at::Tensor spread_pixels(const at::Tensor &x, float factor);
at::Tensor gather_pixels(const at::Tensor &x, float factor);

} // namespace th

#endif
