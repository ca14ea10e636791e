// Convolution 3x3, stride 1, padding 1 by Winograd's minimal filtering
// F(4x4,3x3): the parts of it that one thread does, on plain arrays.
//
// y = A^T [(G w G^T) . (B^T x B)] A per tile of 4x4 outputs (Lavin & Gray
// 2016), 36 products where the direct way takes 144. The interpolation points
// are 0, +-5/8, +-5/4 and infinity: exact in binary, and their rounding error
// is about twice that of the direct sum (0, +-1, +-2: five times).
//
// Images are float32, channels last. Tiles are counted row by row. The
// transformed arrays, for 36 frequencies f, K channels in and N out:
//   v [f][K/16][rows][16]   input; rows: tiles, rounded up
//   u [f][N/32][K][32]      weight
//   m [f][N/16][rows][16]   product
// K is a multiple of 16, N of 32. Sums over K run in their order.
#ifndef NJ_TORCH_CPU_WINOGRAD_HPP
#define NJ_TORCH_CPU_WINOGRAD_HPP

#include <cstdint>

namespace th
{

constexpr int64_t winograd_tile = 4;         // side of a tile of outputs
constexpr int64_t winograd_frequencies = 36; // (4 + 3 - 1)^2

// Tiles `first` to first + count - 1 of one image.
struct winograd_tiles {
    int64_t height, width;
    int64_t first, count;
    int64_t rows; // count rounded up to a multiple of winograd_kernels.rows
};

struct winograd_kernels {
    int64_t rows; // tiles that a step of `multiply` takes

    // Outputs o to o + 15 of w [O][3][3][I] into u; turned: u is for the
    // gradient, that is K = O, N = I and the kernel rotated by 180 degrees.
    void (*weights)(const float *w, int64_t outputs, int64_t inputs,
                    bool turned, int64_t o, float *u);
    void (*input)(const winograd_tiles *t, int64_t channels, const float *x,
                  float *v);
    // One frequency: m = v u.
    void (*multiply)(int64_t rows, int64_t k, int64_t n, const float *v,
                     const float *u, float *m);
    // Adds bias [N] unless it is NULL.
    void (*output)(const winograd_tiles *t, int64_t channels, const float *m,
                   const float *bias, float *y);
};

// NULL where the processor is too old to gain by it.
const winograd_kernels *winograd();

} // namespace th

#endif
