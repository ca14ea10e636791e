/* Weights that a fixture gives by a formula instead of storing them: tensor i
 * of config.weights holds normals of Philox at (block, 0, 99, i), times scale,
 * plus offset. */
#ifndef PARITY_FORMULA_H
#define PARITY_FORMULA_H

#include "parity/harness.h"
#include "weights/weights.h"

/* The weights as an opened file, to be freed by the caller; NULL after a
 * failure. */
nj_weights *parity_formula_weights(parity_case *c);

#endif
