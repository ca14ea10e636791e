/* nightjar status: how the runs in a folder stand. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/number.h"
#include "cli/cli.h"
#include "run/overview.h"
#include "run/progress.h"

#define FAILURES_SHOWN 20

static void add_visible(nj_str *out, const char *text)
{
    nj_str_add_visible(out, text, strlen(text));
}

static size_t open_pictures(const nj_overview *o)
{
    size_t settled = o->done + o->failed + o->held;

    return o->planned > settled ? o->planned - settled : 0;
}

static void add_speed(const nj_overview *o, int64_t now, nj_str *out)
{
    if (o->per_hour > 0) {
        nj_str_add(out, "  speed     ");
        nj_rate_text(o->per_hour, out);
        nj_str_add(out, " pictures an hour\n");
    }
    if (o->seconds_left >= 0) {
        nj_str_add(out, "  left      ");
        nj_duration_text(o->seconds_left, out);
        nj_str_add(out, ", until ");
        nj_clock_text(now + nj_whole_of(o->seconds_left), now, out);
        nj_str_addc(out, '\n');
    }
    if (o->free_known) {
        nj_str_add(out, "  disk      ");
        nj_bytes_text(o->free_bytes, false, out);
        nj_str_add(out, " free\n");
    }
}

static void add_worker(const nj_worker *w, nj_str *out)
{
    static const char *const states[] = {
        [NJ_WORKER_RUNS] = "runs",
        [NJ_WORKER_STOPPED] = "is stopped and holds its pictures",
        [NJ_WORKER_ELSEWHERE] = "ran on another machine when it last wrote",
        [NJ_WORKER_DONE] = "is done",
        [NJ_WORKER_INTERRUPTED] = "was interrupted; the same command goes on",
        [NJ_WORKER_GAVE_UP] = "gave up",
        [NJ_WORKER_DIED] = "ended without a word; the same command goes on",
    };

    nj_str_addf(out, "  process   %ld on ", w->pid);
    add_visible(out, w->host);
    if (w->shards > 1)
        nj_str_addf(out, ", shard %d of %d", w->shard, w->shards);
    nj_str_addf(out, ": made %zu, %s", w->made, states[w->state]);
    if (w->state == NJ_WORKER_GAVE_UP && w->why && w->why[0]) {
        nj_str_add(out, ": ");
        add_visible(out, w->why);
    }
    nj_str_addc(out, '\n');
    if (w->file) {
        nj_str_add(out, "            has ");
        add_visible(out, w->file);
        nj_str_addc(out, '\n');
    }
}

static void add_failures(const nj_overview *o, nj_str *out)
{
    for (size_t i = 0; i < o->failed && i < FAILURES_SHOWN; i++) {
        nj_str_add(out, "  failed    ");
        add_visible(out, o->failures[i].file);
        nj_str_add(out, ": ");
        add_visible(out, o->failures[i].why);
        nj_str_addc(out, '\n');
    }
    if (o->failed > FAILURES_SHOWN)
        nj_str_addf(out, "            and %zu more (--json names all)\n",
                    o->failed - FAILURES_SHOWN);
}

/* All that run, and of those that ended the last ones: several when they shared
 * the work. */
static bool is_shown(const nj_overview *o, size_t i)
{
    nj_worker_state state = o->workers[i].state;

    return state == NJ_WORKER_RUNS || state == NJ_WORKER_STOPPED ||
           !nj_worker_replaced(o, i);
}

static void add_text(const char *folder, const nj_overview *o, int64_t now,
                     nj_str *out)
{
    add_visible(out, folder);
    nj_str_addf(out, ": %s\n",
                o->stopped                          ? "stopped"
                : o->running                        ? "running"
                : o->done >= o->planned             ? "all made"
                : o->done + o->failed >= o->planned ? "worked off"
                                                    : "not running");
    nj_str_addf(out, "  pictures  %zu of %zu made", o->done, o->planned);
    if (o->failed)
        nj_str_addf(out, ", %zu failed", o->failed);
    if (o->held)
        nj_str_addf(out, ", %zu being made", o->held);
    nj_str_addf(out, ", %zu to do\n", open_pictures(o));
    if (o->shards > 1)
        nj_str_addf(out, "  shards    %d of %d %s begun\n", o->shards_begun,
                    o->shards, o->shards_begun == 1 ? "has" : "have");
    add_speed(o, now, out);
    for (size_t i = 0; i < o->worker_count; i++) {
        if (is_shown(o, i))
            add_worker(&o->workers[i], out);
    }
    add_failures(o, out);
    if (o->torn)
        nj_str_addf(out, "  note      %zu line%s of the manifest %s broken\n",
                    o->torn, o->torn == 1 ? "" : "s",
                    o->torn == 1 ? "is" : "are");
}

/* ---- JSON ---------------------------------------------------------------- */

static cJSON *worker_json(const nj_worker *w)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddNumberToObject(o, "pid", (double)w->pid);
    cJSON_AddStringToObject(o, "host", w->host);
    cJSON_AddStringToObject(o, "device", w->device);
    cJSON_AddNumberToObject(o, "shard", w->shard);
    cJSON_AddNumberToObject(o, "shards", w->shards);
    cJSON_AddStringToObject(o, "state", nj_worker_state_word(w->state));
    cJSON_AddNumberToObject(o, "planned", (double)w->planned);
    cJSON_AddNumberToObject(o, "made", (double)w->made);
    cJSON_AddNumberToObject(o, "began", (double)w->began);
    cJSON_AddNumberToObject(o, "ended", (double)w->ended);
    if (w->file)
        cJSON_AddStringToObject(o, "file", w->file);
    if (w->why && w->why[0])
        cJSON_AddStringToObject(o, "reason", w->why);
    return o;
}

static void add_lists(cJSON *all, const nj_overview *o)
{
    cJSON *workers = cJSON_AddArrayToObject(all, "processes");
    cJSON *failures = cJSON_AddArrayToObject(all, "failures");

    for (size_t i = 0; workers && i < o->worker_count; i++)
        cJSON_AddItemToArray(workers, worker_json(&o->workers[i]));
    for (size_t i = 0; failures && i < o->failed; i++) {
        cJSON *f = cJSON_CreateObject();

        cJSON_AddStringToObject(f, "file", o->failures[i].file);
        cJSON_AddStringToObject(f, "reason", o->failures[i].why);
        cJSON_AddItemToArray(failures, f);
    }
}

static void add_json(const char *folder, const nj_overview *o, nj_str *out)
{
    cJSON *all = cJSON_CreateObject();

    cJSON_AddStringToObject(all, "folder", folder);
    cJSON_AddBoolToObject(all, "running", o->running);
    cJSON_AddBoolToObject(all, "stopped", o->stopped);
    cJSON_AddNumberToObject(all, "planned", (double)o->planned);
    cJSON_AddNumberToObject(all, "made", (double)o->done);
    cJSON_AddNumberToObject(all, "failed", (double)o->failed);
    cJSON_AddNumberToObject(all, "held", (double)o->held);
    cJSON_AddNumberToObject(all, "open", (double)open_pictures(o));
    cJSON_AddNumberToObject(all, "shards", o->shards);
    cJSON_AddNumberToObject(all, "shards_begun", o->shards_begun);
    nj_json_add_known(all, "pictures_per_hour", o->per_hour, o->per_hour > 0);
    nj_json_add_known(all, "seconds_left", o->seconds_left,
                      o->seconds_left >= 0);
    nj_json_add_known(all, "free_bytes", (double)o->free_bytes, o->free_known);
    cJSON_AddNumberToObject(all, "broken_lines", (double)o->torn);
    add_lists(all, o);
    nj_json_add_line(all, out);
}

static int show(const char *folder, bool json)
{
    int64_t now = (int64_t)time(NULL);
    nj_overview overview;
    nj_str out = {0};
    nj_err err = {0};
    nj_status status = nj_overview_read(folder, now, &overview, &err);

    if (status == NJ_OK && json)
        add_json(folder, &overview, &out);
    else if (status == NJ_OK)
        add_text(folder, &overview, now, &out);
    if (out.text)
        fputs(out.text, stdout);
    nj_str_release(&out);
    nj_overview_release(&overview);
    return status == NJ_OK ? NJ_EXIT_DONE : nj_cli_refuse(&err);
}

int nj_cmd_status(const nj_invocation *in)
{
    const nj_list *rest = in->rest;
    int exit = NJ_EXIT_DONE;
    nj_err err = {0};

    if (rest->count == 0) {
        nj_fail(&err, NJ_E_USAGE,
                "a folder is expected, such as: nightjar "
                "status pictures");
        return nj_cli_refuse(&err);
    }
    for (size_t i = 0; i < rest->count; i++) {
        int one = show(rest->items[i], in->options->json);

        exit = one > exit ? one : exit;
    }
    return exit;
}
