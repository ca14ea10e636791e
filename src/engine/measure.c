/* Measure: see measure.h. */
#include "engine/measure.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine_internal.h"

enum { ROUNDS = 6, CPU_SIDE = 2048, GPU_SIDE = 8192 };

static nj_dtype dtype_of(const nj_engine *e)
{
    switch (e->facts.precision) {
    case NJ_PRECISION_BF16:
        return NJ_BF16;
    case NJ_PRECISION_FP16:
        return NJ_F16;
    default:
        return NJ_F32;
    }
}

/* side x side numbers; zeros would make a GPU draw less power and run faster.
 */
static th_tensor *matrix(th_scope *s, const nj_engine *e, int64_t side)
{
    const int64_t shape[2] = {side, side};
    size_t n = (size_t)(side * side);
    float *values = nj_calloc(n, sizeof(*values));
    th_tensor *t;

    if (!values) {
        th_scope_fail(s, NJ_E_MEMORY, "no memory for a matrix");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        values[i] = (float)((i * 2654435761U >> 8) % 1000) / 1000.0F - .5F;
    t = th_to(s, th_from_data(s, NJ_F32, 2, shape, values), dtype_of(e),
              e->device);
    free(values);
    return t;
}

/* Seconds of the quickest product of a and b. */
static double quickest(th_scope *s, const nj_engine *e, const th_tensor *a,
                       const th_tensor *b)
{
    double best = 0;

    for (int i = 0; i < ROUNDS; i++) {
        th_scope *t = th_scope_new(s);
        double began;
        double took;

        th_wait(e->device);
        began = nj_seconds();
        if (i % 2)
            th_linear(t, a, b, NULL);
        else
            th_matmul(t, a, b);
        th_wait(e->device);
        took = nj_seconds() - began;
        best = i == 0 || took < best ? took : best;
        th_scope_free(t);
    }
    return best;
}

nj_status nj_measure_matmul(nj_engine *e, double *flops, nj_err *err)
{
    int64_t side = e->facts.cuda ? GPU_SIDE : CPU_SIDE;
    th_scope *s = th_scope_new(NULL);
    bool grad = th_enable_grad(false);
    double n = (double)side;
    double seconds = quickest(s, e, matrix(s, e, side), matrix(s, e, side));
    nj_status status = th_scope_check(s, err);

    th_enable_grad(grad);
    th_scope_free(s);
    *flops = 2 * n * n * n / seconds;
    return status;
}

uint64_t nj_measure_device(nj_engine *e)
{
    int64_t libraries;

    if (!e->facts.cuda)
        return 0;
    libraries = e->device_free - th_cuda_free(e->device.index) -
                th_cuda_held(e->device.index);
    return (uint64_t)(th_cuda_held_peak(e->device.index) +
                      (libraries > 0 ? libraries : 0));
}

uint64_t nj_measure_host(nj_engine *e)
{
    (void)e;
    return (uint64_t)th_host_count(true).peak;
}

uint64_t nj_measure_cuda_free(int index)
{
    return (uint64_t)th_cuda_free(index);
}
