/* Pictures of a folder: see folder.h. */
#include "album/folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/path.h"
#include "image/png.h"
#include "job/names.h"
#include "job/record.h"
#include "job/video_encoder.h"

#define ITERATIONS_MAX 1000000 /* that a record may speak of */

static bool is_picture_name(const char *name)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".webp"};
    size_t n = strlen(name);

    if (name[0] == '.' || nj_video_is_name(name))
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t m = strlen(ends[i]);

        if (n > m && strcasecmp(name + n - m, ends[i]) == 0)
            return true;
    }
    return false;
}

static bool is_regular(DIR *dir, const char *name)
{
    struct stat st;

    return fstatat(dirfd(dir), name, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static int compare_items(const void *a, const void *b)
{
    return nj_folder_compare(*(char *const *)a, *(char *const *)b);
}

nj_status nj_folder_list(const char *folder, nj_list *names, nj_err *err)
{
    size_t before = names->count;
    const struct dirent *entry;
    bool good = true;
    DIR *dir = opendir(folder);

    if (!dir)
        return nj_fail(err, NJ_E_IO, "cannot open folder '%s': %s", folder,
                       strerror(errno));
    errno = 0;
    while (good && (entry = readdir(dir)) != NULL) {
        if (is_picture_name(entry->d_name) && is_regular(dir, entry->d_name))
            good = nj_list_add(names, entry->d_name);
        errno = 0;
    }
    if (good && errno) {
        nj_fail(err, NJ_E_IO, "cannot read folder '%s': %s", folder,
                strerror(errno));
        closedir(dir);
        return NJ_E_IO;
    }
    closedir(dir);
    if (!good)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the names in '%s'",
                       folder);
    if (names->count > before)
        qsort(names->items + before, names->count - before,
              sizeof(*names->items), compare_items);
    return NJ_OK;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits at s without leading zeros. */
static size_t number_at(const char **s)
{
    size_t n = 0;

    while (**s == '0' && is_digit((*s)[1]))
        (*s)++;
    while (is_digit((*s)[n]))
        n++;
    return n;
}

int nj_folder_compare(const char *a, const char *b)
{
    const char *x = a;
    const char *y = b;

    while (*x && *y) {
        if (is_digit(*x) && is_digit(*y)) {
            size_t n = number_at(&x);
            size_t m = number_at(&y);
            int order = n != m ? (n < m ? -1 : 1) : memcmp(x, y, n);

            if (order)
                return order;
            x += n;
            y += n;
        } else if (*x != *y) {
            return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
        } else {
            x++;
            y++;
        }
    }
    if (*x || *y)
        return *x ? 1 : -1;
    return strcmp(a, b); /* 07 and 7 */
}

static nj_status take_prompt(nj_about *a, const char *text, size_t n,
                             nj_err *err)
{
    free(a->prompt);
    a->prompt = nj_strndup(text, n);
    if (!a->prompt)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a prompt");
    return NJ_OK;
}

static nj_status from_name(nj_about *a, const char *path, nj_err *err)
{
    nj_name_parts parts;

    if (!nj_name_parse(nj_path_name(path), &parts))
        return take_prompt(a, "", 0, err);
    a->iteration = parts.iteration;
    snprintf(a->seed, sizeof(a->seed), "%" PRIu64, parts.seed);
    return take_prompt(a, parts.text, parts.text_length, err);
}

static nj_status from_record(nj_about *a, const cJSON *job, nj_err *err)
{
    const cJSON *record = nj_json_get(job, "record");
    const char *prompt = nj_json_string(job, "prompt", NULL);
    const char *identity = nj_json_string(record, "identity", "");
    double score = nj_json_number(record, "score", NAN);
    uint64_t seed;

    if (nj_json_u64(nj_json_get(job, "seed"), &seed))
        snprintf(a->seed, sizeof(a->seed), "%" PRIu64, seed);
    if (strlen(identity) == sizeof(a->identity) - 1)
        memcpy(a->identity, identity, sizeof(a->identity));
    snprintf(a->preset, sizeof(a->preset), "%s",
             nj_json_string(record, "preset", ""));
    a->iteration =
        (int)nj_json_whole(record, "iteration", ITERATIONS_MAX, a->iteration);
    a->iterations = (int)nj_json_whole(record, "iterations", ITERATIONS_MAX, 0);
    a->scored = isfinite(score);
    a->score = a->scored ? score : 0;
    return prompt ? take_prompt(a, prompt, strlen(prompt), err) : NJ_OK;
}

/* A record that is no JSON object counts as none. */
static nj_status parse_record(nj_about *a, nj_err *err)
{
    cJSON *job;
    nj_status status = NJ_OK;

    if (!a->record)
        return NJ_OK;
    if (nj_json_parse(a->record, strlen(a->record), &job, NULL) != NJ_OK) {
        free(a->record);
        a->record = NULL;
        return NJ_OK;
    }
    if (cJSON_IsObject(job)) {
        status = from_record(a, job, err);
    } else {
        free(a->record);
        a->record = NULL;
    }
    cJSON_Delete(job);
    return status;
}

static nj_status find_texts(nj_about *a, const nj_map *map, nj_err *err)
{
    char *sheet = NULL;
    nj_status status = nj_png_find_text(map->bytes, map->n, NJ_RECORD_KEYWORD,
                                        &a->record, err);

    if (status == NJ_OK && !a->record) {
        status =
            nj_png_find_text(map->bytes, map->n, NJ_SHEET_KEYWORD, &sheet, err);
        a->sheet = sheet != NULL;
        free(sheet);
    }
    return status;
}

nj_status nj_about_read(const char *path, nj_about *out, nj_err *err)
{
    nj_map map;
    nj_status status;

    *out = (nj_about){.iteration = -1};
    status = nj_map_open(path, &map, err);
    if (status != NJ_OK)
        return status;
    if (map.n >= 8 && memcmp(map.bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        status = find_texts(out, &map, err);
    nj_map_close(&map);
    if (status != NJ_OK)
        return nj_err_add(err, "cannot read the record of '%s'", path);
    status = from_name(out, path, err);
    return status == NJ_OK ? parse_record(out, err) : status;
}

bool nj_about_sheet(const char *path)
{
    nj_about about;
    bool sheet = nj_about_read(path, &about, NULL) == NJ_OK && about.sheet;

    nj_about_release(&about);
    return sheet;
}

void nj_about_release(nj_about *a)
{
    free(a->record);
    free(a->prompt);
    *a = (nj_about){.iteration = -1};
}

bool nj_about_finished(const nj_about *a)
{
    return a->iterations == 0 || a->iteration + 1 >= a->iterations;
}
