// Products of gathered rows with frozen weights: convolutions and linear layers
// as one thread computes its part of them, on plain arrays.
//
// Numbers are float32, or bfloat16 with sums in float32. A *word* is 32 bits:
// one float32 or two neighbouring bfloat16, K counts words of a row of x. For
// K words in and N columns out:
//   v [K/16][rows][16]  gathered rows, words
//   u [N/32][K][32]     weight, words
//   m [N/16][rows][16]  product, float32
// K is a multiple of 16, N of 32. Sums over K run in their order, so that a
// result depends neither on its neighbours nor on how the work is cut.
#ifndef NJ_TORCH_CPU_PRODUCT_HPP
#define NJ_TORCH_CPU_PRODUCT_HPP

#include <cstdint>

namespace th
{

// Rows `first` to first + count - 1 of the output pixels of a batch, in memory
// order; each is made from side x side pixels of x, zero outside of it.
struct gathered {
    int64_t height, width;         // of an image of x
    int64_t out_height, out_width; // of an image of the result
    int64_t side, stride, padding;
    int64_t words; // of a pixel of x
    int64_t first, count;
};

// w [O][taps][I] as weights are kept; turned: u is for the gradient, that is
// K = O, N = I and the taps in reverse.
struct product_weight {
    const void *data;
    int64_t outputs, taps, inputs;
    bool turned, bf16;
};

// m + bias + more goes into columns 0 to n - 1 of `count` rows of y, which are
// `pitch` numbers apart; bias [n] and more, which lies like y, may be NULL.
struct scattered {
    int64_t count, n, pitch;
    bool bf16;
};

struct product_kernels {
    int64_t rows; // that `multiply` takes at once, at most
    bool bf16;    // whether multiply_bf16 is there

    void (*gather)(const gathered *g, const void *x, void *v);
    // 32 columns from column n on: [K][32] words
    void (*pack)(const product_weight *w, int64_t n, void *panel);
    void (*multiply)(int64_t rows, int64_t k, int64_t n, const void *v,
                     const void *u, float *m);
    void (*multiply_bf16)(int64_t rows, int64_t k, int64_t n, const void *v,
                          const void *u, float *m);
    void (*scatter)(const scattered *s, const float *m, const float *bias,
                    const void *more, void *y);
};

// NULL where the processor is too old to gain by it.
const product_kernels *product();

} // namespace th

#endif
