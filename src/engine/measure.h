/* Measure: what the device of an engine can do; for `nightjar bench`. */
#ifndef NJ_ENGINE_MEASURE_H
#define NJ_ENGINE_MEASURE_H

#include "engine/engine.h"

/* As nj_engine_api.matmul_peak: the best of several products of large square
 * matrices, by libtorch's kernel and by the own one. */
nj_status nj_measure_matmul(nj_engine *e, double *flops, nj_err *err);

/* As nj_engine_api.host_peak and cuda_free. */
uint64_t nj_measure_host(nj_engine *e);
uint64_t nj_measure_cuda_free(int index);

/* As nj_engine_api.device_peak. */
uint64_t nj_measure_device(nj_engine *e);

#endif
