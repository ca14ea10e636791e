/* nightjar pick: copies of the pictures that were chosen. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "album/picks.h"
#include "album/rank.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/after.h"
#include "cli/signals.h"
#include "job/check.h"

#define DEFAULT_SHARE "5%"

struct picking {
    nj_after after;
    const char *folder;
    char *out;
    nj_list names;
    size_t made;
    size_t there;
    size_t failed;
};

/* ---- which --------------------------------------------------------------- */

static nj_status take_best(struct picking *p, const char *share, nj_err *err)
{
    const nj_options *o = p->after.options;
    nj_ranking ranking = {0};
    size_t *places = NULL;
    size_t count = 0;
    nj_status status = nj_rank_read(p->folder, &ranking, err);

    if (status == NJ_OK)
        status = nj_rank_top(&ranking, share, o->after.by == NJ_RANK_BY_PROMPT,
                             &places, &count, err);
    for (size_t i = 0; i < count && status == NJ_OK; i++) {
        const char *file = ranking.items[places[i]].file;

        if (!nj_picks_inside(file, strlen(file)))
            status = nj_fail(err, NJ_E_FORMAT,
                             "the ranking of '%s' names '%s', which is not in "
                             "it",
                             p->folder, file);
        else if (!nj_list_add(&p->names, file))
            status = nj_fail(err, NJ_E_MEMORY, "no memory for names");
    }
    free(places);
    nj_ranking_release(&ranking);
    return status;
}

static nj_status read_list(struct picking *p, const char *list, nj_err *err)
{
    nj_status status = nj_picks_read(list, false, &p->names, err);

    if (status == NJ_OK && p->names.count == 0)
        status =
            nj_fail(err, NJ_E_USAGE, "%s: a picture is expected, one a line",
                    strcmp(list, "-") == 0 ? "standard input" : list);
    return status;
}

/* The list that was named, else --top, else the folder's picks.txt, else the
 * best of its ranking. */
static nj_status choose(struct picking *p, const nj_invocation *in, nj_err *err)
{
    const char *list = in->rest->count > 1 ? in->rest->items[1] : NULL;
    const char *top = in->options->after.top;
    char *own;
    nj_status status;

    if (list && top)
        return nj_fail(err, NJ_E_USAGE,
                       "option '--top': '%s' is given with a list", top);
    if (list)
        return read_list(p, list, err);
    if (top)
        return take_best(p, top, err);
    own = nj_path_join(p->folder, NJ_PICKS_FILE);
    if (!own)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
    status = access(own, F_OK) == 0 ? read_list(p, own, err)
                                    : take_best(p, DEFAULT_SHARE, err);
    free(own);
    return status;
}

/* ---- copying ------------------------------------------------------------- */

static void tell_json(const char *name, const char *made, bool there)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "event", there ? "skipped" : "picked");
    cJSON_AddStringToObject(o, "file", name);
    cJSON_AddStringToObject(o, "made", made);
    nj_cli_print(o);
}

/* NJ_E_NO_SPACE ends the work: no other picture would fit either. */
static nj_status place(struct picking *p, const char *name, nj_err *err)
{
    const nj_options *o = p->after.options;
    char *path = nj_path_join(p->folder, name);
    char *made = NULL;
    nj_placed placed = NJ_PLACED;
    nj_status status =
        path ? nj_picks_place(path, p->out, o->after.link, &placed, &made, err)
             : nj_fail(err, NJ_E_MEMORY, "no memory for a path");

    if (status == NJ_OK) {
        p->made += placed == NJ_PLACED;
        p->there += placed != NJ_PLACED;
        if (o->json)
            tell_json(name, made, placed != NJ_PLACED);
    } else if (status != NJ_E_NO_SPACE) {
        p->failed++;
        nj_after_skipped(&p->after, err);
        status = NJ_OK;
    }
    free(made);
    free(path);
    return status;
}

static nj_status copy_all(struct picking *p, nj_err *err)
{
    const nj_stop *stop = nj_signals_catch();
    nj_status status = nj_check_out(p->out, false, err);

    for (size_t i = 0; i < p->names.count && status == NJ_OK; i++)
        status = nj_stop_soon(stop) ? nj_fail(err, NJ_E_INTERRUPTED, "stopped")
                                    : place(p, p->names.items[i], err);
    return status;
}

static nj_status prepare(struct picking *p, const nj_invocation *in,
                         nj_err *err)
{
    nj_status status;

    p->folder = nj_after_folder(in, 2, err);
    if (!p->folder)
        return NJ_E_USAGE;
    status = choose(p, in, err);
    if (status == NJ_OK && p->names.count == 0)
        status = nj_fail(err, NJ_E_USAGE, "no picture is chosen");
    if (status != NJ_OK)
        return status;
    p->out = in->options->after.out ? nj_path_join("", in->options->after.out)
                                    : nj_path_join(p->folder, "picks");
    if (!p->out)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
    return NJ_OK;
}

int nj_cmd_pick(const nj_invocation *in)
{
    struct picking p = {0};
    nj_err err = {0};
    int exit;

    nj_after_init(&p.after, in);
    if (prepare(&p, in, &err) != NJ_OK) {
        exit = nj_cli_refuse(&err);
    } else if (copy_all(&p, &err) != NJ_OK) {
        exit = nj_after_end(&p.after, &err, p.made > 0);
    } else {
        nj_show_note(&p.after.show,
                     "%zu picture%s %s to '%s', %zu were there already, %zu "
                     "failed",
                     p.made, p.made == 1 ? "" : "s",
                     in->options->after.link ? "linked" : "copied", p.out,
                     p.there, p.failed);
        exit = !p.failed          ? NJ_EXIT_DONE
               : p.made + p.there ? NJ_EXIT_SOME
                                  : NJ_EXIT_NOTHING;
    }
    free(p.out);
    nj_list_release(&p.names);
    return exit;
}
