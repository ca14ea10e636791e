// Own convolutions and linear layers on the CPU: which there are, and when they
// are the better way. Weights are frozen. Results depend neither on the number
// of threads nor on the other images of a batch.
#ifndef NJ_TORCH_PRODUCT_HPP
#define NJ_TORCH_PRODUCT_HPP

#include <functional>

#include "torch/th_internal.hpp"

namespace th
{

// What a weight is turned into before it is used, made by `make` unless it is
// still there from before: small weights are kept, up to a limit, for as long
// as the weight lives. `kind` tells the forms of one weight apart.
at::Tensor prepared(const at::Tensor &weight, int kind,
                    const std::function<at::Tensor()> &make);

// t with zeros behind dimension `dim`, up to a multiple of `unit`; t itself
// where it is one.
at::Tensor filled(const at::Tensor &t, int64_t dim, int64_t unit);

// A bias, or an undefined one, as the loops read it.
at::Tensor as_float(const at::Tensor &bias);

// Whether rows of x, float32 or bfloat16, can be multiplied with the weight
// [O,I] or [O,I,s,s]; turned: with its transpose.
bool product_fits(const at::Tensor &x, const at::Tensor &weight, bool turned);

// x [...,I], weight [O,I], bias [O] or undefined -> [...,O]; turned: x [...,O]
// -> [...,I].
at::Tensor linear_product(const at::Tensor &x, const at::Tensor &weight,
                          const at::Tensor &bias, bool turned);

// Padding s / 2, channels last. x [B,I,H,W], weight [O,I,s,s] with odd s;
// more, added to the result, has its shape, type and memory order or is
// undefined. turned: the gradient for x, given that of the result; stride is 1
// then.
at::Tensor conv_product(const at::Tensor &x, const at::Tensor &weight,
                        const at::Tensor &bias, const at::Tensor &more,
                        int64_t stride, bool turned);

} // namespace th

#endif
