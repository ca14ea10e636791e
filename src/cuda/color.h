/* Colour steps of augmentations, one pixel at a time: a run of them in one
 * pass, its gradient in another, in torchvision's order of operations, so that
 * values are rounded and clamped as there. Derivatives are libtorch's: a clamp
 * lets through what lies in [0,1], ends included; of equal channels the first
 * is the largest or smallest; floor has none; modulo one has that of x.
 *
 * Contrast mixes with the mean of grey, a sum over pixels that is made
 * elsewhere: of nj_color_gray_at here, and of nj_color_slope_at for the
 * gradient. Kernel and CPU share everything but the loop over pixels. */
#ifndef NJ_CUDA_COLOR_H
#define NJ_CUDA_COLOR_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/everywhere.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NJ_COLOR_STEPS 4 /* at most */

typedef enum nj_color_kind {
    NJ_COLOR_BRIGHTNESS,
    NJ_COLOR_CONTRAST,
    NJ_COLOR_SATURATION,
    NJ_COLOR_HUE,
    NJ_COLOR_GRAY
} nj_color_kind;

typedef struct nj_color_step {
    nj_color_kind kind;
    float factor; /* of x; hue: turns */
    float rest;   /* of grey or its mean: 1 - factor */
} nj_color_step;

typedef struct nj_color {
    int count;
    nj_color_step step[NJ_COLOR_STEPS];
    int contrast; /* which step mixes with the mean; count: none */
    int64_t images, pixels;
    const float *mean;  /* [images], or NULL without contrast */
    const float *slope; /* [images] mean of the slopes, for the gradient */
} nj_color;

/* ---- steps ------------------------------------------------------------- */

NJ_EVERYWHERE float nj_color_gray(const float v[3])
{
    return v[0] * .2989F + v[1] * .587F + v[2] * .114F;
}

NJ_EVERYWHERE float nj_color_clamp(float v)
{
    return v < 0 ? 0 : (v > 1 ? 1 : v);
}

/* What a clamp of v lets through of the gradient d. */
NJ_EVERYWHERE float nj_color_passed(float v, float d)
{
    return v >= 0 && v <= 1 ? d : 0;
}

/* x modulo 1, which is exact. */
NJ_EVERYWHERE float nj_color_fraction(float x)
{
    return x - floorf(x);
}

/* v and, in turns, h; which channel is the largest and which the smallest. */
typedef struct nj_color_hsv {
    float h, s, v;
    float range, divisor; /* of (v - channel); 1 where grey */
    float share[3];       /* (v - channel) / divisor */
    int largest, smallest;
    bool flat;
} nj_color_hsv;

NJ_EVERYWHERE nj_color_hsv nj_color_to_hsv(const float v[3])
{
    nj_color_hsv c;
    float low = v[0];
    float sixths;

    c.v = v[0];
    c.largest = c.smallest = 0;
    for (int i = 1; i < 3; i++) {
        if (c.v - v[i] < 0) {
            c.v = v[i];
            c.largest = i;
        }
        if (v[i] - low < 0) {
            low = v[i];
            c.smallest = i;
        }
    }
    c.range = c.v - low;
    c.flat = c.v == low;
    c.divisor = c.flat ? 1 : c.range;
    for (int i = 0; i < 3; i++)
        c.share[i] = (c.v - v[i]) / c.divisor;
    if (c.v == v[0])
        sixths = c.share[2] - c.share[1];
    else if (c.v == v[1])
        sixths = c.share[0] + 2 - c.share[2];
    else
        sixths = c.share[1] + 4 - c.share[0];
    c.h = nj_color_fraction(sixths * (float)(1 / 6.0) + 1);
    c.s = c.range / (c.flat ? 1 : c.v);
    return c;
}

/* A hue's sector of six, where in it, and the three values that rgb takes
 * besides v: before they are clamped. */
typedef struct nj_color_sector {
    int sector;
    float inside;
    float less, p, q, t; /* less = 1 - s */
} nj_color_sector;

NJ_EVERYWHERE nj_color_sector nj_color_sector_of(const nj_color_hsv *c,
                                                 float turns)
{
    const float sixths = nj_color_fraction(c->h + turns) * 6; /* 0 to 6 */
    const float whole = floorf(sixths);
    nj_color_sector out;
    float part;

    /* what is no number is in the last one */
    out.sector = whole >= 0 && whole < 5 ? (int)whole : 5;
    if (whole == 6)
        out.sector = 0;
    out.inside = sixths - whole;
    part = c->s * out.inside;
    out.less = 1 - c->s;
    out.p = out.less * c->v;
    out.q = (1 - part) * c->v;
    out.t = (part + out.less) * c->v;
    return out;
}

/* Which of v, p, q, t channel i of a sector takes: 0 to 3. */
NJ_EVERYWHERE int nj_color_taken(int sector, int i)
{
    /* vtp qvp pvt pqv tpv vpq, two bits each, the first channel lowest */
    const unsigned int packed[6] = {0x1C, 0x12, 0x31, 0x09, 0x07, 0x24};

    return (int)((packed[sector] >> (2 * i)) & 3);
}

NJ_EVERYWHERE void nj_color_turn(float turns, float v[3])
{
    const nj_color_hsv c = nj_color_to_hsv(v);
    const nj_color_sector at = nj_color_sector_of(&c, turns);
    const float choice[4] = {c.v, nj_color_clamp(at.p), nj_color_clamp(at.q),
                             nj_color_clamp(at.t)};

    for (int i = 0; i < 3; i++)
        v[i] = choice[nj_color_taken(at.sector, i)];
}

/* v after a step; `mean` is that of grey, for contrast. */
NJ_EVERYWHERE void nj_color_apply(const nj_color_step *step, float mean,
                                  float v[3])
{
    const float gray = nj_color_gray(v);
    const float other = step->kind == NJ_COLOR_CONTRAST ? mean : gray;

    if (step->kind == NJ_COLOR_HUE) {
        nj_color_turn(step->factor, v);
        return;
    }
    for (int i = 0; i < 3; i++) {
        if (step->kind == NJ_COLOR_GRAY)
            v[i] = gray;
        else if (step->kind == NJ_COLOR_BRIGHTNESS)
            v[i] = nj_color_clamp(v[i] * step->factor);
        else
            v[i] = nj_color_clamp(v[i] * step->factor + other * step->rest);
    }
}

/* ---- their gradients --------------------------------------------------- */

NJ_EVERYWHERE void nj_color_add_gray(float d, float out[3])
{
    out[0] += d * .2989F;
    out[1] += d * .587F;
    out[2] += d * .114F;
}

/* d by v, s and h of what nj_color_turn makes of them. */
NJ_EVERYWHERE void nj_color_turn_hsv_back(const nj_color_hsv *c,
                                          const nj_color_sector *at,
                                          const float d[3], float by[3])
{
    const float part = c->s * at->inside;
    float choice[4] = {0, 0, 0, 0};
    float by_part, by_less;

    for (int i = 0; i < 3; i++)
        choice[nj_color_taken(at->sector, i)] += d[i];
    choice[1] = nj_color_passed(at->p, choice[1]);
    choice[2] = nj_color_passed(at->q, choice[2]);
    choice[3] = nj_color_passed(at->t, choice[3]);
    by_less = (choice[1] + choice[3]) * c->v;
    by_part = (choice[3] - choice[2]) * c->v;
    by[0] = choice[0] + choice[1] * at->less + choice[2] * (1 - part) +
            choice[3] * (part + at->less);
    by[1] = by_part * at->inside - by_less;
    by[2] = by_part * c->s * 6;
}

/* From v, s and h to the channels. */
NJ_EVERYWHERE void nj_color_hsv_back(const nj_color_hsv *c, const float v[3],
                                     const float by[3], float d[3])
{
    const float sixths = by[2] * (float)(1 / 6.0);
    float share[3] = {0, 0, 0}; /* by c->share */
    float by_v = by[0], by_range, by_divisor = 0;

    if (c->v == v[0]) {
        share[2] = sixths;
        share[1] = -sixths;
    } else if (c->v == v[1]) {
        share[0] = sixths;
        share[2] = -sixths;
    } else {
        share[1] = sixths;
        share[0] = -sixths;
    }
    by_range = by[1] / (c->flat ? 1 : c->v);
    if (!c->flat)
        by_v -= by[1] * (c->s / c->v);
    for (int i = 0; i < 3; i++) {
        const float one = share[i] / c->divisor;

        d[i] = -one;
        by_v += one;
        by_divisor -= share[i] * (c->share[i] / c->divisor);
    }
    if (!c->flat)
        by_range += by_divisor;
    d[c->largest] += by_v + by_range;
    d[c->smallest] -= by_range;
}

/* d, by the result of a step on v, becomes d by v; what the mean of contrast
 * gets is returned and not part of it. */
NJ_EVERYWHERE float nj_color_pull(const nj_color_step *step, float mean,
                                  const float v[3], float d[3])
{
    const float gray = nj_color_gray(v);
    const float other = step->kind == NJ_COLOR_CONTRAST ? mean : gray;
    float sum = 0;

    if (step->kind == NJ_COLOR_HUE) {
        const nj_color_hsv c = nj_color_to_hsv(v);
        const nj_color_sector at = nj_color_sector_of(&c, step->factor);
        float by[3];

        nj_color_turn_hsv_back(&c, &at, d, by);
        nj_color_hsv_back(&c, v, by, d);
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        if (step->kind == NJ_COLOR_GRAY) {
            sum += d[i];
            d[i] = 0;
        } else if (step->kind == NJ_COLOR_BRIGHTNESS) {
            d[i] = nj_color_passed(v[i] * step->factor, d[i]) * step->factor;
        } else {
            d[i] =
                nj_color_passed(v[i] * step->factor + other * step->rest, d[i]);
            sum += d[i] * step->rest;
            d[i] *= step->factor;
        }
    }
    if (step->kind == NJ_COLOR_GRAY || step->kind == NJ_COLOR_SATURATION)
        nj_color_add_gray(sum, d);
    return step->kind == NJ_COLOR_CONTRAST ? sum : 0;
}

/* ---- pixels ------------------------------------------------------------ */

/* Pixel i of image b of [B,3,pixels]. */
NJ_EVERYWHERE void nj_color_load(const nj_color *c, int64_t b, int64_t i,
                                 const float *x, float v[3])
{
    for (int k = 0; k < 3; k++)
        v[k] = x[(3 * b + k) * c->pixels + i];
}

NJ_EVERYWHERE void nj_color_store(const nj_color *c, int64_t b, int64_t i,
                                  const float v[3], float *y)
{
    for (int k = 0; k < 3; k++)
        y[(3 * b + k) * c->pixels + i] = v[k];
}

/* All steps. */
NJ_EVERYWHERE void nj_color_forward_at(const nj_color *c, int64_t b, int64_t i,
                                       const float *x, float *y)
{
    const float mean = c->mean ? c->mean[b] : 0;
    float v[3];

    nj_color_load(c, b, i, x, v);
    for (int k = 0; k < c->count; k++)
        nj_color_apply(&c->step[k], mean, v);
    nj_color_store(c, b, i, v, y);
}

/* The grey of what contrast gets: out [B,pixels]. */
NJ_EVERYWHERE void nj_color_gray_at(const nj_color *c, int64_t b, int64_t i,
                                    const float *x, float *out)
{
    float v[3];

    nj_color_load(c, b, i, x, v);
    for (int k = 0; k < c->contrast; k++)
        nj_color_apply(&c->step[k], 0, v);
    out[b * c->pixels + i] = nj_color_gray(v);
}

/* x, dy, dx [B,3,pixels], slopes [B,pixels]. */
typedef struct nj_color_back_run {
    const float *x, *dy;
    float *dx, *slopes;
} nj_color_back_run;

/* What each step gets, from the first on; those behind contrast need the mean.
 */
NJ_EVERYWHERE void nj_color_trace(const nj_color *c, float mean,
                                  const float v[3], float at[NJ_COLOR_STEPS][3])
{
    for (int k = 0; k < NJ_COLOR_STEPS; k++) {
        for (int i = 0; i < 3; i++)
            at[k][i] = k == 0 ? v[i] : at[k - 1][i];
        if (k > 0 && k < c->count)
            nj_color_apply(&c->step[k - 1], mean, at[k]);
    }
}

/* d by the result of step `end` - 1 becomes d by what step `from` gets; what
 * the mean gets is returned. Loops over a constant, for a kernel's registers.
 */
NJ_EVERYWHERE float nj_color_back(const nj_color *c, int from, int end,
                                  float mean, const float at[NJ_COLOR_STEPS][3],
                                  float d[3])
{
    float to_mean = 0;

    for (int k = NJ_COLOR_STEPS - 1; k >= 0; k--)
        if (k >= from && k < end)
            to_mean += nj_color_pull(&c->step[k], mean, at[k], d);
    return to_mean;
}

/* The steps from contrast on: a pixel's part of the gradient by the mean, out
 * [B,pixels], and what is left of dy in dx. */
NJ_EVERYWHERE void nj_color_slope_at(const nj_color *c, int64_t b, int64_t i,
                                     const nj_color_back_run *r)
{
    float v[3], d[3], at[NJ_COLOR_STEPS][3];

    nj_color_load(c, b, i, r->x, v);
    nj_color_load(c, b, i, r->dy, d);
    nj_color_trace(c, c->mean[b], v, at);
    r->slopes[b * c->pixels + i] = nj_color_back(
        c, c->contrast, c->count, c->mean[b], (const float(*)[3])at, d);
    nj_color_store(c, b, i, d, r->dx);
}

/* The rest, or all without contrast: dx is written, and read first where
 * contrast is there. */
NJ_EVERYWHERE void nj_color_backward_at(const nj_color *c, int64_t b, int64_t i,
                                        const nj_color_back_run *r)
{
    const bool begun = c->contrast < c->count;
    float v[3], d[3], at[NJ_COLOR_STEPS][3];

    nj_color_load(c, b, i, r->x, v);
    nj_color_load(c, b, i, begun ? r->dx : r->dy, d);
    nj_color_trace(c, 0, v, at);
    if (begun)
        nj_color_add_gray(c->slope[b], d);
    nj_color_back(c, 0, c->contrast, 0, (const float(*)[3])at, d);
    nj_color_store(c, b, i, d, r->dx);
}

/* ---- CUDA -------------------------------------------------------------- */

/* On device memory and a cudaStream_t: 0, or the cudaError_t of the launch.
 * x, y [B,3,pixels], gray [B,pixels]. */
int nj_color_forward_cuda(const nj_color *c, const float *x, float *y,
                          void *stream);
int nj_color_gray_cuda(const nj_color *c, const float *x, float *gray,
                       void *stream);
int nj_color_slope_cuda(const nj_color *c, const nj_color_back_run *r,
                        void *stream);
int nj_color_backward_cuda(const nj_color *c, const nj_color_back_run *r,
                           void *stream);

#ifdef __cplusplus
}
#endif

#endif
