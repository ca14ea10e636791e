/* Fitting: see fit.h. A window is cut before and a border added after scaling,
 * so that no filter ever mixes in what is not shown. */
#include "image/fit.h"

#include <stdbool.h>
#include <string.h>

#include "image/decoders.h"
#include "image/resize.h"

/* 0 on the network's scale, where noise has its mean. */
#define GREY 128

/* What `side` becomes at the scale to/from, rounded to the nearest. */
static int scaled(int side, int to, int from)
{
    int64_t n = ((int64_t)side * to * 2 + from) / ((int64_t)from * 2);

    return n < 1 ? 1 : (int)n;
}

static nj_status allocate(int width, int height, int channels, nj_picture *out,
                          nj_err *err)
{
    const nj_decode_job job = {.pixels_max = (size_t)-1 / 8};

    *out = (nj_picture){.width = width, .height = height, .channels = channels};
    return nj_decode_allocate(&job, out, err);
}

/* The middle of `from` into the middle of `to`: what is larger is cut. */
static void copy_middle(const nj_picture *from, nj_picture *to)
{
    int width = from->width < to->width ? from->width : to->width;
    int height = from->height < to->height ? from->height : to->height;
    size_t pixel = (size_t)from->channels;

    for (int y = 0; y < height; y++) {
        size_t fy = (size_t)((from->height - height) / 2 + y);
        size_t ty = (size_t)((to->height - height) / 2 + y);
        size_t fx = (size_t)((from->width - width) / 2);
        size_t tx = (size_t)((to->width - width) / 2);

        memcpy(to->pixels + (ty * (size_t)to->width + tx) * pixel,
               from->pixels + (fy * (size_t)from->width + fx) * pixel,
               (size_t)width * pixel);
    }
}

/* Whether p is wider than width x height, as a shape. */
static bool is_wider(const nj_picture *p, int width, int height)
{
    return (int64_t)p->width * height > (int64_t)width * p->height;
}

static nj_status crop(const nj_picture *p, int width, int height,
                      nj_picture *out, nj_err *err)
{
    bool wide = is_wider(p, width, height);
    int cut_width = wide ? scaled(width, p->height, height) : p->width;
    int cut_height = wide ? p->height : scaled(height, p->width, width);
    nj_picture window;
    nj_status status =
        allocate(cut_width, cut_height, p->channels, &window, err);

    if (status != NJ_OK)
        return status;
    copy_middle(p, &window);
    status = nj_picture_resize(&window, width, height, out, err);
    nj_picture_release(&window);
    return status;
}

static nj_status whole(const nj_picture *p, int width, int height,
                       nj_picture *out, nj_err *err)
{
    bool wide = is_wider(p, width, height);
    nj_picture small;
    nj_status status = nj_picture_resize(
        p, wide ? width : scaled(p->width, height, p->height),
        wide ? scaled(p->height, width, p->width) : height, &small, err);

    if (status != NJ_OK)
        return status;
    status = allocate(width, height, p->channels, out, err);
    if (status == NJ_OK) {
        memset(out->pixels, GREY,
               (size_t)width * (size_t)height * (size_t)p->channels);
        copy_middle(&small, out);
    }
    nj_picture_release(&small);
    return status;
}

nj_status nj_picture_fit(const nj_picture *p, int width, int height, nj_fit fit,
                         nj_picture *out, nj_err *err)
{
    *out = (nj_picture){0};
    if (width < 1 || height < 1)
        return nj_fail(err, NJ_E_USAGE, "cannot fit a picture into %d x %d",
                       width, height);
    switch (fit) {
    case NJ_FIT_CROP:
        return crop(p, width, height, out, err);
    case NJ_FIT_WHOLE:
        return whole(p, width, height, out, err);
    default:
        return nj_picture_resize(p, width, height, out, err);
    }
}
