/* Starts: see start.h. */
#include "engine/start.h"

#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/perlin_start.h"
#include "diffusion/pixels.h"

static nj_status fill(const nj_start_config *c, float *values, nj_err *err)
{
    const nj_settings *t = c->settings;
    const size_t n = 3 * (size_t)t->width * (size_t)t->height;
    nj_status status = NJ_OK;

    if (c->init_rgb) {
        nj_pixels_to_signed(c->init_rgb, t->width, t->height, values);
        return NJ_OK;
    }
    for (size_t b = 0; b < c->images && status == NJ_OK; b++)
        status = nj_perlin_start(c->seeds[b], t->perlin_mode, t->width,
                                 t->height, values + b * n, err);
    return status;
}

nj_status nj_start_picture(th_scope *s, const nj_start_config *config,
                           th_tensor **out, nj_err *err)
{
    const nj_settings *t = config->settings;
    const size_t pictures = config->init_rgb ? 1 : config->images;
    const int64_t shape[4] = {(int64_t)pictures, 3, t->height, t->width};
    float *values;
    nj_status status;

    *out = NULL;
    if (!config->init_rgb && !t->perlin_init)
        return NJ_OK;
    values = nj_calloc(3 * pictures * (size_t)t->width,
                       (size_t)t->height * sizeof(*values));
    if (!values)
        return nj_fail(err, NJ_E_MEMORY, "no memory for start pictures");
    status = fill(config, values, err);
    if (status == NJ_OK)
        *out = th_to(s, th_from_data(s, NJ_F32, 4, shape, values), NJ_F32,
                     config->device);
    free(values);
    return status;
}

bool nj_start_mirrors(const nj_settings *settings, int count, int index)
{
    double parts[NJ_TRANSFORMATIONS_MAX];
    size_t n;

    if (settings->symmetry == NJ_SYMMETRY_NONE ||
        nj_transformations_parse(settings->transformation_percent, parts, &n,
                                 NULL) != NJ_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        int at = (int)(count * (1 - parts[i]));

        if (index == (at < count ? at : count - 1))
            return true;
    }
    return false;
}

/* The second half of a side becomes the first one, mirrored. */
static th_tensor *mirror(th_scope *s, const th_tensor *x, int dim)
{
    const th_tensor *half = th_narrow(s, x, dim, 0, th_size(x, dim) / 2);
    const th_tensor *both[2] = {half, th_flip(s, half, dim)};

    return th_cat(s, both, 2, dim);
}

th_tensor *nj_start_mirrored(th_scope *s, const th_tensor *x, nj_symmetry how)
{
    th_tensor *y = th_keep(s, x);

    if (how & NJ_SYMMETRY_HORIZONTAL)
        y = mirror(s, y, 3);
    if (how & NJ_SYMMETRY_VERTICAL)
        y = mirror(s, y, 2);
    return y;
}
