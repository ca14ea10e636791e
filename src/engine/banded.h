/* Banded: the maps of diffusion/bands.h on tensors. A module of its own
 * because whole pictures and cutouts share it. */
#ifndef NJ_ENGINE_BANDED_H
#define NJ_ENGINE_BANDED_H

#include <stddef.h>

#include "diffusion/bands.h"
#include "torch/th.h"

/* The maps of both sides, one of each for every picture of the result. */
typedef struct nj_banded {
    nj_band *rows; /* [pictures] H -> S */
    nj_band *cols; /* [pictures] W -> T */
    size_t pictures;
} nj_banded;

/* Room for the maps, all empty. */
nj_status nj_banded_init(nj_banded *b, size_t pictures,
                         nj_err *err) NJ_MUST_USE;
void nj_banded_release(nj_banded *b);

/* x [B,C,H,W] -> [pictures,C,S,T], picture r from x[r % B]. Every map of a
 * side has the same inputs and outputs. */
th_tensor *nj_banded_apply(th_scope *s, const th_tensor *x, const nj_banded *b);

#endif
