/* Unfinished runs: see unfinished.h. */
#include "run/unfinished.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "job/digest.h"
#include "run/manifest.h"

/* The last run of the request, and how far it came. */
struct reader {
    char request[NJ_DIGEST_SIZE];
    bool begun;
    char id[NJ_DIGEST_SIZE]; /* of its job */
    uint64_t seed;
    double planned;
    bool done;       /* a process found every picture made */
    uint64_t *files; /* that were made; a file may be here twice */
    size_t count;
    size_t capacity;
    bool no_memory;
};

static bool is(const cJSON *line, const char *key, const char *value)
{
    return strcmp(nj_json_string(line, key, ""), value) == 0;
}

/* Several processes may begin the same run. */
static void note_begin(struct reader *r, const cJSON *line)
{
    const char *id = nj_json_string(line, "job", "");
    uint64_t seed;

    if (!is(line, "request", r->request) || strlen(id) != sizeof(r->id) - 1 ||
        !nj_json_u64(nj_json_get(line, "drawn"), &seed) || seed > UINT32_MAX)
        return;
    if (strcmp(r->id, id) != 0) {
        r->count = 0;
        r->done = false;
    }
    memcpy(r->id, id, sizeof(r->id));
    r->begun = true;
    r->seed = seed;
    r->planned = nj_json_number(line, "planned", 0);
}

static void note_file(struct reader *r, const char *file)
{
    if (!nj_grow(&r->files, &r->capacity, r->count + 1, sizeof(*r->files))) {
        r->no_memory = true;
        return;
    }
    r->files[r->count++] = nj_sha256_number(file, strlen(file));
}

static void note_line(void *user, const cJSON *line)
{
    struct reader *r = user;

    if (is(line, "event", "begin"))
        note_begin(r, line);
    if (!r->begun || !is(line, "job", r->id))
        return;
    if (is(line, "event", "made") || is(line, "event", "found"))
        note_file(r, nj_json_string(line, "file", ""));
    else if (is(line, "event", "end") && is(line, "how", "done") &&
             nj_json_number(line, "failed", 1) == 0 &&
             nj_json_number(line, "planned", 0) == r->planned)
        r->done = true;
}

/* A run that was cut off behind its last picture has no last line. */
static bool is_complete(struct reader *r)
{
    return r->done ||
           (double)nj_count_different(r->files, r->count) >= r->planned;
}

/* Runs with a drawn seed are in the manifest without a shard, which is the last
 * one by name; shards may have made their pictures afterwards. */
static nj_status read_all(struct reader *r, const char *folder, nj_err *err)
{
    nj_list paths = {0};
    size_t torn = 0;
    nj_status status = NJ_OK;

    if (access(folder, F_OK) == 0)
        status = nj_manifest_find(folder, &paths, err);
    for (size_t i = paths.count; i-- > 0 && status == NJ_OK;)
        status = nj_manifest_read(paths.items[i], note_line, r, &torn, err);
    nj_list_release(&paths);
    if (status == NJ_OK && r->no_memory)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for the manifests");
    return status;
}

bool nj_unfinished_wanted(const nj_job *job)
{
    return job->seed_drawn && !job->groups[0].options.overwrite;
}

nj_status nj_unfinished_find(const nj_job *job, bool *there, uint64_t *seed,
                             nj_err *err)
{
    struct reader r = {.begun = false};
    nj_status status;

    *there = false;
    if (!nj_unfinished_wanted(job))
        return NJ_OK;
    status = nj_digest_request(job, r.request, err);
    if (status == NJ_OK)
        status = read_all(&r, job->out, err);
    if (status == NJ_OK && r.begun && !is_complete(&r)) {
        *there = true;
        *seed = r.seed;
    }
    free(r.files);
    return status;
}

nj_status nj_unfinished_go_on(nj_job *job, bool *goes_on, nj_err *err)
{
    uint64_t seed;
    nj_status status = nj_unfinished_find(job, goes_on, &seed, err);

    return status == NJ_OK && *goes_on ? nj_job_use_seed(job, seed, err)
                                       : status;
}
