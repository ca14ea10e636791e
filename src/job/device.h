/* Devices, as far as they can be known without libtorch: the driver's own
 * library is asked how many GPUs there are.
 */
#ifndef NJ_JOB_DEVICE_H
#define NJ_JOB_DEVICE_H

#include "base/err.h"
#include "engine/engine.h"

/* Index of cuda:all: every GPU, each with a process of its own where a command
 * can share its work out, else the first one. */
#define NJ_DEVICE_ALL (-1)

/* GPUs that the NVIDIA driver offers this process (CUDA_VISIBLE_DEVICES
 * counts); 0 without a driver. They are counted in a process of their own: one
 * in which the driver was started cannot fork workers that use it. */
int nj_device_gpus(void);

/* Who counts instead, for tests; NULL: the driver again. */
void nj_device_set_counter(int (*count)(void));

/* Reads auto, cpu, cuda, cuda:N or cuda:all (index NJ_DEVICE_ALL); NJ_E_USAGE
 * when that GPU is not there. */
nj_status nj_device_parse(const char *text, nj_device_kind *kind, int *index,
                          nj_err *err) NJ_MUST_USE;

#endif
