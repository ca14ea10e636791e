/* Footprint: what a job costs in arithmetic and memory, before anything is
 * loaded, and how it is made so that it fits. From the cards alone
 * (weights/work.h, weights/space.h); measured figures of the same settings are
 * better where there are some (speed.h).
 */
#ifndef NJ_JOB_FOOTPRINT_H
#define NJ_JOB_FOOTPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "diffusion/settings.h"
#include "job/spec.h"
#include "weights/card.h"

/* The networks of a batch, and where they are. */
typedef struct nj_networks {
    const nj_unet_card *unet;
    const nj_clip_card *clips; /* embed_dim 0: not known */
    size_t clip_count;
    bool secondary;
    bool lpips;
    nj_precision precision;
    int threads; /* 0: as many as there are cores */
    bool cuda;
    bool launch; /* no recorded graphs, whatever is free */
} nj_networks;

nj_networks nj_networks_of(const nj_job *job, const nj_group *g, bool cuda);

/* FLOP of one guided step of a whole batch; 0 when a CLIP's card is not known
 * or is a ResNet's. */
double nj_footprint_flop(const nj_networks *n, const nj_settings *s);

/* How a batch is made. */
typedef struct nj_thrift {
    nj_saving saving;
    int clip_slices;
} nj_thrift;

typedef struct nj_footprint {
    uint64_t host;   /* bytes of the process; 0: cannot be said */
    uint64_t device; /* bytes on the GPU; 0 on a CPU */
} nj_footprint;

/* Peak memory of a batch that is made so. */
nj_footprint nj_footprint_of(const nj_networks *n, const nj_settings *s,
                             const nj_thrift *how);

/* Memory that is free, in bytes; 0: not known. */
typedef struct nj_room {
    uint64_t host;
    uint64_t device;
} nj_room;

/* The way of --memory; for auto the quickest one that fits into `room`, else
 * the one that needs least. */
nj_thrift nj_footprint_choose(const nj_networks *n, const nj_settings *s,
                              nj_memory memory, const nj_room *room);

/* The same for a group of a job. */
nj_thrift nj_footprint_choose_for(const nj_job *job, const nj_group *g,
                                  bool cuda, const nj_room *room);

/* NJ_E_MEMORY when a batch of the job cannot fit into `room`, with what
 * would. */
nj_status nj_footprint_check(const nj_job *job, bool cuda, const nj_room *room,
                             nj_err *err) NJ_MUST_USE;

#endif
