/* Commands: which there are, and what all of them share. */
#include "cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/help.h"
#include "cli/signals.h"
#include "job/engine_load.h"

/* In the order of --help. */
static const nj_cli_command commands[] = {
    {"generate", NJ_CMD_GENERATE, nj_cmd_generate, "PROMPT|JOB.json...",
     "make pictures from prompts; 'a | b:0.5' weights the parts of one, "
     "'{red|blue} boat' is two"},
    {"plan", NJ_CMD_PLAN, nj_cmd_plan, "PROMPT|JOB.json...",
     "say what generate would make, and what it would cost"},
    {"sheet", NJ_CMD_SHEET, nj_cmd_sheet, "[DIR|FILE...]",
     "put pictures on contact sheets with their prompts and seeds"},
    {"gallery", NJ_CMD_GALLERY, nj_cmd_gallery, "[DIR]",
     "make a page, DIR/index.html, to look through pictures and pick"},
    {"rank", NJ_CMD_RANK, nj_cmd_rank, "DIR",
     "score pictures against their own prompts with a CLIP, and find those "
     "that are nearly the same"},
    {"pick", NJ_CMD_PICK, nj_cmd_pick, "DIR [LIST|-]",
     "copy the best pictures of a ranked folder, or those of a list, to a "
     "folder of their own"},
    {"upscale", NJ_CMD_UPSCALE, nj_cmd_upscale, "FILE|DIR|-...",
     "make pictures two or four times larger with Real-ESRGAN"},
    {"index", NJ_CMD_INDEX, nj_cmd_index, "DIR",
     "look at the pictures of a folder and the folders in it, for search"},
    {"search", NJ_CMD_SEARCH, nj_cmd_search, "DIR QUERY...",
     "find pictures of an index: 'a boat:1 | night:-0.5 | image:x.png'"},
    {"models", NJ_CMD_MODELS, nj_cmd_models, "[verify [NAME...]]",
     "list known models and which are here, or check their sums"},
    {"presets", NJ_CMD_PRESETS, nj_cmd_presets, "[NAME...]",
     "list the notebooks' settings, or explain some: what they set, how that "
     "differs from the defaults, where it comes from"},
    {"status", NJ_CMD_STATUS, nj_cmd_status, "DIR...",
     "say how the runs in a folder stand: pictures, speed, time left, which "
     "process makes what"},
    {"info", NJ_CMD_INFO, nj_cmd_info, "FILE...",
     "show the records of pictures, and whether they were edited since; exit "
     "status 0 when none was"},
    {"reproduce", NJ_CMD_REPRODUCE, nj_cmd_reproduce, "FILE",
     "make a picture again from its record and say whether it is the same"},
    {"bench", NJ_CMD_BENCH, nj_cmd_bench, "",
     "time some steps of a network, and say where the time goes"},
    {"help", NJ_CMD_HELP, nj_cmd_help, "[COMMAND]",
     "explain a command and its options"},
    {"version", NJ_CMD_VERSION, nj_cmd_version, "",
     "print the program's version"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

size_t nj_cli_command_count(void)
{
    return COMMAND_COUNT;
}

const nj_cli_command *nj_cli_command_at(size_t i)
{
    return &commands[i];
}

const nj_cli_command *nj_cli_command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

void nj_cli_print(cJSON *o)
{
    char *text = nj_json_print(o);

    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(o);
}

int nj_cli_refuse(const nj_err *err)
{
    fprintf(stderr, "nightjar: %s\n", err->text);
    return NJ_EXIT_USAGE;
}

int nj_cli_unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT];
    const char *near;
    nj_err err = {0};

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    near = nj_nearest(name, names, COMMAND_COUNT);
    nj_fail(&err, NJ_E_USAGE, "unknown command '%s'%s%s%s", name,
            near ? " (did you mean '" : "", near ? near : "",
            near ? "'?)" : ", see nightjar --help");
    return nj_cli_refuse(&err);
}

static int print_help(const nj_cli_command *c)
{
    nj_str s = {0};

    nj_help_command(c, &s);
    if (s.text)
        fputs(s.text, stdout);
    nj_str_release(&s);
    return NJ_EXIT_DONE;
}

static int run_parsed(const nj_cli_command *c, const nj_invocation *in)
{
    if (in->options->quiet)
        nj_signals_silence();
    return c->run(in);
}

static int run_command(const nj_cli_command *c, int argc, char *const *argv,
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
        exit = nj_cmd_version(&in);
    else
        exit = run_parsed(c, &in);
    free(folder);
    nj_options_release(&options);
    nj_list_release(&rest);
    return exit;
}

/* `nightjar --help` and the like are commands too. */
static const char *command_name(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    return strcmp(word, "--version") == 0 ? "version" : word;
}

/* A standard file that was closed would be the next file to be opened, such as
 * a manifest, and what is printed would be written into it. These refuse what
 * is read from or written to them. */
static void fill_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
}

/* What was printed must have arrived where it is all there is; pictures are
 * there whether somebody listens or not. */
static int check_output(const nj_cli_command *c, int exit)
{
    bool lost = fflush(stdout) != 0 || ferror(stdout);

    if (!lost || c->bit == NJ_CMD_GENERATE)
        return exit;
    fputs("nightjar: cannot write to standard output\n", stderr);
    return exit == NJ_EXIT_DONE ? NJ_EXIT_NOTHING : exit;
}

int nj_cli_main(int argc, char *const *argv, nj_engine_opener engine)
{
    const char *name = argc > 1 ? command_name(argv[1]) : "";
    const nj_cli_command *c = nj_cli_command_find(name);
    nj_err err = {0};

    fill_standard_files();
    /* Where it is ignored no child's exit status can be asked for. */
    signal(SIGCHLD, SIG_DFL);
    if (c)
        return check_output(c, run_command(c, argc - 2, argv + 2, engine));
    if (argc > 1)
        return nj_cli_unknown_command(name);
    nj_fail(&err, NJ_E_USAGE, "a command is expected, see nightjar --help");
    return nj_cli_refuse(&err);
}
