/* Weights by formula: see formula.h. They pass through a temporary file, so
 * that the networks load them as they load any other. */
#include "parity/formula.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diffusion/random.h"
#include "weights_write.h"

#define STREAM 99 /* exists for fixtures only */

static nj_view view_of(parity_case *c, const cJSON *entry)
{
    nj_view v = {.name = nj_json_string(entry, "name", ""), .dtype = NJ_F32};
    const cJSON *side;
    int64_t stride = 1;

    cJSON_ArrayForEach(side,
                       nj_json_get(entry, "shape")) if (v.ndim < NJ_DIMS_MAX)
        v.shape[v.ndim++] = (int64_t)side->valuedouble;
    for (int d = v.ndim - 1; d >= 0; d--) {
        v.stride[d] = stride;
        stride *= v.shape[d];
    }
    v.data = parity_alloc(c, (size_t)stride, sizeof(float));
    return v;
}

static void fill(const nj_view *v, const nj_source *from, const cJSON *entry,
                 float *out)
{
    size_t n = (size_t)nj_view_elements(v);
    float scale = (float)nj_json_number(entry, "scale", 1);
    float offset = (float)nj_json_number(entry, "offset", 0);
    bool positive = nj_json_bool(entry, "abs", false);

    nj_random_field(from, 0, n, out);
    for (size_t i = 0; i < n; i++)
        out[i] = (positive ? fabsf(out[i]) : out[i]) * scale + offset;
}

static nj_weights *through_file(parity_case *c, const nj_view *views, size_t n)
{
    const char *folder = getenv("TMPDIR");
    const char *pattern =
        parity_text(c, "%s/nj_formula_XXXXXX", folder ? folder : "/tmp");
    char *path = parity_alloc(c, strlen(pattern) + 1, 1);
    nj_weights *weights = NULL;
    nj_err err = {0};
    int file;

    memcpy(path, pattern, strlen(pattern));
    file = mkstemp(path);
    if (file < 0 || close(file) != 0 || !weights_write(path, views, n))
        parity_fail(c, "cannot write '%s'", path);
    else
        (void)parity_bad(c, nj_weights_open(path, &weights, &err), &err);
    if (file >= 0)
        unlink(path);
    return weights;
}

nj_weights *parity_formula_weights(parity_case *c)
{
    const cJSON *list = nj_json_get(parity_config(c), "weights");
    size_t n = (size_t)cJSON_GetArraySize(list);
    nj_view *views = parity_alloc(c, n, sizeof(*views));
    nj_source from = {.seed = parity_u64(c, parity_config(c), "seed"),
                      .stream = STREAM};
    const cJSON *entry;
    uint32_t i = 0;

    cJSON_ArrayForEach(entry, list)
    {
        views[i] = view_of(c, entry);
        from.draw = i;
        fill(&views[i], &from, entry, (float *)views[i].data);
        i++;
    }
    return through_file(c, views, n);
}
