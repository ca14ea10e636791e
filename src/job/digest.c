/* Digests: see digest.h. */
#include "job/digest.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static bool add_text(cJSON *o, const char *key, const char *value)
{
    return cJSON_AddStringToObject(o, key, value) != NULL;
}

static bool add_to(cJSON *array, cJSON *item)
{
    if (item && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* One group of the job, as a job file would say it. */
static cJSON *group_json(const nj_group *g, unsigned traits)
{
    cJSON *o = cJSON_CreateObject();
    char *seeds = nj_seeds_text(&g->seeds);
    cJSON *prompts = o ? cJSON_AddArrayToObject(o, "prompts") : NULL;
    bool good = prompts && seeds && add_text(o, "seeds", seeds) &&
                nj_options_to_json(&g->options, traits, o);

    free(seeds);
    for (size_t i = 0; i < g->prompt_count && good; i++)
        good = add_to(prompts, cJSON_CreateString(g->prompts[i].text));
    /* The seeds above are resolved. */
    cJSON_DeleteItemFromObjectCaseSensitive(o, "seed");
    cJSON_DeleteItemFromObjectCaseSensitive(o, "n");
    if (good)
        return o;
    cJSON_Delete(o);
    return NULL;
}

cJSON *nj_digest_groups(const nj_job *job, unsigned traits)
{
    cJSON *all = cJSON_CreateArray();

    for (size_t i = 0; i < job->group_count && all; i++) {
        if (add_to(all, group_json(&job->groups[i], traits)))
            continue;
        cJSON_Delete(all);
        all = NULL;
    }
    return all;
}

/* Of an object, which is deleted; NULL stands for one that memory was too short
 * for. */
static nj_status digest(cJSON *o, char id[NJ_DIGEST_SIZE], nj_err *err)
{
    char *text = o ? nj_json_print(o) : NULL;
    char hex[65];

    cJSON_Delete(o);
    if (!text)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    nj_sha256(text, strlen(text), hex);
    cJSON_free(text);
    memcpy(id, hex, NJ_DIGEST_SIZE - 1);
    id[NJ_DIGEST_SIZE - 1] = '\0';
    return NJ_OK;
}

nj_status nj_digest_job(const nj_job *job, char id[NJ_DIGEST_SIZE], nj_err *err)
{
    return digest(nj_digest_groups(job, NJ_OF_PICTURE), id, err);
}

/* ---- requests ------------------------------------------------------------ */

/* Values that are the table's default are left out, so that an option that is
 * added later does not make another request of the same command. */
static cJSON *wish_json(const nj_group *g)
{
    cJSON *o = group_json(g, NJ_OF_PICTURE | NJ_ONLY_CHANGED);
    bool good = o != NULL;

    if (g->seed_drawn) {
        cJSON_DeleteItemFromObjectCaseSensitive(o, "seeds");
        good = good && cJSON_AddNumberToObject(o, "n", g->options.n);
    }
    if (g->init_sha256[0])
        good = good && add_text(o, "init_image_sha256", g->init_sha256);
    if (good)
        return o;
    cJSON_Delete(o);
    return NULL;
}

static bool add_file(cJSON *array, const char *kind, const char *path,
                     double weight)
{
    cJSON *o = cJSON_CreateObject();

    if (o && add_text(o, "kind", kind) && add_text(o, "path", path) &&
        cJSON_AddNumberToObject(o, "weight", weight))
        return add_to(array, o);
    cJSON_Delete(o);
    return false;
}

static bool add_files(cJSON *array, const nj_model_files *files)
{
    nj_model_file list[NJ_MODEL_FILES_MAX];
    size_t count = nj_model_files_list(files, list);
    bool good = array && add_file(array, "card", files->card, 1);

    for (size_t i = 0; i < count && good; i++)
        good = add_file(array, list[i].kind, list[i].path, list[i].weight);
    return good;
}

nj_status nj_digest_request(const nj_job *job, char id[NJ_DIGEST_SIZE],
                            nj_err *err)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *wishes = o ? cJSON_AddArrayToObject(o, "jobs") : NULL;
    bool good =
        wishes && add_files(cJSON_AddArrayToObject(o, "files"), &job->files);

    for (size_t i = 0; i < job->group_count && good; i++)
        good = add_to(wishes, wish_json(&job->groups[i]));
    if (!good) {
        cJSON_Delete(o);
        o = NULL;
    }
    return digest(o, id, err);
}
