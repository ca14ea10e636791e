/* Options as JSON: job files, model cards' defaults, and records. Every value
 * goes through the same reader as the command line's. */
#include "job/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* From here on doubles stand for several whole numbers: 2^53 for 2^53 + 1
 * too. */
#define WHOLE_END 9007199254740992.0

static bool is_exact(double d)
{
    return d > -WHOLE_END && d < WHOLE_END;
}

static bool holds_seeds(const nj_option *option)
{
    return option->type == NJ_OPT_U64 || option->type == NJ_OPT_SEEDS;
}

/* The text of a scalar; NULL when the value is none. Whole numbers have no
 * exponent, so that the reader of whole numbers takes them. */
static char *scalar_text(const nj_option *option, const cJSON *value,
                         nj_err *err)
{
    char number[NJ_NUMBER_TEXT_MAX];
    nj_str s = {0};

    if (cJSON_IsString(value)) {
        nj_str_add(&s, value->valuestring);
    } else if (cJSON_IsBool(value)) {
        nj_str_add(&s, cJSON_IsTrue(value) ? "true" : "false");
    } else if (cJSON_IsNumber(value)) {
        double d = value->valuedouble;

        if (holds_seeds(option) && !is_exact(d)) {
            nj_fail(err, NJ_E_USAGE,
                    "seeds from 9007199254740992 (2^53) on are written as "
                    "strings, such as \"9007199254740993\": JSON numbers do "
                    "not tell them apart");
            return NULL;
        }
        if (is_exact(d) && d == (double)(int64_t)d)
            nj_str_addf(&s, "%lld", (long long)d);
        else if (d - d == 0)
            nj_format_double(d, number), nj_str_add(&s, number);
        else
            nj_str_add(&s, "infinite");
    } else {
        nj_fail(err, NJ_E_USAGE, "a list or an object is not expected");
        return NULL;
    }
    return nj_str_take(&s);
}

static nj_status set_scalar(nj_options *o, const nj_option *option,
                            const cJSON *value, nj_origin from, nj_err *err)
{
    char *text = scalar_text(option, value, err);
    nj_status status;

    if (!text)
        return NJ_E_USAGE;
    status = nj_options_set(o, option, text, from, err);
    free(text);
    return status;
}

/* [1, "5..9"] -> "1,5..9" */
static nj_status set_seeds(nj_options *o, const nj_option *option,
                           const cJSON *array, nj_origin from, nj_err *err)
{
    nj_str s = {0};
    const cJSON *item;
    nj_status status = NJ_OK;

    cJSON_ArrayForEach(item, array)
    {
        char *text = scalar_text(option, item, err);

        if (!text) {
            status = NJ_E_USAGE;
            break;
        }
        nj_str_addf(&s, "%s%s", s.length ? "," : "", text);
        free(text);
    }
    if (status == NJ_OK)
        status = nj_options_set(o, option, s.text ? s.text : "", from, err);
    nj_str_release(&s);
    return status;
}

static nj_status set_list(nj_options *o, const nj_option *option,
                          const cJSON *array, nj_origin from, nj_err *err)
{
    const cJSON *item;
    nj_status status = NJ_OK;

    nj_options_forget(o, option, from);
    cJSON_ArrayForEach(item, array)
    {
        if (status == NJ_OK)
            status = set_scalar(o, option, item, from, err);
    }
    return status;
}

nj_status nj_options_set_json(nj_options *o, const char *key,
                              const cJSON *value, nj_origin from, nj_err *err)
{
    const nj_option *option = nj_option_find(key, strlen(key));
    nj_str hint = {0};
    nj_status status;

    if (!option || !(option->traits & NJ_OF_JOB)) {
        nj_option_hint(&hint, NJ_CMD_GENERATE, key, true);
        nj_fail(err, NJ_E_USAGE, "unknown key '%s'%s", key,
                hint.text ? hint.text : "");
        nj_str_release(&hint);
        return NJ_E_USAGE;
    }
    if (cJSON_IsNull(value))
        return NJ_OK;
    if (cJSON_IsArray(value) && option->type == NJ_OPT_SEEDS)
        status = set_seeds(o, option, value, from, err);
    else if (cJSON_IsArray(value) && option->type == NJ_OPT_LIST)
        status = set_list(o, option, value, from, err);
    else
        status = set_scalar(o, option, value, from, err);
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "key '%s'", key);
}

static const char *const origins[] = {
    [NJ_FROM_DEFAULT] = "default", [NJ_FROM_CARD] = "card",
    [NJ_FROM_PRESET] = "preset",   [NJ_FROM_JOB] = "job",
    [NJ_FROM_COMMAND] = "command",
};

const char *nj_origin_name(nj_origin origin)
{
    return origins[origin];
}

void nj_options_tell(nj_options *o, const cJSON *object, const cJSON *from)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        const nj_option *option =
            nj_option_find(item->string, strlen(item->string));
        const char *word = nj_json_string(from, item->string, "default");

        for (unsigned char k = 0; option && k <= NJ_FROM_COMMAND; k++) {
            if (strcmp(word, origins[k]) == 0)
                o->told[nj_option_index(option)] = (unsigned char)(k + 1);
        }
    }
}

static cJSON *list_json(const nj_list *list)
{
    cJSON *array = cJSON_CreateArray();

    for (size_t i = 0; array && i < list->count; i++) {
        cJSON *one = cJSON_CreateString(list->items[i]);

        if (one && cJSON_AddItemToArray(array, one))
            continue;
        cJSON_Delete(array);
        return NULL;
    }
    return array;
}

static cJSON *value_json(const nj_options *o, const nj_option *option,
                         const char *text)
{
    double number;

    switch (option->type) {
    case NJ_OPT_FLAG:
        return cJSON_CreateBool(strcmp(text, "true") == 0);
    case NJ_OPT_INT:
    case NJ_OPT_DOUBLE:
    case NJ_OPT_CURVE:
        if (nj_parse_double(text, &number))
            return cJSON_CreateNumber(number);
        return cJSON_CreateString(text);
    case NJ_OPT_LIST:
        return list_json((const void *)((const char *)o + option->offset));
    default:
        return cJSON_CreateString(text);
    }
}

bool nj_options_to_json(const nj_options *o, unsigned traits, cJSON *object)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);
        char key[64];
        char *text;
        cJSON *value;

        if (!(option->traits & traits) || !nj_options_has(o, option))
            continue;
        text = nj_options_text(o, option);
        if (!text)
            return false;
        if ((traits & NJ_ONLY_CHANGED) && option->fallback &&
            strcmp(text, option->fallback) == 0) {
            free(text);
            continue;
        }
        nj_option_key(option, key);
        value = value_json(o, option, text);
        free(text);
        if (!value || !cJSON_AddItemToObject(object, key, value)) {
            cJSON_Delete(value);
            return false;
        }
    }
    return true;
}
