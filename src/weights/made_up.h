/* Weights without a file: random numbers under given names and shapes, so that
 * a network of any size can be timed before its checkpoint is there.
 *
 * Matrices and convolutions have the spread that keeps values at their size
 * (1 / sqrt(inputs)), vectors are 1 (weights) or 0 (biases). A tensor takes
 * little memory: its rows are views of one row of numbers that move on by one.
 *
 *     nj_made_up_new(&weights, &err);
 *     nj_made_up_add(weights, "out.2.weight", 4, shape, &err);
 *     nj_made_up_finish(weights, &err);
 */
#ifndef NJ_WEIGHTS_MADE_UP_H
#define NJ_WEIGHTS_MADE_UP_H

#include "weights/weights.h"

/* An empty set; *out is freed with nj_weights_free. */
nj_status nj_made_up_new(nj_weights **out, nj_err *err) NJ_MUST_USE;

/* Adds a tensor of float32. Nothing may be looked up before the last one. */
nj_status nj_made_up_add(nj_weights *w, const char *name, int ndim,
                         const int64_t *shape, nj_err *err) NJ_MUST_USE;

/* Makes the names searchable. */
nj_status nj_made_up_finish(nj_weights *w, nj_err *err) NJ_MUST_USE;

#endif
