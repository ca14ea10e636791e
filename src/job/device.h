/* Devices, as far as they can be known without libtorch: the driver's own
 * library is asked how many GPUs there are.
 */
#ifndef NJ_JOB_DEVICE_H
#define NJ_JOB_DEVICE_H

#include "base/err.h"
#include "engine/engine.h"

/* GPUs that the NVIDIA driver offers this process (CUDA_VISIBLE_DEVICES
 * counts); 0 without a driver. */
int nj_device_gpus(void);

/* Reads auto, cpu, cuda or cuda:N; NJ_E_USAGE when that GPU is not there. */
nj_status nj_device_parse(const char *text, nj_device_kind *kind, int *index,
                          nj_err *err) NJ_MUST_USE;

#endif
