/* Shards: see shard.h. */
#include "job/shard.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"

static bool parse(const char *text, int *shard, int *shards)
{
    const char *slash = strchr(text, '/');
    char *first = slash ? nj_strndup(text, (size_t)(slash - text)) : NULL;
    uint64_t i = 0;
    uint64_t n = 0;
    bool good = first && nj_parse_u64(first, &i) &&
                nj_parse_u64(slash + 1, &n) && i >= 1 && i <= n &&
                n <= NJ_SHARDS_MAX;

    free(first);
    *shard = (int)i;
    *shards = (int)n;
    return good;
}

bool nj_shard_good(const char *text)
{
    int shard;
    int shards;

    return strcmp(text, "slurm") == 0 || parse(text, &shard, &shards);
}

static nj_status variable(const char *name, int64_t missing, int64_t *out,
                          nj_err *err)
{
    const char *text = getenv(name);

    *out = missing;
    if (!text && missing >= 0)
        return NJ_OK;
    if (!text)
        return nj_fail(err, NJ_E_USAGE,
                       "'slurm': %s is not set, this is no array task", name);
    if (!nj_parse_i64(text, out) || *out < 0 || *out > INT32_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "'slurm': %s is '%s', a number is "
                       "expected",
                       name, text);
    return NJ_OK;
}

static nj_status from_slurm(int *shard, int *shards, nj_err *err)
{
    int64_t id;
    int64_t count;
    int64_t min;
    int64_t step;
    nj_status status = variable("SLURM_ARRAY_TASK_ID", -1, &id, err);

    if (status == NJ_OK)
        status = variable("SLURM_ARRAY_TASK_COUNT", -1, &count, err);
    if (status == NJ_OK)
        status = variable("SLURM_ARRAY_TASK_MIN", 0, &min, err);
    if (status == NJ_OK)
        status = variable("SLURM_ARRAY_TASK_STEP", 1, &step, err);
    if (status != NJ_OK)
        return status;
    if (step < 1 || id < min || (id - min) % step != 0 ||
        (id - min) / step >= count || count > NJ_SHARDS_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "'slurm': array task %d of %d is not one of an even "
                       "row, such as --array=0-%d",
                       (int)id, (int)count, (int)count - 1);
    *shard = (int)((id - min) / step) + 1;
    *shards = (int)count;
    return NJ_OK;
}

nj_status nj_shard_parse(const char *text, int *shard, int *shards, nj_err *err)
{
    *shard = 1;
    *shards = 1;
    if (!text)
        return NJ_OK;
    if (strcmp(text, "slurm") == 0)
        return from_slurm(shard, shards, err);
    if (parse(text, shard, shards))
        return NJ_OK;
    return nj_fail(err, NJ_E_USAGE, "'%s' is no shard, such as 2/8", text);
}
