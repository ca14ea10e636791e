/* The manual page: man(7) source from the tables of commands and options. Only
 * macros that every man program knows are used. */
#include <string.h>

#include "base/version.h"
#include "cli/help.h"

static const char head[] =
    ".\\\" Written by scripts/generate.sh from the tables of the program.\n";

static const char description[] =
    ".SH DESCRIPTION\n"
    "nightjar makes pictures from text with CLIP\\-guided diffusion. It is "
    "made\n"
    "for long runs: give it prompts and a number of seeds in the evening, and\n"
    "find one PNG for every prompt and seed in the morning.\n"
    ".PP\n"
    "Every picture holds a record of all that made it, and can be made again\n"
    "from the file alone. A run that ended early, for whatever reason, goes "
    "on\n"
    "when the same command is given again.\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nEverything was done.\n"
    ".TP\n.B 1\nNothing could be done.\n"
    ".TP\n.B 2\nThe command line or the job is wrong; nothing was touched.\n"
    ".TP\n.B 3\nSome pictures failed.\n"
    ".TP\n.B 130\nInterrupted; the same command goes on.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B NIGHTJAR_MODELS\nFolder of weight files and model cards;\n"
    "one that is not there is refused.\n"
    ".TP\n.B XDG_DATA_HOME\nWhere that folder is looked for otherwise, as\n"
    ".IR nightjar/models .\n"
    ".TP\n.B XDG_CACHE_HOME\nWhere the speed of earlier runs is kept, as\n"
    ".IR nightjar/speed.json ,\nfor estimates.\n"
    ".TP\n.B NO_COLOR\nNo colours on a terminal.\n"
    ".SH FILES\n"
    ".TP\n.I nightjar.jsonl\n"
    "In the folder of the pictures: what happened in the runs, one JSON "
    "object\n"
    "a line, each with a checksum.\n"
    ".SH EXAMPLES\n"
    ".EX\n"
    "nightjar generate \"a lighthouse at dusk\" \\-n 8 \\-o lighthouse\n"
    "nightjar plan \"a {red|blue} boat\" \\-\\-sweep cutn=16,32 \\-\\-seeds "
    "1..4\n"
    "nightjar generate \\-\\-prompts prompts.txt \\-o tonight\n"
    ".EE\n";

/* Text as roff shows it: no character of it is a command. */
static void add_text(nj_str *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '-')
            nj_str_add(out, "\\-");
        else if (*p == '\\')
            nj_str_add(out, "\\e");
        else if (*p == '\'')
            nj_str_add(out, "\\(aq");
        else if (*p == '.' && (p == text || p[-1] == ' '))
            nj_str_add(out, "\\&.");
        else
            nj_str_addc(out, *p);
    }
}

static void add_command(const nj_cli_command *c, nj_str *out)
{
    nj_str_addf(out, ".TP\n.B nightjar %s", c->name);
    if (c->arguments[0]) {
        nj_str_addc(out, ' ');
        add_text(out, c->arguments);
    }
    nj_str_addc(out, '\n');
    add_text(out, c->about);
    nj_str_add(out, ".\n");
}

/* Which commands take an option, unless all of them do. */
static void add_commands_of(const nj_option *o, nj_str *out)
{
    const char *before = "\n.br\nCommands: ";
    bool every = true;

    for (size_t i = 0; i < nj_cli_command_count(); i++)
        every = every && (o->commands & nj_cli_command_at(i)->bit);
    for (size_t i = 0; i < nj_cli_command_count() && !every; i++) {
        const nj_cli_command *c = nj_cli_command_at(i);

        if (!(o->commands & c->bit))
            continue;
        nj_str_addf(out, "%s%s", before, c->name);
        before = ", ";
    }
    nj_str_add(out, every ? "\n" : ".\n");
}

static void add_option(const nj_option *o, nj_str *out)
{
    nj_str meaning = {0};

    nj_str_add(out, ".TP\n.B ");
    if (o->letter)
        nj_str_addf(out, "\\-%c, ", o->letter);
    nj_str_add(out, "\\-\\-");
    add_text(out, o->name);
    if (o->type != NJ_OPT_FLAG) {
        nj_str_addc(out, ' ');
        add_text(out, o->value ? o->value : "NAME");
    }
    nj_str_addc(out, '\n');
    nj_option_meaning(&meaning, o);
    add_text(out, meaning.text ? meaning.text : "");
    nj_str_addc(out, '.');
    add_commands_of(o, out);
    nj_str_release(&meaning);
}

void nj_help_man(nj_str *out)
{
    int group = -1;

    nj_str_add(out, head);
    nj_str_addf(out, ".TH NIGHTJAR 1 \"\" \"nightjar %s\" \"User Commands\"\n",
                nj_version());
    nj_str_add(out, ".SH NAME\nnightjar \\- pictures from text, overnight\n"
                    ".SH SYNOPSIS\n.B nightjar\n.I COMMAND\n"
                    "[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n");
    nj_str_add(out, description);
    nj_str_add(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < nj_cli_command_count(); i++)
        add_command(nj_cli_command_at(i), out);
    nj_str_add(out,
               ".SH OPTIONS\n"
               "What stands in brackets is the default. Every option that\n"
               "decides about pictures may stand in a job file under its\n"
               "long name, with \\(aq_\\(aq for \\(aq\\-\\(aq.\n");
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *o = nj_option_at(i);

        if ((int)o->group != group)
            nj_str_addf(out, ".SS %s\n", nj_option_group_name(o->group));
        group = (int)o->group;
        add_option(o, out);
    }
    nj_str_add(out, tail);
}
