/* Unknown words of a job: see vocabulary_check.h. */
#include "job/vocabulary_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "text/words.h"

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a list of words");
}

/* The card's words, borrowed from it; what is no text is left out. */
static nj_status known_words(const cJSON *card, const char ***out,
                             size_t *count, nj_err *err)
{
    const cJSON *array = nj_json_get(card, "words");
    const cJSON *entry;
    int n = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;

    *count = 0;
    *out = nj_calloc((size_t)n, sizeof(**out));
    if (!*out)
        return no_memory(err);
    cJSON_ArrayForEach(entry, array)
    {
        if (cJSON_IsString(entry))
            (*out)[(*count)++] = entry->valuestring;
    }
    return NJ_OK;
}

static bool add_once(nj_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0)
            return true;
    }
    return nj_list_add(list, word);
}

static nj_status add_of_prompt(const nj_prompt *prompt,
                               const char *const *known, size_t count,
                               nj_list *out, nj_err *err)
{
    nj_words words;
    nj_status status = nj_words_unknown(prompt, known, count, &words, err);

    for (size_t i = 0; status == NJ_OK && i < words.n; i++) {
        if (!add_once(out, words.at[i]))
            status = no_memory(err);
    }
    nj_words_release(&words);
    return status;
}

static nj_status add_of_group(const nj_group *group, const char *const *known,
                              size_t count, nj_list *out, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; status == NJ_OK && i < group->prompt_count; i++)
        status =
            add_of_prompt(&group->prompts[i].parsed, known, count, out, err);
    return status;
}

nj_status nj_job_unknown_words(const nj_job *job, nj_list *out, nj_err *err)
{
    const char **known = NULL;
    size_t count = 0;
    cJSON *card;
    nj_status status = nj_json_read(job->files.card, &card, err);

    if (status != NJ_OK)
        return status;
    status = known_words(card, &known, &count, err);
    for (size_t i = 0; status == NJ_OK && count && i < job->group_count; i++)
        status = add_of_group(&job->groups[i], known, count, out, err);
    free(known);
    cJSON_Delete(card);
    return status;
}
