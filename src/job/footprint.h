/* Footprint: what a job costs in arithmetic and memory, before anything is
 * loaded. From the cards alone (weights/work.h); measured figures of the same
 * settings are better where there are some (speed.h).
 */
#ifndef NJ_JOB_FOOTPRINT_H
#define NJ_JOB_FOOTPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "diffusion/settings.h"
#include "job/spec.h"
#include "weights/card.h"

/* FLOP of one guided step of a whole batch; 0 when a CLIP's card is not known
 * (embed_dim 0). */
double nj_footprint_flop(const nj_unet_card *unet, const nj_clip_card *clips,
                         size_t count, const nj_settings *s);

typedef struct nj_footprint {
    uint64_t host;   /* bytes of the process; 0: cannot be said */
    uint64_t device; /* bytes on the GPU; 0 on a CPU */
} nj_footprint;

/* Peak memory of a batch. `cuda`: the networks are on a GPU. */
nj_footprint nj_footprint_of(const nj_unet_card *unet,
                             const nj_clip_card *clips, size_t count,
                             const nj_settings *s, nj_precision precision,
                             bool cuda);

/* Of a group's pictures. */
nj_footprint nj_footprint_of_group(const nj_job *job, const nj_group *g);

/* NJ_E_MEMORY when a batch of the job cannot fit into the host's memory. */
nj_status nj_footprint_check(const nj_job *job, nj_err *err) NJ_MUST_USE;

/* Memory that programs can still get on this machine; 0: not known. */
uint64_t nj_footprint_free(void);

#endif
