/* Help: the table of commands and the table of options as text, as a manual
 * page, and as completions of shells.
 *
 * What stands in man/ and scripts/completions/ is what these functions write
 * (scripts/generate.sh); a test fails when it is not.
 */
#ifndef NJ_CLI_HELP_H
#define NJ_CLI_HELP_H

#include "base/str.h"
#include "cli/cli.h"

/* All commands, a line or two each. */
void nj_help_overview(nj_str *out);

/* One command with its options. */
void nj_help_command(const nj_cli_command *c, nj_str *out);

/* man(7) source of nightjar(1). */
void nj_help_man(nj_str *out);

void nj_help_bash(nj_str *out);
void nj_help_zsh(nj_str *out);
void nj_help_fish(nj_str *out);

#endif
