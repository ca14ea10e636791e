/* nightjar reproduce: a picture made again from its file, and compared. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/signals.h"
#include "job/check.h"
#include "run/reproduce.h"

struct session {
    nj_engine_opener engine;
    nj_stop *stop;
};

static nj_status open_engine(void *user, const nj_engine_api **api, nj_err *err)
{
    struct session *s = user;

    return s->engine(api, err);
}

static bool on_step(void *user, int iteration, int iterations)
{
    struct session *s = user;

    (void)iteration;
    (void)iterations;
    return !nj_stop_soon(s->stop);
}

static const char *word_of(nj_likeness likeness)
{
    static const char *const words[] = {
        [NJ_SAME_FILE] = "identical",
        [NJ_SAME_PIXELS] = "same-pixels",
        [NJ_SAME_AS_MADE] = "edited",
        [NJ_DIFFERENT] = "different",
    };

    return words[likeness];
}

static void add_verdict(const nj_reproduction *r, nj_str *out)
{
    static const char *const texts[] = {
        [NJ_SAME_FILE] = "identical: every byte of the file\n",
        [NJ_SAME_PIXELS] = "identical pixels; the record differs\n",
        [NJ_SAME_AS_MADE] = "identical to the picture that was made; the file "
                            "was edited afterwards\n",
        [NJ_DIFFERENT] = "different\n",
    };

    if (r->likeness == NJ_SAME_PIXELS && r->change_count == 0)
        nj_str_add(out, "identical pixels and settings; the file has other "
                        "bytes besides\n");
    else
        nj_str_add(out, texts[r->likeness]);
    if (r->differing)
        nj_str_addf(out,
                    "  %llu of %llu pixels differ%s, by %d of 255 at most and "
                    "%.4g on average\n",
                    (unsigned long long)r->differing,
                    (unsigned long long)r->pixels, r->differing == 1 ? "s" : "",
                    r->max_difference, r->mean_difference);
}

static void add_text(const nj_reproduction *r, nj_str *out)
{
    add_verdict(r, out);
    for (size_t i = 0; i < r->change_count; i++) {
        const nj_change *c = &r->changes[i];

        nj_str_add(out, "  ");
        nj_str_add_visible(out, c->what, strlen(c->what));
        nj_str_add(out, ": then ");
        nj_str_add_visible(out, c->then, strlen(c->then));
        nj_str_add(out, ", now ");
        nj_str_add_visible(out, c->now, strlen(c->now));
        nj_str_addc(out, '\n');
    }
}

static void add_object(const char *path, const char *kept,
                       const nj_reproduction *r, nj_str *out)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *changes;

    cJSON_AddStringToObject(o, "file", path);
    cJSON_AddStringToObject(o, "result", word_of(r->likeness));
    cJSON_AddNumberToObject(o, "pixels", (double)r->pixels);
    cJSON_AddNumberToObject(o, "differing", (double)r->differing);
    cJSON_AddNumberToObject(o, "max_difference", r->max_difference);
    cJSON_AddNumberToObject(o, "mean_difference", r->mean_difference);
    changes = cJSON_AddArrayToObject(o, "changes");
    for (size_t i = 0; changes && i < r->change_count; i++) {
        cJSON *c = cJSON_CreateObject();

        cJSON_AddStringToObject(c, "what", r->changes[i].what);
        cJSON_AddStringToObject(c, "then", r->changes[i].then);
        cJSON_AddStringToObject(c, "now", r->changes[i].now);
        cJSON_AddItemToArray(changes, c);
    }
    if (kept)
        cJSON_AddStringToObject(o, "path", kept);
    nj_json_add_line(o, out);
}

/* Where --out keeps the new picture, NULL without it. A file that is there is
 * never overwritten. */
static nj_status choose_path(const nj_invocation *in, const char *file,
                             char **path, nj_err *err)
{
    nj_status status;

    *path = NULL;
    if (!nj_options_given(in->options, "out"))
        return NJ_OK;
    status = nj_check_out(in->options->out, true, err);
    if (status != NJ_OK)
        return nj_err_add(err, "option '--out'");
    *path = nj_path_join(in->options->out, nj_path_name(file));
    if (!*path)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
    return access(*path, F_OK) != 0
               ? NJ_OK
               : nj_fail(err, NJ_E_USAGE,
                         "option '--out': '%s' is there already", *path);
}

static int tell(const nj_invocation *in, const char *file, const char *kept,
                const nj_reproduction *r)
{
    nj_str out = {0};

    if (in->options->json)
        add_object(file, kept, r, &out);
    else
        add_text(r, &out);
    if (out.text && !in->options->quiet)
        fputs(out.text, stdout);
    nj_str_release(&out);
    return r->likeness == NJ_SAME_FILE || r->likeness == NJ_SAME_PIXELS
               ? NJ_EXIT_DONE
               : NJ_EXIT_SOME;
}

static int reproduce(const nj_invocation *in, const char *file,
                     const nj_record *record, const char *path)
{
    struct session s = {in->engine, nj_signals_catch()};
    nj_reproduce_config config = {
        in->options, in->program_folder, &s, open_engine, on_step,
    };
    nj_reproduction r;
    nj_err err = {0};
    nj_status status = nj_reproduce(&config, record, &r, &err);
    int exit;

    if (status == NJ_OK && path)
        status = nj_file_write_in_folder(path, r.bytes, r.size, &err);
    if (status == NJ_OK)
        exit = tell(in, file, path, &r);
    else if (status == NJ_E_INTERRUPTED)
        exit = NJ_EXIT_INTERRUPTED;
    else
        exit = nj_cli_refuse(&err) == NJ_EXIT_USAGE && status == NJ_E_USAGE
                   ? NJ_EXIT_USAGE
                   : NJ_EXIT_NOTHING;
    nj_reproduction_release(&r);
    return exit;
}

int nj_cmd_reproduce(const nj_invocation *in)
{
    const char *file;
    nj_record record = {0};
    char *path = NULL;
    nj_err err = {0};
    nj_status status;
    int exit;

    if (in->rest->count != 1) {
        nj_fail(&err, NJ_E_USAGE,
                "one picture is expected, such as: nightjar reproduce "
                "picture.png");
        return nj_cli_refuse(&err);
    }
    file = in->rest->items[0];
    status = nj_record_read(file, &record, &err);
    if (status == NJ_OK && !record.json)
        status = nj_fail(&err, NJ_E_USAGE, "'%s': %s", file,
                         nj_record_state_text(record.state));
    if (status == NJ_OK)
        status = choose_path(in, file, &path, &err);
    exit = status == NJ_OK ? reproduce(in, file, &record, path)
                           : nj_cli_refuse(&err);
    free(path);
    nj_record_release(&record);
    return exit;
}
