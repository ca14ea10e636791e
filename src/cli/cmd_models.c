/* nightjar models: what is known, what is here; nightjar models verify. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "job/models.h"

static const char *state_word(const nj_model *m)
{
    switch (m->state) {
    case NJ_MODEL_PRESENT:
        return "here";
    case NJ_MODEL_WRONG_SIZE:
        return "broken";
    default:
        return "-";
    }
}

static void add_size(uint64_t bytes, nj_str *out)
{
    if (bytes == 0)
        nj_str_add(out, "       ?");
    else if (bytes < 1000000000)
        nj_str_addf(out, "%5.0f MB", (double)bytes / 1e6);
    else
        nj_str_addf(out, "%5.1f GB", (double)bytes / 1e9);
}

static void print_json(const nj_model *m, const char *verdict, const char *hex)
{
    cJSON *o = cJSON_CreateObject();
    nj_str line = {0};

    cJSON_AddStringToObject(o, "name", m->name);
    cJSON_AddStringToObject(o, "kind", nj_model_kind_name(m->kind));
    cJSON_AddStringToObject(o, "file", m->file);
    cJSON_AddStringToObject(o, "path", m->path);
    cJSON_AddStringToObject(o, "card", m->card_path);
    cJSON_AddBoolToObject(o, "present", m->state == NJ_MODEL_PRESENT);
    cJSON_AddNumberToObject(o, "bytes", (double)m->bytes);
    cJSON_AddStringToObject(o, "sha256", hex ? hex : m->sha256);
    if (verdict)
        cJSON_AddStringToObject(o, "verdict", verdict);
    if (nj_json_add_line(o, &line))
        fputs(line.text, stdout);
    nj_str_release(&line);
}

/* One line; `after` stands at its end. */
static void print_line(const nj_model *m, const char *word, const char *after)
{
    nj_str s = {0};

    nj_str_addf(&s, "%-7s %-9s ", word, nj_model_kind_name(m->kind));
    add_size(m->found_bytes ? m->found_bytes : m->bytes, &s);
    nj_str_add(&s, "  ");
    nj_str_add_visible(&s, m->name, strlen(m->name));
    if (after[0]) {
        nj_str_add(&s, "  ");
        nj_str_add_visible(&s, after, strlen(after));
    }
    if (s.text)
        puts(s.text);
    nj_str_release(&s);
}

static int list(const nj_catalogue *c, const nj_list *folders, bool json)
{
    for (size_t i = 0; i < nj_catalogue_count(c); i++) {
        const nj_model *m = nj_catalogue_at(c, i);

        if (json)
            print_json(m, NULL, NULL);
        else
            print_line(m, state_word(m), m->title);
    }
    if (json)
        return NJ_EXIT_DONE;
    for (size_t i = 0; i < folders->count; i++) {
        nj_str s = {0};

        nj_str_add(&s, i ? "and in " : "looked in ");
        nj_str_add_visible(&s, folders->items[i], strlen(folders->items[i]));
        if (s.text)
            puts(s.text);
        nj_str_release(&s);
    }
    return NJ_EXIT_DONE;
}

static const char *verdict_word(nj_model_verdict v)
{
    static const char *const words[] = {
        [NJ_MODEL_GOOD] = "good",
        [NJ_MODEL_TRUSTED] = "trusted",
        [NJ_MODEL_UNKNOWN] = "unknown",
        [NJ_MODEL_DIFFERS] = "differs",
    };

    return words[v];
}

static int verify_one(const nj_model *m, bool json)
{
    nj_model_verdict verdict;
    char hex[65];
    nj_err err = {0};

    if (nj_model_verify(m, &verdict, hex, &err) != NJ_OK) {
        nj_cli_refuse(&err);
        return NJ_EXIT_NOTHING;
    }
    if (json)
        print_json(m, verdict_word(verdict), hex);
    else
        print_line(m, verdict_word(verdict), hex);
    return verdict == NJ_MODEL_DIFFERS ? NJ_EXIT_NOTHING : NJ_EXIT_DONE;
}

static int verify_all(const nj_catalogue *c, bool json)
{
    int exit = NJ_EXIT_DONE;

    for (size_t i = 0; i < nj_catalogue_count(c); i++) {
        const nj_model *m = nj_catalogue_at(c, i);

        if (m->state != NJ_MODEL_ABSENT && verify_one(m, json) != 0)
            exit = NJ_EXIT_NOTHING;
    }
    return exit;
}

/* All networks of that card or file name. */
static int verify_named(const nj_catalogue *c, const char *name, bool json)
{
    const char *near = nj_catalogue_nearest(c, NJ_MODEL_ANY, name);
    bool found = false;
    int exit = NJ_EXIT_DONE;
    nj_err err = {0};

    for (int kind = 0; kind < NJ_MODEL_KINDS; kind++) {
        const nj_model *m = nj_catalogue_find(c, (nj_model_kind)kind, name);

        if (!m)
            continue;
        found = true;
        if (verify_one(m, json) != 0)
            exit = NJ_EXIT_NOTHING;
    }
    if (found)
        return exit;
    nj_fail(&err, NJ_E_USAGE, "'%s' is no known model%s%s%s", name,
            near ? " (did you mean '" : "", near ? near : "",
            near ? "'?)" : "");
    return nj_cli_refuse(&err);
}

static int verify(const nj_catalogue *c, const nj_list *rest, bool json)
{
    int exit = NJ_EXIT_DONE;

    if (rest->count == 1)
        return verify_all(c, json);
    for (size_t i = 1; i < rest->count; i++) {
        int one = verify_named(c, rest->items[i], json);

        exit = one > exit ? one : exit;
    }
    return exit;
}

static int dispatch(const nj_invocation *in, const nj_catalogue *c,
                    const nj_list *folders)
{
    const nj_list *rest = in->rest;
    bool json = in->options->json;
    nj_err err = {0};

    if (rest->count == 0 ||
        (rest->count == 1 && strcmp(rest->items[0], "list") == 0))
        return list(c, folders, json);
    if (strcmp(rest->items[0], "verify") == 0)
        return verify(c, rest, json);
    nj_fail(&err, NJ_E_USAGE,
            "argument '%s' of models is not known, list or verify is expected",
            rest->items[0]);
    return nj_cli_refuse(&err);
}

int nj_cmd_models(const nj_invocation *in)
{
    nj_list folders = {0};
    nj_catalogue *c = NULL;
    nj_err err = {0};
    int exit;

    if (nj_models_open(in->options->models_dir, in->program_folder, &folders,
                       &c, &err) != NJ_OK)
        exit = nj_cli_refuse(&err);
    else
        exit = dispatch(in, c, &folders);
    nj_catalogue_free(c);
    nj_list_release(&folders);
    return exit;
}
