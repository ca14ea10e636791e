/* Job files: see request.h. */
#include <stdlib.h>
#include <string.h>

#include "job/request.h"

#define JOBS_MAX 100000

static bool is_structure(const char *key)
{
    static const char *const keys[] = {"prompt", "prompts", "sweep",
                                       "jobs",   "record",  NULL};

    for (size_t i = 0; keys[i]; i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

static nj_status set_options(nj_options *o, const cJSON *object, nj_err *err)
{
    const cJSON *item;
    nj_status status = NJ_OK;

    cJSON_ArrayForEach(item, object)
    {
        if (status == NJ_OK && !is_structure(item->string))
            status =
                nj_options_set_json(o, item->string, item, NJ_FROM_JOB, err);
    }
    return status;
}

/* The prompt of a record stands for itself: its braces were expanded when the
 * picture was made. */
static nj_status add_prompt(nj_wish *w, const cJSON *prompt, const char *key,
                            bool literal, nj_err *err)
{
    if (!cJSON_IsString(prompt))
        return nj_fail(err, NJ_E_USAGE, "key '%s': a text is expected", key);
    if (!literal)
        return nj_wish_add_prompt(w, prompt->valuestring, 0, err);
    return nj_list_add(&w->prompts, prompt->valuestring)
               ? NJ_OK
               : nj_fail(err, NJ_E_MEMORY, "no memory for the job");
}

static nj_status add_prompts(nj_wish *w, const cJSON *object, nj_err *err)
{
    bool literal = nj_json_get(object, "record") != NULL;
    const cJSON *one = nj_json_get(object, "prompt");
    const cJSON *many = nj_json_get(object, "prompts");
    const cJSON *item;
    nj_status status = NJ_OK;

    if (one)
        status = add_prompt(w, one, "prompt", literal, err);
    if (status == NJ_OK && many && !cJSON_IsArray(many))
        status = add_prompt(w, many, many->string, literal, err);
    if (status != NJ_OK || !cJSON_IsArray(many))
        return status;
    cJSON_ArrayForEach(item, many)
    {
        if (status == NJ_OK)
            status = add_prompt(w, item, many->string, literal, err);
    }
    return status;
}

/* {"cutn": [4, 8]} -> "cutn=" and each value after a NJ_SWEEP_MARK, so that
 * values may hold commas. */
static nj_status add_sweep(nj_wish *w, const cJSON *list, nj_err *err)
{
    const cJSON *item;
    nj_str s = {0};
    bool good = cJSON_GetArraySize(list) > 0;

    nj_str_addf(&s, "%s=", list->string);
    cJSON_ArrayForEach(item, list)
    {
        char *text = cJSON_IsString(item) ? NULL : nj_json_print(item);
        const char *plain = text ? text : cJSON_GetStringValue(item);

        good = good && plain && !strchr(plain, NJ_SWEEP_MARK);
        nj_str_addf(&s, "%c%s", NJ_SWEEP_MARK, plain ? plain : "");
        cJSON_free(text);
    }
    good = good && nj_str_ok(&s) && nj_list_add(&w->sweeps, s.text);
    nj_str_release(&s);
    return good ? NJ_OK
                : nj_fail(err, NJ_E_USAGE,
                          "key 'sweep': '%s' needs a list of values",
                          list->string);
}

static nj_status add_sweeps(nj_wish *w, const cJSON *object, nj_err *err)
{
    const cJSON *sweep = nj_json_get(object, "sweep");
    const cJSON *item;
    nj_status status = NJ_OK;

    if (sweep && !cJSON_IsObject(sweep))
        return nj_fail(err, NJ_E_USAGE, "key 'sweep': an object is expected");
    cJSON_ArrayForEach(item, sweep)
    {
        if (status == NJ_OK)
            status = add_sweep(w, item, err);
    }
    return status;
}

/* A part that says which seeds it wants does not add to the outer seeds. */
static nj_status forget_seeds(nj_options *o, const cJSON *object, nj_err *err)
{
    static const char *const keys[] = {"seed", "seeds", "n"};
    bool own = false;

    for (size_t i = 0; i < 3; i++)
        own = own || nj_json_get(object, keys[i]);
    for (size_t i = 0; i < 3 && own; i++)
        nj_options_forget(o, nj_option_find(keys[i], strlen(keys[i])),
                          NJ_FROM_JOB);
    if (own && !nj_options_given(o, "n"))
        return nj_options_set(o, nj_option_find("n", 1), "1", NJ_FROM_DEFAULT,
                              err);
    return NJ_OK;
}

/* A record tells where its values came from when its picture was made. */
static void tell_origins(nj_options *o, const cJSON *object)
{
    const cJSON *from = nj_json_get(nj_json_get(object, "record"), "from");

    if (cJSON_IsObject(from))
        nj_options_tell(o, object, from);
}

/* A part of a job file: `outer` (may be NULL) holds its defaults. */
static nj_status add_part(nj_request *r, const nj_options *options,
                          const cJSON *outer, const cJSON *object, nj_err *err)
{
    nj_wish *w = nj_request_add(r, options);
    nj_status status = NJ_OK;

    if (!w)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    if (outer)
        status = set_options(&w->options, outer, err);
    if (status == NJ_OK && outer)
        status = add_sweeps(w, outer, err);
    if (status == NJ_OK)
        status = forget_seeds(&w->options, object, err);
    if (status == NJ_OK)
        status = set_options(&w->options, object, err);
    if (status == NJ_OK)
        tell_origins(&w->options, object);
    if (status == NJ_OK)
        status = add_sweeps(w, object, err);
    if (status == NJ_OK)
        status = add_prompts(w, object, err);
    return status == NJ_OK ? nj_request_count(r, w->prompts.count, err)
                           : status;
}

static nj_status add_jobs(nj_request *r, const nj_options *options,
                          const cJSON *outer, const cJSON *jobs, nj_err *err)
{
    const cJSON *item;
    nj_status status = NJ_OK;
    int number = 0;

    if (!cJSON_IsArray(jobs) || cJSON_GetArraySize(jobs) > JOBS_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "key 'jobs': a list of at most %d is expected",
                       JOBS_MAX);
    cJSON_ArrayForEach(item, jobs)
    {
        number++;
        if (!cJSON_IsObject(item) || nj_json_get(item, "jobs"))
            status = nj_fail(err, NJ_E_USAGE,
                             "a job without jobs of its own is expected");
        else
            status = add_part(r, options, outer, item, err);
        if (status == NJ_OK &&
            !nj_wish_name_part(&r->wishes[r->count - 1], "job", number))
            status = nj_fail(err, NJ_E_MEMORY, "no memory for the job");
        if (status != NJ_OK)
            return nj_err_add(err, "job %d", number);
    }
    return NJ_OK;
}

nj_status nj_request_add_json(nj_request *r, const nj_options *options,
                              const char *text, size_t n, nj_err *err)
{
    cJSON *json;
    const cJSON *jobs;
    nj_status status = nj_json_parse(text, n, &json, err);

    if (status != NJ_OK) {
        nj_err_add(err, "a job file is expected, such as {\"prompt\": \"a red "
                        "boat\"}");
        return NJ_E_USAGE;
    }
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return nj_fail(err, NJ_E_USAGE,
                       "a job is an object, such as {\"jobs\": [...]}");
    }
    jobs = nj_json_get(json, "jobs");
    if (!jobs || nj_json_get(json, "prompt") || nj_json_get(json, "prompts"))
        status = add_part(r, options, NULL, json, err);
    if (status == NJ_OK && jobs)
        status = add_jobs(r, options, json, jobs, err);
    cJSON_Delete(json);
    return status;
}
