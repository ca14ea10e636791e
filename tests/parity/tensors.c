/* Between fixtures and th.h. */
#include "parity/tensors.h"

#include <stdlib.h>

th_device parity_device(void)
{
    return (th_device){getenv("NJ_PARITY_CUDA") ? TH_CUDA : TH_CPU, 0};
}

th_tensor *parity_place(th_scope *s, const th_tensor *t)
{
    return th_to(s, t, th_dtype(t), parity_device());
}

th_tensor *parity_tensor_in(parity_case *c, th_scope *s, const char *name)
{
    const parity_tensor *t = parity_input(c, name);

    if (!t)
        return NULL;
    if (!t->f32) {
        parity_fail(c, "input '%s' is not float32", name);
        return NULL;
    }
    return parity_place(s, th_from_data(s, NJ_F32, t->ndim, t->shape, t->f32));
}

void parity_check_tensor(parity_case *c, th_scope *s, const char *name,
                         const th_tensor *t)
{
    int64_t shape[NJ_DIMS_MAX];
    const size_t n = th_elements(t);
    float *got = parity_alloc(c, n, sizeof(*got));
    nj_err err = {0};

    th_read_f32(s, t, got, n);
    if (parity_bad(c, th_scope_check(s, &err), &err))
        return;
    for (int i = 0; i < th_ndim(t); i++)
        shape[i] = th_size(t, i);
    parity_check_f32(c, name, got, th_ndim(t), shape);
}

void parity_run_operation(parity_case *c, parity_operation f)
{
    th_scope *s = th_scope_new(NULL);
    th_tensor *x = th_leaf(s, parity_tensor_in(c, s, "x"), true);
    th_tensor *weight = parity_tensor_in(c, s, "grad_weight");
    th_tensor *y;

    if (x && weight && (y = f(c, s, x)) != NULL && !parity_failed(c)) {
        parity_check_tensor(c, s, "out", y);
        parity_check_tensor(c, s, "grad_x", th_grad(s, y, weight, x));
    } else {
        nj_err err = {0};

        if (!parity_bad(c, th_scope_check(s, &err), &err))
            parity_fail(c, "the operation gave nothing");
    }
    th_scope_free(s);
}
