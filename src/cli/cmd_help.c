/* nightjar help and nightjar version. */
#include <stdio.h>

#include "base/version.h"
#include "cli/help.h"

#define COLUMN 6

void nj_help_overview(nj_str *out)
{
    nj_str_add(out, "nightjar makes pictures from text: CLIP-guided diffusion, "
                    "overnight.\n\n"
                    "Usage: nightjar COMMAND [ARGUMENTS] [OPTIONS]\n\n"
                    "Commands:\n");
    for (size_t i = 0; i < nj_cli_command_count(); i++) {
        const nj_cli_command *c = nj_cli_command_at(i);

        nj_str_addf(out, "  %s%s%s\n", c->name, c->arguments[0] ? " " : "",
                    c->arguments);
        nj_help_wrap(out, c->about, 0, COLUMN);
    }
    nj_str_add(out, "\nnightjar COMMAND --help explains a command.\n");
}

void nj_help_command(const nj_cli_command *c, nj_str *out)
{
    nj_str_addf(out, "Usage: nightjar %s%s%s [OPTIONS]\n\n", c->name,
                c->arguments[0] ? " " : "", c->arguments);
    nj_help_wrap(out, c->about, 0, 0);
    nj_options_help(out, c->bit);
}

static void add_page(nj_help_format format, const nj_cli_command *c,
                     nj_str *out)
{
    switch (format) {
    case NJ_HELP_MAN:
        nj_help_man(out);
        break;
    case NJ_HELP_BASH:
        nj_help_bash(out);
        break;
    case NJ_HELP_ZSH:
        nj_help_zsh(out);
        break;
    case NJ_HELP_FISH:
        nj_help_fish(out);
        break;
    case NJ_HELP_TEXT:
        if (c)
            nj_help_command(c, out);
        else
            nj_help_overview(out);
        break;
    }
}

int nj_cmd_help(const nj_invocation *in)
{
    const char *name = in->rest->count ? in->rest->items[0] : NULL;
    const nj_cli_command *c = name ? nj_cli_command_find(name) : NULL;
    nj_str page = {0};
    nj_err err = {0};

    if (name && !c)
        return nj_cli_unknown_command(name);
    add_page(in->options->format, c, &page);
    if (nj_str_ok(&page))
        fputs(page.text, stdout);
    else
        nj_fail(&err, NJ_E_MEMORY, "no memory for help");
    nj_str_release(&page);
    return err.code == NJ_OK ? NJ_EXIT_DONE : nj_cli_refuse(&err);
}

int nj_cmd_version(const nj_invocation *in)
{
    (void)in;
    printf("nightjar %s (%s)\n", nj_version(), nj_version_commit());
    return NJ_EXIT_DONE;
}
