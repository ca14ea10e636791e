/* One step of a DDPM or DDIM sampler in one pass over the numbers, instead of a
 * dozen small operations. The arithmetic is that of engine/sampler.c, number by
 * number, float32 throughout; the figures are those of diffusion/steps.h.
 *
 * Kernel and plain twin (a loop over nj_update_store) share everything but the
 * loop. Not for: PLMS, which looks back. */
#ifndef NJ_CUDA_UPDATE_H
#define NJ_CUDA_UPDATE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/everywhere.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nj_update_kind {
    NJ_UPDATE_LEARNED, /* DDPM whose network says where the variance lies */
    NJ_UPDATE_FIXED,   /* DDPM with the step's variance */
    NJ_UPDATE_DDIM
} nj_update_kind;

/* A tensor [B,C,H,W] of any layout; data NULL: left out. */
typedef struct nj_update_input {
    const float *data;
    int64_t stride[4]; /* elements */
} nj_update_input;

typedef struct nj_update {
    nj_update_kind kind;
    int64_t size[4];
    nj_update_input x, x0;
    nj_update_input eps; /* DDIM */
    nj_update_input v;   /* learned */
    nj_update_input g;   /* with guidance */
    nj_update_input z;   /* with noise */
    /* DDPM: mean_x0 x0 + mean_x x + variance g + deviation z */
    float mean_x0, mean_x, variance, deviation;
    /* learned: variance = exp(reach v + middle), deviation its root */
    float middle, reach;
    /* DDIM: with guidance eps becomes eps - sigma g, x0 recip x - recipm1 eps;
     * then ddim_x0 x0 + ddim_eps eps + ddim_z z */
    float recip, recipm1, sigma;
    float ddim_x0, ddim_eps, ddim_z;
} nj_update;

/* Number i, counted row-major, of an input. */
NJ_EVERYWHERE float nj_update_read(const nj_update *u,
                                   const nj_update_input *in, int64_t i)
{
    int64_t at = 0;

    for (int d = 3; d >= 0; d--) {
        at += i % u->size[d] * in->stride[d];
        i /= u->size[d];
    }
    return in->data[at];
}

NJ_EVERYWHERE float nj_update_ddpm(const nj_update *u, int64_t i)
{
    const bool learned = u->kind == NJ_UPDATE_LEARNED;
    const float log_variance =
        learned ? nj_update_read(u, &u->v, i) * u->reach + u->middle : 0;
    float x = nj_update_read(u, &u->x0, i) * u->mean_x0 +
              nj_update_read(u, &u->x, i) * u->mean_x;

    if (u->g.data)
        x += nj_update_read(u, &u->g, i) *
             (learned ? expf(log_variance) : u->variance);
    if (u->z.data)
        x += nj_update_read(u, &u->z, i) *
             (learned ? expf(log_variance * .5F) : u->deviation);
    return x;
}

NJ_EVERYWHERE float nj_update_ddim(const nj_update *u, int64_t i)
{
    float eps = nj_update_read(u, &u->eps, i);
    float x0;
    float x;

    if (u->g.data) {
        eps -= nj_update_read(u, &u->g, i) * u->sigma;
        x0 = nj_update_read(u, &u->x, i) * u->recip + eps * -u->recipm1;
    } else {
        x0 = nj_update_read(u, &u->x0, i);
    }
    x = x0 * u->ddim_x0 + eps * u->ddim_eps;
    if (u->z.data)
        x += nj_update_read(u, &u->z, i) * u->ddim_z;
    return x;
}

/* Number i of the result, row-major. */
NJ_EVERYWHERE void nj_update_store(const nj_update *u, int64_t i, float *out)
{
    out[i] =
        u->kind == NJ_UPDATE_DDIM ? nj_update_ddim(u, i) : nj_update_ddpm(u, i);
}

/* All n > 0 numbers, on device memory; `stream` is a cudaStream_t. 0, or the
 * cudaError_t of the launch. */
int nj_update_cuda(const nj_update *u, int64_t n, float *out, void *stream);

#ifdef __cplusplus
}
#endif

#endif
