/* The kernels of norm.cu as plain C: the same parts summed in the same order,
 * so that a difference between both is a mistake and not rounding (save that
 * the kernels' exponential is the device's quick one). */
#include <math.h>

#include "cuda/norm.h"

enum { GROUP_THREADS = 128 };

static float parameter(const nj_norm_param *p, int64_t image, int channel,
                       float absent)
{
    return p->data ? ((const float *)p->data)[image * p->row + channel]
                   : absent;
}

struct affine {
    float mean, factor, offset;
};

static struct affine affine_of(const nj_norm *n, const float *moments,
                               int64_t image, int c)
{
    const float *m =
        moments + 2 * (image * n->groups + c / (n->channels / n->groups));
    const float film = 1 + parameter(&n->scale, image, c, 0);

    return (struct affine){
        .mean = m[0],
        .factor = m[1] * parameter(&n->gamma, 0, c, 1) * film,
        .offset = parameter(&n->beta, 0, c, 0) * film +
                  parameter(&n->shift, image, c, 0),
    };
}

static float sigmoid(float u)
{
    return 1 / (1 + expf(-u));
}

static float slope(bool silu, float u, float dy)
{
    const float s = sigmoid(u);

    return silu ? dy * (s * (1 + u * (1 - s))) : dy;
}

/* What is summed over the pixels: two numbers of one element. */
struct terms {
    const nj_norm *n;
    const float *x, *dy, *moments; /* dy NULL: the forward's sums */
};

static void terms_at(const struct terms *t, int64_t image, int64_t pixel, int c,
                     float out[2])
{
    const int64_t base = image * t->n->pixels * t->n->channels;
    const int64_t at = base + pixel * t->n->channels + c;

    if (!t->dy) {
        out[0] = t->x[at] - t->x[base + c];
        out[1] = out[0] * out[0];
        return;
    }
    const struct affine a = affine_of(t->n, t->moments, image, c);
    const float distance = t->x[at] - a.mean;

    out[0] = slope(t->n->silu, distance * a.factor + a.offset, t->dy[at]);
    out[1] = out[0] * distance;
}

/* One chunk of one channel: every row of threads by itself, then the rows. */
static void sum_chunk(const struct terms *t, const nj_norm_grid *g,
                      int64_t image, int64_t chunk, int c, float out[2])
{
    const int64_t first = chunk * g->chunk;
    const int64_t end =
        first + g->chunk < t->n->pixels ? first + g->chunk : t->n->pixels;

    out[0] = out[1] = 0;
    for (int row = 0; row < g->rows; row++) {
        float sum[2] = {0, 0}, term[2];

        for (int64_t p = first + row; p < end; p += g->rows) {
            terms_at(t, image, p, c, term);
            sum[0] += term[0];
            sum[1] += term[1];
        }
        out[0] += sum[0];
        out[1] += sum[1];
    }
}

/* sums [B,chunks,2,C] */
static void sum_chunks(const struct terms *t, float *sums)
{
    const nj_norm_grid g = nj_norm_grid_of(t->n);
    const int channels = t->n->channels;

    for (int64_t i = 0; i < t->n->images * g.chunks; i++) {
        for (int c = 0; c < channels; c++) {
            float pair[2];

            sum_chunk(t, &g, i / g.chunks, i % g.chunks, c, pair);
            sums[i * 2 * channels + c] = pair[0];
            sums[i * 2 * channels + channels + c] = pair[1];
        }
    }
}

/* All chunks of one channel, lane by lane as the group's threads do. */
static void add_chunks(const nj_norm *n, const float *sums, int64_t image,
                       int c, double out[2])
{
    const nj_norm_grid g = nj_norm_grid_of(n);
    const int width = n->channels / n->groups;
    const int lanes =
        GROUP_THREADS / (width < GROUP_THREADS ? width : GROUP_THREADS);

    out[0] = out[1] = 0;
    for (int lane = 0; lane < lanes; lane++) {
        double lane_sum[2] = {0, 0};

        for (int64_t k = lane; k < g.chunks; k += lanes) {
            const float *row = sums + (image * g.chunks + k) * 2 * n->channels;

            lane_sum[0] += (double)row[c];
            lane_sum[1] += (double)row[n->channels + c];
        }
        out[0] += lane_sum[0];
        out[1] += lane_sum[1];
    }
}

static void group_moments(const nj_norm *n, const float *x, const float *sums,
                          int64_t pair, float *out)
{
    const int width = n->channels / n->groups;
    const int64_t image = pair / n->groups;
    const int from = (int)(pair % n->groups) * width;
    const float *first = x + image * n->pixels * n->channels;
    const double count = (double)n->pixels;
    double mean = 0, square = 0, total[2];

    for (int c = from; c < from + width; c++) {
        add_chunks(n, sums, image, c, total);
        mean += (double)first[c] + total[0] / count;
    }
    mean /= width;
    for (int c = from; c < from + width; c++) {
        double distance;

        add_chunks(n, sums, image, c, total);
        distance = (double)first[c] + total[0] / count - mean;
        square += total[1] - total[0] * total[0] / count +
                  count * distance * distance;
    }
    out[0] = (float)mean;
    out[1] =
        (float)(1 / sqrt(fmax(square, 0) / (count * width) + (double)n->eps));
}

static void group_corrections(const nj_norm *n, const float *sums,
                              const float *moments, int64_t pair, float *out,
                              float *film)
{
    const int width = n->channels / n->groups;
    const int64_t image = pair / n->groups;
    const int from = (int)(pair % n->groups) * width;
    const double r = (double)moments[2 * pair + 1];
    const double count = (double)n->pixels * width;
    double s1 = 0, s2 = 0, total[2];

    for (int c = from; c < from + width; c++) {
        const float factor = (float)r * parameter(&n->gamma, 0, c, 1) *
                             (1 + parameter(&n->scale, image, c, 0));

        add_chunks(n, sums, image, c, total);
        s1 += (double)factor * total[0];
        s2 += (double)factor * total[1];
        if (!film)
            continue;
        film[image * n->channels + c] =
            (float)((double)parameter(&n->gamma, 0, c, 1) * r * total[1] +
                    (double)parameter(&n->beta, 0, c, 0) * total[0]);
        film[(n->images + image) * n->channels + c] = (float)total[0];
    }
    out[0] = (float)(s1 / count);
    out[1] = (float)(r * r * s2 / count);
}

void nj_norm_forward_twin(const nj_norm *n, const float *x, float *y,
                          float *moments, float *scratch)
{
    const struct terms t = {n, x, NULL, NULL};

    sum_chunks(&t, scratch);
    for (int64_t pair = 0; pair < n->images * n->groups; pair++)
        group_moments(n, x, scratch, pair, moments + 2 * pair);
    for (int64_t at = 0; at < n->images * n->pixels * n->channels; at++) {
        const struct affine a =
            affine_of(n, moments, at / (n->pixels * n->channels),
                      (int)(at % n->channels));
        const float u = (x[at] - a.mean) * a.factor + a.offset;

        y[at] = n->silu ? u * sigmoid(u) : u;
    }
}

void nj_norm_backward_twin(const nj_norm *n, const float *const x_dy[2],
                           const float *moments, float *dx, float *film,
                           float *scratch)
{
    const struct terms t = {n, x_dy[0], x_dy[1], moments};
    const int width = n->channels / n->groups;
    float *corrections =
        scratch + nj_norm_scratch(n) - 2 * n->images * n->groups;

    sum_chunks(&t, scratch);
    for (int64_t pair = 0; pair < n->images * n->groups; pair++)
        group_corrections(n, scratch, moments, pair, corrections + 2 * pair,
                          film);
    for (int64_t at = 0; at < n->images * n->pixels * n->channels; at++) {
        const int64_t image = at / (n->pixels * n->channels);
        const int c = (int)(at % n->channels);
        const struct affine a = affine_of(n, moments, image, c);
        const float *k = corrections + 2 * (image * n->groups + c / width);
        const float distance = x_dy[0][at] - a.mean;
        const float du =
            slope(n->silu, distance * a.factor + a.offset, x_dy[1][at]);

        dx[at] = a.factor * du - k[0] - distance * k[1];
    }
}
