/* Between fixtures and th.h: inputs as tensors, checks of tensors, and the
 * commonest case, an operation on `x` with the gradient of
 * sum(out * grad_weight). Float32. */
#ifndef PARITY_TENSORS_H
#define PARITY_TENSORS_H

#include "parity/harness.h"
#include "torch/th.h"

/* Where networks and operations run: the CPU, or the first GPU where
 * NJ_PARITY_CUDA is set. */
th_device parity_device(void);

/* t on that device. */
th_tensor *parity_place(th_scope *s, const th_tensor *t);

/* Input `name` as a tensor on that device; NULL after a failure. */
th_tensor *parity_tensor_in(parity_case *c, th_scope *s, const char *name);

/* Compares t with the output `name`. An error of the scope fails the case. */
void parity_check_tensor(parity_case *c, th_scope *s, const char *name,
                         const th_tensor *t);

typedef th_tensor *(*parity_operation)(parity_case *c, th_scope *s,
                                       const th_tensor *x);

/* out = f(x), grad_x = d sum(out * grad_weight) / d x: checks both. */
void parity_run_operation(parity_case *c, parity_operation f);

#endif
