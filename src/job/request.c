/* Requests: see request.h. */
#include "job/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/alternatives.h"
#include "job/check.h"
#include "job/spec.h"

#define REQUEST_FILE_MAX ((size_t)64 << 20)
#define WISHES_MAX       100000

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for the job");
}

static void release_wish(nj_wish *w)
{
    nj_options_release(&w->options);
    nj_list_release(&w->prompts);
    free(w->lines);
    nj_list_release(&w->swept);
    nj_list_release(&w->sweeps);
}

void nj_request_release(nj_request *r)
{
    for (size_t i = 0; i < r->count; i++)
        release_wish(&r->wishes[i]);
    free(r->wishes);
    *r = (nj_request){0};
}

nj_wish *nj_request_add(nj_request *r, const nj_options *options)
{
    nj_wish *w;

    if (!nj_grow(&r->wishes, &r->capacity, r->count + 1, sizeof(*w)))
        return NULL;
    w = &r->wishes[r->count];
    *w = (nj_wish){0};
    if (nj_options_copy(options, &w->options, NULL) != NJ_OK ||
        !nj_list_add_all(&w->sweeps, &options->sweep)) {
        release_wish(w);
        return NULL;
    }
    r->count++;
    return w;
}

nj_status nj_request_count(nj_request *r, size_t more, nj_err *err)
{
    if (more > NJ_JOB_PICTURES_MAX - r->prompts)
        return nj_fail(err, NJ_E_USAGE,
                       "the job has more than %d prompts, with what its sweeps "
                       "make of them",
                       NJ_JOB_PICTURES_MAX);
    r->prompts += more;
    return NJ_OK;
}

bool nj_wish_name_part(nj_wish *w, const char *what, int number)
{
    nj_str s = {0};

    if (!w->options.place)
        return true;
    nj_str_addf(&s, "%s: %s %d", w->options.place, what, number);
    free(w->options.place);
    w->options.place = nj_str_take(&s);
    return w->options.place != NULL;
}

int nj_wish_line(const nj_wish *w, size_t i)
{
    return i < w->line_count ? w->lines[i] : 0;
}

static bool add_line(nj_wish *w, int line)
{
    if (!nj_grow(&w->lines, &w->line_capacity, w->line_count + 1,
                 sizeof(*w->lines)))
        return false;
    w->lines[w->line_count++] = line;
    return true;
}

nj_status nj_wish_add_prompt(nj_wish *w, const char *text, int line,
                             nj_err *err)
{
    nj_status status =
        nj_alternatives_expand(text, NJ_JOB_PICTURES_MAX, &w->prompts, err);

    while (status == NJ_OK && line && w->line_count < w->prompts.count) {
        if (!add_line(w, line))
            status = no_memory(err);
    }
    return status;
}

/* ---- files
 * ------------------------------------------------------------------- */

static nj_status read_stdin(char **bytes, size_t *n, nj_err *err)
{
    nj_str s = {0};
    char part[65536];
    ssize_t got;

    while ((got = read(STDIN_FILENO, part, sizeof(part))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || s.length > REQUEST_FILE_MAX)
            break;
        nj_str_addn(&s, part, (size_t)got);
    }
    *n = s.length;
    if (got != 0) {
        nj_str_release(&s);
        return nj_fail(err, NJ_E_IO, "cannot read standard input: %s",
                       got < 0 ? strerror(errno) : "it is too long");
    }
    *bytes = nj_str_take(&s);
    return *bytes ? NJ_OK : no_memory(err);
}

/* A wish of the same prompts at the end of `to`, with nothing to sweep. */
static nj_wish *copy_wish(const nj_wish *w, nj_request *to)
{
    nj_wish *copy = nj_request_add(to, &w->options);
    bool good = copy && nj_list_add_all(&copy->prompts, &w->prompts) &&
                nj_list_add_all(&copy->swept, &w->swept);

    for (size_t i = 0; i < w->line_count && good; i++)
        good = add_line(copy, w->lines[i]);
    if (good)
        nj_list_release(&copy->sweeps);
    return good ? copy : NULL;
}

/* The number of bytes that a byte order mark takes, which some editors put
 * before a text. */
static size_t mark_of(const char *text)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t n = sizeof(mark) - 1;

    return strncmp(text, mark, n) == 0 ? n : 0;
}

static bool is_job_name(const char *name)
{
    size_t n = strlen(name);

    return n > 5 && strcmp(name + n - 5, ".json") == 0;
}

/* A job file's name ends in .json, or it begins like an object; anything else
 * is a prompt list, which may begin with "{red|blue} boat". */
static bool is_job(const char *name, const char *text)
{
    static const char blanks[] = " \t\r\n";

    text += strspn(text, blanks);
    if (is_job_name(name) || *text != '{')
        return is_job_name(name);
    text += 1 + strspn(text + 1, blanks);
    return *text == '"' || *text == '}';
}

/* A file that asks for nothing is a mistake, even beside others. */
static nj_status add_text(nj_request *r, const nj_options *o, bool job,
                          const char *bytes, size_t n, nj_err *err)
{
    size_t before = r->prompts;
    nj_status status = job ? nj_request_add_json(r, o, bytes, n, err)
                           : nj_request_add_lines(r, o, bytes, n, err);

    if (status == NJ_OK && r->prompts == before)
        status = nj_fail(err, NJ_E_USAGE, "a prompt is expected, %s",
                         job ? "under 'prompt' or 'prompts'" : "one a line");
    return status;
}

static nj_status add_file(nj_request *r, const nj_options *o, const char *name,
                          nj_err *err)
{
    bool standard = strcmp(name, "-") == 0;
    nj_options own;
    char *bytes = NULL;
    size_t n = 0;
    size_t mark;
    nj_status status =
        standard ? read_stdin(&bytes, &n, err)
                 : nj_file_read(name, REQUEST_FILE_MAX, &bytes, &n, err);

    if (status != NJ_OK)
        return status;
    mark = mark_of(bytes);
    status = nj_options_copy(o, &own, err);
    if (status == NJ_OK) {
        own.place = nj_strdup(standard ? "standard input" : name);
        status = own.place ? add_text(r, &own, is_job(name, bytes + mark),
                                      bytes + mark, n - mark, err)
                           : no_memory(err);
        if (status != NJ_OK)
            nj_options_blame_place(&own, 0, err);
        nj_options_release(&own);
    }
    free(bytes);
    return status;
}

static bool is_file_name(const char *argument)
{
    return strcmp(argument, "-") == 0 || is_job_name(argument);
}

/* ---- sweeps
 * -------------------------------------------------------------------- */

static nj_status refuse_name(const char *text, size_t n, bool marked,
                             nj_err *err)
{
    if (marked)
        return nj_fail(err, NJ_E_USAGE, "'%.*s' is not the name of an option",
                       (int)n, text);
    return nj_fail(err, NJ_E_USAGE,
                   "'%s' is not name=value,value with the name of an option",
                   text);
}

/* "name=v1,v2" -> the option and its values. */
static nj_status read_sweep(const char *text, const nj_option **option,
                            nj_list *values, nj_err *err)
{
    size_t n = strcspn(text, "=");
    const char *p = text + n + 1;
    bool marked = text[n] && *p == NJ_SWEEP_MARK;
    char comma[2] = {marked ? NJ_SWEEP_MARK : strchr(text, ';') ? ';' : ',', 0};

    *option = nj_option_find(text, n);
    if (!text[n] || !*option)
        return refuse_name(text, n, marked, err);
    if (!nj_option_may_sweep(*option))
        return nj_fail(err, NJ_E_USAGE,
                       "'%s' cannot be swept, it decides nothing about a "
                       "picture or holds for the whole job",
                       (*option)->name);
    for (p += marked;; p++) {
        size_t length = strcspn(p, comma);

        if (!nj_list_addn(values, p, length))
            return no_memory(err);
        p += length;
        if (!*p)
            return NJ_OK;
    }
}

/* The second sweep's values would replace the first one's. */
static nj_status refuse_again(const nj_wish *w, const nj_option *option,
                              nj_err *err)
{
    for (size_t i = 0; i < w->swept.count; i++) {
        if (strcmp(w->swept.items[i], option->name) == 0)
            return nj_fail(err, NJ_E_USAGE,
                           "'%s' is swept twice, all its values are expected "
                           "in one sweep",
                           option->name);
    }
    return NJ_OK;
}

/* Sweeps of job files have no option of their own. */
static nj_status blame_sweep(const nj_wish *w, nj_err *err)
{
    if (!strchr(w->sweeps.items[0], NJ_SWEEP_MARK))
        return nj_options_blame(&w->options, "sweep", err);
    nj_err_add(err, "key 'sweep'");
    return nj_options_blame_place(&w->options, 0, err);
}

/* Puts wishes with each value of w's first sweep at the end of `to`. */
static nj_status multiply(const nj_wish *w, nj_request *to, nj_err *err)
{
    nj_list values = {0};
    const nj_option *option;
    nj_status status = read_sweep(w->sweeps.items[0], &option, &values, err);

    if (status == NJ_OK)
        status = refuse_again(w, option, err);
    for (size_t i = 0; i < values.count && status == NJ_OK; i++) {
        nj_wish *copy = copy_wish(w, to);

        status =
            copy ? nj_request_count(to, w->prompts.count, err) : no_memory(err);
        if (status == NJ_OK && to->count > WISHES_MAX)
            status = nj_fail(err, NJ_E_USAGE,
                             "more than %d sets of values are asked for",
                             WISHES_MAX);
        if (status != NJ_OK)
            break;
        if (!nj_list_add(&copy->swept, option->name))
            status = no_memory(err);
        for (size_t k = 1; k < w->sweeps.count && status == NJ_OK; k++) {
            if (!nj_list_add(&copy->sweeps, w->sweeps.items[k]))
                status = no_memory(err);
        }
        if (status == NJ_OK)
            status = nj_options_set(&copy->options, option, values.items[i],
                                    NJ_FROM_COMMAND, err);
    }
    nj_list_release(&values);
    return status == NJ_OK ? NJ_OK : blame_sweep(w, err);
}

/* Puts a wish that has nothing to sweep at the end of `to`. */
static nj_status keep(const nj_wish *w, nj_request *to, nj_err *err)
{
    if (!copy_wish(w, to))
        return no_memory(err);
    return nj_request_count(to, w->prompts.count, err);
}

/* Multiplies out one sweep of every wish that has any left; *more says whether
 * there was one. */
static nj_status sweep_once(nj_request *r, bool *more, nj_err *err)
{
    nj_request swept = {0};
    nj_status status = NJ_OK;

    *more = false;
    for (size_t i = 0; i < r->count; i++)
        *more = *more || r->wishes[i].sweeps.count;
    if (!*more)
        return NJ_OK;
    for (size_t i = 0; i < r->count && status == NJ_OK; i++) {
        const nj_wish *w = &r->wishes[i];

        status =
            w->sweeps.count ? multiply(w, &swept, err) : keep(w, &swept, err);
    }
    nj_request_release(r);
    *r = swept;
    return status;
}

/* ---- the whole
 * -------------------------------------------------------------------- */

static nj_status check_whole(const nj_request *r, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 1; i < r->count && status == NJ_OK; i++)
        status =
            nj_check_whole(&r->wishes[0].options, &r->wishes[i].options, err);
    return status;
}

/* "night.txt" is hardly meant to be painted where a file of that name is. */
static nj_status refuse_file(const char *argument, nj_err *err)
{
    struct stat st;

    if (!strpbrk(argument, "./") || stat(argument, &st) != 0 ||
        !S_ISREG(st.st_mode))
        return NJ_OK;
    return nj_fail(err, NJ_E_USAGE,
                   "a prompt is expected, '%s' is a file: --prompts reads the "
                   "prompts in it",
                   argument);
}

static nj_status add_arguments(nj_request *r, const nj_options *o,
                               const nj_list *arguments, nj_err *err)
{
    nj_wish *own = nj_request_add(r, o);
    nj_status status = own ? NJ_OK : no_memory(err);

    for (size_t i = 0; i < arguments->count && status == NJ_OK; i++) {
        const char *argument = arguments->items[i];

        if (is_file_name(argument))
            continue;
        status = refuse_file(argument, err);
        if (status == NJ_OK)
            status = nj_wish_add_prompt(&r->wishes[0], argument, 0, err);
    }
    if (status == NJ_OK)
        status = nj_request_count(r, r->wishes[0].prompts.count, err);
    for (size_t i = 0; i < arguments->count && status == NJ_OK; i++) {
        if (is_file_name(arguments->items[i]))
            status = add_file(r, o, arguments->items[i], err);
    }
    if (status == NJ_OK && o->prompts)
        status = add_file(r, o, o->prompts, err);
    return status;
}

/* Parts without prompts say nothing; a request without any keeps one, whose
 * lack of prompts is told later. */
static void drop_empty(nj_request *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (r->wishes[i].prompts.count || (i + 1 == r->count && !kept))
            r->wishes[kept++] = r->wishes[i];
        else
            release_wish(&r->wishes[i]);
    }
    r->count = kept;
}

nj_status nj_request_build(const nj_options *options, const nj_list *arguments,
                           nj_request *out, nj_err *err)
{
    bool more = true;
    nj_status status;

    *out = (nj_request){0};
    status = add_arguments(out, options, arguments, err);
    if (status == NJ_OK)
        drop_empty(out);
    while (status == NJ_OK && more)
        status = sweep_once(out, &more, err);
    return status == NJ_OK ? check_whole(out, err) : status;
}
