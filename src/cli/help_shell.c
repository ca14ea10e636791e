/* Completions for bash, zsh and fish from the tables of commands and options.
 * A shell offers commands, the options of the command that was typed, and
 * words, files or folders for their values. */
#include <string.h>

#include "cli/help.h"

static const char head[] = "Written by scripts/generate.sh from the tables of "
                           "the program.";

static bool takes(const nj_cli_command *c, const nj_option *o)
{
    return (o->commands & (unsigned)c->bit) != 0;
}

/* Words parted by blanks. */
static void add_words(const nj_option *o, nj_str *out)
{
    nj_list words = {0};

    if (!nj_option_choices(o, &words))
        out->failed = true;
    for (size_t i = 0; i < words.count; i++)
        nj_str_addf(out, "%s%s", i ? " " : "", words.items[i]);
    nj_list_release(&words);
}

static void add_names(const char *between, nj_str *out)
{
    for (size_t i = 0; i < nj_cli_command_count(); i++)
        nj_str_addf(out, "%s%s", i ? between : "", nj_cli_command_at(i)->name);
}

/* What a command's other arguments are. */
static bool takes_command(const nj_cli_command *c)
{
    return c->bit == NJ_CMD_HELP;
}

static bool takes_presets(const nj_cli_command *c)
{
    return c->bit == NJ_CMD_PRESETS;
}

/* ---- bash --------------------------------------------------------------- */

/* Users have presets of their own: the program knows them. */
static const char bash_presets[] =
    "_nightjar_presets()\n{\n"
    "    \"${COMP_WORDS[0]}\" presets 2>/dev/null | awk '{print $2}'\n"
    "}\n\n";

static const char bash_tail[] =
    "    case $word in\n"
    "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
    "    *)\n"
    "        if [ -n \"$words\" ]; then\n"
    "            COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
    "        else\n"
    "            COMPREPLY=($(compgen -f -- \"$word\"))\n"
    "        fi\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "complete -o filenames -F _nightjar nightjar\n";

static void add_bash_value(const nj_option *o, nj_str *out)
{
    nj_value_kind kind = nj_option_value_kind(o);

    if (kind == NJ_VALUE_NONE)
        return;
    nj_str_add(out, "    ");
    if (o->letter)
        nj_str_addf(out, "-%c | ", o->letter);
    nj_str_addf(out, "--%s)\n", o->name);
    if (kind == NJ_VALUE_WORDS || kind == NJ_VALUE_SWEEP) {
        nj_str_add(out, "        COMPREPLY=($(compgen -W \"");
        add_words(o, out);
        nj_str_add(out, "\" -- \"$word\"))\n");
        if (kind == NJ_VALUE_SWEEP) /* its values follow at once */
            nj_str_add(out, "        compopt +o filenames -o nospace "
                            "2>/dev/null\n");
    } else if (kind == NJ_VALUE_PRESET) {
        nj_str_add(out, "        COMPREPLY=($(compgen -W "
                        "\"$(_nightjar_presets)\" -- \"$word\"))\n");
    } else if (kind != NJ_VALUE_FREE) {
        nj_str_addf(out, "        COMPREPLY=($(compgen -%c -- \"$word\"))\n",
                    kind == NJ_VALUE_FOLDER ? 'd' : 'f');
    }
    nj_str_add(out, "        return\n        ;;\n");
}

static void add_bash_options(const nj_cli_command *c, nj_str *out)
{
    nj_str_addf(out, "    %s)\n        options=\"", c->name);
    for (size_t i = 0, n = 0; i < nj_option_count(); i++) {
        if (takes(c, nj_option_at(i)))
            nj_str_addf(out, "%s--%s", n++ ? " " : "", nj_option_at(i)->name);
    }
    nj_str_add(out, "\"\n");
    if (takes_command(c))
        nj_str_add(out, "        words=$commands\n");
    if (takes_presets(c))
        nj_str_add(out, "        words=$(_nightjar_presets)\n");
    nj_str_add(out, "        ;;\n");
}

void nj_help_bash(nj_str *out)
{
    nj_str_addf(out, "# bash completion of nightjar. %s\n\n", head);
    nj_str_add(out, bash_presets);
    nj_str_add(out, "_nightjar()\n{\n"
                    "    local word=${COMP_WORDS[COMP_CWORD]}\n"
                    "    local before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                    "    local options= words=\n"
                    "    local commands=\"");
    add_names(" ", out);
    nj_str_add(out, "\"\n\n"
                    "    COMPREPLY=()\n"
                    "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                    "        COMPREPLY=($(compgen -W \"$commands\" -- "
                    "\"$word\"))\n        return\n    fi\n"
                    "    case $before in\n");
    for (size_t i = 0; i < nj_option_count(); i++)
        add_bash_value(nj_option_at(i), out);
    nj_str_add(out, "    esac\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < nj_cli_command_count(); i++)
        add_bash_options(nj_cli_command_at(i), out);
    nj_str_add(out, "    esac\n");
    nj_str_add(out, bash_tail);
}

/* ---- zsh ---------------------------------------------------------------- */

/* Inside '...' of an _arguments specification. */
static void add_zsh_text(const char *text, nj_str *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            nj_str_add(out, "'\\''");
        else if (strchr("[]:\\", *text))
            nj_str_addf(out, "\\%c", *text);
        else
            nj_str_addc(out, *text);
    }
}

static void add_zsh_option(const nj_option *o, nj_str *out)
{
    nj_value_kind kind = nj_option_value_kind(o);

    nj_str_add(out, "            '");
    if (o->type == NJ_OPT_LIST)
        nj_str_addc(out, '*');
    else if (o->letter)
        nj_str_addf(out, "(-%c --%s)'{-%c,--%s}'", o->letter, o->name,
                    o->letter, o->name);
    if (o->type == NJ_OPT_LIST || !o->letter)
        nj_str_addf(out, "--%s", o->name);
    nj_str_addc(out, '[');
    add_zsh_text(o->help, out);
    nj_str_addc(out, ']');
    if (kind != NJ_VALUE_NONE) {
        nj_str_addf(out, ":%s:", o->name);
        if (kind == NJ_VALUE_FILE)
            nj_str_add(out, "_files");
        else if (kind == NJ_VALUE_FOLDER)
            nj_str_add(out, "_files -/");
        else if (kind == NJ_VALUE_WORDS) {
            nj_str words = {0};

            add_words(o, &words);
            nj_str_addc(out, '(');
            add_zsh_text(words.text ? words.text : "", out);
            nj_str_addc(out, ')');
            nj_str_release(&words);
        } else if (kind == NJ_VALUE_PRESET)
            nj_str_add(out, "_nightjar_presets");
        else if (kind == NJ_VALUE_SWEEP)
            nj_str_add(out, "_nightjar_sweeps");
    }
    nj_str_add(out, "' \\\n");
}

static const char zsh_presets[] = "_nightjar_presets()\n{\n"
                                  "    local -a names\n\n"
                                  "    names=(${(f)\"$($words[1] presets "
                                  "2>/dev/null | awk '{print $2}')\"})\n"
                                  "    compadd -a names\n"
                                  "}\n\n";

/* Their values follow at once: no blank. */
static void add_zsh_sweeps(nj_str *out)
{
    nj_str_add(out, "_nightjar_sweeps()\n{\n    compadd -S '' -- ");
    add_words(nj_option_find("sweep", 5), out);
    nj_str_add(out, "\n}\n\n");
}

static void add_zsh_others(const nj_cli_command *c, nj_str *out)
{
    if (takes_command(c)) {
        nj_str_add(out, "            '2:command:(");
        add_names(" ", out);
        nj_str_add(out, ")'");
    } else {
        nj_str_addf(out, "            '*:%s'",
                    takes_presets(c) ? "preset:_nightjar_presets"
                                     : "file:_files");
    }
    nj_str_add(out, "\n        ;;\n");
}

void nj_help_zsh(nj_str *out)
{
    nj_str_addf(out, "#compdef nightjar\n# %s\n\n", head);
    nj_str_add(out, zsh_presets);
    add_zsh_sweeps(out);
    nj_str_add(
        out,
        "_nightjar()\n{\n    if ((CURRENT == 2)); then\n        compadd -- ");
    add_names(" ", out);
    nj_str_add(out, "\n        return\n    fi\n    case $words[2] in\n");
    for (size_t i = 0; i < nj_cli_command_count(); i++) {
        const nj_cli_command *c = nj_cli_command_at(i);

        nj_str_addf(out, "    %s)\n        _arguments \\\n", c->name);
        for (size_t k = 0; k < nj_option_count(); k++) {
            if (takes(c, nj_option_at(k)))
                add_zsh_option(nj_option_at(k), out);
        }
        add_zsh_others(c, out);
    }
    nj_str_add(out, "    esac\n}\n\n_nightjar \"$@\"\n");
}

/* ---- fish --------------------------------------------------------------- */

static void add_fish_text(const char *text, nj_str *out)
{
    nj_str_addc(out, '\'');
    for (; *text; text++)
        nj_str_addf(out, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "",
                    *text);
    nj_str_addc(out, '\'');
}

static const char fish_presets[] = "(__nightjar_presets)";

static const char fish_head[] =
    "function __nightjar_presets\n"
    "    set -l words (commandline -opc)\n"
    "    $words[1] presets 2>/dev/null | awk '{print $2}'\n"
    "end\n\n";

static void add_fish_option(const nj_option *o, nj_str *out)
{
    nj_value_kind kind = nj_option_value_kind(o);
    const char *before = "";

    nj_str_add(out, "complete -c nightjar -n '__fish_seen_subcommand_from ");
    for (size_t i = 0; i < nj_cli_command_count(); i++) {
        if (!takes(nj_cli_command_at(i), o))
            continue;
        nj_str_addf(out, "%s%s", before, nj_cli_command_at(i)->name);
        before = " ";
    }
    nj_str_addf(out, "' -l %s", o->name);
    if (o->letter)
        nj_str_addf(out, " -s %c", o->letter);
    if (kind == NJ_VALUE_WORDS || kind == NJ_VALUE_SWEEP) {
        nj_str_add(out, " -x -a '");
        add_words(o, out);
        nj_str_add(out, "'");
    } else if (kind == NJ_VALUE_FOLDER) {
        nj_str_add(out, " -x -a '(__fish_complete_directories)'");
    } else if (kind == NJ_VALUE_PRESET) {
        nj_str_addf(out, " -x -a '%s'", fish_presets);
    } else if (kind != NJ_VALUE_NONE) {
        nj_str_add(out, kind == NJ_VALUE_FILE ? " -r -F" : " -x");
    }
    nj_str_add(out, " -d ");
    add_fish_text(o->help, out);
    nj_str_addc(out, '\n');
}

static void add_fish_others(const nj_cli_command *c, nj_str *out)
{
    if (!takes_command(c) && !takes_presets(c))
        return;
    nj_str_addf(out,
                "complete -c nightjar -n '__fish_seen_subcommand_from %s' "
                "-f -a '",
                c->name);
    if (takes_command(c))
        add_names(" ", out);
    else
        nj_str_add(out, fish_presets);
    nj_str_add(out, "'\n");
}

void nj_help_fish(nj_str *out)
{
    nj_str_addf(out, "# fish completion of nightjar. %s\n\n", head);
    nj_str_add(out, fish_head);
    for (size_t i = 0; i < nj_cli_command_count(); i++) {
        const nj_cli_command *c = nj_cli_command_at(i);

        nj_str_addf(out,
                    "complete -c nightjar -n __fish_use_subcommand -f -a %s "
                    "-d ",
                    c->name);
        add_fish_text(c->about, out);
        nj_str_addc(out, '\n');
        add_fish_others(c, out);
    }
    for (size_t i = 0; i < nj_option_count(); i++)
        add_fish_option(nj_option_at(i), out);
}
