/* nightjar index: looks at pictures, so that search finds them. */
#include "cli/cli.h"

#include <stdio.h>

#include "album/embed_folder.h"
#include "album/search.h"
#include "base/json.h"
#include "cli/after.h"
#include "cli/signals.h"

static nj_status find_lens(const nj_invocation *in, nj_lens *lens, nj_err *err)
{
    const nj_lens_config config = {in->options, in->program_folder, in->engine};
    const nj_list *named = &in->options->after.clip;

    if (named->count > 1)
        return nj_fail(err, NJ_E_USAGE,
                       "option '--clip': %zu models are given, one expected",
                       named->count);
    return nj_lens_find(&config, named->count ? named->items[0] : NULL, NULL,
                        lens, err);
}

static void tell(nj_after *a, const nj_embed_tally *t, size_t all)
{
    cJSON *o;

    if (!a->options->json) {
        nj_show_note(
            &a->show,
            "%zu picture%s in the index: %zu new or changed, %zu known, "
            "%zu gone, %zu skipped%s",
            all, all == 1 ? "" : "s", t->embedded, t->known, t->removed,
            t->skipped, t->sheets ? "; contact sheets are left out" : "");
        return;
    }
    o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "event", "indexed");
    cJSON_AddNumberToObject(o, "pictures", (double)all);
    cJSON_AddNumberToObject(o, "embedded", (double)t->embedded);
    cJSON_AddNumberToObject(o, "known", (double)t->known);
    cJSON_AddNumberToObject(o, "removed", (double)t->removed);
    cJSON_AddNumberToObject(o, "skipped", (double)t->skipped);
    cJSON_AddNumberToObject(o, "sheets", (double)t->sheets);
    nj_cli_print(o);
}

struct indexing {
    nj_after after;
    const char *folder;
    nj_lens lens;
    nj_list names;
    nj_embeddings *embeddings;
    nj_embed_tally tally;
};

static nj_status prepare(struct indexing *x, const nj_invocation *in,
                         nj_err *err)
{
    nj_status status;

    x->folder = nj_after_folder(in, 1, err);
    if (!x->folder)
        return NJ_E_USAGE;
    status = find_lens(in, &x->lens, err);
    return status == NJ_OK ? nj_embed_walk(x->folder, &x->names, err) : status;
}

static nj_status work(struct indexing *x, nj_err *err)
{
    const char *prefix = x->after.options->after.export_to;
    const nj_embed_job job = {
        .folder = x->folder,
        .names = &x->names,
        .prune = true,
        .stop = nj_signals_catch(),
        .user = &x->after,
        .skipped = nj_after_skipped,
        .progress = nj_after_progress,
    };
    nj_status status =
        nj_embed_folder(&job, &x->lens, &x->embeddings, &x->tally, err);

    if (status == NJ_OK && prefix)
        status = nj_search_export(x->embeddings, prefix, err);
    return status;
}

int nj_cmd_index(const nj_invocation *in)
{
    struct indexing x = {0};
    nj_err err = {0};
    int exit = NJ_EXIT_DONE;

    nj_after_init(&x.after, in);
    if (prepare(&x, in, &err) != NJ_OK) {
        exit = nj_cli_refuse(&err);
    } else if (work(&x, &err) != NJ_OK) {
        exit = nj_after_end(&x.after, &err, x.tally.embedded > 0);
    } else {
        tell(&x.after, &x.tally, nj_embeddings_count(x.embeddings));
        if (x.tally.skipped)
            exit = x.tally.embedded + x.tally.known ? NJ_EXIT_SOME
                                                    : NJ_EXIT_NOTHING;
    }
    nj_embeddings_free(x.embeddings);
    nj_lens_release(&x.lens);
    nj_list_release(&x.names);
    return exit;
}
