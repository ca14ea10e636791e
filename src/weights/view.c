/* Tensors as views: are they inside their storage, and their values out of
 * it. Every product and sum of sizes from a file is checked here, once. */
#include "weights/weights_internal.h"

#include <inttypes.h>
#include <string.h>

/* An expanded tensor (stride 0) may claim more elements than its storage
 * has; more than this many would be a trap for whoever copies it. */
#define EXPANDED_ELEMENTS_MAX ((uint64_t)1 << 26)

bool nj_shape_elements(int ndim, const int64_t *shape, uint64_t *elements)
{
    bool empty = false;
    uint64_t product = 1;

    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0)
            return false;
        empty = empty || shape[i] == 0;
    }
    for (int i = 0; i < ndim && !empty; i++) {
        if (__builtin_mul_overflow(product, (uint64_t)shape[i], &product))
            return false;
    }
    *elements = empty ? 0 : product;
    return *elements <= INT64_MAX;
}

bool nj_view_set_contiguous(nj_view *v)
{
    int64_t step = 1;

    for (int i = v->ndim - 1; i >= 0; i--) {
        v->stride[i] = step;
        if (v->shape[i] > 1 && __builtin_mul_overflow(step, v->shape[i], &step))
            return false;
    }
    return true;
}

/* Index of the last element of a tensor that is not empty. */
static bool last_index(const nj_view *v, int64_t offset, uint64_t *last)
{
    if (offset < 0)
        return false;
    *last = (uint64_t)offset;
    for (int i = 0; i < v->ndim; i++) {
        uint64_t reach;

        if (v->stride[i] < 0 ||
            __builtin_mul_overflow((uint64_t)(v->shape[i] - 1),
                                   (uint64_t)v->stride[i], &reach) ||
            __builtin_add_overflow(*last, reach, last))
            return false;
    }
    return true;
}

nj_status nj_view_place(nj_view *v, const struct nj_storage *storage,
                        int64_t offset, nj_err *err)
{
    uint64_t elements;
    uint64_t last;

    if (!nj_shape_elements(v->ndim, v->shape, &elements))
        return nj_fail(err, NJ_E_FORMAT,
                       "a size is negative or the number of elements "
                       "overflows");
    if (elements > storage->elements && elements > EXPANDED_ELEMENTS_MAX)
        return nj_fail(err, NJ_E_FORMAT,
                       "%" PRIu64 " elements over a storage of %" PRIu64,
                       elements, storage->elements);
    v->dtype = storage->dtype;
    v->data = storage->data;
    if (elements == 0)
        return NJ_OK;
    if (!last_index(v, offset, &last))
        return nj_fail(err, NJ_E_FORMAT,
                       "offset or stride is negative or overflows");
    if (last >= storage->elements)
        return nj_fail(err, NJ_E_FORMAT,
                       "needs element %" PRIu64 " of a storage of %" PRIu64,
                       last, storage->elements);
    v->data = storage->data + (size_t)offset * nj_dtype_size(v->dtype);
    return NJ_OK;
}

int64_t nj_view_elements(const nj_view *v)
{
    uint64_t elements = 0;

    return nj_shape_elements(v->ndim, v->shape, &elements) ? (int64_t)elements
                                                           : 0;
}

/* ---- reading the values ------------------------------------------------ */

static float half_to_float(uint16_t h)
{
    uint32_t bits = (uint32_t)(h & 0x7fff) << 13;
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    float f;

    /* The product moves the exponent's bias from 15 to 127 and makes
     * subnormal halves normal. */
    memcpy(&f, &bits, sizeof(f));
    f *= 0x1p112F;
    memcpy(&bits, &f, sizeof(f));
    if ((h & 0x7c00) == 0x7c00)
        bits |= 0x7f800000;
    bits |= sign;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

static float bfloat_to_float(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static float half_bits(uint16_t x)
{
    return half_to_float(x);
}

/* A run: n elements, each `step` bytes after the one before. */
#define RUN_READER(name, type, convert)                                        \
    static void name(const unsigned char *p, size_t step, size_t n,            \
                     float *out)                                               \
    {                                                                          \
        for (size_t i = 0; i < n; i++, p += step) {                            \
            type x;                                                            \
                                                                               \
            memcpy(&x, p, sizeof(x));                                          \
            out[i] = convert(x);                                               \
        }                                                                      \
    }

#define AS_FLOAT(x) ((float)(x))
#define AS_TRUTH(x) ((x) ? 1.0F : 0.0F)

RUN_READER(run_f32, float, AS_FLOAT)
RUN_READER(run_f64, double, AS_FLOAT)
RUN_READER(run_f16, uint16_t, half_bits)
RUN_READER(run_bf16, uint16_t, bfloat_to_float)
RUN_READER(run_i64, int64_t, AS_FLOAT)
RUN_READER(run_i32, int32_t, AS_FLOAT)
RUN_READER(run_i16, int16_t, AS_FLOAT)
RUN_READER(run_i8, int8_t, AS_FLOAT)
RUN_READER(run_u8, uint8_t, AS_FLOAT)
RUN_READER(run_bool, uint8_t, AS_TRUTH)

typedef void run_reader(const unsigned char *p, size_t step, size_t n,
                        float *out);

static run_reader *const readers[NJ_DTYPE_COUNT] = {
    [NJ_F32] = run_f32,   [NJ_F64] = run_f64, [NJ_F16] = run_f16,
    [NJ_BF16] = run_bf16, [NJ_I64] = run_i64, [NJ_I32] = run_i32,
    [NJ_I16] = run_i16,   [NJ_I8] = run_i8,   [NJ_U8] = run_u8,
    [NJ_BOOL] = run_bool,
};

static bool is_contiguous(const nj_view *v)
{
    int64_t step = 1;

    for (int i = v->ndim - 1; i >= 0; i--) {
        if (v->shape[i] != 1 && v->stride[i] != step)
            return false;
        step *= v->shape[i];
    }
    return true;
}

/* The position of a walk over the rows (innermost dimension) of a view. */
struct walk {
    int64_t index[NJ_DIMS_MAX];
    size_t offset; /* bytes */
};

static bool next_row(const nj_view *v, struct walk *at)
{
    size_t size = nj_dtype_size(v->dtype);

    for (int i = v->ndim - 2; i >= 0; i--) {
        at->offset += (size_t)v->stride[i] * size;
        if (++at->index[i] < v->shape[i])
            return true;
        at->offset -= (size_t)(v->shape[i] * v->stride[i]) * size;
        at->index[i] = 0;
    }
    return false;
}

void nj_view_to_f32(const nj_view *v, float *out)
{
    const unsigned char *data = v->data;
    size_t n = (size_t)nj_view_elements(v);
    size_t size = nj_dtype_size(v->dtype);
    run_reader *read_run = readers[v->dtype];
    struct walk at = {0};
    size_t row;

    if (n == 0)
        return;
    if (is_contiguous(v)) {
        read_run(data, size, n, out);
        return;
    }
    row = (size_t)v->shape[v->ndim - 1];
    do {
        read_run(data + at.offset, (size_t)v->stride[v->ndim - 1] * size, row,
                 out);
        out += row;
    } while (next_row(v, &at));
}

void nj_view_copy(const nj_view *v, void *out)
{
    const unsigned char *data = v->data;
    unsigned char *to = out;
    size_t n = (size_t)nj_view_elements(v);
    size_t size = nj_dtype_size(v->dtype);
    struct walk at = {0};

    if (n == 0)
        return;
    if (is_contiguous(v)) {
        memcpy(to, data, n * size);
        return;
    }
    do {
        const unsigned char *p = data + at.offset;

        for (int64_t i = 0; i < v->shape[v->ndim - 1]; i++, to += size) {
            memcpy(to, p, size);
            p += (size_t)v->stride[v->ndim - 1] * size;
        }
    } while (next_row(v, &at));
}
