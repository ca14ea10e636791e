// Convolution 3x3, stride 1, padding 1 by Winograd's minimal filtering
// F(4x4,3x3): the parts of it that one thread does, on plain arrays.
//
// y = A^T [(G w G^T) . (B^T x B)] A per tile of 4x4 outputs (Lavin & Gray
// 2016), 36 products where the direct way takes 144. The interpolation points
// are 0, +-5/8, +-5/4 and infinity: exact in binary, and their rounding error
// is about twice that of the direct sum (0, +-1, +-2: five times).
//
// Images are float32 or bfloat16, channels last; transforms are made in
// float32. Tiles are counted row by row. The transformed arrays are, for each
// of 36 frequencies, v, u and m of cpu_product.hpp with tiles for rows. In
// bfloat16 a word holds two channels that are 16 apart. Channels in and out are
// multiples of 32.
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
};

// w [O][3][3][I]; turned: u is for the gradient, that is K = O, N = I and the
// kernel rotated by 180 degrees.
struct winograd_weight {
    const void *data;
    int64_t outputs, inputs;
    bool turned, bf16;
};

// Added to a result: bias [N] and an image like y; NULL: nothing.
struct winograd_added {
    const float *bias;
    const void *more;
};

struct winograd_kernels {
    // Outputs o to o + 31 of w into u.
    void (*weights)(const winograd_weight *w, int64_t o, float *u);
    void (*input)(const winograd_tiles *t, int64_t channels, bool bf16,
                  const void *x, float *v);
    void (*output)(const winograd_tiles *t, int64_t channels, const float *m,
                   const winograd_added *added, bool bf16, void *y);
};

// NULL where the processor is too old to gain by it.
const winograd_kernels *winograd();

} // namespace th

#endif
