/* --help: the table as text, 80 columns wide. */
#include "job/options.h"

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

static void add_meaning(nj_str *s, const nj_option *o)
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

/* Appends words of `text` from column `at` on, wrapped at COLUMNS. */
static void add_wrapped(nj_str *out, const char *text, size_t at)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");

        if (at > HELP_COLUMN && at + 1 + n > COLUMNS - 1) {
            nj_str_addc(out, '\n');
            at = 0;
        }
        if (at > HELP_COLUMN) {
            nj_str_addc(out, ' ');
            at++;
        }
        for (; at < HELP_COLUMN; at++)
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
    add_meaning(&meaning, o);
    if (names.text && meaning.text) {
        at = names.length;
        nj_str_add(out, names.text);
        if (at + 2 > HELP_COLUMN) {
            nj_str_addc(out, '\n');
            at = 0;
        }
        add_wrapped(out, meaning.text, at);
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
