/* Values of a tensor: constant, or nearly normal and quick to make. */
#ifndef NJ_TOOLS_CHECKPOINT_VALUES_H
#define NJ_TOOLS_CHECKPOINT_VALUES_H

#include "spec.h"

/* Writes n elements of t->dtype to `out`; the same for the same seed. */
void make_values(const spec_tensor *t, size_t n, uint64_t seed, void *out);

#endif
