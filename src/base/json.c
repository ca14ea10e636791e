/* JSON: see json.h. What cJSON lets pass (trailing text, duplicate keys,
 * invalid UTF-8, case-blind look-up) is refused here, once for all callers. */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "base/str.h"

#define JSON_BYTES_MAX ((size_t)64 << 20)
#define JSON_DEPTH_MAX 64

static int line_of(const char *text, const char *at)
{
    int line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && strchr(" \t\r\n", *p) && *p)
        p++;
    return p;
}

static bool too_deep(const char *text, size_t n)
{
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < n; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!quoted && (text[i] == '}' || text[i] == ']'))
            depth--;
        if (depth > JSON_DEPTH_MAX)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A key that an object holds twice, or NULL; *failed when memory is short. */
static const char *twice_in(const cJSON *object, bool *failed)
{
    const char *found = NULL;
    size_t n = 0;
    const char **names;
    const cJSON *item;

    cJSON_ArrayForEach(item, object) n++;
    names = malloc((n + 1) * sizeof(*names));
    if (!names) {
        *failed = true;
        return NULL;
    }
    n = 0;
    cJSON_ArrayForEach(item, object) names[n++] = item->string;
    qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 1; i < n && !found; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            found = names[i];
    }
    free(names);
    return found;
}

/* Depth is bounded by too_deep(). */
static const char *duplicate_key(const cJSON *value, bool *failed)
{
    const char *found = NULL;
    const cJSON *item;

    if (cJSON_IsObject(value))
        found = twice_in(value, failed);
    cJSON_ArrayForEach(item, value)
    {
        if (found || *failed)
            break;
        found = duplicate_key(item, failed);
    }
    return found;
}

/* Whether a text holds an escaped NUL, where cJSON would end it. */
static bool escapes_nul(const char *text, size_t n)
{
    static const char escape[] = "\\u0000";
    const size_t length = sizeof(escape) - 1;

    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\\')
            continue;
        if (n - i >= length && memcmp(text + i, escape, length) == 0)
            return true;
        i++; /* a backslash itself may be escaped */
    }
    return false;
}

static nj_status check(const char *text, size_t n, nj_err *err)
{
    if (memchr(text, '\0', n) || escapes_nul(text, n))
        return nj_fail(err, NJ_E_FORMAT, "not JSON: it holds a NUL byte");
    if (!nj_utf8_valid(text, n))
        return nj_fail(err, NJ_E_FORMAT, "not JSON: invalid UTF-8");
    if (too_deep(text, n))
        return nj_fail(err, NJ_E_FORMAT, "nested deeper than %d",
                       JSON_DEPTH_MAX);
    return NJ_OK;
}

nj_status nj_json_parse(const char *text, size_t n, cJSON **out, nj_err *err)
{
    const char *end = NULL;
    const char *twice;
    bool failed = false;
    cJSON *value;
    nj_status status = check(text, n, err);

    if (status != NJ_OK)
        return status;
    value = cJSON_ParseWithLengthOpts(text, n, &end, 0);
    if (!value)
        return nj_fail(err, NJ_E_FORMAT, "line %d: not valid JSON",
                       end ? line_of(text, end) : 1);
    twice = duplicate_key(value, &failed);
    if (failed)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for JSON");
    else if (twice)
        status = nj_fail(err, NJ_E_FORMAT, "key '%s' occurs twice", twice);
    else if (skip_blanks(end, text + n) != text + n)
        status = nj_fail(err, NJ_E_FORMAT, "line %d: text after the JSON value",
                         line_of(text, end));
    if (status != NJ_OK) {
        cJSON_Delete(value);
        return status;
    }
    *out = value;
    return NJ_OK;
}

nj_status nj_json_read(const char *path, cJSON **out, nj_err *err)
{
    char *text;
    size_t n;
    nj_status status = nj_file_read(path, JSON_BYTES_MAX, &text, &n, err);

    if (status != NJ_OK)
        return status;
    status = nj_json_parse(text, n, out, err);
    free(text);
    if (status != NJ_OK)
        return nj_err_add(err, "cannot read '%s'", path);
    return NJ_OK;
}

/* Whether cJSON may write it so that it reads back as another double. */
static bool is_inexact(const cJSON *item)
{
    char text[NJ_NUMBER_TEXT_MAX];

    return cJSON_IsNumber(item) && isfinite(item->valuedouble) &&
           !nj_format_digits(item->valuedouble, 15, text);
}

static bool has_inexact(const cJSON *value)
{
    const cJSON *item;

    if (is_inexact(value))
        return true;
    cJSON_ArrayForEach(item, value)
    {
        if (has_inexact(item))
            return true;
    }
    return false;
}

/* Replaces such numbers by their texts of 17 digits, those that cJSON writes
 * where 15 are not near enough. False when memory is short. */
static bool keep_bits(cJSON *value)
{
    cJSON *item;

    if (is_inexact(value)) {
        value->valuestring = cJSON_malloc(NJ_NUMBER_TEXT_MAX);
        if (!value->valuestring)
            return false;
        nj_format_digits(value->valuedouble, 17, value->valuestring);
        value->type = (value->type & ~0xff) | cJSON_Raw;
    }
    cJSON_ArrayForEach(item, value)
    {
        if (!keep_bits(item))
            return false;
    }
    return true;
}

char *nj_json_print(const cJSON *value)
{
    cJSON *copy;
    char *text = NULL;

    if (!has_inexact(value))
        return cJSON_PrintUnformatted(value);
    copy = cJSON_Duplicate(value, 1);
    if (copy && keep_bits(copy))
        text = cJSON_PrintUnformatted(copy);
    cJSON_Delete(copy);
    return text;
}

bool nj_json_add_line(cJSON *value, nj_str *out)
{
    char *text = nj_json_print(value);

    if (text) {
        nj_str_add_json(out, text);
        nj_str_addc(out, '\n');
    }
    cJSON_free(text);
    cJSON_Delete(value);
    return text && nj_str_ok(out);
}

const cJSON *nj_json_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *nj_json_string(const cJSON *object, const char *key,
                           const char *missing)
{
    const cJSON *item = nj_json_get(object, key);

    return cJSON_IsString(item) ? item->valuestring : missing;
}

double nj_json_number(const cJSON *object, const char *key, double missing)
{
    const cJSON *item = nj_json_get(object, key);

    return cJSON_IsNumber(item) ? item->valuedouble : missing;
}

bool nj_json_bool(const cJSON *object, const char *key, bool missing)
{
    const cJSON *item = nj_json_get(object, key);

    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : missing;
}

int64_t nj_json_whole(const cJSON *object, const char *key, int64_t most,
                      int64_t missing)
{
    uint64_t value;

    return nj_json_u64(nj_json_get(object, key), &value) &&
                   value <= (uint64_t)most
               ? (int64_t)value
               : missing;
}

bool nj_json_u64(const cJSON *value, uint64_t *out)
{
    if (cJSON_IsString(value))
        return nj_parse_u64(value->valuestring, out);
    if (!cJSON_IsNumber(value) || value->valuedouble < 0 ||
        value->valuedouble >= 9007199254740992.0 ||
        value->valuedouble != floor(value->valuedouble))
        return false;
    *out = (uint64_t)value->valuedouble;
    return true;
}

void nj_json_add_known(cJSON *object, const char *key, double value, bool known)
{
    if (known)
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}
