/* Command line: one file a command; the only layer that prints.
 *
 * Results go to standard output, errors to standard error as one line
 * "nightjar: cause". Exit status: 0 everything was done, 1 nothing could be
 * done, or what is only printed could not be written, 2 wrong command line or
 * job (nothing was touched), 3 some pictures failed, 130 interrupted and
 * resumable.
 */
#ifndef NJ_CLI_CLI_H
#define NJ_CLI_CLI_H

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "engine/engine.h"
#include "job/options.h"

enum {
    NJ_EXIT_DONE = 0,
    NJ_EXIT_NOTHING = 1,
    NJ_EXIT_USAGE = 2,
    NJ_EXIT_SOME = 3,
    NJ_EXIT_INTERRUPTED = 130
};

/* Opens the engine; the program's own is nj_engine_load, tests bring theirs. */
typedef nj_status (*nj_engine_opener)(const nj_engine_api **api, nj_err *err);

/* Prints an object on a line and frees it. */
void nj_cli_print(cJSON *o);

int nj_cli_main(int argc, char *const *argv, nj_engine_opener engine);

/* What a command gets: its options, the other arguments, and the folder of
 * the executable. */
typedef struct nj_invocation {
    const nj_options *options;
    const nj_list *rest;
    const char *program_folder;
    nj_engine_opener engine;
} nj_invocation;

/* One command of the table in cli.c. */
typedef struct nj_cli_command {
    const char *name;
    nj_command bit;
    int (*run)(const nj_invocation *in);
    const char *arguments; /* as --help shows them, "" for none */
    const char *about;     /* one paragraph, wrapped where it is shown */
} nj_cli_command;

size_t nj_cli_command_count(void);
const nj_cli_command *nj_cli_command_at(size_t i);
const nj_cli_command *nj_cli_command_find(const char *name);

int nj_cmd_generate(const nj_invocation *in);
int nj_cmd_plan(const nj_invocation *in);
int nj_cmd_models(const nj_invocation *in);
int nj_cmd_info(const nj_invocation *in);
int nj_cmd_reproduce(const nj_invocation *in);
int nj_cmd_status(const nj_invocation *in);
int nj_cmd_sheet(const nj_invocation *in);
int nj_cmd_gallery(const nj_invocation *in);
int nj_cmd_rank(const nj_invocation *in);
int nj_cmd_pick(const nj_invocation *in);
int nj_cmd_upscale(const nj_invocation *in);
int nj_cmd_index(const nj_invocation *in);
int nj_cmd_search(const nj_invocation *in);
int nj_cmd_bench(const nj_invocation *in);
int nj_cmd_presets(const nj_invocation *in);
int nj_cmd_help(const nj_invocation *in);
int nj_cmd_version(const nj_invocation *in);

/* Prints the refusal of an unknown command. */
int nj_cli_unknown_command(const char *name);

/* Prints "nightjar: text" and returns the exit status that fits the code of
 * an error from before any work. */
int nj_cli_refuse(const nj_err *err);

#endif
