/* The kernels of pixels.cu as plain loops. */
#include "cuda/pixels.h"

static int64_t pixels_of(const nj_pixels *p)
{
    return p->images * p->height * p->width;
}

void nj_pixels_bias_twin(const nj_pixels *p, const float *bias,
                         const float *more, float *y)
{
    const int64_t n = pixels_of(p) * p->channels;

    for (int64_t i = 0; i < n; i++) {
        y[i] += bias[i % p->channels];
        if (more)
            y[i] += more[i];
    }
}

void nj_pixels_join_twin(const nj_pixels *p, int64_t split,
                         const float *const parts[2], float *y)
{
    const int64_t rest = p->channels - split;

    for (int64_t i = 0; i < pixels_of(p); i++)
        for (int64_t c = 0; c < p->channels; c++)
            y[i * p->channels + c] = c < split ? parts[0][i * split + c]
                                               : parts[1][i * rest + c - split];
}

void nj_pixels_part_twin(const nj_pixels *p, int64_t split, const float *y,
                         float *const parts[2])
{
    const int64_t rest = p->channels - split;

    for (int64_t i = 0; i < pixels_of(p); i++)
        for (int64_t c = 0; c < p->channels; c++)
            *(c < split ? parts[0] + i * split + c
                        : parts[1] + i * rest + c - split) =
                y[i * p->channels + c];
}

/* Element (pixel (2 row, 2 column) of image b, channel c) of the larger
 * picture. */
static int64_t larger(const nj_pixels *p, const int64_t at[4])
{
    const int64_t row = (at[0] * p->height + at[1]) * 2;

    return (row * 2 * p->width + 2 * at[2]) * p->channels + at[3];
}

/* Calls f for each number i of the smaller picture and the first of its four
 * in the larger one. */
static void each(const nj_pixels *p,
                 void (*f)(void *user, int64_t i, int64_t first), void *user)
{
    int64_t at[4];
    int64_t i = 0;

    for (at[0] = 0; at[0] < p->images; at[0]++)
        for (at[1] = 0; at[1] < p->height; at[1]++)
            for (at[2] = 0; at[2] < p->width; at[2]++)
                for (at[3] = 0; at[3] < p->channels; at[3]++)
                    f(user, i++, larger(p, at));
}

struct pass {
    const float *x;
    float factor;
    float *y;
    int64_t right, down; /* elements to the neighbours in the larger picture */
};

static struct pass pass_of(const nj_pixels *p, const float *x, float factor,
                           float *y)
{
    return (struct pass){x, factor, y, p->channels, 2 * p->width * p->channels};
}

static void spread(void *user, int64_t i, int64_t first)
{
    const struct pass *t = user;
    const float value = t->x[i] * t->factor;

    t->y[first] = value;
    t->y[first + t->right] = value;
    t->y[first + t->down] = value;
    t->y[first + t->down + t->right] = value;
}

static void gather(void *user, int64_t i, int64_t first)
{
    const struct pass *t = user;
    const float *x = t->x + first;

    t->y[i] =
        (x[0] + x[t->right] + x[t->down] + x[t->down + t->right]) * t->factor;
}

void nj_pixels_spread_twin(const nj_pixels *p, const float *x, float factor,
                           float *y)
{
    struct pass t = pass_of(p, x, factor, y);

    each(p, spread, &t);
}

void nj_pixels_gather_twin(const nj_pixels *p, const float *x, float factor,
                           float *y)
{
    struct pass t = pass_of(p, x, factor, y);

    each(p, gather, &t);
}
