/* Pictures resampled by a projective map, pixel i of a side lying at i + 1/2:
 * output (X, Y) reads the input at ((m0 X + m1 Y + m2) / z,
 * (m3 X + m4 Y + m5) / z), z = m6 X + m7 Y + 1, between its pixels or at the
 * nearest one; outside there are zeros, or a colour as far as the picture does
 * not reach.
 *
 * The gradient is gathered: an input pixel looks for the outputs that read it,
 * in the box that the inverse map makes of its surroundings, and asks each for
 * its share by the forward expression. So nothing is added to memory by two
 * threads, and sums have one order. Kernel and CPU share everything but the
 * loop over pixels. */
#ifndef NJ_CUDA_PROJECT_H
#define NJ_CUDA_PROJECT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/everywhere.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NJ_PROJECT_CHANNELS 4     /* at most */
#define NJ_PROJECT_SIDE     65536 /* at most, see nj_project_reach */

typedef struct nj_project {
    double m[8];
    int64_t images, channels, height, width;
    bool nearest;
    bool filled;
    float fill[NJ_PROJECT_CHANNELS];
    /* from input to output positions, as m but with a ninth number and times
     * any factor; sizes of its denominator between which it can be relied on */
    double back[9];
    double least, most;
} nj_project;

/* ---- forward ----------------------------------------------------------- */

/* Where an output reads: the upper left of four pixels as whole numbers, and
 * how far to the right of it and below it, 0 to 1. */
typedef struct nj_project_spot {
    float top, left;
    float down, across;
} nj_project_spot;

/* In double, then rounded to float as positions between -1 and 1, which is
 * what public code stores in a grid. Nothing reads at infinity or NaN. */
NJ_EVERYWHERE nj_project_spot nj_project_spot_of(const nj_project *p, int64_t i,
                                                 int64_t j)
{
    const double *m = p->m;
    const double w = (double)p->width, h = (double)p->height;
    const double x = (double)j + .5;
    const double y = (double)i + .5;
    const double z = m[6] * x + m[7] * y + 1;
    const float u = (float)(2 * (m[0] * x + m[1] * y + m[2]) / z / w - 1);
    const float v = (float)(2 * (m[3] * x + m[4] * y + m[5]) / z / h - 1);
    const float col = ((u + 1) * (float)p->width - 1) / 2;
    const float row = ((v + 1) * (float)p->height - 1) / 2;
    nj_project_spot at = {floorf(row), floorf(col), 0, 0};

    if (p->nearest) {
        at.top = rintf(row);
        at.left = rintf(col);
    } else {
        at.down = row - at.top;
        at.across = col - at.left;
    }
    return at;
}

/* The share of pixel (top + a, left + b), a and b 0 or 1. */
NJ_EVERYWHERE float nj_project_share(const nj_project_spot *at, int a, int b)
{
    return (b ? at->across : 1 - at->across) * (a ? at->down : 1 - at->down);
}

NJ_EVERYWHERE bool nj_project_inside(const nj_project *p,
                                     const nj_project_spot *at, int a, int b)
{
    const float row = at->top + (float)a;
    const float col = at->left + (float)b;

    return row >= 0 && row < (float)p->height && col >= 0 &&
           col < (float)p->width;
}

/* How much of what an output reads is picture: 0 to 1. */
NJ_EVERYWHERE float nj_project_mask(const nj_project *p,
                                    const nj_project_spot *at)
{
    float mask = 0;

    for (int k = 0; k < (p->nearest ? 1 : 4); k++)
        if (nj_project_inside(p, at, k / 2, k % 2))
            mask += nj_project_share(at, k / 2, k % 2);
    return mask;
}

NJ_EVERYWHERE float nj_project_filled(const nj_project *p, float mask,
                                      float value, float fill)
{
    if (p->nearest)
        return mask < .5F ? fill : value;
    return value * mask + (1 - mask) * fill;
}

/* Pixel (i,j) of image b, all channels: x, y [B,C,H,W]. */
NJ_EVERYWHERE void nj_project_forward_at(const nj_project *p, int64_t b,
                                         int64_t i, int64_t j, const float *x,
                                         float *y)
{
    const int64_t plane = p->height * p->width;
    const int64_t first = b * p->channels * plane;
    const nj_project_spot at = nj_project_spot_of(p, i, j);
    const float mask = p->filled ? nj_project_mask(p, &at) : 1;
    float sum[NJ_PROJECT_CHANNELS] = {0};

    for (int k = 0; k < (p->nearest ? 1 : 4); k++) {
        const float share = nj_project_share(&at, k / 2, k % 2);
        int64_t from;

        if (!nj_project_inside(p, &at, k / 2, k % 2))
            continue;
        from = first + ((int64_t)at.top + k / 2) * p->width + (int64_t)at.left +
               k % 2;
        for (int c = 0; c < NJ_PROJECT_CHANNELS; c++)
            if (c < p->channels)
                sum[c] += x[from + c * plane] * share;
    }
    for (int c = 0; c < NJ_PROJECT_CHANNELS; c++)
        if (c < p->channels)
            y[first + c * plane + i * p->width + j] =
                p->filled ? nj_project_filled(p, mask, sum[c], p->fill[c])
                          : sum[c];
}

/* ---- backward ---------------------------------------------------------- */

/* Outputs, ends included. */
typedef struct nj_project_box {
    int64_t top, bottom, left, right;
    bool all; /* of the picture */
} nj_project_box;

/* What an input pixel may be read from: positions that are less than a pixel
 * away in both directions, and some room for rounding. The float positions are
 * wrong by less than 1/32 pixel up to NJ_PROJECT_SIDE, doubles by less than
 * 1/100 where nj_project_reach does not name the whole picture. */
#define NJ_PROJECT_AWAY 1.05

/* Room for the positions of the inverse, which are right to 1/32. */
#define NJ_PROJECT_ROOM .0625

/* a x + b y + c */
NJ_EVERYWHERE double nj_project_at(const double row[3], double x, double y)
{
    return row[0] * x + row[1] * y + row[2];
}

/* The outputs that may read input pixel (i,j). The surroundings are a square;
 * where the inverse's denominator keeps its sign on it, its image is the
 * quadrangle of its corners' images, whichever sign z has there. */
NJ_EVERYWHERE nj_project_box nj_project_reach(const nj_project *p, int64_t i,
                                              int64_t j)
{
    const nj_project_box all = {0, p->height - 1, 0, p->width - 1, true};
    const double w = (double)p->width, h = (double)p->height;
    double low[2] = {0, 0}, high[2] = {0, 0}, sign = 0;
    nj_project_box box;

    for (int k = 0; k < 4; k++) {
        const double away = NJ_PROJECT_AWAY;
        const double x = (double)j + .5 + (k % 2 ? away : -away);
        const double y = (double)i + .5 + (k / 2 ? away : -away);
        const double z = nj_project_at(p->back + 6, x, y);
        const double once = 1 / z;
        const double at[2] = {nj_project_at(p->back, x, y) * once,
                              nj_project_at(p->back + 3, x, y) * once};

        if (!(fabs(z) >= p->least && fabs(z) <= p->most && z * sign >= 0))
            return all;
        for (int d = 0; d < 2; d++) {
            low[d] = k == 0 || at[d] < low[d] ? at[d] : low[d];
            high[d] = k == 0 || at[d] > high[d] ? at[d] : high[d];
        }
        sign = z;
    }
    for (int d = 0; d < 2; d++) {
        low[d] = fmax(ceil(low[d] - .5 - NJ_PROJECT_ROOM), 0.0);
        high[d] = fmax(floor(high[d] - .5 + NJ_PROJECT_ROOM), -1.0);
    }
    box.left = (int64_t)fmin(low[0], w);
    box.right = (int64_t)fmin(high[0], w - 1);
    box.top = (int64_t)fmin(low[1], h);
    box.bottom = (int64_t)fmin(high[1], h - 1);
    box.all = false;
    return box;
}

/* Whether output (i,j) may read a pixel, for which `across` and `down` are the
 * map's first two rows less the third times its position: the exact answer
 * costs divisions. */
NJ_EVERYWHERE bool nj_project_near(const nj_project *p, const double across[3],
                                   const double down[3], int64_t i, int64_t j)
{
    const double x = (double)j + .5;
    const double y = (double)i + .5;
    const double z = p->m[6] * x + p->m[7] * y + 1;
    const double away = NJ_PROJECT_AWAY * fabs(z);

    return fabs(nj_project_at(across, x, y)) <= away &&
           fabs(nj_project_at(down, x, y)) <= away;
}

/* What output (i,j) takes of pixel (row,col), and, with a colour outside, how
 * much of that stays. */
NJ_EVERYWHERE float nj_project_taken(const nj_project *p, int64_t i, int64_t j,
                                     int64_t row, int64_t col, float *mask)
{
    const nj_project_spot at = nj_project_spot_of(p, i, j);
    const float a = (float)row - at.top;
    const float b = (float)col - at.left;

    *mask = 1;
    if (!((a == 0 || a == 1) && (b == 0 || b == 1)) ||
        (p->nearest && a + b > 0))
        return 0;
    if (p->filled)
        *mask = nj_project_mask(p, &at);
    return nj_project_share(&at, a == 1, b == 1);
}

/* Pixel (i,j) of image b, all channels: dy, dx [B,C,H,W]. dx is written, not
 * added to. */
NJ_EVERYWHERE void nj_project_backward_at(const nj_project *p, int64_t b,
                                          int64_t i, int64_t j, const float *dy,
                                          float *dx)
{
    const int64_t plane = p->height * p->width;
    const int64_t first = b * p->channels * plane;
    const nj_project_box box = nj_project_reach(p, i, j);
    const double *m = p->m;
    const double x = (double)j + .5, y = (double)i + .5;
    const double across[3] = {m[0] - x * m[6], m[1] - x * m[7], m[2] - x};
    const double down[3] = {m[3] - y * m[6], m[4] - y * m[7], m[5] - y};
    float sum[NJ_PROJECT_CHANNELS] = {0};

    for (int64_t row = box.top; row <= box.bottom; row++)
        for (int64_t col = box.left; col <= box.right; col++) {
            const int64_t from = first + row * p->width + col;
            float share, mask;

            if (!box.all && !nj_project_near(p, across, down, row, col))
                continue;
            share = nj_project_taken(p, row, col, i, j, &mask);
            for (int c = 0; share != 0 && c < NJ_PROJECT_CHANNELS; c++)
                if (c < p->channels)
                    sum[c] += dy[from + c * plane] * mask * share;
        }
    for (int c = 0; c < NJ_PROJECT_CHANNELS; c++)
        if (c < p->channels)
            dx[first + c * plane + i * p->width + j] = sum[c];
}

/* ---- the inverse, on the host ------------------------------------------ */

/* The adjugate of a 3 x 3 matrix, and the sums of what it is made of without
 * their signs: what its rounding errors are proportional to. */
static inline void nj_project_adjugate(const double m[9], double out[9],
                                       double size[9])
{
    for (int k = 0; k < 9; k++) {
        const int r = k / 3, c = k % 3;
        const int r1 = (c + 1) % 3 * 3, r2 = (c + 2) % 3 * 3;
        const int c1 = (r + 1) % 3, c2 = (r + 2) % 3;
        const double one = m[r1 + c1] * m[r2 + c2];
        const double other = m[r1 + c2] * m[r2 + c1];

        out[k] = one - other;
        size[k] = fabs(one) + fabs(other);
    }
}

/* At most |a x + b y + c| for 0 <= x <= w, 0 <= y <= h. */
static inline double nj_project_bound(const double row[3], double w, double h)
{
    return fabs(row[0]) * w + fabs(row[1]) * h + fabs(row[2]);
}

/* Sets back, least and most from the rest. Rounding errors stay below 2e-15
 * times the sizes here.
 *   least: positions of the inverse are right to 1/32 pixel as far as twice the
 *     picture, and what lies farther is not taken for nearer
 *   most: z is the determinant through the inverse's denominator, and must be
 *     large beside the errors of the positions' terms
 * A map that has no inverse gets no size that would do. */
static inline void nj_project_invert(nj_project *p)
{
    const double w = (double)p->width + 3, h = (double)p->height + 3;
    double m[9], size[9], terms = 0, positions = 0, det = 0, det_size = 0;

    for (int k = 0; k < 9; k++)
        m[k] = k < 8 ? p->m[k] : 1;
    nj_project_adjugate(m, p->back, size);
    for (int k = 0; k < 3; k++) {
        const double side = k == 2 ? w + h : 1;

        det += m[k] * p->back[3 * k];
        det_size += fabs(m[k]) * size[3 * k];
        terms += nj_project_bound(m + 3 * k, w, h) * side;
        positions += nj_project_bound(size + 3 * k, w, h) * side * side;
    }
    p->least = 4e-13 * positions;
    p->most = fabs(det) > 1e-10 * det_size ? fabs(det) / (2e-13 * terms) : -1;
}

/* ---- CUDA -------------------------------------------------------------- */

/* On device memory and a cudaStream_t: 0, or the cudaError_t of the launch. */
int nj_project_forward_cuda(const nj_project *p, const float *x, float *y,
                            void *stream);
int nj_project_backward_cuda(const nj_project *p, const float *dy, float *dx,
                             void *stream);

#ifdef __cplusplus
}
#endif

#endif
