// Separable maps of pictures: what th_apply_bands runs on, and the loops of
// the CPU and the kernels of CUDA behind one face.
//
// Forward: out[r,c,s,t] = sum_{a,b} rows_r[s,a] cols_r[t,b] x[r % B,c,a,b].
// Backward is the same with the transposed maps, summed over the pictures r
// that read an image: gathered, so that no two threads add to one number.
#ifndef NJ_TORCH_BANDS_HPP
#define NJ_TORCH_BANDS_HPP

#include <cstdint>

#include "cuda/bands.h"

namespace th
{

using band = nj_bands_side;

// One channel of one picture: from [rows.inputs,cols.inputs] to
// [rows.outputs,cols.outputs]. `row` has room for cols.inputs numbers.
void bands_forward_cpu(const band &rows, const band &cols, int64_t picture,
                       const float *from, float *to, float *row);

// Adds one channel's gradient through one picture: the maps are the
// transposed ones. `rest` has room for rows.inputs * cols.outputs numbers.
void bands_backward_cpu(const band &rows, const band &cols, int64_t picture,
                        const float *from, float *to, float *rest);

} // namespace th

#endif
