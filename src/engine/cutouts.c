/* Cutouts: the maps of every box, in the order that the losses expect. */
#include "engine/cutouts.h"

#include "engine/banded.h"

const double nj_clip_mean[3] = {.48145466, .4578275, .40821073};
const double nj_clip_std[3] = {.26862954, .26130258, .27577711};

static nj_status make_band(nj_band *b, const nj_cutout_plan *plan,
                           const nj_window *window, nj_err *err)
{
    switch (plan->filter) {
    case NJ_CUT_LANCZOS:
        return nj_band_lanczos(b, window, plan->size, err);
    case NJ_CUT_CUBIC:
        return nj_band_cubic(b, window, plan->size, err);
    case NJ_CUT_POOL:
        break;
    }
    return nj_band_pool(b, window, plan->size, err);
}

/* The window that box `i` of the plan cuts along one side of `length` pixels.
 * An error when it leaves the picture with its border. */
static nj_status window_of(const nj_cutout_plan *plan, size_t i, bool columns,
                           int length, nj_window *out, nj_err *err)
{
    const nj_box *box = &plan->boxes[i];
    const int start = columns ? box->x : box->y;
    const int span = columns ? box->w : box->h;

    if (span < 1 || start < 0 || span > length + 2 * plan->border ||
        start > length + 2 * plan->border - span)
        return nj_fail(err, NJ_E_INTERNAL,
                       "cutout %zu takes %d pixels at %d of a side of %d", i,
                       span, start, length + 2 * plan->border);
    *out = (nj_window){
        .length = length, .start = start - plan->border, .span = span};
    return NJ_OK;
}

/* The maps of one side for picture cut * images + image. */
static nj_status fill_side(nj_band *maps, const nj_cutout_plan *plan,
                           bool columns, int length, nj_err *err)
{
    const size_t n = plan->images * plan->cutn;
    nj_status st = NJ_OK;

    for (size_t r = 0; r < n && st == NJ_OK; r++) {
        const size_t box = r % plan->images * plan->cutn + r / plan->images;
        nj_window window;

        st = window_of(plan, box, columns, length, &window, err);
        if (st == NJ_OK)
            st = make_band(&maps[r], plan, &window, err);
    }
    return st;
}

static bool fits(th_scope *s, const th_tensor *x, const nj_cutout_plan *plan)
{
    if (x == NULL)
        return false;
    if (th_ndim(x) == 4 && plan->size > 0 && plan->border >= 0 &&
        plan->cutn > 0 && th_size(x, 0) == (int64_t)plan->images)
        return true;
    th_scope_fail(s, NJ_E_INTERNAL, "cutouts do not fit their pictures");
    return false;
}

th_tensor *nj_plain_cutouts(th_scope *s, const th_tensor *x,
                            const nj_cutout_plan *plan)
{
    nj_banded maps = {0};
    nj_err err = {0};
    th_tensor *y = NULL;
    nj_status st;

    if (!fits(s, x, plan))
        return NULL;
    st = nj_banded_init(&maps, plan->images * plan->cutn, &err);
    if (st == NJ_OK)
        st = fill_side(maps.rows, plan, false, (int)th_size(x, 2), &err);
    if (st == NJ_OK)
        st = fill_side(maps.cols, plan, true, (int)th_size(x, 3), &err);
    if (st == NJ_OK)
        y = nj_banded_apply(s, x, &maps);
    else
        th_scope_fail(s, st, err.text);
    nj_banded_release(&maps);
    return y;
}

th_tensor *nj_normalise(th_scope *s, const th_tensor *x, const double mean[3],
                        const double std[3])
{
    const int64_t shape[4] = {1, 3, 1, 1};
    float offset[3];
    float deviation[3];
    const th_tensor *m, *d;

    for (int c = 0; c < 3; c++) {
        offset[c] = (float)mean[c];
        deviation[c] = (float)std[c];
    }
    m = th_from_data(s, NJ_F32, 4, shape, offset);
    d = th_from_data(s, NJ_F32, 4, shape, deviation);
    m = th_to(s, m, th_dtype(x), th_where(x));
    d = th_to(s, d, th_dtype(x), th_where(x));
    return th_div(s, th_sub(s, x, m), d);
}

th_tensor *nj_clip_normalise(th_scope *s, const th_tensor *x)
{
    return nj_normalise(s, x, nj_clip_mean, nj_clip_std);
}

th_tensor *nj_to_unit(th_scope *s, const th_tensor *x)
{
    return th_add_scalar(s, th_mul_scalar(s, x, .5), .5);
}
