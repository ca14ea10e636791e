// Convolution on the CPU by Winograd's algorithm (cpu_winograd.hpp), and when
// it is the better way.
#ifndef NJ_TORCH_CONV_HPP
#define NJ_TORCH_CONV_HPP

#include "torch/th_internal.hpp"

namespace th
{

// Whether conv_winograd can do this and is quicker than libtorch, for stride 1
// and padding 1.
bool winograd_fits(const at::Tensor &x, const at::Tensor &weight, bool turned);

// turned false: the convolution of x [B,I,H,W] with weight [O,I,3,3]; bias [O]
// may be undefined, and so may more, which is added, of the result's shape,
// type and memory order. turned true: the gradient for x of it, given the
// gradient dy [B,O,H,W]. Channels last. Each image is computed by itself, in
// parts that do not depend on the number of threads.
at::Tensor conv_winograd(const at::Tensor &x, const at::Tensor &weight,
                         const at::Tensor &bias, const at::Tensor &more,
                         bool turned);

// The same where one side has few channels, such as a picture's: they are
// filled up with zeros, and those of the result are left out again. float32.
bool narrow_fits(const at::Tensor &x, const at::Tensor &weight, bool turned);
at::Tensor conv_narrow(const at::Tensor &x, const at::Tensor &weight,
                       const at::Tensor &bias, bool turned);

} // namespace th

#endif
