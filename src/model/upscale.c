/* Upscaling: see upscale.h. Alpha is upscaled as a grey picture of its own. */
#include "model/upscale.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* A stretch of one axis: the tile, and the crop around it that is run. */
struct stretch {
    int64_t from; /* of the tile */
    int64_t n;
    int64_t crop_from;
    int64_t crop_n;
};

static struct stretch stretch_of(int64_t i, int64_t length, const nj_tiling *t)
{
    struct stretch a = {.from = i * t->size};
    int64_t end = a.from + t->size < length ? a.from + t->size : length;
    int64_t crop_end = end + t->pad < length ? end + t->pad : length;

    a.n = end - a.from;
    a.crop_from = a.from > t->pad ? a.from - t->pad : 0;
    a.crop_n = crop_end - a.crop_from;
    return a;
}

/* Part of [1,3,H,W]. */
static th_tensor *part(th_scope *s, const th_tensor *x, int64_t y, int64_t h,
                       int64_t column, int64_t w)
{
    return th_narrow(s, th_narrow(s, x, 2, y, h), 3, column, w);
}

static void run_tile(th_scope *s, const nj_rrdbnet *net, const th_tensor *image,
                     th_tensor *out, const struct stretch *y,
                     const struct stretch *x)
{
    int64_t k = nj_rrdbnet_shape(net)->scale;
    th_scope *t = th_scope_new(s);
    th_tensor *crop =
        part(t, image, y->crop_from, y->crop_n, x->crop_from, x->crop_n);
    th_tensor *big = nj_rrdbnet_forward(t, net, crop);

    big = part(t, big, k * (y->from - y->crop_from), k * y->n,
               k * (x->from - x->crop_from), k * x->n);
    th_copy_(t, part(t, out, k * y->from, k * y->n, k * x->from, k * x->n),
             big);
    th_scope_free(t);
}

static bool fits(th_scope *s, const nj_rrdbnet *net, const nj_tiling *t)
{
    int factor = nj_rrdbnet_shape(net)->factor;

    if (t->size >= 0 && t->pad >= 0 && t->size % factor == 0 &&
        t->pad % factor == 0)
        return true;
    th_scope_fail(s, NJ_E_USAGE,
                  "tile size and padding must be multiples of the network's "
                  "factor");
    return false;
}

th_tensor *nj_upscale_tensor(th_scope *s, const nj_rrdbnet *net,
                             const nj_tiling *tiling, const th_tensor *image)
{
    int64_t k = nj_rrdbnet_shape(net)->scale;
    int64_t h = th_size(image, 2);
    int64_t w = th_size(image, 3);
    const int64_t shape[4] = {1, 3, k * h, k * w};
    th_tensor *out;

    if (!fits(s, net, tiling))
        return NULL;
    if (tiling->size == 0)
        return nj_rrdbnet_forward(s, net, image);
    out = th_zeros(s, th_dtype(image), th_where(image), 4, shape);
    for (int64_t row = 0; row * tiling->size < h; row++) {
        struct stretch y = stretch_of(row, h, tiling);

        for (int64_t column = 0; column * tiling->size < w; column++) {
            struct stretch x = stretch_of(column, w, tiling);

            run_tile(s, net, image, out, &y, &x);
        }
    }
    return out;
}

/* Pixels that bring a side to a multiple of the network's factor. */
static int missing(int side, int factor)
{
    return (factor - side % factor) % factor;
}

/* Three channels from `first` on (the same one three times with step 0) as
 * [1,3,H,W] in [0,1]. */
static th_tensor *planes(th_scope *s, const nj_bytes *in, int first, int step)
{
    size_t pixels = (size_t)in->width * (size_t)in->height;
    const int64_t shape[4] = {1, 3, in->height, in->width};
    float *values = nj_calloc(pixels, 3 * sizeof(*values));
    th_tensor *t;

    if (!values) {
        th_scope_fail(s, NJ_E_MEMORY, "out of memory");
        return NULL;
    }
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < pixels; i++)
            values[c * pixels + i] =
                (float)in->bytes[i * (size_t)in->channels + (size_t)first +
                                 c * (size_t)step] /
                255.0F;
    t = th_from_data(s, NJ_F32, 4, shape, values);
    free(values);
    return t;
}

/* One pass of the network: [1,3,H,W] -> [1,3,H*scale,W*scale] in [0,1]. */
static th_tensor *pass(th_scope *s, const nj_rrdbnet *net,
                       const nj_tiling *tiling, const th_tensor *x)
{
    const nj_rrdbnet_config *f = nj_rrdbnet_shape(net);
    int64_t h = th_size(x, 2);
    int64_t w = th_size(x, 3);
    th_tensor *y = th_pad2d(s, x, TH_PAD_REFLECT, 0, missing((int)w, f->factor),
                            0, missing((int)h, f->factor));

    y = nj_upscale_tensor(s, net, tiling, y);
    y = part(s, y, 0, h * f->scale, 0, w * f->scale);
    return th_clamp(s, y, 0.0, 1.0);
}

static uint8_t to_byte(float value)
{
    return (uint8_t)rint(255.0 * (double)value);
}

static void put_colour(const float *values, nj_bytes *out)
{
    size_t pixels = (size_t)out->width * (size_t)out->height;

    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            out->bytes[i * (size_t)out->channels + c] =
                to_byte(values[c * pixels + i]);
}

/* ITU-R BT.601 luma of the three channels that come back. */
static void put_grey(const float *values, nj_bytes *out, int channel)
{
    size_t n = (size_t)out->width * (size_t)out->height;

    for (size_t i = 0; i < n; i++)
        out->bytes[i * (size_t)out->channels + (size_t)channel] =
            to_byte(0.299F * values[i] + 0.587F * values[n + i] +
                    0.114F * values[2 * n + i]);
}

/* Infinite ones were clamped. */
static nj_status check_numbers(const float *values, size_t n, nj_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(values[i]))
            return nj_fail(err, NJ_E_NUMERIC,
                           "the network's values are not finite");
    return NJ_OK;
}

static nj_status run_pass(const nj_rrdbnet *net, const nj_tiling *tiling,
                          const nj_bytes *in, bool grey, nj_bytes *out,
                          nj_err *err)
{
    size_t n = 3 * (size_t)out->width * (size_t)out->height;
    float *values = nj_calloc(n, sizeof(*values));
    th_scope *s = th_scope_new(NULL);
    int channel = grey ? in->channels - 1 : 0;
    nj_status status;

    if (!values)
        th_scope_fail(s, NJ_E_MEMORY, "out of memory");
    else
        th_read_f32(s,
                    pass(s, net, tiling, planes(s, in, channel, grey ? 0 : 1)),
                    values, n);
    status = th_scope_check(s, err);
    if (status == NJ_OK && values)
        status = check_numbers(values, n, err);
    if (status == NJ_OK && values && grey)
        put_grey(values, out, channel);
    else if (status == NJ_OK && values)
        put_colour(values, out);
    th_scope_free(s);
    free(values);
    return status;
}

/* Sides and bytes of the result, checked. */
static nj_status prepare(const nj_rrdbnet *net, const nj_bytes *in,
                         nj_bytes *out, nj_err *err)
{
    int64_t k = nj_rrdbnet_shape(net)->scale;
    size_t n;

    *out = (nj_bytes){.channels = in->channels};
    if (in->channels != 1 && in->channels != 3 && in->channels != 4)
        return nj_fail(err, NJ_E_USAGE,
                       "a picture of %d channels, expected 1, 3 or 4",
                       in->channels);
    if (in->width < 1 || in->height < 1 || in->width * k > INT32_MAX ||
        in->height * k > INT32_MAX)
        return nj_fail(err, NJ_E_USAGE, "a picture of %d x %d pixels",
                       in->width, in->height);
    out->width = (int)(in->width * k);
    out->height = (int)(in->height * k);
    if (!nj_mul_size((size_t)out->width, (size_t)out->height, &n) ||
        !nj_mul_size(n, 3 * sizeof(float), &n))
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    out->bytes = nj_calloc((size_t)out->width * (size_t)out->height,
                           (size_t)out->channels);
    return out->bytes ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "out of memory");
}

nj_status nj_upscale_bytes(const nj_rrdbnet *net, const nj_tiling *tiling,
                           const nj_bytes *in, nj_bytes *out, nj_err *err)
{
    nj_status status = prepare(net, in, out, err);

    if (status == NJ_OK && in->channels >= 3)
        status = run_pass(net, tiling, in, false, out, err);
    if (status == NJ_OK && in->channels != 3)
        status = run_pass(net, tiling, in, true, out, err);
    if (status != NJ_OK) {
        free(out->bytes);
        out->bytes = NULL;
    }
    return status;
}
