/* Element types of tensors, as weight files and the tensor interface know
 * them. Names are those of safetensors. */
#ifndef NJ_BASE_DTYPE_H
#define NJ_BASE_DTYPE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nj_dtype {
    NJ_F32 = 0,
    NJ_F64,
    NJ_F16,
    NJ_BF16,
    NJ_I64,
    NJ_I32,
    NJ_I16,
    NJ_I8,
    NJ_U8,
    NJ_BOOL,
    NJ_DTYPE_COUNT
} nj_dtype;

#define NJ_DIMS_MAX 8

/* Bytes of one element. */
size_t nj_dtype_size(nj_dtype dtype);

/* "F32", "BF16", ...; static storage. */
const char *nj_dtype_name(nj_dtype dtype);

#ifdef __cplusplus
}
#endif

#endif
