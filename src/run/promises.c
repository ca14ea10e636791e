/* Promises: see promises.h. Each is kept as a job without its texts, whose plan
 * is made when all are known: then every picture is a number of 64 bits, and
 * different numbers are counted. */
#include "run/promises.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/path.h"
#include "job/plan.h"
#include "job/shard.h"

/* What tells pictures of a group from those of others. */
struct traits {
    uint64_t settings;
    uint64_t swept; /* names of the swept options: they are in file names */
};

struct nj_promise {
    uint64_t id; /* of the job, in its manifest */
    size_t planned;
    nj_job job;            /* groups of prompts' numbers and seeds; or none */
    struct traits *traits; /* [group_count] */
    uint64_t unet;
    uint64_t weights;
    bool brief; /* of a program that did not name all weights yet */
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    a ^= b * UINT64_C(0x9e3779b97f4a7c15);
    a = (a ^ (a >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    a = (a ^ (a >> 27)) * UINT64_C(0x94d049bb133111eb);
    return a ^ (a >> 31);
}

static uint64_t number_of(const char *text)
{
    return nj_sha256_number(text, strlen(text));
}

/* Of a value as JSON; 0 when there is none. False when memory is short. */
static bool number_of_json(const cJSON *value, uint64_t *number)
{
    char *text = value ? nj_json_print(value) : NULL;

    *number = text ? number_of(text) : 0;
    cJSON_free(text);
    return text || !value;
}

static void forget(struct nj_promise *p)
{
    for (size_t i = 0; i < p->job.group_count; i++) {
        nj_seeds_release(&p->job.groups[i].seeds);
        free(p->job.groups[i].prompts);
    }
    free(p->job.groups);
    free(p->traits);
    p->job = (nj_job){0};
    p->traits = NULL;
}

void nj_promises_release(nj_promises *p)
{
    for (size_t i = 0; i < p->count; i++)
        forget(&p->items[i]);
    free(p->items);
    *p = (nj_promises){0};
}

/* ---- writing ------------------------------------------------------------- */

static cJSON *texts(const nj_list *list)
{
    return cJSON_CreateStringArray((const char *const *)list->items,
                                   (int)list->count);
}

static cJSON *weights_json(const nj_job *job)
{
    nj_model_file files[NJ_MODEL_FILES_MAX];
    size_t count = nj_model_files_list(&job->files, files);
    nj_list names = {0};
    bool good = true;
    cJSON *all;

    for (size_t i = 0; i < count && good; i++) {
        nj_str name = {0};

        nj_model_file_name(&files[i], &name);
        good = nj_str_ok(&name) && nj_list_add(&names, name.text);
        nj_str_release(&name);
    }
    all = good ? texts(&names) : NULL;
    nj_list_release(&names);
    return all;
}

bool nj_promises_tell(const nj_job *job, cJSON *line, cJSON *jobs)
{
    cJSON *weights = weights_json(job);
    bool prompts = job->groups[0].options.order == NJ_ORDER_PROMPT;

    if (!weights || !cJSON_AddItemToObject(line, "weights", weights)) {
        cJSON_Delete(weights);
        return false;
    }
    for (size_t i = 0; i < job->group_count; i++) {
        const nj_list *swept = &job->groups[i].swept;
        cJSON *list = swept->count ? texts(swept) : NULL;

        if (swept->count &&
            (!list || !cJSON_AddItemToObject(cJSON_GetArrayItem(jobs, (int)i),
                                             "swept", list))) {
            cJSON_Delete(list);
            return false;
        }
    }
    return cJSON_AddStringToObject(line, "order",
                                   prompts ? "prompt" : "seed") != NULL;
}

/* ---- reading ------------------------------------------------------------- */

/* Settings of a picture, without those that have their default: one that a
 * later program adds does not make other pictures of these. */
static nj_status read_settings(const cJSON *group, uint64_t *out, nj_err *err)
{
    nj_options o;
    cJSON *all = cJSON_CreateObject();
    const cJSON *item;
    nj_status status = nj_options_init(&o, err);

    cJSON_ArrayForEach(item, group)
    {
        const nj_option *option =
            nj_option_find(item->string, strlen(item->string));

        if (status == NJ_OK && option && option->traits & NJ_OF_PICTURE)
            status =
                nj_options_set_json(&o, item->string, item, NJ_FROM_JOB, err);
    }
    if (status == NJ_OK &&
        (!all ||
         !nj_options_to_json(&o, NJ_OF_PICTURE | NJ_ONLY_CHANGED, all) ||
         !number_of_json(all, out)))
        status = nj_fail(err, NJ_E_MEMORY, "no memory for settings");
    cJSON_Delete(all);
    nj_options_release(&o);
    return status;
}

static nj_status read_prompts(const cJSON *group, nj_group *g, nj_err *err)
{
    const cJSON *prompts = nj_json_get(group, "prompts");
    const cJSON *item;
    int count = cJSON_IsArray(prompts) ? cJSON_GetArraySize(prompts) : 0;

    if (count == 0)
        return nj_fail(err, NJ_E_FORMAT, "a group without prompts");
    g->prompts = nj_calloc((size_t)count, sizeof(*g->prompts));
    if (!g->prompts)
        return nj_fail(err, NJ_E_MEMORY, "no memory for prompts");
    cJSON_ArrayForEach(item, prompts)
    {
        if (!cJSON_IsString(item))
            return nj_fail(err, NJ_E_FORMAT, "a prompt that is no text");
        g->prompts[g->prompt_count++].kin = number_of(item->valuestring);
    }
    return NJ_OK;
}

static nj_status read_group(const cJSON *group, nj_group *g,
                            struct traits *traits, nj_err *err)
{
    nj_status status = read_prompts(group, g, err);

    if (status == NJ_OK)
        status =
            nj_seeds_parse(nj_json_string(group, "seeds", ""), &g->seeds, err);
    if (status == NJ_OK)
        status = read_settings(group, &traits->settings, err);
    if (status == NJ_OK &&
        !number_of_json(nj_json_get(group, "swept"), &traits->swept))
        status = nj_fail(err, NJ_E_MEMORY, "no memory for settings");
    return status;
}

static nj_status read_groups(const cJSON *line, struct nj_promise *p,
                             nj_err *err)
{
    const cJSON *jobs = nj_json_get(line, "jobs");
    const cJSON *group;
    int count = cJSON_IsArray(jobs) ? cJSON_GetArraySize(jobs) : 0;
    nj_status status = NJ_OK;

    if (count == 0)
        return nj_fail(err, NJ_E_FORMAT, "no list of jobs");
    p->job.groups = nj_calloc((size_t)count, sizeof(*p->job.groups));
    p->traits = nj_calloc((size_t)count, sizeof(*p->traits));
    if (!p->job.groups || !p->traits)
        return nj_fail(err, NJ_E_MEMORY, "no memory for jobs");
    cJSON_ArrayForEach(group, jobs)
    {
        size_t i = p->job.group_count;

        if (status != NJ_OK)
            break;
        p->job.group_count++;
        status = read_group(group, &p->job.groups[i], &p->traits[i], err);
    }
    return status;
}

static void read_shard(const cJSON *line, nj_job *job)
{
    int64_t shard = nj_json_whole(line, "shard", NJ_SHARDS_MAX, 1);
    int64_t shards = nj_json_whole(line, "shards", NJ_SHARDS_MAX, 1);
    bool good = shard >= 1 && shard <= shards;

    job->shard = good ? (int)shard : 1;
    job->shards = good ? (int)shards : 1;
    if (strcmp(nj_json_string(line, "order", ""), "prompt") == 0)
        job->groups[0].options.order = NJ_ORDER_PROMPT;
}

static struct nj_promise *find(const nj_promises *p, uint64_t id)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].id == id)
            return &p->items[i];
    }
    return NULL;
}

/* What of a line says whose promise it is and what it promises; that need not
 * be read again when the job goes on. */
static bool read_id(const cJSON *line, size_t manifest, struct nj_promise *p)
{
    const cJSON *weights = nj_json_get(line, "weights");
    const char *unet = nj_json_string(line, "unet", "");

    p->planned = (size_t)nj_json_whole(line, "planned", NJ_JOB_PICTURES_MAX, 0);
    p->unet = number_of(nj_path_name(unet));
    p->brief = weights == NULL;
    if (!number_of_json(weights, &p->weights))
        return false;
    p->id = mix(number_of(nj_json_string(line, "job", "")), manifest);
    p->id = mix(mix(p->id, p->unet), p->weights);
    return true;
}

bool nj_promises_add(nj_promises *p, size_t manifest, const cJSON *line)
{
    struct nj_promise new = {0};
    struct nj_promise *old;
    nj_status status;

    if (!read_id(line, manifest, &new))
        return false;
    old = find(p, new.id);
    if (old) {
        old->planned = new.planned;
        return true;
    }
    if (!nj_grow(&p->items, &p->capacity, p->count + 1, sizeof(new)))
        return false;
    status = read_groups(line, &new, NULL);
    if (status == NJ_OK)
        read_shard(line, &new.job);
    else
        forget(&new);
    p->items[p->count++] = new;
    return status != NJ_E_MEMORY;
}

/* ---- counting ------------------------------------------------------------ */

struct numbers {
    uint64_t *items;
    size_t count;
    size_t capacity;
};

/* `brief`: by what all promises tell. */
static void name_pictures(struct nj_promise *p, bool brief)
{
    for (size_t g = 0; g < p->job.group_count; g++) {
        const struct traits *t = &p->traits[g];
        uint64_t kind = mix(t->settings, p->unet);
        nj_group *group = &p->job.groups[g];

        if (!brief)
            kind = mix(mix(kind, p->weights), t->swept);
        for (size_t i = 0; i < group->prompt_count; i++)
            group->prompts[i].kin = mix(group->prompts[i].kin, kind);
    }
}

static bool add_plan(const nj_job *job, const nj_plan *plan,
                     struct numbers *all)
{
    if (!nj_grow(&all->items, &all->capacity, all->count + plan->count,
                 sizeof(*all->items)))
        return false;
    for (size_t i = 0; i < plan->count; i++)
        all->items[all->count++] = mix(
            nj_plan_prompt(job, &plan->images[i])->kin, plan->images[i].seed);
    return true;
}

/* Adds a promise's pictures; *unnamed counts those of one that names none, or
 * more than it promised. */
static bool add_pictures(struct nj_promise *p, bool brief, struct numbers *all,
                         size_t *unnamed)
{
    nj_plan plan = {0};
    nj_status status = NJ_E_FORMAT;
    bool good = true;

    name_pictures(p, brief);
    if (p->job.group_count)
        status = nj_plan_make(&p->job, &plan, NULL);
    if (status == NJ_OK && plan.count <= p->planned)
        good = add_plan(&p->job, &plan, all);
    else
        *unnamed += p->planned;
    nj_plan_release(&plan);
    return good && status != NJ_E_MEMORY;
}

bool nj_promises_count(nj_promises *p, size_t *pictures)
{
    struct numbers all = {0};
    bool brief = false;
    bool good = true;

    *pictures = 0;
    for (size_t i = 0; i < p->count; i++)
        brief = brief || (p->items[i].job.group_count && p->items[i].brief);
    for (size_t i = 0; i < p->count && good; i++)
        good = add_pictures(&p->items[i], brief, &all, pictures);
    *pictures += nj_count_different(all.items, all.count);
    free(all.items);
    return good;
}
