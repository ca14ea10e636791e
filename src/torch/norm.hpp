// Group norm with scale and shift and SiLU as one function and its backward;
// the CPU and CUDA versions have the same face. Layer norm on CUDA
// (cuda/layer_norm.h).
//
// Per image b and group g with moments m = mean, r = 1 / sqrt(var + eps):
//   u = (x - m) factor + offset,  factor = r gamma (1 + scale),
//                                 offset = beta (1 + scale) + shift
//   y = u sigmoid(u), or u without SiLU
// Backward, with du = dy dy/du and N numbers in a group:
//   dx = factor du - c1 - (x - m) c2,
//   c1 = sum(factor du) / N,  c2 = r^2 sum(factor du (x - m)) / N
// (Wu & He 2018, "Group Normalization", with the sums of the chain rule put
// together). Statistics and arithmetic are float32.
#ifndef NJ_TORCH_NORM_HPP
#define NJ_TORCH_NORM_HPP

#include "torch/th_internal.hpp"

namespace th
{

// What the function depends on besides x. Undefined tensors: left out.
struct norm_args {
    int64_t groups;
    double eps;
    bool silu;
    at::Tensor gamma, beta;  // [C]
    at::Tensor scale, shift; // [B,C]
};

struct norm_result {
    at::Tensor y;       // like x, channels last
    at::Tensor moments; // [B,groups,2] f32: m, r
};

// What the backward pass reads.
struct norm_reads {
    at::Tensor x, moments, dy;
    at::Tensor more; // undefined, or what has come to x by another way
};

// x: with `more` added to it.
struct norm_gradient {
    at::Tensor x, scale, shift; // undefined where not asked for
};

norm_result norm_forward_cpu(const at::Tensor &x, const norm_args &a);
norm_gradient norm_backward_cpu(const norm_reads &reads, const norm_args &a,
                                bool want_film);
#ifdef NJ_CUDA
norm_result norm_forward_cuda(const at::Tensor &x, const norm_args &a);
norm_gradient norm_backward_cuda(const norm_reads &reads, const norm_args &a,
                                 bool want_film);

struct layer_norm_args {
    at::Tensor gamma, beta; // of the last dimension; undefined: left out
    double eps;
};

// x row-major. y row-major, moments [rows,2] f32; the gradient for x,
// row-major.
norm_result layer_norm_cuda(const at::Tensor &x, const layer_norm_args &a);
at::Tensor layer_norm_backward_cuda(const at::Tensor &dy, const at::Tensor &x,
                                    const at::Tensor &moments,
                                    const layer_norm_args &a);
#endif

} // namespace th

#endif
