/* Resizing: see resize.h. */
#include "image/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SIDE_MAX = 65535, FRACTION_BITS = 22 };

static const double pi = 3.14159265358979323846;

struct filter {
    double (*at)(double x); /* 0 outside of its reach */
    double reach;           /* pixels of the result to either side */
};

/* Which pixels a pixel of the result reads, and how much of each. */
struct taps {
    int most;     /* weights kept for each pixel */
    int *first;   /* [outputs] */
    int *count;   /* [outputs] */
    int *weights; /* [outputs,most] fixed point */
};

static void release_taps(struct taps *t)
{
    free(t->first);
    free(t->count);
    free(t->weights);
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static double lanczos(double x)
{
    return x > -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

/* Keys 1981, "Cubic convolution interpolation", with a = -1/2. */
static double cubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static const struct filter lanczos_filter = {lanczos, 3};
static const struct filter cubic_filter = {cubic, 2};

static int to_fixed(double w)
{
    return (int)((w < 0 ? -.5 : .5) + w * (1 << FRACTION_BITS));
}

/* Weights of one pixel whose middle lies at `center` of the source. */
static void fill_taps(struct taps *t, const struct filter *f, int i, int inputs,
                      double scale, double *w)
{
    double stretch = scale > 1 ? scale : 1;
    double center = (i + .5) * scale;
    double sum = 0;
    int first = (int)(center - f->reach * stretch + .5);
    int end = (int)(center + f->reach * stretch + .5);

    first = first > 0 ? first : 0;
    end = end < inputs ? end : inputs;
    t->first[i] = first;
    t->count[i] = end - first;
    for (int k = 0; k < end - first; k++) {
        w[k] = f->at((k + first - center + .5) * (1 / stretch));
        sum += w[k];
    }
    for (int k = 0; k < end - first; k++)
        t->weights[(size_t)i * (size_t)t->most + (size_t)k] =
            to_fixed(sum != 0 ? w[k] / sum : w[k]);
}

static nj_status make_taps(const struct filter *f, int inputs, int outputs,
                           struct taps *t, nj_err *err)
{
    double scale = (double)inputs / outputs;
    double stretch = scale > 1 ? scale : 1;
    size_t n = (size_t)outputs;
    size_t weights = 0;
    double *w;

    *t = (struct taps){.most = (int)ceil(f->reach * stretch) * 2 + 1};
    t->first = nj_calloc(n, sizeof(*t->first));
    t->count = nj_calloc(n, sizeof(*t->count));
    if (nj_mul_size(n, (size_t)t->most, &weights))
        t->weights = nj_calloc(weights, sizeof(*t->weights));
    w = nj_calloc((size_t)t->most, sizeof(*w));
    if (!t->first || !t->count || !t->weights || !w) {
        free(w);
        return nj_fail(err, NJ_E_MEMORY, "no memory to resize a picture");
    }
    for (int i = 0; i < outputs; i++)
        fill_taps(t, f, i, inputs, scale, w);
    free(w);
    return NJ_OK;
}

/* One value: `step` is the distance of the pixels that are read. */
static uint8_t weighted(const uint8_t *from, size_t step, const int *weights,
                        int count)
{
    int sum = 1 << (FRACTION_BITS - 1);

    for (int k = 0; k < count; k++)
        sum += from[(size_t)k * step] * weights[k];
    sum >>= FRACTION_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_columns(const nj_picture *p, const struct taps *t,
                           nj_picture *out)
{
    size_t channels = (size_t)p->channels;

    for (size_t y = 0; y < (size_t)p->height; y++)
        for (size_t i = 0; i < (size_t)out->width * channels; i++) {
            size_t x = i / channels;
            size_t at = (y * (size_t)p->width + (size_t)t->first[x]) * channels;

            out->pixels[y * (size_t)out->width * channels + i] =
                weighted(p->pixels + at + i % channels, channels,
                         t->weights + x * (size_t)t->most, t->count[x]);
        }
}

static void resize_rows(const nj_picture *p, const struct taps *t,
                        nj_picture *out)
{
    size_t row = (size_t)p->width * (size_t)p->channels;

    for (size_t y = 0; y < (size_t)out->height; y++)
        for (size_t i = 0; i < row; i++)
            out->pixels[y * row + i] =
                weighted(p->pixels + (size_t)t->first[y] * row + i, row,
                         t->weights + y * (size_t)t->most, t->count[y]);
}

static nj_status allocate(int width, int height, int channels, nj_picture *out,
                          nj_err *err)
{
    *out = (nj_picture){.width = width, .height = height, .channels = channels};
    out->pixels = nj_calloc((size_t)width * (size_t)height, (size_t)channels);
    return out->pixels
               ? NJ_OK
               : nj_fail(err, NJ_E_MEMORY, "no memory for a picture of %d x %d",
                         width, height);
}

/* A side that keeps its size is copied by taps of one pixel, exactly. */
static nj_status resize_side(const struct filter *f, const nj_picture *p,
                             bool columns, int size, nj_picture *out,
                             nj_err *err)
{
    struct taps taps = {0};
    nj_status status =
        make_taps(f, columns ? p->width : p->height, size, &taps, err);

    if (status == NJ_OK)
        status = allocate(columns ? size : p->width, columns ? p->height : size,
                          p->channels, out, err);
    if (status == NJ_OK)
        (columns ? resize_columns : resize_rows)(p, &taps, out);
    release_taps(&taps);
    return status;
}

static nj_status resize_by(const struct filter *f, const nj_picture *p,
                           int width, int height, nj_picture *out, nj_err *err)
{
    nj_picture wide = {0};
    nj_status status;

    *out = (nj_picture){0};
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "cannot resize to %d x %d: a side has 1 to %d pixels",
                       width, height, SIDE_MAX);
    status = resize_side(f, p, true, width, &wide, err);
    if (status == NJ_OK)
        status = resize_side(f, &wide, false, height, out, err);
    nj_picture_release(&wide);
    if (status != NJ_OK)
        nj_picture_release(out);
    return status;
}

nj_status nj_picture_resize(const nj_picture *p, int width, int height,
                            nj_picture *out, nj_err *err)
{
    return resize_by(&lanczos_filter, p, width, height, out, err);
}

/* Whole pixels of the longer side, as torchvision cuts them off. */
static int longer_side(int longer, int shorter, int size)
{
    return (int)((int64_t)longer * size / shorter);
}

static nj_status shrink(nj_picture *rgb, int shorter, nj_picture *out,
                        nj_err *err)
{
    bool tall = rgb->height > rgb->width;
    int least = tall ? rgb->width : rgb->height;
    int most = tall ? rgb->height : rgb->width;

    if (least <= shorter) {
        *out = *rgb;
        *rgb = (nj_picture){0};
        return NJ_OK;
    }
    most = longer_side(most, least, shorter);
    return nj_picture_resize(rgb, tall ? shorter : most, tall ? most : shorter,
                             out, err);
}

nj_status nj_picture_read_shrunk(const char *path, int shorter, nj_picture *out,
                                 nj_err *err)
{
    nj_picture read = {0};
    nj_picture rgb = {0};
    nj_status status;

    *out = (nj_picture){0};
    status = nj_picture_read(path, NJ_PICTURE_PIXELS_MAX, &read, err);
    if (status == NJ_OK)
        status = nj_picture_to_rgb(&read, &rgb, err);
    if (status == NJ_OK)
        status = shrink(&rgb, shorter, out, err);
    nj_picture_release(&read);
    nj_picture_release(&rgb);
    return status;
}

/* The middle size x size pixels; a border that is odd loses its half pixel to
 * the even side, as torchvision rounds it. */
static nj_status crop_middle(const nj_picture *p, int size, nj_picture *out,
                             nj_err *err)
{
    size_t top = (size_t)lrint((p->height - size) / 2.0);
    size_t left = (size_t)lrint((p->width - size) / 2.0);
    size_t channels = (size_t)p->channels;
    size_t row = (size_t)size * channels;
    nj_status status = allocate(size, size, p->channels, out, err);

    for (size_t y = 0; y < (size_t)size && status == NJ_OK; y++)
        memcpy(out->pixels + y * row,
               p->pixels + ((top + y) * (size_t)p->width + left) * channels,
               row);
    return status;
}

nj_status nj_picture_square(const nj_picture *p, int size, nj_picture *out,
                            nj_err *err)
{
    bool tall = p->height > p->width;
    int least = tall ? p->width : p->height;
    int most = longer_side(tall ? p->height : p->width, least, size);
    nj_picture fitted = {0};
    nj_status status;

    *out = (nj_picture){0};
    if (least == size)
        return crop_middle(p, size, out, err);
    status = resize_by(&cubic_filter, p, tall ? size : most, tall ? most : size,
                       &fitted, err);
    if (status == NJ_OK)
        status = crop_middle(&fitted, size, out, err);
    nj_picture_release(&fitted);
    return status;
}
