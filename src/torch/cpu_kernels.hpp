// The loops over pixels of the CPU's own operations, on plain arrays.
//
// cpu_kernels.cpp is compiled once per instruction set and chosen at run time;
// it uses no fused multiply-add and fixed lanes, so every set gives the same
// bits. Nothing here starts threads: callers cut the work into parts that do
// not depend on the number of threads.
//
// Pixels lie one after another with their channels together (channels last).
// Arrays of per-channel parameters are float and padded to a multiple of
// th::lanes.
#ifndef NJ_TORCH_CPU_KERNELS_HPP
#define NJ_TORCH_CPU_KERNELS_HPP

#include <cstdint>

namespace th
{

constexpr int64_t lanes = 16;

// Part of an image: `pixels` times `channels` numbers, float32 or bfloat16.
struct span {
    int64_t pixels, channels;
    bool bf16;
};

// u = (x - mean) * factor + offset, y = silu ? u * sigmoid(u) : u, all per
// channel; see group_norm.cpp for how the norm becomes that.
struct affine {
    const float *mean, *factor, *offset;
    bool silu;
};

// Per channel, see norm.hpp.
struct slopes {
    const float *c1, *c2;
};

struct cpu_kernels {
    // sum[c] and square[c]: sums of x - first[c] and of its square, where
    // first is the span's first pixel.
    void (*moments)(span s, const void *x, float *first, float *sum,
                    float *square);
    void (*apply)(span s, const affine *a, const void *x, void *y);
    // With du = dy * dy/du: sum[c] of du and product[c] of du * (x - mean). du
    // itself goes to `kept`, in float32, unless that is NULL.
    void (*sums)(span s, const affine *a, const void *x, const void *dy,
                 float *kept, float *sum, float *product);
    // dx = factor * du - c1 - (x - mean) * c2, plus more unless that is NULL.
    // dx may be dy.
    void (*derive)(span s, const affine *a, const slopes *c, const void *x,
                   const void *dy, const void *more, void *dx);
    // y = x * sigmoid(k * x), and its derivative times dy; n numbers.
    void (*sigmoid_gate)(int64_t n, bool bf16, float k, const void *x, void *y);
    void (*sigmoid_gate_backward)(int64_t n, bool bf16, float k, const void *x,
                                  const void *dy, void *dx);
};

// The best set for this processor.
const cpu_kernels &kernels();

} // namespace th

#endif
