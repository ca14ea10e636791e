// Attention of few tokens as one thread computes a head of it, on plain arrays.
//
// y = softmax(q k^T scale) v, and the gradient with the chain rule of that:
// with p the softmax, dp = dy v^T and ds = p (dp - sum(p dp)) scale,
//   dq = ds k,  dk = ds^T q,  dv = p^T dy.
// p is made anew in the backward pass. Numbers are float32 or bfloat16, sums
// float32 in a fixed order.
#ifndef NJ_TORCH_CPU_ATTENTION_HPP
#define NJ_TORCH_CPU_ATTENTION_HPP

#include <cstdint>

namespace th
{

constexpr int64_t attention_tokens = 128; // at most

// One head. q, k and v lie in one array: token t's q at t * token, its k and v
// `part` and 2 * part numbers behind.
struct attention_head {
    int64_t tokens; // 1 to attention_tokens
    int64_t width;  // of q, k and v; a multiple of 16
    int64_t token, part;
    int64_t pitch; // from a token to the next in y
    float scale;
    bool bf16;

    // Numbers of scratch memory that both functions need.
    int64_t scratch() const
    {
        return 6 * attention_tokens * width +
               2 * attention_tokens * attention_tokens;
    }
};

struct attention_kernels {
    void (*forward)(const attention_head *h, const void *qkv, float *scratch,
                    void *y);
    // dqkv lies like qkv, dy like y.
    void (*backward)(const attention_head *h, const void *qkv, const void *dy,
                     float *scratch, void *dqkv);
};

// NULL where the processor is too old to gain by it.
const attention_kernels *attention();

} // namespace th

#endif
