/* Separable maps on CUDA: one launch for all pictures of a step and one for
 * their gradient (torch/bands.hpp says what they compute).
 *
 * A thread makes one number and reads what it needs: bands are a few taps wide
 * and neighbours read the same pixels, so the caches serve them; no
 * intermediate is stored and nothing is added to memory by two threads. Kernel
 * and plain twin share everything but the loop over numbers. */
#ifndef NJ_CUDA_BANDS_H
#define NJ_CUDA_BANDS_H

#include <stdint.h>

#include "base/everywhere.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One side's map, in the memory of the device that runs it. */
typedef struct nj_bands_side {
    int64_t inputs, outputs, taps;
    const int32_t *first; /* [pictures,outputs] */
    const float *weights; /* [pictures,outputs,taps] */
} nj_bands_side;

typedef struct nj_bands {
    nj_bands_side rows, cols;
    int64_t pictures, images, channels;
} nj_bands;

/* Output (i,j) of picture r's maps on one plane [rows.inputs,cols.inputs]. */
NJ_EVERYWHERE float nj_bands_mapped(const nj_bands *b, int64_t r, int64_t i,
                                    int64_t j, const float *plane)
{
    const int64_t row = r * b->rows.outputs + i;
    const int64_t col = r * b->cols.outputs + j;
    const float *wr = b->rows.weights + row * b->rows.taps;
    const float *wc = b->cols.weights + col * b->cols.taps;
    const float *at =
        plane + b->rows.first[row] * b->cols.inputs + b->cols.first[col];
    float sum = 0;

    for (int64_t k = 0; k < b->rows.taps; k++, at += b->cols.inputs) {
        float part = 0;

        if (wr[k] == 0)
            continue;
        for (int64_t l = 0; l < b->cols.taps; l++)
            part += wc[l] * at[l];
        sum += wr[k] * part;
    }
    return sum;
}

/* Number (i,j) of plane p: x [B,C,rows.inputs,cols.inputs] ->
 * y [R,C,rows.outputs,cols.outputs], p = r * C + c. */
NJ_EVERYWHERE void nj_bands_forward_at(const nj_bands *b, int64_t p, int64_t i,
                                       int64_t j, const float *x, float *y)
{
    const int64_t r = p / b->channels;
    const int64_t c = p % b->channels;
    const int64_t plane = r % b->images * b->channels + c;

    y[(p * b->rows.outputs + i) * b->cols.outputs + j] = nj_bands_mapped(
        b, r, i, j, x + plane * b->rows.inputs * b->cols.inputs);
}

/* The gradient, with the transposed maps: dy [R,C,rows.inputs,cols.inputs] ->
 * dx [B,C,rows.outputs,cols.outputs], p = image * C + c. dx is written, not
 * added to. */
NJ_EVERYWHERE void nj_bands_backward_at(const nj_bands *b, int64_t p, int64_t i,
                                        int64_t j, const float *dy, float *dx)
{
    const int64_t c = p % b->channels;
    float sum = 0;

    for (int64_t r = p / b->channels; r < b->pictures; r += b->images)
        sum += nj_bands_mapped(b, r, i, j,
                               dy + (r * b->channels + c) * b->rows.inputs *
                                        b->cols.inputs);
    dx[(p * b->rows.outputs + i) * b->cols.outputs + j] = sum;
}

/* On device memory and a cudaStream_t: 0, or the cudaError_t of the launch. */
int nj_bands_forward_cuda(const nj_bands *b, const float *x, float *y,
                          void *stream);
int nj_bands_backward_cuda(const nj_bands *b, const float *dy, float *dx,
                           void *stream);

#ifdef __cplusplus
}
#endif

#endif
