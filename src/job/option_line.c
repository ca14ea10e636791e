/* Command lines: --name value, --name=value, --no-flag, -o value, -ovalue. */
#include "job/options.h"

#include <string.h>

/* Reading position in the arguments. */
struct line {
    nj_options *o;
    nj_command command;
    nj_origin from;
    int argc;
    char *const *argv;
    int next;
};

static nj_status unknown(const struct line *line, const char *arg, size_t n,
                         nj_err *err)
{
    nj_str hint = {0};
    char name[64];
    size_t length = n < sizeof(name) - 1 ? n : sizeof(name) - 1;

    memcpy(name, arg, length);
    name[length] = '\0';
    if (strncmp(name, "--", 2) == 0)
        nj_option_hint(&hint, line->command, name + 2, false);
    nj_fail(err, NJ_E_USAGE, "unknown option '%s'%s", name,
            hint.text ? hint.text : "");
    nj_str_release(&hint);
    return NJ_E_USAGE;
}

static nj_status set(struct line *line, const nj_option *option,
                     const char *text, nj_err *err)
{
    nj_status status = nj_options_set(line->o, option, text, line->from, err);

    return status == NJ_OK ? NJ_OK
                           : nj_err_add(err, "option '--%s'", option->name);
}

/* Whether an argument is itself an option, so that it is no value: "-1" may
 * be one, "--quiet" may not. */
static bool looks_like_option(const char *arg)
{
    size_t n;

    if (strncmp(arg, "--", 2) != 0)
        return false;
    n = strcspn(arg + 2, "=");
    return n == 0 || nj_option_find(arg + 2, n);
}

static nj_status take_value(struct line *line, const nj_option *option,
                            const char *attached, nj_err *err)
{
    if (option->type == NJ_OPT_FLAG)
        return set(line, option, attached ? attached : "true", err);
    if (attached)
        return set(line, option, attached, err);
    if (line->next >= line->argc || looks_like_option(line->argv[line->next]))
        return nj_fail(err, NJ_E_USAGE, "option '--%s' needs a value",
                       option->name);
    return set(line, option, line->argv[line->next++], err);
}

static bool is_usable(const struct line *line, const nj_option *option)
{
    return (option->commands & (unsigned)line->command) &&
           (line->from == NJ_FROM_COMMAND || (option->traits & NJ_OF_JOB));
}

/* Commands may have an option of the same name in rows of their own. */
static const nj_option *usable(const struct line *line, const char *name,
                               size_t n)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);

        if (is_usable(line, option) && nj_option_is(option, name, n))
            return option;
    }
    return NULL;
}

static nj_status long_option(struct line *line, const char *arg, nj_err *err)
{
    size_t n = strcspn(arg + 2, "=");
    const char *attached = arg[2 + n] ? arg + 3 + n : NULL;
    const nj_option *option = usable(line, arg + 2, n);

    if (option)
        return take_value(line, option, attached, err);
    if (!attached && n > 3 && strncmp(arg + 2, "no", 2) == 0 &&
        (arg[4] == '-' || arg[4] == '_')) {
        option = usable(line, arg + 5, n - 3);
        if (option && option->type == NJ_OPT_FLAG)
            return set(line, option, "false", err);
    }
    return unknown(line, arg, n + 2, err);
}

static nj_status short_option(struct line *line, const char *arg, nj_err *err)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);

        if (option->letter != arg[1] || !is_usable(line, option))
            continue;
        if (arg[2] && option->type == NJ_OPT_FLAG)
            break;
        return take_value(line, option, arg[2] ? arg + 2 : NULL, err);
    }
    return unknown(line, arg, strlen(arg), err);
}

static nj_status one(struct line *line, const char *arg, nj_list *rest,
                     bool *ended, nj_err *err)
{
    if (*ended || arg[0] != '-' || !arg[1]) {
        if (!nj_list_add(rest, arg))
            return nj_fail(err, NJ_E_MEMORY, "no memory for arguments");
        return NJ_OK;
    }
    if (strcmp(arg, "--") == 0) {
        *ended = true;
        return NJ_OK;
    }
    return arg[1] == '-' ? long_option(line, arg, err)
                         : short_option(line, arg, err);
}

static nj_status parse(struct line *line, nj_list *rest, nj_err *err)
{
    nj_status status = NJ_OK;
    bool ended = false;

    while (status == NJ_OK && line->next < line->argc)
        status = one(line, line->argv[line->next++], rest, &ended, err);
    return status;
}

nj_status nj_options_parse(nj_options *o, nj_command command, int argc,
                           char *const *argv, nj_list *rest, nj_err *err)
{
    struct line line = {o, command, NJ_FROM_COMMAND, argc, argv, 0};

    return parse(&line, rest, err);
}

nj_status nj_options_parse_from(nj_options *o, nj_origin from, int argc,
                                char *const *argv, nj_list *rest, nj_err *err)
{
    struct line line = {o, NJ_CMD_GENERATE, from, argc, argv, 0};

    return parse(&line, rest, err);
}
