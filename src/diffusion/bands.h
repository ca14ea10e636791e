/* Bands: the resampling of one side of a picture as a banded matrix.
 *
 * Pooling, prefiltered bicubic, ResizeRight and bilinear resizing are linear
 * and treat rows and columns alike, each by itself. So each is a matrix per
 * side; a crop with zeros around the picture is the same matrix with other
 * columns. Weights are computed in double and rounded to float once; the
 * gradient is the transposed band, gathered, never scattered.
 *
 *     nj_band rows = {0};
 *     nj_window w = {.length = 256, .start = 10, .span = 230};
 *     nj_band_pool(&rows, &w, 224, err)
 *     out[i] = sum over k of rows.weights[i*rows.taps + k]
 *                            * in[rows.first[i] + k]
 *     nj_band_release(&rows);
 *
 * Not for: operations that mix rows and columns (see engine/warp.h). */
#ifndef NJ_DIFFUSION_BANDS_H
#define NJ_DIFFUSION_BANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* first[i] >= 0 and first[i] + taps <= inputs for every i: nobody who applies
 * a band needs a bounds check. Unused weights are 0. */
typedef struct nj_band {
    int inputs;
    int outputs;
    int taps;
    int *first;     /* [outputs] */
    float *weights; /* [outputs,taps] */
} nj_band;

/* The pixels start .. start+span-1 of a side of `length` pixels. Pixels
 * outside the side count as zero. */
typedef struct nj_window {
    int length;
    int start; /* may be negative */
    int span;
} nj_window;

void nj_band_release(nj_band *b);

/* Adaptive average pooling: output i is the mean of the window's pixels
 * floor(i n/S) .. ceil((i+1) n/S)-1. */
nj_status nj_band_pool(nj_band *b, const nj_window *window, int outputs,
                       nj_err *err) NJ_MUST_USE;

/* Russell's resample: where the window shrinks a Lanczos-2 prefilter with
 * reflection at the window's ends, then bicubic (a = -0.75), corners aligned.
 * Refuses a window that is too small to be reflected. */
nj_status nj_band_lanczos(nj_band *b, const nj_window *window, int outputs,
                          nj_err *err) NJ_MUST_USE;

/* ResizeRight: cubic (a = -0.5), stretched where the window shrinks, zeros
 * outside the window, weights divided by their sum with those outside. */
nj_status nj_band_cubic(nj_band *b, const nj_window *window, int outputs,
                        nj_err *err) NJ_MUST_USE;

/* Bilinear, pixel centres aligned, ends replicated; antialias stretches the
 * triangle where the window shrinks. */
nj_status nj_band_bilinear(nj_band *b, const nj_window *window, int outputs,
                           bool antialias, nj_err *err) NJ_MUST_USE;

/* The gradient's map: out = transpose of b. */
nj_status nj_band_transpose(nj_band *out, const nj_band *b,
                            nj_err *err) NJ_MUST_USE;

/* Weights of the prefilter from n to S pixels, n > S: 2 ceil(2n/S + 1) - 3 of
 * them, sum 1. NULL *taps when nothing else failed but memory; the caller
 * frees *weights. */
nj_status nj_lanczos_weights(int from, int to, double **weights, int *taps,
                             nj_err *err) NJ_MUST_USE;

#endif
