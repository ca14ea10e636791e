/* nightjar search: pictures by text, by picture, by both. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "album/picks.h"
#include "album/search.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/after.h"
#include "job/check.h"
#include "job/share.h"

#define DEFAULT_TOP "20"

struct searching {
    nj_after after;
    const char *folder;
    nj_prompt query;
    nj_lens lens;
    nj_embeddings *embeddings;
    nj_found *hits;
    size_t count;
    size_t failed; /* copies */
};

static void release(struct searching *s)
{
    free(s->hits);
    nj_embeddings_free(s->embeddings);
    nj_lens_release(&s->lens);
    nj_prompt_release(&s->query);
}

/* Arguments behind the folder are parts of one query. */
static nj_status read_query(struct searching *s, const nj_invocation *in,
                            nj_err *err)
{
    nj_str text = {0};
    nj_status status;

    if (in->rest->count < 2)
        return nj_fail(err, NJ_E_USAGE,
                       "a query is expected, such as 'a boat | night:-0.5'");
    for (size_t i = 1; i < in->rest->count; i++)
        nj_str_addf(&text, "%s%s", i > 1 ? " | " : "", in->rest->items[i]);
    status = nj_str_ok(&text)
                 ? nj_prompt_parse(text.text, &s->query, err)
                 : nj_fail(err, NJ_E_MEMORY, "no memory for a query");
    nj_str_release(&text);
    return status;
}

/* The index must hold something of this network: else the words would be
 * compared with nothing. */
static nj_status open_index(struct searching *s, const nj_invocation *in,
                            nj_err *err)
{
    const nj_lens_config config = {in->options, in->program_folder, in->engine};
    const nj_list *named = &in->options->after.clip;
    char *path = nj_path_join(s->folder, NJ_EMBEDDINGS_FILE);
    nj_status status;

    if (!path)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
    if (named->count > 1)
        status = nj_fail(err, NJ_E_USAGE,
                         "option '--clip': %zu models are given, one expected",
                         named->count);
    else
        status = nj_lens_find(&config, named->count ? named->items[0] : NULL,
                              NULL, &s->lens, err);
    if (status == NJ_OK)
        status = nj_embeddings_open(path, s->lens.sha256, &s->embeddings, err);
    if (status == NJ_OK && nj_embeddings_count(s->embeddings) == 0)
        status = nj_fail(err, NJ_E_USAGE,
                         "'%s' has no index of '%s': run nightjar index on it "
                         "first, with the same --clip",
                         s->folder, s->lens.name);
    free(path);
    return status;
}

static nj_status find(struct searching *s, const nj_invocation *in, nj_err *err)
{
    const nj_options_after *o = &in->options->after;
    size_t all = nj_embeddings_count(s->embeddings);
    float *query = NULL;
    nj_status status =
        nj_search_vector(&s->lens, s->embeddings, &s->query, &query, err);
    const nj_search_ask ask = {
        .query = query,
        .folder = s->folder,
        .least = o->min_score,
        .most = nj_share_of(o->hits ? o->hits : DEFAULT_TOP, all),
    };

    if (status == NJ_OK)
        status = nj_search(s->embeddings, &ask, &s->hits, &s->count, err);
    free(query);
    return status;
}

static void add_json(const nj_found *hit, const char *made, nj_str *out)
{
    cJSON *o = cJSON_CreateObject();
    char number[32];
    char *text;

    snprintf(number, sizeof(number), "%.6f", hit->score);
    cJSON_AddStringToObject(o, "file", hit->picture->path);
    cJSON_AddRawToObject(o, "score", number);
    if (made)
        cJSON_AddStringToObject(o, "made", made);
    text = nj_json_print(o);
    nj_str_addf(out, "%s\n", text ? text : "");
    cJSON_free(text);
    cJSON_Delete(o);
}

static void print_hit(struct searching *s, const nj_found *hit,
                      const char *made)
{
    const nj_options *o = s->after.options;
    const char *path = hit->picture->path;
    nj_str out = {0};

    if (o->json) {
        add_json(hit, made, &out);
    } else if (o->after.names) {
        nj_str_addf(&out, "%s\n", path);
    } else {
        nj_str_addf(&out, "%8.4f  ", hit->score);
        nj_str_add_visible(&out, path, strlen(path));
        nj_str_addc(&out, '\n');
    }
    if (!o->quiet)
        nj_after_print(&out);
    nj_str_release(&out);
}

static nj_status copy(struct searching *s, const nj_found *hit, char **made,
                      nj_err *err)
{
    const nj_options_after *o = &s->after.options->after;
    char *path = nj_path_join(s->folder, hit->picture->path);
    nj_placed placed;
    nj_status status =
        path ? nj_picks_place(path, o->out, o->link, &placed, made, err)
             : nj_fail(err, NJ_E_MEMORY, "no memory for a path");

    free(path);
    if (status == NJ_OK || status == NJ_E_NO_SPACE)
        return status;
    s->failed++;
    nj_after_skipped(&s->after, err);
    return NJ_OK;
}

static nj_status show_hits(struct searching *s, nj_err *err)
{
    const char *out = s->after.options->after.out;
    nj_status status = out ? nj_check_out(out, false, err) : NJ_OK;

    for (size_t i = 0; i < s->count && status == NJ_OK; i++) {
        char *made = NULL;

        if (out)
            status = copy(s, &s->hits[i], &made, err);
        if (status == NJ_OK)
            print_hit(s, &s->hits[i], made);
        free(made);
    }
    return status;
}

int nj_cmd_search(const nj_invocation *in)
{
    struct searching s = {0};
    nj_err err = {0};
    int exit = NJ_EXIT_DONE;

    nj_after_init(&s.after, in);
    s.folder = nj_after_folder(in, (size_t)-1, &err);
    if (!s.folder)
        return nj_cli_refuse(&err);
    if (read_query(&s, in, &err) != NJ_OK || open_index(&s, in, &err) != NJ_OK)
        exit = nj_cli_refuse(&err);
    else if (find(&s, in, &err) != NJ_OK || show_hits(&s, &err) != NJ_OK)
        exit = nj_after_end(&s.after, &err, false);
    else if (s.failed)
        exit = s.failed < s.count ? NJ_EXIT_SOME : NJ_EXIT_NOTHING;
    release(&s);
    return exit;
}
