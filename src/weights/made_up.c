/* Made-up weights: see made_up.h. */
#include "weights/made_up.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "weights/weights_internal.h"

nj_status nj_made_up_new(nj_weights **out, nj_err *err)
{
    nj_weights *w = nj_calloc(1, sizeof(*w));

    if (!w)
        return nj_fail(err, NJ_E_MEMORY, "no memory for weights");
    *out = w;
    return NJ_OK;
}

/* Uniform numbers with the given deviation; the same for the same n. */
static void fill(float *out, size_t n, double deviation)
{
    uint64_t state = 0x9E3779B97F4A7C15U + n;
    double reach = sqrt(3) * deviation;

    for (size_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] =
            (float)(reach * ((double)(state >> 11) / 4503599627370496.0 - 1));
    }
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

/* The numbers of a tensor, and the strides that spread them. */
static float *numbers(nj_view *v)
{
    size_t inputs = 1;
    size_t rows = v->ndim ? (size_t)v->shape[0] : 1;
    float *values;

    for (int i = 1; i < v->ndim; i++)
        inputs *= (size_t)v->shape[i];
    values = nj_calloc(rows + inputs, sizeof(*values));
    if (!values)
        return NULL;
    if (v->ndim >= 2) {
        fill(values, rows + inputs, 1 / sqrt((double)inputs));
        v->stride[0] = 1;
        return values;
    }
    for (size_t i = 0; i < rows; i++)
        values[i] = ends_in(v->name, "weight") ? 1.0F : 0.0F;
    return values;
}

nj_status nj_made_up_add(nj_weights *w, const char *name, int ndim,
                         const int64_t *shape, nj_err *err)
{
    nj_view v = {.name = name, .path = name, .dtype = NJ_F32, .ndim = ndim};
    float *values;

    if (ndim > 0)
        memcpy(v.shape, shape, (size_t)ndim * sizeof(*shape));
    if (!nj_view_set_contiguous(&v))
        return nj_fail(err, NJ_E_FORMAT, "tensor '%s' is too large", name);
    values = numbers(&v);
    if (!values)
        return nj_fail(err, NJ_E_MEMORY, "no memory for weights");
    v.data = values;
    if (nj_weights_own(w, (unsigned char *)values, err) != NJ_OK)
        return NJ_E_MEMORY;
    return nj_weights_add(w, &v, false, err);
}

nj_status nj_made_up_finish(nj_weights *w, nj_err *err)
{
    return nj_weights_index(w, err);
}
