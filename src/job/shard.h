/* Shards: one of several machines' share of a job, without any talking. Picture
 * number k of the plan, counted from 0, belongs to shard k mod N + 1. */
#ifndef NJ_JOB_SHARD_H
#define NJ_JOB_SHARD_H

#include <stdbool.h>

#include "base/err.h"

#define NJ_SHARDS_MAX 1000000

/* Whether text is "I/N" with 1 <= I <= N, or "slurm". */
bool nj_shard_good(const char *text);

/* Reads the same; NULL is 1/1. "slurm" takes SLURM_ARRAY_TASK_ID, _COUNT, _MIN
 * and _STEP; NJ_E_USAGE when they are not there or do not fit each other. */
nj_status nj_shard_parse(const char *text, int *shard, int *shards,
                         nj_err *err) NJ_MUST_USE;

#endif
