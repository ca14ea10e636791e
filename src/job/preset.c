/* Presets: see preset.h. */
#include "job/preset.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "job/models.h"
#include "text/prompt.h"

static const char folder_name[] = "presets";
static const char about_key[] = "about";
static const char preset_key[] = "preset";

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for presets");
}

/* ---- names ------------------------------------------------------------- */

static bool has(const nj_list *list, const char *text, size_t n)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->items[i], text, n) == 0 && !list->items[i][n])
            return true;
    }
    return false;
}

static bool add_names_of(const char *folder, nj_list *names)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool good = true;

    while (dir && good && (entry = readdir(dir))) {
        size_t n = strlen(entry->d_name);

        if (n <= 5 || entry->d_name[0] == '.' ||
            strcmp(entry->d_name + n - 5, ".json") != 0 ||
            has(names, entry->d_name, n - 5))
            continue;
        good = nj_list_addn(names, entry->d_name, n - 5);
    }
    if (dir)
        closedir(dir);
    return good;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

nj_status nj_preset_names(const nj_list *folders, nj_list *names, nj_err *err)
{
    for (size_t i = 0; i < folders->count; i++) {
        char *path = nj_path_join(folders->items[i], folder_name);
        bool good = path && add_names_of(path, names);

        free(path);
        if (!good)
            return no_memory(err);
    }
    if (names->count)
        qsort(names->items, names->count, sizeof(*names->items), by_text);
    return NJ_OK;
}

/* ---- one preset -------------------------------------------------------- */

void nj_preset_release(nj_preset *p)
{
    free(p->name);
    free(p->path);
    cJSON_Delete(p->json);
    *p = (nj_preset){0};
}

/* FOLDER/presets/NAME.json where that is a file, else NULL. */
static char *path_in(const char *folder, const char *name)
{
    nj_str path = {0};

    nj_str_addf(&path, "%s/%s/%s.json", folder, folder_name, name);
    if (nj_str_ok(&path) && nj_is_file(path.text))
        return nj_str_take(&path);
    nj_str_release(&path);
    return NULL;
}

static nj_status unknown(const nj_list *folders, const char *name, nj_err *err)
{
    nj_list names = {0};
    const char *near = NULL;

    if (nj_preset_names(folders, &names, NULL) == NJ_OK)
        near = nj_nearest(name, (const char *const *)names.items, names.count);
    nj_fail(err, NJ_E_USAGE, "'%s' is no preset%s%s%s", name,
            near ? " (did you mean '" : ", nightjar presets lists them",
            near ? near : "", near ? "'?)" : "");
    nj_list_release(&names);
    return NJ_E_USAGE;
}

static nj_status read_preset(nj_preset *p, nj_err *err)
{
    const cJSON *about;
    nj_status status = nj_json_read(p->path, &p->json, err);

    if (status != NJ_OK)
        return status;
    about = nj_json_get(p->json, about_key);
    if (!cJSON_IsObject(p->json) || (about && !cJSON_IsObject(about)))
        return nj_fail(err, NJ_E_FORMAT,
                       "'%s' is no preset: an object of settings is expected",
                       p->path);
    if (nj_json_get(p->json, preset_key))
        return nj_fail(err, NJ_E_FORMAT,
                       "'%s' names another preset, settings are expected",
                       p->path);
    p->title = nj_json_string(about, "title", "");
    p->source = nj_json_string(about, "source", "");
    p->note = nj_json_string(about, "note", "");
    return NJ_OK;
}

nj_status nj_preset_open(const nj_list *folders, const char *name,
                         nj_preset *out, nj_err *err)
{
    *out = (nj_preset){0};
    for (size_t i = 0; !strchr(name, '/') && i < folders->count; i++) {
        out->path = path_in(folders->items[i], name);
        if (out->path)
            break;
    }
    if (!out->path)
        return unknown(folders, name, err);
    out->name = nj_strdup(name);
    return out->name ? read_preset(out, err) : no_memory(err);
}

nj_status nj_preset_apply(const nj_preset *p, nj_options *o, nj_err *err)
{
    const cJSON *item;
    nj_status status = NJ_OK;

    cJSON_ArrayForEach(item, p->json)
    {
        if (status == NJ_OK && strcmp(item->string, about_key) != 0)
            status =
                nj_options_set_json(o, item->string, item, NJ_FROM_PRESET, err);
    }
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "preset '%s'", p->path);
}

/* ---- its networks ------------------------------------------------------ */

static bool is_here(const nj_catalogue *c, nj_model_kind kind, const char *name)
{
    const nj_model *m = nj_catalogue_find(c, kind, name);

    return (m && m->state == NJ_MODEL_PRESENT) || nj_is_file(name);
}

/* Adds a network's name, without the weight that may follow it. */
static bool add_network(const nj_catalogue *c, nj_model_kind kind,
                        const char *text, nj_list *all, nj_list *missing)
{
    double weight;
    long n = kind == NJ_MODEL_CLIP ? nj_prompt_split_weight(text, &weight) : -1;
    char *name = nj_strndup(text, n < 0 ? strlen(text) : (size_t)n);
    bool good = name && nj_list_add(all, name) &&
                (is_here(c, kind, name) || nj_list_add(missing, name));

    free(name);
    return good;
}

static bool add_networks(const nj_options *o, const nj_catalogue *c,
                         nj_list *all, nj_list *missing)
{
    static const struct {
        const char *option;
        nj_model_kind kind;
    } kinds[] = {{"unet", NJ_MODEL_UNET},
                 {"clip", NJ_MODEL_CLIP},
                 {"secondary-model", NJ_MODEL_SECONDARY}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const nj_option *option =
            nj_option_find(kinds[i].option, strlen(kinds[i].option));
        char *rest = NULL;
        char *text;
        bool good = true;

        if (!option || nj_options_origin(o, option->name) != NJ_FROM_PRESET)
            continue;
        text = nj_options_text(o, option);
        for (char *name = text ? strtok_r(text, "\n", &rest) : NULL;
             name && good; name = strtok_r(NULL, "\n", &rest))
            good = add_network(c, kinds[i].kind, name, all, missing);
        free(text);
        if (!good)
            return false;
    }
    return true;
}

nj_status nj_preset_networks(const nj_options *o, const nj_list *folders,
                             nj_list *all, nj_list *missing, nj_err *err)
{
    nj_catalogue *c = NULL;
    nj_status status = nj_models_catalogue(folders, &c, err);

    if (status == NJ_OK && !add_networks(o, c, all, missing))
        status = no_memory(err);
    nj_catalogue_free(c);
    return status;
}

static nj_status refuse_missing(const nj_options *o, const nj_list *missing,
                                nj_err *err)
{
    nj_str names = {0};

    for (size_t i = 0; i < missing->count; i++) {
        nj_str_add(&names, i ? " " : "");
        nj_str_add(&names, missing->items[i]);
    }
    nj_fail(err, NJ_E_USAGE,
            "preset '%s' needs networks that are not in the models folder: "
            "fetch them with scripts/fetch-models.sh %s, or name others with "
            "--unet and --clip",
            o->preset, names.text ? names.text : "");
    nj_str_release(&names);
    return NJ_E_USAGE;
}

static nj_status apply_named(nj_options *o, const nj_list *folders, nj_err *err)
{
    nj_preset preset;
    nj_list all = {0};
    nj_list missing = {0};
    nj_status status = nj_preset_open(folders, o->preset, &preset, err);

    if (status != NJ_OK)
        status = nj_options_blame(o, preset_key, err);
    if (status == NJ_OK)
        status = nj_preset_apply(&preset, o, err);
    if (status == NJ_OK)
        status = nj_preset_networks(o, folders, &all, &missing, err);
    if (status == NJ_OK && missing.count)
        status = refuse_missing(o, &missing, err);
    nj_list_release(&all);
    nj_list_release(&missing);
    nj_preset_release(&preset);
    return status;
}

nj_status nj_preset_resolve(nj_options *o, const char *program_folder,
                            nj_err *err)
{
    nj_list folders = {0};
    nj_status status;

    if (!o->preset)
        return NJ_OK;
    status = nj_models_folders(o->models_dir, program_folder, &folders, err);
    if (status == NJ_OK)
        status = apply_named(o, &folders, err);
    nj_list_release(&folders);
    return status;
}
