/* Estimates of what a plan costs: steps, time, disk, memory. */
#ifndef NJ_JOB_ESTIMATE_H
#define NJ_JOB_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "job/plan.h"

typedef struct nj_estimate {
    size_t pictures;
    size_t prompts;      /* over all groups */
    uint64_t steps;      /* network steps of all pictures */
    double seconds;      /* negative: not known on this machine yet */
    uint64_t disk_bytes; /* at most */
    bool free_known;
    uint64_t free_bytes;      /* in the output folder's file system */
    uint64_t host_bytes;      /* peak memory measured before; 0: unknown */
    uint64_t predicted_bytes; /* peak memory by arithmetic; 0: unknown */
    uint64_t predicted_device_bytes; /* of a GPU; 0: unknown, or no GPU */
    bool twice; /* blocks of the network will be computed twice */
} nj_estimate;

void nj_estimate_make(const nj_job *job, const nj_plan *plan, nj_estimate *out);

/* Bytes that are free for us where `folder` is or would be, none of them on a
 * full disk. False when that cannot be known. */
bool nj_free_bytes(const char *folder, uint64_t *bytes);

#endif
