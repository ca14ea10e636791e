/* --help: the table as text, 80 columns wide. */
#include "job/options.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS     80
#define HELP_COLUMN 28

/* "  -o, --out DIR" */
static void add_names(nj_str *s, const nj_option *o)
{
    if (o->letter)
        nj_str_addf(s, "  -%c, --%s", o->letter, o->name);
    else
        nj_str_addf(s, "      --%s", o->name);
    if (o->value || o->type == NJ_OPT_CHOICE)
        nj_str_addf(s, " %s", o->value ? o->value : "NAME");
}

void nj_option_meaning(nj_str *s, const nj_option *o)
{
    const char *shown = o->shown ? o->shown : o->fallback;

    nj_str_add(s, o->help);
    if (o->type == NJ_OPT_CHOICE) {
        nj_str_add(s, ": ");
        for (const nj_option_word *w = o->words; w->name; w++)
            nj_str_addf(s, "%s%s", w == o->words ? "" : ", ", w->name);
    }
    if (shown && o->type != NJ_OPT_FLAG)
        nj_str_addf(s, " [%s]", shown);
}

void nj_help_wrap(nj_str *out, const char *text, size_t at, size_t column)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");

        if (at > column && at + 1 + n > COLUMNS - 1) {
            nj_str_addc(out, '\n');
            at = 0;
        }
        if (at > column) {
            nj_str_addc(out, ' ');
            at++;
        }
        for (; at < column; at++)
            nj_str_addc(out, ' ');
        nj_str_addn(out, p, n);
        at += n;
        p += n + (p[n] == ' ');
    }
    nj_str_addc(out, '\n');
}

static void add_option(nj_str *out, const nj_option *o)
{
    nj_str names = {0};
    nj_str meaning = {0};
    size_t at;

    add_names(&names, o);
    nj_option_meaning(&meaning, o);
    if (names.text && meaning.text) {
        at = names.length;
        nj_str_add(out, names.text);
        if (at + 2 > HELP_COLUMN) {
            nj_str_addc(out, '\n');
            at = 0;
        }
        nj_help_wrap(out, meaning.text, at, HELP_COLUMN);
    }
    nj_str_release(&names);
    nj_str_release(&meaning);
}

void nj_options_help(nj_str *out, nj_command command)
{
    int group = -1;

    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *o = nj_option_at(i);

        if (!(o->commands & (unsigned)command))
            continue;
        if ((int)o->group != group)
            nj_str_addf(out, "\n%s:\n", nj_option_group_name(o->group));
        group = (int)o->group;
        add_option(out, o);
    }
}

nj_value_kind nj_option_value_kind(const nj_option *o)
{
    if (o->type == NJ_OPT_FLAG)
        return NJ_VALUE_NONE;
    if (o->words || (o->value && strchr(o->value, '|')))
        return NJ_VALUE_WORDS;
    if (o->value && strncmp(o->value, "DIR", 3) == 0)
        return NJ_VALUE_FOLDER;
    if (o->value && (strncmp(o->value, "FILE", 4) == 0 ||
                     strncmp(o->value, "CARD", 4) == 0))
        return NJ_VALUE_FILE;
    if (o->value && strcmp(o->value, "PRESET") == 0)
        return NJ_VALUE_PRESET;
    if (o->value && strncmp(o->value, "NAME=", 5) == 0)
        return NJ_VALUE_SWEEP;
    return NJ_VALUE_FREE;
}

/* The lower-case members of "auto|cpu|cuda:N": the others are placeholders. */
static bool add_members(const char *value, nj_list *out)
{
    bool good = true;

    for (const char *p = value; *p && good;) {
        size_t n = strcspn(p, "|");

        if (strcspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= n)
            good = nj_list_addn(out, p, n);
        p += n + (p[n] == '|');
    }
    return good;
}

static bool add_swept(nj_list *out)
{
    bool good = true;

    for (size_t i = 0; i < nj_option_count() && good; i++) {
        const nj_option *o = nj_option_at(i);
        char name[64];

        if (!nj_option_may_sweep(o))
            continue;
        snprintf(name, sizeof(name), "%s=", o->name);
        good = nj_list_add(out, name);
    }
    return good;
}

bool nj_option_choices(const nj_option *o, nj_list *out)
{
    bool good = true;

    if (nj_option_value_kind(o) == NJ_VALUE_SWEEP)
        return add_swept(out);
    if (!o->words)
        return o->value && strchr(o->value, '|') ? add_members(o->value, out)
                                                 : true;
    for (const nj_option_word *w = o->words; w->name && good; w++)
        good = nj_list_add(out, w->name);
    return good;
}
