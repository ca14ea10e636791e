/* x sigmoid(k x): SiLU with k = 1, QuickGELU with k = 1.702. One pass forward
 * and one back, which needs x alone. float32, float16 or bfloat16, float32
 * inside.
 *
 * The kernels share the expressions for one number with the group norm and with
 * the tests; only how a sigmoid is made is the device's own. */
#ifndef NJ_CUDA_GATE_H
#define NJ_CUDA_GATE_H

#include <stdint.h>

#include "base/dtype.h"
#include "base/everywhere.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nj_gate {
    int64_t count; /* of numbers */
    float k;
    nj_dtype dtype; /* F32, F16 or BF16 */
} nj_gate;

/* x s with s = sigmoid(k x). */
NJ_EVERYWHERE float nj_gate_value(float x, float s)
{
    return x * s;
}

/* Its derivative by x, with u = k x. */
NJ_EVERYWHERE float nj_gate_slope(float u, float s)
{
    return s * (1 + u * (1 - s));
}

/* Device pointers to rows of numbers; `stream` is a cudaStream_t. Return a
 * cudaError_t. */
int nj_gate_cuda(const nj_gate *g, const void *x, void *y, void *stream);
int nj_gate_backward_cuda(const nj_gate *g, const void *x, const void *dy,
                          void *dx, void *stream);

#ifdef __cplusplus
}
#endif

#endif
