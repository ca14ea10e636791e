/* Element types: one table for sizes and names. */
#include "base/dtype.h"

static const struct {
    const char *name;
    size_t size;
} types[NJ_DTYPE_COUNT] = {
    [NJ_F32] = {"F32", 4},   [NJ_F64] = {"F64", 8}, [NJ_F16] = {"F16", 2},
    [NJ_BF16] = {"BF16", 2}, [NJ_I64] = {"I64", 8}, [NJ_I32] = {"I32", 4},
    [NJ_I16] = {"I16", 2},   [NJ_I8] = {"I8", 1},   [NJ_U8] = {"U8", 1},
    [NJ_BOOL] = {"BOOL", 1},
};

size_t nj_dtype_size(nj_dtype dtype)
{
    return types[dtype].size;
}

const char *nj_dtype_name(nj_dtype dtype)
{
    return types[dtype].name;
}
