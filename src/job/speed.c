/* Speed: see speed.h. */
#include "job/speed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/path.h"

static char *cache_file(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    if (cache && cache[0] == '/')
        return nj_path_join(cache, "nightjar/speed.json");
    if (home && home[0] == '/')
        return nj_path_join(home, ".cache/nightjar/speed.json");
    return NULL;
}

static void add_file(nj_str *s, const char *path)
{
    struct stat st;

    nj_str_addf(s, " %s:%lld", nj_path_name(path),
                stat(path, &st) == 0 ? (long long)st.st_size : 0LL);
}

/* All that a step's time depends on, in words. */
static char *key_of(const nj_job *job, const nj_group *g)
{
    const nj_settings *s = &g->options.settings;
    nj_model_file files[NJ_MODEL_FILES_MAX];
    size_t count;
    struct utsname machine;
    nj_str key = {0};

    if (uname(&machine) != 0)
        return NULL;
    nj_str_addf(&key,
                "%s %s %d threads, precision %d, %dx%d, %dx%d cutouts, "
                "batch %d",
                machine.nodename, g->options.device, g->options.threads,
                (int)g->options.precision, s->width, s->height, s->cutn,
                s->cutn_batches, s->batch_size);
    nj_str_addf(&key, ", memory %d", (int)g->options.memory);
    nj_str_addf(&key, ", cuts %d+%d, kind %d, augmented %d", s->cut_overview,
                s->cut_innercut, (int)s->cutouts,
                !s->skip_augs && s->augmentations != NJ_AUGMENT_NONE);
    count = nj_model_files_list(&job->files, files);
    for (size_t i = 0; i < count; i++)
        add_file(&key, files[i].path);
    return nj_str_take(&key);
}

bool nj_speed_alike(const nj_job *job, const nj_group *a, const nj_group *b)
{
    char *x = key_of(job, a);
    char *y = key_of(job, b);
    bool alike = x && y && strcmp(x, y) == 0;

    free(x);
    free(y);
    return alike;
}

static cJSON *read_all(const char *path)
{
    cJSON *all = NULL;

    if (!path || nj_json_read(path, &all, NULL) != NJ_OK)
        return NULL;
    if (cJSON_IsObject(all))
        return all;
    cJSON_Delete(all);
    return NULL;
}

bool nj_speed_read(const nj_job *job, const nj_group *group, nj_speed *out)
{
    char *path = cache_file();
    char *key = key_of(job, group);
    cJSON *all = read_all(path);
    const cJSON *entry = all && key ? nj_json_get(all, key) : NULL;

    out->step_seconds = nj_json_number(entry, "step_seconds", 0);
    out->host_bytes =
        (uint64_t)nj_json_whole(entry, "host_bytes", INT64_MAX, 0);
    cJSON_Delete(all);
    free(key);
    free(path);
    return out->step_seconds > 0;
}

static void write_all(const char *path, const cJSON *all)
{
    char *text = cJSON_Print(all);
    char *folder = nj_path_folder(path);

    if (text && folder && nj_make_folders(folder, NULL) == NJ_OK) {
        nj_file_tidy(folder);
        (void)!nj_file_write_atomic(path, text, strlen(text), NULL);
    }
    cJSON_free(text);
    free(folder);
}

void nj_speed_write(const nj_job *job, const nj_group *group,
                    const nj_speed *speed)
{
    char *path = cache_file();
    char *key = key_of(job, group);
    cJSON *all = read_all(path);
    cJSON *entry = cJSON_CreateObject();

    if (!all)
        all = cJSON_CreateObject();
    if (path && key && all && entry) {
        cJSON_AddNumberToObject(entry, "step_seconds", speed->step_seconds);
        cJSON_AddNumberToObject(entry, "host_bytes", (double)speed->host_bytes);
        cJSON_DeleteItemFromObjectCaseSensitive(all, key);
        if (cJSON_AddItemToObject(all, key, entry))
            entry = NULL;
        write_all(path, all);
    }
    cJSON_Delete(entry);
    cJSON_Delete(all);
    free(key);
    free(path);
}
