/* Digests: which jobs are the same.
 *
 * A job's id depends on its prompts, seeds and picture settings: two processes
 * with the same id make the same pictures. A request's id depends on what was
 * asked for before a seed was drawn: prompts, settings, parts, given seeds or
 * how many are to be drawn, and the model files. The same command has the same
 * one each time. Neither depends on shard, folder, device or order.
 */
#ifndef NJ_JOB_DIGEST_H
#define NJ_JOB_DIGEST_H

#include "base/err.h"
#include "base/json.h"
#include "job/spec.h"

#define NJ_DIGEST_SIZE 17 /* 16 hex digits and NUL */

/* The groups as a list of job-file objects with prompts, seeds and all options
 * that have one of `traits`. NULL when memory is short; the caller deletes it.
 */
cJSON *nj_digest_groups(const nj_job *job, unsigned traits);

nj_status nj_digest_job(const nj_job *job, char id[NJ_DIGEST_SIZE],
                        nj_err *err) NJ_MUST_USE;
nj_status nj_digest_request(const nj_job *job, char id[NJ_DIGEST_SIZE],
                            nj_err *err) NJ_MUST_USE;

#endif
