/* A checkpoint that is to be written: names, shapes, dtypes and how values
 * are made, in the order of the public files. */
#ifndef NJ_TOOLS_CHECKPOINT_SPEC_H
#define NJ_TOOLS_CHECKPOINT_SPEC_H

#include "base/json.h"
#include "weights/card.h"
#include "weights/weights.h"

#define SPEC_NAME_MAX 160

/* Values: normal with deviation `scale`, or `scale` everywhere. */
typedef enum spec_values { SPEC_NORMAL, SPEC_CONSTANT } spec_values;

typedef struct spec_tensor {
    char name[SPEC_NAME_MAX];
    nj_dtype dtype; /* NJ_F32, NJ_F16 or NJ_I64 (constant) */
    int ndim;
    int64_t shape[4];
    spec_values values;
    double scale;
} spec_tensor;

typedef struct spec {
    const char *container; /* the dictionary's key, or NULL for the root */
    spec_tensor *tensors;
    size_t count;
    size_t capacity;
    bool failed; /* memory was short */
} spec;

void spec_release(spec *s);

/* Appends one tensor; `name` is a format. */
typedef struct spec_shape {
    int ndim;
    int64_t size[4];
} spec_shape;

void spec_add(spec *s, spec_shape shape, nj_dtype dtype, spec_values values,
              double scale, const char *format, ...) NJ_PRINTF(6, 7);

/* A layer: weight [out,in], [out,in,k,k] or [out,in,1] with deviation
 * gain / sqrt(fan in), and bias 0. */
typedef struct spec_layer {
    int64_t out;
    int64_t in;
    int kernel;  /* 0: linear; -1: one-dimensional, of width 1 */
    double gain; /* 0: 1 */
    bool no_bias;
    nj_dtype dtype;
} spec_layer;

/* `name` is a format; ".weight" and ".bias" are added. */
void spec_add_layer(spec *s, spec_layer layer, const char *name, ...)
    NJ_PRINTF(3, 4);

/* weight 1 and bias 0, float32. */
void spec_add_norm(spec *s, int64_t channels, const char *name, ...)
    NJ_PRINTF(3, 4);

/* One network each; `flags` is the kind's object of a card. */
nj_status spec_unet(spec *s, const cJSON *flags, nj_err *err) NJ_MUST_USE;
nj_status spec_clip(spec *s, const cJSON *flags, nj_err *err) NJ_MUST_USE;
nj_status spec_upscaler(spec *s, const cJSON *flags, nj_err *err) NJ_MUST_USE;
nj_status spec_secondary(spec *s, const cJSON *flags, nj_err *err) NJ_MUST_USE;
nj_status spec_lpips(spec *s, const cJSON *flags, nj_err *err) NJ_MUST_USE;

#endif
