/* What all networks share when they are loaded: device, threads, CLIP files. */
#ifndef NJ_ENGINE_MACHINE_H
#define NJ_ENGINE_MACHINE_H

#include <stddef.h>

#include "base/err.h"
#include "engine/engine.h"
#include "model/clip.h"
#include "torch/th.h"

/* AUTO is the first GPU where there is one. `name` gets "cpu" or "cuda:N".
 * NJ_E_DEVICE when that GPU is not there. */
nj_status nj_machine_device(nj_device_kind kind, int index, th_device *out,
                            char *name, size_t size, nj_err *err) NJ_MUST_USE;

/* 0: as many threads as there are cores. */
void nj_machine_threads(int threads);

/* The type of a network's weights; AUTO becomes float32 on the CPU and half on
 * a GPU. */
nj_dtype nj_machine_dtype(nj_precision *precision, th_device device);

/* Ends the reading of a network: frees the weights and returns `status`, whose
 * error, if it is one, gets the file's name where there is a file. */
nj_status nj_machine_read(nj_weights *weights, const char *path,
                          nj_status status, nj_err *err) NJ_MUST_USE;

/* Reads a CLIP; *out is freed with nj_clip_free. */
nj_status nj_machine_clip(const char *path, nj_dtype dtype, th_device device,
                          nj_clip **out, nj_err *err) NJ_MUST_USE;

#endif
