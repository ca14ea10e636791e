/* nightjar presets: which there are; nightjar presets NAME: what one sets. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "job/models.h"
#include "job/preset.h"

/* A preset with its values on top of the defaults. */
struct shown {
    nj_preset preset;
    nj_options defaults;
    nj_options options;
    nj_list networks;
    nj_list missing;
};

static void release(struct shown *s)
{
    nj_preset_release(&s->preset);
    nj_options_release(&s->defaults);
    nj_options_release(&s->options);
    nj_list_release(&s->networks);
    nj_list_release(&s->missing);
}

static nj_status open_shown(const nj_list *folders, const char *name,
                            struct shown *s, nj_err *err)
{
    nj_status status = nj_preset_open(folders, name, &s->preset, err);

    if (status == NJ_OK)
        status = nj_options_init(&s->defaults, err);
    if (status == NJ_OK)
        status = nj_options_init(&s->options, err);
    if (status == NJ_OK)
        status = nj_preset_apply(&s->preset, &s->options, err);
    return status == NJ_OK ? nj_preset_networks(&s->options, folders,
                                                &s->networks, &s->missing, err)
                           : status;
}

/* The entries of a list in one line. */
static void add_joined(const char *text, nj_str *out)
{
    while (text && *text) {
        size_t n = strcspn(text, "\n");

        nj_str_add_visible(out, text, n);
        text += n;
        nj_str_add(out, *text ? " + " : "");
        text += *text == '\n';
    }
}

/* ---- one, in words ----------------------------------------------------- */

/* The values that differ from the defaults, or those that do not. */
static void add_values(const struct shown *s, bool differing, nj_str *out)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);
        char *value;
        char *usual;

        if (nj_options_origin(&s->options, option->name) != NJ_FROM_PRESET ||
            nj_option_find(option->name, strlen(option->name)) != option)
            continue;
        value = nj_options_text(&s->options, option);
        usual = nj_options_text(&s->defaults, option);
        if ((!usual || strcmp(usual, value ? value : "") != 0) == differing) {
            nj_str_addf(out, "  %-24s ", option->name);
            add_joined(value, out);
            if (differing)
                nj_str_addf(out, "  (default: %s)",
                            usual ? usual
                                  : (option->shown ? option->shown : "none"));
            nj_str_addc(out, '\n');
        }
        free(value);
        free(usual);
    }
}

static void add_missing(const struct shown *s, nj_str *out)
{
    if (!s->missing.count)
        return;
    nj_str_add(out, "\nNot here yet: scripts/fetch-models.sh");
    for (size_t i = 0; i < s->missing.count; i++)
        nj_str_addf(out, " %s", s->missing.items[i]);
    nj_str_addc(out, '\n');
}

static void print_text(const struct shown *s)
{
    nj_str text = {0};

    nj_str_addf(&text, "%s: %s\n", s->preset.name, s->preset.title);
    if (s->preset.source[0])
        nj_str_addf(&text, "source: %s\n", s->preset.source);
    if (s->preset.note[0])
        nj_str_addf(&text, "note: %s\n", s->preset.note);
    nj_str_add(&text, "\nDifferent from the defaults:\n");
    add_values(s, true, &text);
    nj_str_add(&text, "\nStated, and the same as the defaults:\n");
    add_values(s, false, &text);
    add_missing(s, &text);
    if (text.text)
        fputs(text.text, stdout);
    nj_str_release(&text);
}

/* ---- as JSON ----------------------------------------------------------- */

static void add_json_values(const struct shown *s, cJSON *object)
{
    cJSON *values = cJSON_AddObjectToObject(object, "values");

    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);
        char *value;
        char *usual;
        cJSON *entry;
        char key[64];

        if (nj_options_origin(&s->options, option->name) != NJ_FROM_PRESET ||
            nj_option_find(option->name, strlen(option->name)) != option)
            continue;
        nj_option_key(option, key);
        value = nj_options_text(&s->options, option);
        usual = nj_options_text(&s->defaults, option);
        entry = cJSON_AddObjectToObject(values, key);
        cJSON_AddItemToObject(
            entry, "value",
            cJSON_Duplicate(nj_json_get(s->preset.json, key), true));
        cJSON_AddBoolToObject(entry, "differs",
                              !usual || !value || strcmp(usual, value) != 0);
        free(value);
        free(usual);
    }
}

static void add_json_list(cJSON *object, const char *key, const nj_list *list)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);

    for (size_t i = 0; i < list->count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(list->items[i]));
}

static void print_json(const struct shown *s)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "name", s->preset.name);
    cJSON_AddStringToObject(o, "title", s->preset.title);
    cJSON_AddStringToObject(o, "source", s->preset.source);
    cJSON_AddStringToObject(o, "note", s->preset.note);
    cJSON_AddStringToObject(o, "path", s->preset.path);
    add_json_list(o, "networks", &s->networks);
    add_json_list(o, "missing", &s->missing);
    add_json_values(s, o);
    nj_cli_print(o);
}

/* ---- the command ------------------------------------------------------- */

static void print_row(const struct shown *s)
{
    nj_str line = {0};

    nj_str_addf(&line, "%-7s %-18s ", s->missing.count ? "-" : "here",
                s->preset.name);
    nj_str_add_visible(&line, s->preset.title, strlen(s->preset.title));
    if (line.text)
        puts(line.text);
    nj_str_release(&line);
}

static nj_status show(const nj_invocation *in, const nj_list *folders,
                      const char *name, bool whole, nj_err *err)
{
    struct shown s = {0};
    nj_status status = open_shown(folders, name, &s, err);

    if (status == NJ_OK && in->options->json)
        print_json(&s);
    else if (status == NJ_OK && whole)
        print_text(&s);
    else if (status == NJ_OK)
        print_row(&s);
    release(&s);
    return status;
}

static nj_status dispatch(const nj_invocation *in, const nj_list *folders,
                          nj_err *err)
{
    nj_list names = {0};
    nj_status status = NJ_OK;

    for (size_t i = 0; i < in->rest->count && status == NJ_OK; i++)
        status = show(in, folders, in->rest->items[i], true, err);
    if (in->rest->count)
        return status;
    status = nj_preset_names(folders, &names, err);
    for (size_t i = 0; i < names.count && status == NJ_OK; i++)
        status = show(in, folders, names.items[i], false, err);
    nj_list_release(&names);
    return status;
}

int nj_cmd_presets(const nj_invocation *in)
{
    nj_list folders = {0};
    nj_err err = {0};
    nj_status status = nj_models_folders(in->options->models_dir,
                                         in->program_folder, &folders, &err);

    if (status == NJ_OK)
        status = dispatch(in, &folders, &err);
    nj_list_release(&folders);
    return status == NJ_OK ? NJ_EXIT_DONE : nj_cli_refuse(&err);
}
