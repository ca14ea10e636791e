/* nightjar rank: how well pictures fit their prompts. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "album/rank.h"
#include "cli/after.h"
#include "cli/signals.h"

struct ranking {
    nj_after after;
    const char *folder;
    nj_ranking pictures;
    nj_rank_gathered gathered;
    nj_list guides; /* sums of the CLIPs that guided */
    nj_lens lenses[NJ_ENGINE_CLIPS_MAX];
    size_t lens_count;
    nj_embed_tally tally;
};

static void release(struct ranking *r)
{
    for (size_t i = 0; i < r->lens_count; i++)
        nj_lens_release(&r->lenses[i]);
    nj_list_release(&r->guides);
    nj_ranking_release(&r->pictures);
}

static nj_status find_lenses(struct ranking *r, const nj_invocation *in,
                             nj_err *err)
{
    const nj_lens_config config = {in->options, in->program_folder, in->engine};
    const nj_list *named = &in->options->after.clip;
    size_t count = named->count ? named->count : 1;
    nj_status status = NJ_OK;

    if (count > NJ_ENGINE_CLIPS_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "option '--clip': %zu models are given, at most %d "
                       "expected",
                       count, NJ_ENGINE_CLIPS_MAX);
    for (size_t i = 0; i < count && status == NJ_OK; i++) {
        status = nj_lens_find(&config, named->count ? named->items[i] : NULL,
                              &r->guides, &r->lenses[i], err);
        r->lens_count = i + 1;
    }
    return status;
}

/* A network that guided the pictures likes them more than others would. */
static void warn_of_guides(struct ranking *r)
{
    for (size_t i = 0; i < r->lens_count; i++)
        for (size_t g = 0; g < r->guides.count; g++)
            if (strcmp(r->lenses[i].sha256, r->guides.items[g]) == 0)
                fprintf(stderr,
                        "nightjar: '%s' guided these pictures: its scores "
                        "flatter them; name another CLIP with --clip\n",
                        r->lenses[i].name);
}

static void add_text(const nj_ranking *r, size_t place, nj_str *out)
{
    const nj_ranked *item = &r->items[place];

    nj_str_addf(out, "%5zu  %8.4f  ", place + 1, item->score);
    nj_str_add_visible(out, item->file, strlen(item->file));
    if (item->duplicate_of != NJ_RANK_UNIQUE)
        nj_str_addf(out, "  (nearly the same as %zu)", item->duplicate_of + 1);
    nj_str_addc(out, '\n');
}

static void add_line(const nj_options *o, const nj_ranking *r, size_t place,
                     nj_str *out)
{
    if (o->after.names)
        nj_str_addf(out, "%s\n", r->items[place].file);
    else if (o->json)
        nj_rank_json(r, place, out);
    else if (o->after.csv)
        nj_rank_csv(r, place, out);
    else
        add_text(r, place, out);
}

static nj_status print(const struct ranking *r, nj_err *err)
{
    const nj_options *o = r->after.options;
    size_t *places = NULL;
    size_t count = r->pictures.count;
    nj_str s = {0};

    if (o->after.top && nj_rank_top(&r->pictures, o->after.top,
                                    o->after.by == NJ_RANK_BY_PROMPT, &places,
                                    &count, err) != NJ_OK)
        return err->code;
    if (o->after.csv && !o->json && !o->after.names)
        nj_rank_csv_head(&r->pictures, &s);
    for (size_t i = 0; i < count; i++)
        add_line(o, &r->pictures, places ? places[i] : i, &s);
    free(places);
    if (!o->quiet)
        nj_after_print(&s);
    nj_str_release(&s);
    return NJ_OK;
}

static void tell(const struct ranking *r)
{
    size_t duplicates = 0;
    const nj_rank_gathered *g = &r->gathered;

    if (r->after.options->quiet)
        return;
    for (size_t i = 0; i < r->pictures.count; i++)
        duplicates += r->pictures.items[i].duplicate_of != NJ_RANK_UNIQUE;
    fprintf(stderr,
            "%zu picture%s ranked, %zu of them nearly the same as a "
            "better one",
            r->pictures.count, r->pictures.count == 1 ? "" : "s", duplicates);
    if (g->skipped + r->tally.skipped)
        fprintf(stderr, ", %zu skipped", g->skipped + r->tally.skipped);
    if (g->promptless)
        fprintf(stderr, ", %zu without a prompt", g->promptless);
    fputc('\n', stderr);
}

/* What can be known to be wrong before a network is loaded. */
static nj_status prepare(struct ranking *r, const nj_invocation *in,
                         nj_err *err)
{
    nj_status status;

    r->folder = nj_after_folder(in, 1, err);
    if (!r->folder)
        return NJ_E_USAGE;
    status = nj_rank_gather(r->folder, &r->pictures, &r->guides, &r->gathered,
                            nj_after_skipped, &r->after, err);
    if (status == NJ_OK && r->pictures.count == 0)
        status = nj_fail(err, NJ_E_USAGE, "'%s' holds no pictures with prompts",
                         r->folder);
    return status == NJ_OK ? find_lenses(r, in, err) : status;
}

static nj_status work(struct ranking *r, nj_err *err)
{
    nj_embed_job job = {
        .folder = r->folder,
        .stop = nj_signals_catch(),
        .user = &r->after,
        .skipped = nj_after_skipped,
        .progress = nj_after_progress,
    };
    nj_status status;

    warn_of_guides(r);
    status =
        nj_rank(&job, r->lenses, r->lens_count, r->after.options->after.near,
                &r->pictures, &r->tally, err);
    if (status == NJ_OK)
        status = nj_rank_write(&r->pictures, r->folder, err);
    return status == NJ_OK ? print(r, err) : status;
}

int nj_cmd_rank(const nj_invocation *in)
{
    struct ranking r = {0};
    nj_err err = {0};
    int exit;

    nj_after_init(&r.after, in);
    if (prepare(&r, in, &err) != NJ_OK) {
        exit = nj_cli_refuse(&err);
    } else if (work(&r, &err) != NJ_OK) {
        exit = nj_after_end(&r.after, &err, false);
    } else {
        tell(&r);
        exit =
            r.gathered.skipped + r.tally.skipped ? NJ_EXIT_SOME : NJ_EXIT_DONE;
    }
    release(&r);
    return exit;
}
