/* Compares an opened weight file with its entry of an index.json: every
 * tensor's path, dtype, shape and sha256. Shared by the unit tests (their
 * fixtures) and the parity runner. */
#ifndef NJ_TESTS_WEIGHTS_EXPECT_H
#define NJ_TESTS_WEIGHTS_EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "weights/weights.h"

static inline const nj_view *find_path(const nj_weights *w, const cJSON *path)
{
    for (size_t i = 0; i < nj_weights_count(w); i++) {
        const nj_view *v = nj_weights_at(w, i);
        cJSON *got = cJSON_Parse(v->path);
        int same = got && cJSON_Compare(got, path, 1);

        cJSON_Delete(got);
        if (same)
            return v;
    }
    return NULL;
}

static inline int same_shape(const nj_view *v, const cJSON *shape)
{
    if (cJSON_GetArraySize(shape) != v->ndim)
        return 0;
    for (int i = 0; i < v->ndim; i++) {
        if (cJSON_GetArrayItem(shape, i)->valuedouble != (double)v->shape[i])
            return 0;
    }
    return 1;
}

static inline int same_hash(const nj_view *v, const char *want)
{
    size_t n = (size_t)nj_view_elements(v) * nj_dtype_size(v->dtype);
    void *bytes = nj_calloc(n, 1);
    char hex[65] = "";

    if (bytes) {
        nj_view_copy(v, bytes);
        nj_sha256(bytes, n, hex);
    }
    free(bytes);
    return strcmp(hex, want) == 0;
}

/* Prints each difference after `label`; returns how many there are. */
static inline int weights_differences(const char *label, const nj_weights *w,
                                      const cJSON *tensors)
{
    int wrong = 0;
    const cJSON *t;

    cJSON_ArrayForEach(t, tensors)
    {
        char *path = cJSON_PrintUnformatted(nj_json_get(t, "path"));
        const nj_view *v = find_path(w, nj_json_get(t, "path"));
        const char *problem = NULL;

        if (!v)
            problem = "is missing";
        else if (strcmp(nj_dtype_name(v->dtype),
                        nj_json_string(t, "dtype", "")) != 0)
            problem = "has another dtype";
        else if (!same_shape(v, nj_json_get(t, "shape")))
            problem = "has another shape";
        else if (!same_hash(v, nj_json_string(t, "sha256", "")))
            problem = "has other values";
        if (problem) {
            printf("%s: tensor %s %s\n", label, path, problem);
            wrong++;
        }
        free(path);
    }
    if ((size_t)cJSON_GetArraySize(tensors) != nj_weights_count(w)) {
        printf("%s: %zu tensors, %d expected\n", label, nj_weights_count(w),
               cJSON_GetArraySize(tensors));
        wrong++;
    }
    return wrong;
}

#endif
