/* Ranking: which pictures, and the result as text; see rank.h. */
#include "album/rank.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "album/folder.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/path.h"
#include "job/names.h"

#define RANKING_BYTES_MAX ((size_t)1 << 30)

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a ranking");
}

static nj_status add_item(nj_ranking *r, const char *file, const char *prompt,
                          nj_ranked **item, nj_err *err)
{
    if (!nj_grow(&r->items, &r->capacity, r->count + 1, sizeof(*r->items)))
        return no_memory(err);
    *item = &r->items[r->count];
    **item = (nj_ranked){.file = nj_strdup(file),
                         .prompt = nj_strdup(prompt),
                         .duplicate_of = NJ_RANK_UNIQUE};
    r->count++;
    return (*item)->file && (*item)->prompt ? NJ_OK : no_memory(err);
}

/* ---- gathering ----------------------------------------------------------- */

static bool is_in(const nj_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

/* Sums of the CLIPs that the record names. Whether it tells of an upscaled
 * picture. */
static bool read_record(const nj_about *about, nj_list *guides, bool *upscaled)
{
    const cJSON *record;
    const cJSON *entry;
    cJSON *job = NULL;
    bool good = true;

    *upscaled = false;
    if (!about->record || nj_json_parse(about->record, strlen(about->record),
                                        &job, NULL) != NJ_OK)
        return true;
    record = nj_json_get(job, "record");
    *upscaled = nj_json_get(record, "upscale") != NULL;
    cJSON_ArrayForEach(entry, nj_json_get(record, "weights"))
    {
        const char *kind = nj_json_string(entry, "kind", "");
        const char *sum = nj_json_string(entry, "sha256", "");

        if (strcmp(kind, "clip") == 0 && sum[0] && !is_in(guides, sum))
            good = good && nj_list_add(guides, sum);
    }
    cJSON_Delete(job);
    return good;
}

static nj_status gather_one(const char *path, const char *name, nj_ranking *out,
                            nj_list *guides, nj_rank_gathered *tally,
                            nj_err *err)
{
    nj_name_parts parts;
    nj_ranked *item;
    nj_about about;
    bool upscaled;
    nj_status status = nj_about_read(path, &about, err);

    if (status == NJ_OK && !read_record(&about, guides, &upscaled))
        status = no_memory(err);
    if (status != NJ_OK) {
        nj_about_release(&about);
        return status;
    }
    upscaled = upscaled || (nj_name_parse(name, &parts) && parts.upscaled);
    if (about.sheet || upscaled || !nj_about_finished(&about)) {
        tally->left_out++;
    } else if (!nj_utf8_valid(name, strlen(name))) {
        status =
            nj_fail(err, NJ_E_FORMAT, "the name of '%s' is not UTF-8", path);
    } else if (!about.prompt[0]) {
        tally->promptless++;
    } else {
        status = add_item(out, name, about.prompt, &item, err);
        if (status == NJ_OK)
            memcpy(item->seed, about.seed, sizeof(item->seed));
    }
    nj_about_release(&about);
    return status;
}

nj_status nj_rank_gather(const char *folder, nj_ranking *out, nj_list *guides,
                         nj_rank_gathered *tally,
                         void (*skipped)(void *user, const nj_err *why),
                         void *user, nj_err *err)
{
    nj_list names = {0};
    nj_status status = nj_folder_list(folder, &names, err);

    *out = (nj_ranking){0};
    *tally = (nj_rank_gathered){0};
    for (size_t i = 0; i < names.count && status == NJ_OK; i++) {
        char *path = nj_path_join(folder, names.items[i]);
        nj_err why = {0};

        status =
            path ? gather_one(path, names.items[i], out, guides, tally, &why)
                 : no_memory(&why);
        free(path);
        if (status == NJ_E_MEMORY) {
            *err = why;
        } else if (status != NJ_OK) {
            tally->skipped++;
            if (skipped)
                skipped(user, &why);
            status = NJ_OK;
        }
    }
    nj_list_release(&names);
    return status;
}

/* ---- lines --------------------------------------------------------------- */

static const char *better_of(const nj_ranking *r, size_t place)
{
    size_t of = r->items[place].duplicate_of;

    return of == NJ_RANK_UNIQUE ? NULL : r->items[of].file;
}

/* Six digits after the point: more would be noise. */
static bool add_rounded(cJSON *o, const char *key, double value)
{
    char text[32];

    snprintf(text, sizeof(text), "%.6f", value);
    return cJSON_AddRawToObject(o, key, text) != NULL;
}

void nj_rank_json(const nj_ranking *ranking, size_t place, nj_str *out)
{
    const nj_ranked *item = &ranking->items[place];
    const char *better = better_of(ranking, place);
    cJSON *o = cJSON_CreateObject();
    char *text;
    bool good = o && cJSON_AddNumberToObject(o, "place", (double)place + 1) &&
                cJSON_AddStringToObject(o, "file", item->file) &&
                add_rounded(o, "score", item->score) &&
                cJSON_AddStringToObject(o, "prompt", item->prompt) &&
                cJSON_AddStringToObject(o, "seed", item->seed) &&
                (!better || cJSON_AddStringToObject(o, "duplicate_of", better));

    if (good && ranking->clips > 1) {
        cJSON *cosines = cJSON_AddArrayToObject(o, "cosines");

        for (size_t c = 0; c < ranking->clips && cosines; c++) {
            char number[32];

            snprintf(number, sizeof(number), "%.6f", item->cosines[c]);
            cJSON_AddItemToArray(cosines, cJSON_CreateRaw(number));
        }
    }
    text = good ? nj_json_print(o) : NULL;
    if (text)
        nj_str_addf(out, "%s\n", text);
    else
        out->failed = true;
    cJSON_free(text);
    cJSON_Delete(o);
}

/* A cell; one that a spreadsheet would take for a formula begins with '. */
static void add_cell(nj_str *out, const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;

    if (quoted)
        nj_str_addc(out, '"');
    if (text[0] && strchr("=+-@\t", text[0]))
        nj_str_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            nj_str_addc(out, '"');
        nj_str_addc(out, *text);
    }
    if (quoted)
        nj_str_addc(out, '"');
}

void nj_rank_csv_head(const nj_ranking *ranking, nj_str *out)
{
    nj_str_add(out, "place,file,score,prompt,seed,duplicate_of");
    for (size_t c = 0; c < ranking->clips; c++)
        nj_str_addf(out, ",cosine_%zu", c + 1);
    nj_str_add(out, "\r\n");
}

void nj_rank_csv(const nj_ranking *ranking, size_t place, nj_str *out)
{
    const nj_ranked *item = &ranking->items[place];
    const char *better = better_of(ranking, place);

    nj_str_addf(out, "%zu,", place + 1);
    add_cell(out, item->file);
    nj_str_addf(out, ",%.6f,", item->score);
    add_cell(out, item->prompt);
    nj_str_addf(out, ",%s,", item->seed);
    add_cell(out, better ? better : "");
    for (size_t c = 0; c < ranking->clips; c++)
        nj_str_addf(out, ",%.6f", item->cosines[c]);
    nj_str_add(out, "\r\n");
}

/* ---- the file ------------------------------------------------------------ */

nj_status nj_rank_write(const nj_ranking *ranking, const char *folder,
                        nj_err *err)
{
    char *path = nj_path_join(folder, NJ_RANKING_FILE);
    nj_str s = {0};
    nj_status status;

    for (size_t i = 0; i < ranking->count; i++)
        nj_rank_json(ranking, i, &s);
    if (!path || !nj_str_ok(&s))
        status = no_memory(err);
    else
        status =
            nj_file_write_atomic(path, s.text ? s.text : "", s.length, err);
    nj_str_release(&s);
    free(path);
    return status;
}

/* The place of a file among the earlier lines: duplicates come later than the
 * better picture. */
static size_t place_of(const nj_ranking *r, const char *file)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->items[i].file, file) == 0)
            return i;
    return NJ_RANK_UNIQUE;
}

static nj_status parse_line(const char *line, size_t n, nj_ranking *r,
                            nj_err *err)
{
    cJSON *o = NULL;
    nj_ranked *item = NULL;
    const char *file;
    const char *better;
    double score;
    nj_status status = nj_json_parse(line, n, &o, err);

    if (status != NJ_OK)
        return status;
    file = nj_json_string(o, "file", "");
    better = nj_json_string(o, "duplicate_of", "");
    score = nj_json_number(o, "score", NAN);
    if (!file[0] || !isfinite(score))
        status = nj_fail(err, NJ_E_FORMAT, "a line without file or score");
    else
        status = add_item(r, file, nj_json_string(o, "prompt", ""), &item, err);
    if (status == NJ_OK) {
        snprintf(item->seed, sizeof(item->seed), "%s",
                 nj_json_string(o, "seed", ""));
        item->score = score;
        item->duplicate_of = better[0] ? place_of(r, better) : NJ_RANK_UNIQUE;
    }
    cJSON_Delete(o);
    return status;
}

nj_status nj_rank_parse(const char *text, size_t n, nj_ranking *out,
                        nj_err *err)
{
    nj_status status = NJ_OK;

    *out = (nj_ranking){0};
    while (n > 0 && status == NJ_OK) {
        const char *end = memchr(text, '\n', n);
        size_t line = end ? (size_t)(end - text) : n;

        if (line > 0)
            status = parse_line(text, line, out, err);
        text += line + (end != NULL);
        n -= line + (end != NULL);
    }
    return status;
}

bool nj_rank_is_there(const char *folder)
{
    char *path = nj_path_join(folder, NJ_RANKING_FILE);
    bool there = path && access(path, F_OK) == 0;

    free(path);
    return there;
}

nj_status nj_rank_read(const char *folder, nj_ranking *out, nj_err *err)
{
    char *path = nj_path_join(folder, NJ_RANKING_FILE);
    char *bytes = NULL;
    size_t n = 0;
    nj_status status;

    *out = (nj_ranking){0};
    if (!path)
        return no_memory(err);
    if (!nj_rank_is_there(folder))
        status = nj_fail(err, NJ_E_USAGE,
                         "'%s' has no ranking: run nightjar rank on it first",
                         folder);
    else
        status = nj_file_read(path, RANKING_BYTES_MAX, &bytes, &n, err);
    if (status == NJ_OK) {
        status = nj_rank_parse(bytes, n, out, err);
        if (status != NJ_OK)
            nj_err_add(err, "cannot use '%s'", path);
    }
    free(bytes);
    free(path);
    return status;
}
