/* From the tree of values in a pickle to named tensors. */
#ifndef NJ_WEIGHTS_TREE_H
#define NJ_WEIGHTS_TREE_H

#include "weights/pickle.h"
#include "weights/weights_internal.h"

/* Adds every tensor under the pickle's root to w. storages[i] is where
 * p->storages[i] lies. In a TorchScript archive a path is one dotted name. */
nj_status nj_tree_collect(nj_weights *w, const nj_pickle *p,
                          const struct nj_storage *storages,
                          nj_err *err) NJ_MUST_USE;

#endif
