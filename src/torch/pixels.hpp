// The passes of cuda/pixels.h on tensors, and when they can be taken.
#ifndef NJ_TORCH_PIXELS_HPP
#define NJ_TORCH_PIXELS_HPP

#include "torch/th_internal.hpp"

namespace th
{

// Whether a picture [B,C,H,W] lies on CUDA, channels last, in a type that the
// kernels know.
bool pixels_fit(const at::Tensor &t) noexcept;

// y + bias [C], in place.
void add_bias_(const at::Tensor &y, const at::Tensor &bias);

// Each pixel four times, times factor / the sum of each four, times factor.
at::Tensor spread_pixels(const at::Tensor &x, float factor);
at::Tensor gather_pixels(const at::Tensor &x, float factor);

} // namespace th

#endif
