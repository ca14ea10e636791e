/* Estimates of what a plan costs: steps, time, disk, memory. */
#ifndef NJ_JOB_ESTIMATE_H
#define NJ_JOB_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "job/plan.h"

typedef struct nj_cost {
    size_t pictures;
    uint64_t steps;      /* network steps */
    double seconds;      /* negative: not known on this machine yet */
    uint64_t disk_bytes; /* at most, videos and their frames included */
} nj_cost;

typedef struct nj_estimate {
    nj_cost all;  /* of the plan */
    nj_cost open; /* of it, the pictures whose files are not there */
    bool free_known;
    uint64_t free_bytes;      /* in the output folder's file system */
    uint64_t host_bytes;      /* peak memory measured before; 0: unknown */
    uint64_t predicted_bytes; /* peak memory by arithmetic; 0: unknown */
    uint64_t predicted_device_bytes; /* of a GPU; 0: unknown, or no GPU */
    bool twice; /* blocks of the network will be computed twice */
} nj_estimate;

/* A file that is there counts by its name: whether it is the same picture only
 * the sums of the weights could tell, which take longer than a plan may. For
 * the same reason files whose names have a part of the identity are not looked
 * for. */
nj_status nj_estimate_make(const nj_job *job, const nj_plan *plan,
                           nj_estimate *out, nj_err *err) NJ_MUST_USE;

/* Bytes that are free for us where `folder` is or would be, none of them on a
 * full disk. False when that cannot be known. */
bool nj_free_bytes(const char *folder, uint64_t *bytes);

#endif
