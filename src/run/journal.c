/* Journal: see journal.h. Files are known by 64 bits of their names' sha256,
 * in a table with open addressing, so that a folder of a million pictures
 * costs a few megabytes. */
#include "run/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/version.h"
#include "job/digest.h"
#include "run/manifest.h"
#include "run/process.h"
#include "run/promises.h"

struct known {
    uint64_t key; /* of the file's name; 0: the place is free */
    long taker;   /* pid of its last `take`; 0: none */
    bool made;
    bool elsewhere; /* by another process, since this run began */
    bool gave_up;   /* by another process, since this run began */
};

struct source {
    char *path;
    uint64_t offset; /* lines before it were read */
};

struct nj_journal {
    const nj_job *job;
    nj_manifest manifest;
    char id[NJ_DIGEST_SIZE]; /* of the job */
    long pid;
    bool begun; /* this run's first line is written */
    struct known *files;
    size_t capacity; /* a power of two */
    size_t count;
    struct source *sources;
    size_t source_count;
    bool no_memory; /* while lines were read */
};

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for the manifest");
}

/* ---- what is known of files ---------------------------------------------- */

static uint64_t key_of(const char *file)
{
    uint64_t key = nj_sha256_number(file, strlen(file));

    return key ? key : 1;
}

static struct known *place_of(struct known *files, size_t capacity,
                              uint64_t key)
{
    size_t i = (size_t)key & (capacity - 1);

    while (files[i].key && files[i].key != key)
        i = (i + 1) & (capacity - 1);
    return &files[i];
}

static const struct known *find(const nj_journal *j, const char *file)
{
    return j->count ? place_of(j->files, j->capacity, key_of(file)) : NULL;
}

static bool grow(nj_journal *j)
{
    size_t capacity = j->capacity ? j->capacity * 2 : 64;
    struct known *files = nj_calloc(capacity, sizeof(*files));

    if (!files)
        return false;
    for (size_t i = 0; i < j->capacity; i++) {
        if (j->files[i].key)
            *place_of(files, capacity, j->files[i].key) = j->files[i];
    }
    free(j->files);
    j->files = files;
    j->capacity = capacity;
    return true;
}

/* The entry of a file, made when there is none; NULL when memory is short. */
static struct known *entry_of(nj_journal *j, const char *file)
{
    uint64_t key = key_of(file);
    struct known *k;

    if (j->count * 2 >= j->capacity && !grow(j))
        return NULL;
    k = place_of(j->files, j->capacity, key);
    if (!k->key) {
        k->key = key;
        j->count++;
    }
    return k;
}

static void note_line(void *user, const cJSON *line)
{
    nj_journal *j = user;
    const char *event = nj_json_string(line, "event", "");
    const char *file = nj_json_string(line, "file", "");
    long pid = (long)nj_json_whole(line, "pid", NJ_PID_MAX, 0);
    struct known *k;

    if (!file[0])
        return;
    k = entry_of(j, file);
    if (!k) {
        j->no_memory = true;
        return;
    }
    if (strcmp(event, "made") == 0)
        k->elsewhere = j->begun && pid != j->pid;
    if (strcmp(event, "made") == 0 || strcmp(event, "found") == 0 ||
        strcmp(event, "kept") == 0)
        k->made = true;
    else if (strcmp(event, "take") == 0)
        k->taker = pid;
    else if (strcmp(event, "failed") == 0)
        k->gave_up = j->begun && pid != j->pid;
}

static nj_status add_source(nj_journal *j, const char *path, nj_err *err)
{
    struct source *more;

    more = nj_realloc(j->sources, j->source_count + 1, sizeof(*more));
    if (!more)
        return no_memory(err);
    j->sources = more;
    more[j->source_count] = (struct source){nj_strdup(path), 0};
    if (!more[j->source_count].path)
        return no_memory(err);
    j->source_count++;
    return NJ_OK;
}

/* Manifests that come later are those of shards, whose pictures are others. */
static nj_status find_sources(nj_journal *j, nj_err *err)
{
    nj_list paths = {0};
    nj_status status = nj_manifest_find(j->job->out, &paths, err);

    for (size_t i = 0; i < paths.count && status == NJ_OK; i++)
        status = add_source(j, paths.items[i], err);
    nj_list_release(&paths);
    return status;
}

nj_status nj_journal_refresh(nj_journal *j, nj_err *err)
{
    nj_status status = NJ_OK;
    size_t torn = 0;

    for (size_t i = 0; i < j->source_count && status == NJ_OK; i++)
        status = nj_manifest_follow(j->sources[i].path, &j->sources[i].offset,
                                    note_line, j, &torn, err);
    if (status == NJ_OK && j->no_memory)
        status = no_memory(err);
    return status;
}

bool nj_journal_made_elsewhere(const nj_journal *j, const char *file)
{
    const struct known *k = find(j, file);

    return k && k->elsewhere;
}

bool nj_journal_gave_up(const nj_journal *j, const char *file)
{
    const struct known *k = find(j, file);

    return k && k->gave_up;
}

long nj_journal_taker(const nj_journal *j, const char *file)
{
    const struct known *k = find(j, file);

    return k ? k->taker : 0;
}

/* ---- lines --------------------------------------------------------------- */

static bool text(cJSON *o, const char *key, const char *value)
{
    return cJSON_AddStringToObject(o, key, value) != NULL;
}

static bool number(cJSON *o, const char *key, double value)
{
    return cJSON_AddNumberToObject(o, key, value) != NULL;
}

/* What every line says; NULL when memory is short. */
static cJSON *event(const nj_journal *j, const char *name)
{
    cJSON *o = cJSON_CreateObject();

    if (o && text(o, "event", name) && text(o, "job", j->id) &&
        number(o, "pid", (double)j->pid))
        return o;
    cJSON_Delete(o);
    return NULL;
}

static cJSON *picture_event(const nj_journal *j, const char *name,
                            const nj_entry *e)
{
    cJSON *o = event(j, name);
    char seed[24];

    snprintf(seed, sizeof(seed), "%" PRIu64, e->image->seed);
    if (o && text(o, "file", e->file) &&
        number(o, "number", (double)e->number + 1) &&
        text(o, "prompt", nj_plan_prompt(j->job, e->image)->text) &&
        text(o, "seed", seed))
        return o;
    cJSON_Delete(o);
    return NULL;
}

/* `good` says whether all fields found memory. */
static nj_status add(nj_journal *j, cJSON *o, bool good, bool lasting,
                     nj_err *err)
{
    if (!good) {
        cJSON_Delete(o);
        o = NULL;
    }
    return nj_manifest_add(&j->manifest, o, lasting, err);
}

static bool add_host(cJSON *o)
{
    char host[256] = "";

    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    return text(o, "host", host);
}

/* What the same command, given again, knows this run by: see unfinished.h. */
static bool add_draw(cJSON *o, const nj_job *job)
{
    char request[NJ_DIGEST_SIZE];
    char seed[24];

    if (!job->seed_drawn)
        return true;
    snprintf(seed, sizeof(seed), "%" PRIu64, job->drawn_seed);
    return nj_digest_request(job, request, NULL) == NJ_OK &&
           text(o, "request", request) && text(o, "drawn", seed);
}

static nj_status begin(nj_journal *j, size_t planned, nj_err *err)
{
    const nj_options *options = &j->job->groups[0].options;
    cJSON *o = event(j, "begin");
    cJSON *jobs = nj_digest_groups(j->job, NJ_OF_PICTURE | NJ_OF_RECORD);
    bool good = o && jobs && text(o, "program", "nightjar " NJ_VERSION) &&
                text(o, "commit", nj_version_commit()) && add_host(o) &&
                number(o, "born", (double)nj_process_look(j->pid).born) &&
                text(o, "device", options->device) &&
                text(o, "unet", j->job->files.unet) &&
                number(o, "shard", j->job->shard) &&
                number(o, "shards", j->job->shards) &&
                number(o, "planned", (double)planned) && add_draw(o, j->job) &&
                nj_promises_tell(j->job, o, jobs) &&
                cJSON_AddItemToObject(o, "jobs", jobs);
    nj_status status;

    if (!good)
        cJSON_Delete(jobs);
    status = add(j, o, good, true, err);
    j->begun = status == NJ_OK;
    return status;
}

nj_status nj_journal_open(const nj_job *job, const nj_plan *plan,
                          nj_journal **out, nj_err *err)
{
    nj_journal *j = nj_calloc(1, sizeof(*j));
    nj_status status;

    *out = j;
    if (!j)
        return no_memory(err);
    j->job = job;
    j->manifest.fd = -1;
    j->pid = (long)getpid();
    status = nj_digest_job(job, j->id, err);
    if (status == NJ_OK)
        status = nj_manifest_open(job->out, job->shard, job->shards,
                                  &j->manifest, err);
    if (status == NJ_OK)
        status = find_sources(j, err);
    if (status == NJ_OK)
        status = nj_journal_refresh(j, err);
    return status == NJ_OK ? begin(j, plan->count, err) : status;
}

void nj_journal_close(nj_journal *j)
{
    if (!j)
        return;
    nj_manifest_close(&j->manifest);
    for (size_t i = 0; i < j->source_count; i++)
        free(j->sources[i].path);
    free(j->sources);
    free(j->files);
    free(j);
}

nj_status nj_journal_take(nj_journal *j, const nj_entry *e, nj_err *err)
{
    return nj_manifest_add(&j->manifest, picture_event(j, "take", e), false,
                           err);
}

nj_status nj_journal_made(nj_journal *j, const nj_entry *e,
                          const nj_engine_picture *picture, double seconds,
                          nj_err *err)
{
    cJSON *o = picture_event(j, "made", e);
    bool good = o && number(o, "iterations", picture->iterations) &&
                number(o, "width", picture->width) &&
                number(o, "height", picture->height) &&
                number(o, "clip_loss", picture->clip_loss) &&
                number(o, "seconds", seconds);

    return add(j, o, good, true, err);
}

nj_status nj_journal_found(nj_journal *j, const nj_entry *e, nj_err *err)
{
    const struct known *k = find(j, e->file);
    nj_status status;

    if (k && k->made)
        return NJ_OK;
    /* Another process may have written its line meanwhile. */
    status = nj_journal_refresh(j, err);
    k = find(j, e->file);
    if (status != NJ_OK || (k && k->made))
        return status;
    return nj_manifest_add(&j->manifest, picture_event(j, "found", e), true,
                           err);
}

nj_status nj_journal_kept(nj_journal *j, const nj_entry *e, const char *from,
                          nj_err *err)
{
    cJSON *o = picture_event(j, "kept", e);

    return add(j, o, o && text(o, "from", from), true, err);
}

nj_status nj_journal_retry(nj_journal *j, const nj_entry *e, const nj_err *why,
                           const char *how, nj_err *err)
{
    cJSON *o = picture_event(j, "retry", e);
    bool good = o && text(o, "reason", why->text) && text(o, "how", how);

    return add(j, o, good, false, err);
}

nj_status nj_journal_failed(nj_journal *j, const nj_entry *e, const nj_err *why,
                            nj_err *err)
{
    cJSON *o = picture_event(j, "failed", e);
    bool good = o && text(o, "reason", why->text) &&
                text(o, "kind", nj_status_name(why->code));

    return add(j, o, good, true, err);
}

nj_status nj_journal_end(nj_journal *j, nj_status status, const nj_tally *t,
                         const nj_err *why, nj_err *err)
{
    cJSON *o = event(j, "end");
    const char *how = status == NJ_OK              ? "done"
                      : status == NJ_E_INTERRUPTED ? "interrupted"
                                                   : "stopped";
    bool good = o && text(o, "how", how) &&
                number(o, "planned", (double)t->planned) &&
                number(o, "made", (double)t->made) &&
                number(o, "skipped", (double)t->skipped) &&
                number(o, "failed", (double)t->failed) &&
                number(o, "seconds", t->seconds) &&
                number(o, "network_seconds", t->network_seconds) &&
                (status == NJ_OK || text(o, "reason", why->text));

    return add(j, o, good, true, err);
}
