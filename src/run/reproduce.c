/* Reproduce: see reproduce.h. The engine is asked directly: nothing is written
 * and no folder is looked into. */
#include "run/reproduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/png.h"
#include "job/device.h"
#include "job/footprint.h"
#include "job/plan.h"
#include "job/record.h"
#include "job/request.h"
#include "job/spec.h"
#include "run/room.h"

/* What making one picture takes. */
struct remake {
    const nj_reproduce_config *config;
    const nj_record *old;
    nj_options options;
    nj_request request;
    nj_job job;
    nj_plan plan;
    nj_record_source source;
    const nj_engine_api *api;
    nj_engine *engine;
    int iteration; /* the one that is wanted */
    bool made;
    nj_reproduction *out;
    nj_err failure; /* of the picture, when it failed by itself */
};

void nj_reproduction_release(nj_reproduction *r)
{
    for (size_t i = 0; i < r->change_count; i++) {
        free(r->changes[i].what);
        free(r->changes[i].then);
        free(r->changes[i].now);
    }
    free(r->bytes);
    *r = (nj_reproduction){0};
}

static void release(struct remake *m)
{
    if (m->engine)
        m->api->close(m->engine);
    nj_sums_free(m->source.sums);
    nj_plan_release(&m->plan);
    nj_job_release(&m->job);
    nj_request_release(&m->request);
    nj_options_release(&m->options);
}

static const cJSON *inner(const nj_record *r)
{
    return nj_json_get(r->json, "record");
}

/* ---- the job ------------------------------------------------------------ */

/* The record's kind of device where it is here and nothing else is asked for.
 */
static nj_status choose_device(struct remake *m, nj_err *err)
{
    const char *then = nj_json_string(inner(m->old), "device", "");
    const nj_option *option = nj_option_find("device", strlen("device"));
    const char *now = NULL;

    if (strncmp(then, "cpu", 3) == 0)
        now = "cpu";
    else if (strncmp(then, "cuda", 4) == 0 && nj_device_gpus() > 0)
        now = "cuda";
    return now ? nj_options_set(&m->options, option, now, NJ_FROM_PRESET, err)
               : NJ_OK;
}

static nj_status open_job(struct remake *m, nj_err *err)
{
    nj_status status = nj_options_copy(m->config->options, &m->options, err);

    if (status == NJ_OK)
        status = choose_device(m, err);
    if (status == NJ_OK)
        status = nj_request_add_json(&m->request, &m->options, m->old->text,
                                     strlen(m->old->text), err);
    if (status == NJ_OK)
        status =
            nj_job_open(&m->request, m->config->program_folder, &m->job, err);
    if (status == NJ_OK)
        status = nj_plan_make(&m->job, &m->plan, err);
    if (status == NJ_OK && m->plan.count != 1)
        status = nj_fail(err, NJ_E_USAGE,
                         "the record describes %zu pictures, one is expected",
                         m->plan.count);
    return status;
}

/* A picture of an earlier iteration is one that saving every so many gives. */
static nj_status choose_iteration(struct remake *m, nj_err *err)
{
    nj_group *g = &m->job.groups[0];
    int64_t then =
        nj_json_whole(inner(m->old), "iteration", g->iterations - 1, -1);

    if (then < 0)
        return nj_fail(err, NJ_E_USAGE,
                       "the record's iteration is not one of the %d of its "
                       "settings",
                       g->iterations);
    m->iteration = (int)then;
    g->options.settings.save_every =
        m->iteration == g->iterations - 1 ? 0 : m->iteration + 1;
    return NJ_OK;
}

static nj_status start_sums(struct remake *m, nj_err *err)
{
    nj_list files = {0};
    nj_status status = nj_record_files(&m->job, &files, err);

    if (status == NJ_OK)
        status = nj_sums_start(&files, &m->source.sums, err);
    nj_list_release(&files);
    return status;
}

/* ---- the picture -------------------------------------------------------- */

/* Pixels of the new picture against those of the file. */
static void compare(nj_reproduction *r, const nj_record *old,
                    const nj_engine_picture *p)
{
    const uint8_t *a = old->picture.pixels;
    const uint8_t *b = p->rgb;
    uint64_t sum = 0;

    r->pixels = (uint64_t)p->width * (uint64_t)p->height;
    if (old->picture.width != p->width || old->picture.height != p->height) {
        r->differing = r->pixels;
        r->max_difference = 255;
        r->mean_difference = 255;
        return;
    }
    for (uint64_t i = 0; i < r->pixels; i++) {
        int most = 0;

        for (uint64_t c = 3 * i; c < 3 * i + 3; c++) {
            int d = abs((int)a[c] - (int)b[c]);

            sum += (uint64_t)d;
            most = d > most ? d : most;
        }
        r->differing += most > 0;
        r->max_difference = most > r->max_difference ? most : r->max_difference;
    }
    r->mean_difference = (double)sum / (double)(3 * r->pixels);
}

static nj_likeness likeness_of(const struct remake *m,
                               const nj_engine_picture *p)
{
    const nj_reproduction *r = m->out;
    const nj_record *old = m->old;
    char sum[65];

    if (r->size == old->size && memcmp(r->bytes, old->bytes, r->size) == 0)
        return NJ_SAME_FILE;
    if (r->differing == 0)
        return NJ_SAME_PIXELS;
    nj_record_pixels_sha256(p->rgb, p->width, p->height, sum);
    return strcmp(sum, nj_json_string(inner(old), "pixels_sha256", "")) == 0
               ? NJ_SAME_AS_MADE
               : NJ_DIFFERENT;
}

static nj_status on_picture(void *user, const nj_engine_picture *p, nj_err *err)
{
    struct remake *m = user;
    nj_status status;

    if (m->made || p->iteration != m->iteration)
        return NJ_OK;
    status = nj_record_encode(&m->source, &m->plan.images[0], p, &m->out->bytes,
                              &m->out->size, err);
    if (status != NJ_OK)
        return status;
    compare(m->out, m->old, p);
    m->out->likeness = likeness_of(m, p);
    m->made = true;
    return NJ_OK;
}

static bool on_step(void *user, int iteration, int iterations)
{
    struct remake *m = user;

    if (m->made)
        return false;
    return !m->config->step ||
           m->config->step(m->config->user, iteration, iterations);
}

static void on_failed(void *user, size_t image, const nj_err *why)
{
    struct remake *m = user;

    (void)image;
    m->failure = *why;
}

static nj_status run(struct remake *m, nj_err *err)
{
    const nj_group *g = &m->job.groups[0];
    const nj_prompt *prompt =
        &nj_plan_prompt(&m->job, &m->plan.images[0])->parsed;
    nj_room room;
    nj_work work = {
        .settings = &g->options.settings,
        .images = 1,
        .prompts = &prompt,
        .seeds = &m->plan.images[0].seed,
        .truncate = g->options.truncate,
        .init_rgb = g->init_rgb,
    };
    nj_engine_callbacks callbacks = {m, on_step, on_picture, on_failed};
    nj_engine_config config;
    nj_status status = m->config->engine(m->config->user, &m->api, err);

    if (status != NJ_OK)
        return status;
    nj_job_engine_config(&m->job, &config);
    room = nj_room_now(m->api, &config);
    status = m->api->open(&config, &m->engine, err);
    if (status != NJ_OK)
        return status;
    m->source.facts = m->api->facts(m->engine);
    /* In as many parts as then: only what leaves the bytes as they are. */
    work.saving =
        nj_footprint_choose_for(&m->job, g, m->source.facts->cuda, &room)
            .saving;
    status = m->api->run(m->engine, &work, &callbacks, err);
    if (m->made)
        return NJ_OK;
    if (status == NJ_OK && m->failure.code != NJ_OK) {
        *err = m->failure;
        return m->failure.code;
    }
    return status != NJ_OK
               ? status
               : nj_fail(err, NJ_E_INTERNAL, "the engine made no picture");
}

/* ---- what changed ------------------------------------------------------- */

static bool is_own(const char *key)
{
    static const char *const keys[] = {"weights", "pixels_sha256", "from",
                                       "iteration", NULL};

    for (size_t i = 0; keys[i]; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

static char *value_text(const cJSON *value)
{
    char *json;
    char *text;

    if (!value)
        return nj_strdup("not recorded");
    if (cJSON_IsString(value))
        return nj_strdup(value->valuestring);
    json = nj_json_print(value);
    text = nj_strdup(json ? json : "");
    cJSON_free(json);
    return text;
}

static nj_status add_change(nj_reproduction *r, const char *what,
                            const cJSON *then, const cJSON *now, nj_err *err)
{
    nj_change *c;

    if (r->change_count == NJ_CHANGES_MAX || cJSON_Compare(then, now, 1))
        return NJ_OK;
    c = &r->changes[r->change_count++];
    *c = (nj_change){nj_strdup(what), value_text(then), value_text(now)};
    return c->what && c->then && c->now
               ? NJ_OK
               : nj_fail(err, NJ_E_MEMORY, "no memory for a comparison");
}

/* Members of the new record whose value is another one in the old. */
static nj_status compare_members(nj_reproduction *r, const cJSON *then,
                                 const cJSON *now, nj_err *err)
{
    const cJSON *item;
    nj_status status = NJ_OK;

    cJSON_ArrayForEach(item, now)
    {
        if (status == NJ_OK && !is_own(item->string) &&
            strcmp(item->string, "record") != 0)
            status = add_change(r, item->string,
                                nj_json_get(then, item->string), item, err);
    }
    return status;
}

static nj_status compare_weights(nj_reproduction *r, const cJSON *then,
                                 const cJSON *now, nj_err *err)
{
    const cJSON *item;
    nj_status status = NJ_OK;
    int i = 0;

    cJSON_ArrayForEach(item, now)
    {
        const cJSON *old = cJSON_GetArrayItem(then, i++);
        nj_str what = {0};

        nj_str_addf(&what, "sha256 of %s", nj_json_string(item, "file", ""));
        if (status == NJ_OK && what.text)
            status = add_change(r, what.text, nj_json_get(old, "sha256"),
                                nj_json_get(item, "sha256"), err);
        nj_str_release(&what);
    }
    return status;
}

/* Old and new record, member by member. */
static nj_status find_changes(struct remake *m, nj_err *err)
{
    nj_reproduction *r = m->out;
    const cJSON *then_in = inner(m->old);
    const cJSON *now_in;
    cJSON *now = NULL;
    char *text = NULL;
    nj_status status =
        nj_png_find_text(r->bytes, r->size, NJ_RECORD_KEYWORD, &text, err);

    if (status == NJ_OK)
        status = nj_record_parse(text ? text : "", text ? strlen(text) : 0,
                                 &now, err);
    free(text);
    if (status != NJ_OK)
        return status;
    now_in = nj_json_get(now, "record");
    status = compare_members(r, m->old->json, now, err);
    if (status == NJ_OK)
        status = compare_members(r, then_in, now_in, err);
    if (status == NJ_OK)
        status = compare_weights(r, nj_json_get(then_in, "weights"),
                                 nj_json_get(now_in, "weights"), err);
    cJSON_Delete(now);
    return status;
}

nj_status nj_reproduce(const nj_reproduce_config *config,
                       const nj_record *record, nj_reproduction *out,
                       nj_err *err)
{
    struct remake m = {.config = config, .old = record, .out = out};
    nj_status status;

    *out = (nj_reproduction){0};
    if (!record->json)
        return nj_fail(err, NJ_E_USAGE, "%s",
                       nj_record_state_text(record->state));
    if (nj_json_get(inner(record), "upscale"))
        return nj_fail(err, NJ_E_USAGE,
                       "it was upscaled: reproduce its source '%s' and upscale "
                       "that",
                       nj_json_string(nj_json_get(inner(record), "upscale"),
                                      "source", ""));
    status = open_job(&m, err);
    if (status == NJ_OK)
        status = choose_iteration(&m, err);
    m.source.job = &m.job;
    if (status == NJ_OK)
        status = start_sums(&m, err);
    if (status == NJ_OK)
        status = run(&m, err);
    if (status == NJ_OK)
        status = find_changes(&m, err);
    release(&m);
    return status;
}
