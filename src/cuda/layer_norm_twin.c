/* The kernels of layer_norm.cu as plain C, with the same sums in the same
 * order. */
#include <math.h>

#include "cuda/layer_norm.h"

/* A row, and what is known of it. */
struct row {
    const float *x, *dy, *gamma;
    float mean, r;
};

static float number(const struct row *w, int i)
{
    return w->x[i];
}

static float square(const struct row *w, int i)
{
    const float distance = w->x[i] - w->mean;

    return distance * distance;
}

/* h and g of layer_norm.h */
static float normal(const struct row *w, int i)
{
    return (w->x[i] - w->mean) * w->r;
}

static float gradient(const struct row *w, int i)
{
    return w->dy[i] * (w->gamma ? w->gamma[i] : 1);
}

static float product(const struct row *w, int i)
{
    return gradient(w, i) * normal(w, i);
}

/* The mean of f over a row: each lane adds up its pieces, then lanes are added
 * half to half. */
static float mean_of(const nj_layer_norm *n, int vector, const struct row *w,
                     float f(const struct row *, int))
{
    float lane[nj_layer_norm_lanes] = {0};

    for (int at = 0; at < n->width; at += vector) {
        float sum = 0;

        for (int i = at; i < at + vector; i++)
            sum += f(w, i);
        lane[at / vector % nj_layer_norm_lanes] += sum;
    }
    for (int half = nj_layer_norm_lanes / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0] / (float)n->width;
}

void nj_layer_norm_twin(const nj_layer_norm *n, int vector, const float *x,
                        float *y, float *moments)
{
    const float *gamma = n->gamma;
    const float *beta = n->beta;

    for (int64_t r = 0; r < n->rows; r++) {
        struct row w = {.x = x + r * n->width};

        w.mean = mean_of(n, vector, &w, number);
        w.r = 1 / sqrtf(mean_of(n, vector, &w, square) + n->eps);
        moments[2 * r] = w.mean;
        moments[2 * r + 1] = w.r;
        for (int i = 0; i < n->width; i++)
            y[r * n->width + i] =
                normal(&w, i) * (gamma ? gamma[i] : 1) + (beta ? beta[i] : 0);
    }
}

void nj_layer_norm_backward_twin(const nj_layer_norm *n, int vector,
                                 const float *const x_dy[2],
                                 const float *moments, float *dx)
{
    for (int64_t r = 0; r < n->rows; r++) {
        const struct row w = {x_dy[0] + r * n->width, x_dy[1] + r * n->width,
                              n->gamma, moments[2 * r], moments[2 * r + 1]};
        const float first = mean_of(n, vector, &w, gradient);
        const float second = mean_of(n, vector, &w, product);

        for (int i = 0; i < n->width; i++)
            dx[r * n->width + i] =
                w.r * (gradient(&w, i) - first - normal(&w, i) * second);
    }
}
