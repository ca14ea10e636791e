/* Telling about pages of pictures: see pages.h. */
#include "cli/pages.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"

void nj_pages_skipped(void *user, const nj_err *why)
{
    const nj_options *o = user;
    cJSON *line;

    if (!o->json) {
        fprintf(stderr, "skipped: %s\n", why->text);
        return;
    }
    line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "event", "skipped");
    cJSON_AddStringToObject(line, "reason", why->text);
    nj_cli_print(line);
}

static void tell_json(const nj_pages_told *t)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *files = cJSON_AddArrayToObject(o, "files");

    for (size_t i = 0; i < t->file_count; i++)
        cJSON_AddItemToArray(files, cJSON_CreateString(t->files[i]));
    cJSON_AddNumberToObject(o, "pictures", (double)t->pictures);
    cJSON_AddNumberToObject(o, "skipped", (double)t->skipped);
    cJSON_AddNumberToObject(o, "intermediate", (double)t->intermediate);
    if (t->removed)
        cJSON_AddNumberToObject(o, "removed", (double)t->removed);
    nj_cli_print(o);
}

static void tell(const nj_pages_told *t)
{
    nj_str s = {0};

    for (size_t i = 0; i < t->file_count; i++) {
        nj_str_add_visible(&s, t->files[i], strlen(t->files[i]));
        nj_str_addc(&s, '\n');
    }
    nj_str_addf(&s, "%zu picture%s", t->pictures, t->pictures == 1 ? "" : "s");
    if (t->skipped)
        nj_str_addf(&s, ", %zu skipped", t->skipped);
    if (t->intermediate)
        nj_str_addf(&s, ", %zu intermediate one%s left out (--all shows %s)",
                    t->intermediate, t->intermediate == 1 ? "" : "s",
                    t->intermediate == 1 ? "it" : "them");
    if (t->removed)
        nj_str_addf(&s, ", %zu page%s of an earlier sheet removed", t->removed,
                    t->removed == 1 ? "" : "s");
    if (s.text)
        puts(s.text);
    nj_str_release(&s);
}

int nj_pages_tell(const nj_options *o, const nj_pages_told *t)
{
    bool empty = t->pictures + t->skipped + t->intermediate == 0;
    nj_err why = {0};

    if (o->json)
        tell_json(t);
    else if (!o->quiet && !empty)
        tell(t);
    if (empty) {
        nj_fail(&why, NJ_E_IO, "no picture is in '%s'", t->where);
        nj_cli_refuse(&why);
    }
    if (t->pictures == 0)
        return NJ_EXIT_NOTHING;
    return t->skipped ? NJ_EXIT_SOME : NJ_EXIT_DONE;
}
