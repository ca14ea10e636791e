/* Resampling of whole pictures: the same maps for every image of the batch. */
#include "engine/resample.h"

#include "engine/banded.h"

typedef nj_status (*band_maker)(nj_band *b, const nj_window *window,
                                int outputs, nj_err *err);

static nj_status fill(nj_banded *maps, const th_tensor *x, band_maker make,
                      const int size[2], nj_err *err)
{
    const int h = (int)th_size(x, 2), w = (int)th_size(x, 3);
    const nj_window high = {.length = h, .span = h};
    const nj_window wide = {.length = w, .span = w};
    nj_status st = nj_banded_init(maps, (size_t)th_size(x, 0), err);

    for (size_t i = 0; i < maps->pictures && st == NJ_OK; i++) {
        st = make(&maps->rows[i], &high, size[0], err);
        if (st == NJ_OK)
            st = make(&maps->cols[i], &wide, size[1], err);
    }
    return st;
}

static th_tensor *resampled(th_scope *s, const th_tensor *x, band_maker make,
                            const int size[2])
{
    nj_banded maps = {0};
    nj_err err = {0};
    th_tensor *y = NULL;
    nj_status st;

    if (x == NULL)
        return NULL;
    st = fill(&maps, x, make, size, &err);
    if (st == NJ_OK)
        y = nj_banded_apply(s, x, &maps);
    else
        th_scope_fail(s, st, err.text);
    nj_banded_release(&maps);
    return y;
}

th_tensor *nj_resample_pool(th_scope *s, const th_tensor *x, int h, int w)
{
    return resampled(s, x, nj_band_pool, (const int[2]){h, w});
}

th_tensor *nj_resample_lanczos(th_scope *s, const th_tensor *x, int h, int w)
{
    return resampled(s, x, nj_band_lanczos, (const int[2]){h, w});
}

th_tensor *nj_resample_cubic(th_scope *s, const th_tensor *x, int h, int w)
{
    return resampled(s, x, nj_band_cubic, (const int[2]){h, w});
}
