/* nightjar info: what pictures say about themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "album/folder.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/cli.h"
#include "job/names.h"
#include "run/record_read.h"

#define KEY_COLUMNS 24

static void add_visible(nj_str *out, const char *text)
{
    nj_str_add_visible(out, text, strlen(text));
}

/* "  key      value" */
static void add_row(nj_str *out, const char *key, const char *value,
                    const char *origin)
{
    size_t start = out->length;

    nj_str_add(out, "    ");
    add_visible(out, key);
    while (out->length - start < KEY_COLUMNS)
        nj_str_addc(out, ' ');
    nj_str_addc(out, ' ');
    add_visible(out, value);
    if (origin)
        nj_str_addf(out, "  (%s)", origin);
    nj_str_addc(out, '\n');
}

static void add_json_row(nj_str *out, const cJSON *item, const char *origin)
{
    char *text = cJSON_IsString(item) ? NULL : nj_json_print(item);

    add_row(out, item->string, text ? text : cJSON_GetStringValue(item),
            origin);
    cJSON_free(text);
}

static bool is_among(const char *key, const char *const *keys)
{
    for (; *keys; keys++) {
        if (strcmp(key, *keys) == 0)
            return true;
    }
    return false;
}

/* Settings, each with where its value came from where the record tells. */
static void add_settings(const cJSON *json, nj_str *out)
{
    static const char *const shown_before[] = {"prompt", "seed", "record",
                                               NULL};
    const cJSON *from = nj_json_get(nj_json_get(json, "record"), "from");
    const cJSON *item;

    nj_str_add(out, "  settings, and where they came from\n");
    cJSON_ArrayForEach(item, json)
    {
        const char *origin = nj_json_string(from, item->string, "default");

        if (!is_among(item->string, shown_before))
            add_json_row(out, item, from ? origin : NULL);
    }
}

static void add_weights(const cJSON *record, nj_str *out)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, nj_json_get(record, "weights"))
    {
        nj_str key = {0};

        nj_str_addf(&key, "sha256 of %s", nj_json_string(item, "kind", "?"));
        add_row(out, key.text ? key.text : "",
                nj_json_string(item, "sha256", ""), NULL);
        nj_str_release(&key);
    }
}

/* How the picture came about: every member that is a plain value. */
static void add_making(const cJSON *record, nj_str *out)
{
    static const char *const elsewhere[] = {"weights", "from", "unet_flags",
                                            NULL};
    const cJSON *item;

    nj_str_add(out, "  how it was made\n");
    cJSON_ArrayForEach(item, record)
    {
        if (!is_among(item->string, elsewhere))
            add_json_row(out, item, NULL);
    }
    add_weights(record, out);
}

/* What is left to know about a picture without a record. */
static void add_name(const char *path, nj_str *out)
{
    nj_name_parts parts;
    nj_str text = {0};

    if (!nj_name_parse(nj_path_name(path), &parts))
        return;
    nj_str_addn(&text, parts.text, parts.text_length);
    add_row(out, "name says", text.text ? text.text : "", NULL);
    nj_str_addf(out, "%*s iteration %d, seed %llu\n", KEY_COLUMNS, "",
                parts.iteration, (unsigned long long)parts.seed);
    nj_str_release(&text);
}

/* Programs that keep tEXt chunks alone, such as ImageMagick, leave this. */
static void add_parameters(const nj_record *r, nj_str *out)
{
    if (!r->parameters)
        return;
    add_row(out, "parameters", r->parameters, NULL);
    if (strstr(r->parameters, "Version: nightjar"))
        nj_str_add(out, "    made by nightjar, then saved again by a program "
                        "that dropped the record\n");
}

static void add_text(const char *path, const nj_record *r, bool sheet,
                     nj_str *out)
{
    add_visible(out, path);
    nj_str_addf(out, "\n  %d x %d pixels; %s\n", r->picture.width,
                r->picture.height,
                sheet ? "it is a contact sheet of nightjar's"
                      : nj_record_state_text(r->state));
    if (!r->json) {
        add_name(path, out);
        add_parameters(r, out);
        return;
    }
    add_row(out, "prompt", nj_json_string(r->json, "prompt", ""), NULL);
    add_row(out, "seed", nj_json_string(r->json, "seed", ""), NULL);
    add_settings(r->json, out);
    add_making(nj_json_get(r->json, "record"), out);
}

static void add_object(const char *path, const nj_record *r, bool sheet,
                       nj_str *out)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *record = r->json ? cJSON_Duplicate(r->json, 1) : cJSON_CreateNull();

    cJSON_AddStringToObject(o, "file", path);
    cJSON_AddStringToObject(o, "state",
                            sheet ? "sheet" : nj_record_state_word(r->state));
    cJSON_AddNumberToObject(o, "width", r->picture.width);
    cJSON_AddNumberToObject(o, "height", r->picture.height);
    cJSON_AddStringToObject(o, "pixels_sha256", r->pixels_sha256);
    if (r->parameters)
        cJSON_AddStringToObject(o, "parameters", r->parameters);
    cJSON_AddItemToObject(o, "job", record);
    nj_json_add_line(o, out);
}

/* True when the file holds a record and the pixels it was made for, or is a
 * contact sheet, which has none to hold. */
static bool inform(const char *path, bool json)
{
    nj_record record;
    nj_str out = {0};
    nj_err err = {0};
    bool good = nj_record_read(path, &record, &err) == NJ_OK;
    bool sheet = good && record.state == NJ_RECORD_NONE && nj_about_sheet(path);

    if (!good)
        nj_cli_refuse(&err);
    else if (json)
        add_object(path, &record, sheet, &out);
    else
        add_text(path, &record, sheet, &out);
    good = good && (sheet || record.state == NJ_RECORD_INTACT ||
                    record.state == NJ_RECORD_NO_SUM);
    if (out.text)
        fputs(out.text, stdout);
    nj_str_release(&out);
    nj_record_release(&record);
    return good;
}

int nj_cmd_info(const nj_invocation *in)
{
    size_t good = 0;
    nj_err err = {0};

    if (in->rest->count == 0) {
        nj_fail(&err, NJ_E_USAGE,
                "a picture is expected, such as: nightjar "
                "info pictures/*.png");
        return nj_cli_refuse(&err);
    }
    for (size_t i = 0; i < in->rest->count; i++) {
        if (i && !in->options->json)
            putchar('\n');
        good += inform(in->rest->items[i], in->options->json);
    }
    if (good == in->rest->count)
        return NJ_EXIT_DONE;
    return good ? NJ_EXIT_SOME : NJ_EXIT_NOTHING;
}
