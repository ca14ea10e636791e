/* Commands: which there are, and what all of them share. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/version.h"
#include "job/engine_load.h"

static const struct command {
    const char *name;
    nj_command bit;
    int (*run)(const nj_invocation *in);
    const char *usage;
    const char *about;
} commands[] = {
    {"generate", NJ_CMD_GENERATE, nj_cmd_generate,
     "generate PROMPT|JOB.json...",
     "make pictures from prompts; 'a | b:0.5' weights the parts of one,\n"
     "      '{red|blue} boat' is two"},
    {"plan", NJ_CMD_PLAN, nj_cmd_plan, "plan PROMPT|JOB.json...",
     "say what generate would make, and what it would cost"},
    {"models", NJ_CMD_MODELS, nj_cmd_models, "models [verify [NAME...]]",
     "list known models and which are here, or check their sums"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

int nj_cli_refuse(const nj_err *err)
{
    fprintf(stderr, "nightjar: %s\n", err->text);
    return NJ_EXIT_USAGE;
}

static int print_version(void)
{
    printf("nightjar %s (%s)\n", nj_version(), nj_version_commit());
    return NJ_EXIT_DONE;
}

static int print_overview(void)
{
    puts("nightjar makes pictures from text: CLIP-guided diffusion, overnight."
         "\n\nUsage: nightjar COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-26s\n      %s\n", commands[i].usage, commands[i].about);
    puts("  help [COMMAND]\n      explain a command and its options\n"
         "  version\n      print the program's version");
    return NJ_EXIT_DONE;
}

static int print_help(const struct command *c)
{
    nj_str s = {0};

    nj_str_addf(&s, "Usage: nightjar %s [OPTIONS]\n\n%s\n", c->usage, c->about);
    nj_options_help(&s, c->bit);
    if (s.text)
        fputs(s.text, stdout);
    nj_str_release(&s);
    return NJ_EXIT_DONE;
}

static int run_command(const struct command *c, int argc, char *const *argv,
                       nj_engine_opener engine)
{
    nj_options options;
    nj_list rest = {0};
    nj_err err = {0};
    char *folder = nj_program_folder();
    nj_invocation in = {&options, &rest, folder, engine};
    int exit;

    if (nj_options_init(&options, &err) != NJ_OK ||
        nj_options_parse(&options, c->bit, argc, argv, &rest, &err) != NJ_OK)
        exit = nj_cli_refuse(&err);
    else if (options.help)
        exit = print_help(c);
    else if (options.version)
        exit = print_version();
    else
        exit = c->run(&in);
    free(folder);
    nj_options_release(&options);
    nj_list_release(&rest);
    return exit;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT + 2];
    const char *near;
    nj_err err = {0};

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    names[COMMAND_COUNT] = "help";
    names[COMMAND_COUNT + 1] = "version";
    near = nj_nearest(name, names, COMMAND_COUNT + 2);
    nj_fail(&err, NJ_E_USAGE, "unknown command '%s'%s%s%s", name,
            near ? " (did you mean '" : "", near ? near : "",
            near ? "'?)" : ", see nightjar --help");
    return nj_cli_refuse(&err);
}

static int help_about(int argc, char *const *argv)
{
    const struct command *c = argc > 0 ? find_command(argv[0]) : NULL;

    if (argc == 0)
        return print_overview();
    return c ? print_help(c) : unknown_command(argv[0]);
}

int nj_cli_main(int argc, char *const *argv, nj_engine_opener engine)
{
    const char *name = argc > 1 ? argv[1] : "";
    const struct command *c = find_command(name);
    nj_err err = {0};

    if (c)
        return run_command(c, argc - 2, argv + 2, engine);
    if (strcmp(name, "help") == 0)
        return help_about(argc - 2, argv + 2);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_overview();
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0)
        return print_version();
    if (argc > 1)
        return unknown_command(name);
    nj_fail(&err, NJ_E_USAGE, "a command is expected, see nightjar --help");
    return nj_cli_refuse(&err);
}
