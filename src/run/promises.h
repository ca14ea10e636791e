/* Promises: the pictures that the jobs of a folder have promised, each counted
 * once, however many jobs want it.
 *
 * A manifest's `begin` lines say prompts, seeds and settings of whole jobs; a
 * picture is known by its settings, weights, prompt, seed and swept options, as
 * a run knows it by identity and file name. Weights count by their files'
 * names: status cannot wait for their sums.
 */
#ifndef NJ_RUN_PROMISES_H
#define NJ_RUN_PROMISES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "job/spec.h"

typedef struct nj_promises {
    struct nj_promise *items; /* owned */
    size_t count;
    size_t capacity;
} nj_promises;

/* Adds to a `begin` line what tells the job's pictures apart besides its `jobs`
 * (to whose entries the swept options are added), and their order, by which
 * shards are parted. False when memory is short. */
bool nj_promises_tell(const nj_job *job, cJSON *line, cJSON *jobs);

/* Takes a `begin` line of manifest number `manifest`: the last one of a job
 * holds. A line that lists no pictures promises as many as it says, which are
 * then taken for pictures of their own. False when memory is short. */
bool nj_promises_add(nj_promises *p, size_t manifest, const cJSON *line);

/* Different pictures of all promises; false when memory is short. */
bool nj_promises_count(nj_promises *p, size_t *pictures);
void nj_promises_release(nj_promises *p);

#endif
