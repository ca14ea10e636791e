/* Overview: see overview.h. Every line of the manifests becomes an entry; once
 * sorted by picture, a picture's last entries say how it stands. */
#define _GNU_SOURCE /* strptime, timegm */
#include "run/overview.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/estimate.h"
#include "job/shard.h"
#include "job/spec.h"
#include "run/manifest.h"
#include "run/process.h"
#include "run/promises.h"
#include "run/rhythm.h"

/* A process's first line may be a little older than itself by rounding. */
#define START_SLACK 3

enum kind { TAKEN, DONE, FAILED };

struct entry {
    uint64_t key; /* of the file's name */
    size_t order;
    enum kind kind;
    size_t worker;
    char *file; /* kept for TAKEN and FAILED */
    char *why;
};

struct reader {
    nj_overview *o;
    int64_t now;
    char host[256];
    struct entry *entries;
    size_t count;
    size_t capacity;
    nj_promises promises;
    size_t worker_capacity;
    size_t failure_capacity;
    size_t line;
    nj_rhythm *rhythms; /* one a manifest */
    size_t manifest;
    size_t first_worker; /* of the manifest that is being read */
    bool no_memory;
};

void nj_overview_release(nj_overview *o)
{
    for (size_t i = 0; i < o->worker_count; i++) {
        free(o->workers[i].host);
        free(o->workers[i].device);
        free(o->workers[i].file);
        free(o->workers[i].why);
    }
    for (size_t i = 0; i < o->failed; i++) {
        free(o->failures[i].file);
        free(o->failures[i].why);
    }
    free(o->workers);
    free(o->failures);
    *o = (nj_overview){0};
}

static void release(struct reader *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->entries[i].file);
        free(r->entries[i].why);
    }
    free(r->entries);
    nj_promises_release(&r->promises);
    free(r->rhythms);
}

/* ---- lines --------------------------------------------------------------- */

static int64_t time_of(const cJSON *line)
{
    struct tm utc = {0};
    const char *end =
        strptime(nj_json_string(line, "time", ""), "%Y-%m-%dT%H:%M:%S", &utc);

    return end ? (int64_t)timegm(&utc) : 0;
}

/* The run that a line belongs to: the last one of its process. */
static nj_worker *worker_of(struct reader *r, const cJSON *line)
{
    long pid = (long)nj_json_whole(line, "pid", NJ_PID_MAX, 0);

    for (size_t i = r->o->worker_count; i-- > r->first_worker;) {
        if (r->o->workers[i].pid == pid)
            return &r->o->workers[i];
    }
    return NULL;
}

static void note_begin(struct reader *r, const cJSON *line)
{
    nj_overview *o = r->o;
    nj_worker *w;

    if (!nj_grow(&o->workers, &r->worker_capacity, o->worker_count + 1,
                 sizeof(*w))) {
        r->no_memory = true;
        return;
    }
    w = &o->workers[o->worker_count++];
    *w = (nj_worker){
        .pid = (long)nj_json_whole(line, "pid", NJ_PID_MAX, 0),
        .host = nj_strdup(nj_json_string(line, "host", "")),
        .device = nj_strdup(nj_json_string(line, "device", "")),
        .shard = (int)nj_json_whole(line, "shard", NJ_SHARDS_MAX, 0),
        .shards = (int)nj_json_whole(line, "shards", NJ_SHARDS_MAX, 0),
        .planned =
            (size_t)nj_json_whole(line, "planned", NJ_JOB_PICTURES_MAX, 0),
        .began = time_of(line),
        .born = nj_json_number(line, "born", 0),
        .manifest = r->manifest,
        .first_line = r->line,
        .state = NJ_WORKER_DIED,
    };
    r->no_memory = r->no_memory || !w->host || !w->device ||
                   !nj_promises_add(&r->promises, r->manifest, line);
}

static void note_end(struct reader *r, const cJSON *line)
{
    nj_worker *w = worker_of(r, line);
    const char *how = nj_json_string(line, "how", "");

    if (!w)
        return;
    w->state = strcmp(how, "done") == 0          ? NJ_WORKER_DONE
               : strcmp(how, "interrupted") == 0 ? NJ_WORKER_INTERRUPTED
                                                 : NJ_WORKER_GAVE_UP;
    free(w->why);
    w->why = nj_strdup(nj_json_string(line, "reason", ""));
    r->no_memory = r->no_memory || !w->why;
}

static void note_picture(struct reader *r, const cJSON *line, enum kind kind,
                         const nj_worker *w)
{
    const char *file = nj_json_string(line, "file", "");
    struct entry *e;

    if (!nj_grow(&r->entries, &r->capacity, r->count + 1, sizeof(*e))) {
        r->no_memory = true;
        return;
    }
    e = &r->entries[r->count];
    *e = (struct entry){.key = nj_sha256_number(file, strlen(file)),
                        .order = r->count,
                        .kind = kind,
                        .worker = w ? (size_t)(w - r->o->workers) : SIZE_MAX};
    r->count++;
    if (kind == DONE)
        return;
    e->file = nj_strdup(file);
    e->why = nj_strdup(nj_json_string(line, "reason", ""));
    r->no_memory = r->no_memory || !e->file || !e->why;
}

static void note_line(void *user, const cJSON *line)
{
    struct reader *r = user;
    const char *event = nj_json_string(line, "event", "");
    nj_worker *w;

    r->line++;
    if (strcmp(event, "begin") == 0)
        note_begin(r, line);
    w = worker_of(r, line);
    if (w) {
        w->ended = time_of(line);
        w->last_line = r->line;
    }
    if (strcmp(event, "end") == 0)
        note_end(r, line);
    else if (strcmp(event, "take") == 0)
        note_picture(r, line, TAKEN, w);
    else if (strcmp(event, "failed") == 0)
        note_picture(r, line, FAILED, w);
    else if (strcmp(event, "found") == 0 || strcmp(event, "kept") == 0)
        note_picture(r, line, DONE, w);
    else if (strcmp(event, "made") == 0) {
        note_picture(r, line, DONE, w);
        nj_rhythm_add(&r->rhythms[r->manifest], time_of(line),
                      nj_json_number(line, "seconds", 0));
        if (w)
            w->made++;
    }
}

/* ---- what they add up to ------------------------------------------------- */

/* Whether a process that is there is the one that wrote the worker's lines, and
 * not a later one that got its number. */
static bool is_same(const nj_process *p, const nj_worker *w)
{
    return w->born > 0 ? (double)p->born == w->born
                       : p->started <= w->began + START_SLACK;
}

/* A process that wrote no last line: is it still there? */
static void look_for(const struct reader *r, nj_worker *w)
{
    nj_process p;

    if (w->state != NJ_WORKER_DIED)
        return;
    if (strcmp(w->host, r->host) != 0) {
        w->state = NJ_WORKER_ELSEWHERE;
        return;
    }
    p = nj_process_look(w->pid);
    if (p.there && is_same(&p, w))
        w->state = p.stopped ? NJ_WORKER_STOPPED : NJ_WORKER_RUNS;
}

static bool is_there(const nj_worker *w)
{
    return w->state == NJ_WORKER_RUNS || w->state == NJ_WORKER_STOPPED ||
           w->state == NJ_WORKER_ELSEWHERE;
}

static void look_for_all(struct reader *r)
{
    nj_overview *o = r->o;
    size_t stopped = 0;
    size_t there = 0;

    for (size_t i = 0; i < o->worker_count; i++) {
        look_for(r, &o->workers[i]);
        there += is_there(&o->workers[i]);
        stopped += o->workers[i].state == NJ_WORKER_STOPPED;
        if (is_there(&o->workers[i]))
            r->rhythms[o->workers[i].manifest].runs = true;
        if (o->workers[i].shards > o->shards)
            o->shards = o->workers[i].shards;
    }
    o->running = there > 0;
    o->stopped = there > 0 && stopped == there;
}

static bool count_shards(struct reader *r)
{
    nj_overview *o = r->o;
    bool *begun = nj_calloc((size_t)o->shards + 1, sizeof(*begun));
    bool good = begun != NULL;

    for (size_t i = 0; good && i < o->worker_count; i++) {
        const nj_worker *w = &o->workers[i];

        if (w->shards == o->shards && w->shard >= 1 && w->shard <= o->shards) {
            o->shards_begun += !begun[w->shard];
            begun[w->shard] = true;
        }
    }
    free(begun);
    return good;
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static bool add_failure(struct reader *r, struct entry *e)
{
    nj_overview *o = r->o;

    if (!nj_grow(&o->failures, &r->failure_capacity, o->failed + 1,
                 sizeof(*o->failures)))
        return false;
    o->failures[o->failed++] = (nj_failure){e->file, e->why};
    e->file = NULL;
    e->why = NULL;
    return true;
}

/* One picture from its entries, first to last. */
static bool settle(struct reader *r, struct entry *e, size_t n)
{
    struct entry *last = &e[n - 1];
    nj_worker *w;
    bool done = false;

    for (size_t i = 0; i < n; i++)
        done = done || e[i].kind == DONE;
    if (done) {
        r->o->done++;
        return true;
    }
    if (last->kind == FAILED)
        return add_failure(r, last);
    w = last->worker == SIZE_MAX ? NULL : &r->o->workers[last->worker];
    if (!w || !is_there(w))
        return true;
    r->o->held++;
    free(w->file);
    w->file = last->file;
    last->file = NULL;
    return true;
}

static bool settle_all(struct reader *r)
{
    bool good = true;

    if (r->count)
        qsort(r->entries, r->count, sizeof(*r->entries), by_key);
    for (size_t i = 0; i < r->count && good;) {
        size_t n = 1;

        while (i + n < r->count && r->entries[i + n].key == r->entries[i].key)
            n++;
        good = settle(r, &r->entries[i], n);
        i += n;
    }
    return good;
}

/* What has a line is there to be counted, whether or not the `begin` of its job
 * is whole. */
static bool count_planned(struct reader *r)
{
    nj_overview *o = r->o;
    size_t settled = o->done + o->failed;
    bool good = nj_promises_count(&r->promises, &o->planned);

    if (o->planned < settled)
        o->planned = settled;
    return good;
}

static void measure(struct reader *r)
{
    nj_overview *o = r->o;
    size_t settled = o->done + o->failed;
    size_t open = o->planned > settled ? o->planned - settled : 0;

    o->per_hour = nj_rhythm_per_hour(r->rhythms, o->manifests, r->now);
    o->seconds_left = -1;
    if (o->running && !o->stopped && o->per_hour > 0)
        o->seconds_left = 3600.0 * (double)open / o->per_hour;
}

static nj_status read_all(struct reader *r, const char *folder, nj_err *err)
{
    nj_list paths = {0};
    nj_status status = nj_manifest_find(folder, &paths, err);

    r->o->manifests = paths.count;
    if (status == NJ_OK && paths.count == 0)
        status = nj_fail(err, NJ_E_USAGE,
                         "'%s' is no folder of a run: it holds no "
                         "nightjar.jsonl",
                         folder);
    r->rhythms = nj_calloc(paths.count + 1, sizeof(*r->rhythms));
    if (status == NJ_OK && !r->rhythms)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for the manifests");
    for (size_t i = 0; i < paths.count && status == NJ_OK; i++) {
        r->manifest = i;
        r->first_worker = r->o->worker_count;
        r->line = 0;
        status =
            nj_manifest_read(paths.items[i], note_line, r, &r->o->torn, err);
    }
    nj_list_release(&paths);
    return status;
}

nj_status nj_overview_read(const char *folder, int64_t now, nj_overview *out,
                           nj_err *err)
{
    struct reader r = {.o = out, .now = now};
    nj_status status;

    *out = (nj_overview){.seconds_left = -1};
    if (gethostname(r.host, sizeof(r.host) - 1) != 0)
        r.host[0] = '\0';
    status = read_all(&r, folder, err);
    if (status == NJ_OK && !r.no_memory) {
        look_for_all(&r);
        r.no_memory =
            !count_shards(&r) || !settle_all(&r) || !count_planned(&r);
    }
    if (status == NJ_OK && r.no_memory)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for the manifests");
    if (status == NJ_OK) {
        measure(&r);
        out->free_known = nj_free_bytes(folder, &out->free_bytes);
    }
    release(&r);
    return status;
}

const char *nj_worker_state_word(nj_worker_state state)
{
    static const char *const words[] = {
        [NJ_WORKER_RUNS] = "running",
        [NJ_WORKER_STOPPED] = "stopped",
        [NJ_WORKER_ELSEWHERE] = "elsewhere",
        [NJ_WORKER_DONE] = "done",
        [NJ_WORKER_INTERRUPTED] = "interrupted",
        [NJ_WORKER_GAVE_UP] = "gave up",
        [NJ_WORKER_DIED] = "died",
    };

    return words[state];
}

bool nj_worker_replaced(const nj_overview *o, size_t worker)
{
    const nj_worker *w = &o->workers[worker];

    for (size_t i = worker + 1; i < o->worker_count; i++) {
        const nj_worker *later = &o->workers[i];

        if (later->manifest == w->manifest && later->shard == w->shard &&
            later->shards == w->shards && later->first_line > w->last_line)
            return true;
    }
    return false;
}
