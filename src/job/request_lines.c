/* Prompt lists: see request.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/request.h"

#define WORDS_MAX 128

/* Takes blank-parted words off *rest; "..." keeps blanks. False when a quote
 * has no end. */
static bool next_word(const char **rest, nj_str *word)
{
    const char *p = *rest + strspn(*rest, " \t");
    bool quoted = false;

    word->length = 0;
    for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '"')
            quoted = !quoted;
        else
            nj_str_addc(word, *p);
    }
    *rest = p;
    return !quoted;
}

static nj_status split_words(const char *text, nj_list *words, nj_err *err)
{
    nj_str word = {0};
    nj_status status = NJ_OK;

    while (status == NJ_OK && text[strspn(text, " \t")]) {
        if (!next_word(&text, &word))
            status = nj_fail(err, NJ_E_USAGE, "a quote has no end");
        else if (words->count >= WORDS_MAX)
            status = nj_fail(err, NJ_E_USAGE, "too many options");
        else if (!nj_list_addn(words, word.text ? word.text : "", word.length))
            status = nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    }
    nj_str_release(&word);
    return status;
}

static nj_status set_words(nj_wish *w, const char *text, nj_err *err)
{
    nj_list words = {0};
    nj_list rest = {0};
    nj_status status = split_words(text, &words, err);

    if (status == NJ_OK)
        status =
            nj_options_parse_from(&w->options, NJ_FROM_JOB, (int)words.count,
                                  words.items, &rest, err);
    if (status == NJ_OK && rest.count)
        status =
            nj_fail(err, NJ_E_USAGE, "'%s' is not an option", rest.items[0]);
    nj_list_release(&words);
    nj_list_release(&rest);
    return status;
}

static char *trimmed(const char *text, size_t n)
{
    while (n && strchr(" \t\r", text[0])) {
        text++;
        n--;
    }
    while (n && strchr(" \t\r", text[n - 1]))
        n--;
    return nj_strndup(text, n);
}

static nj_status add_prompt(nj_request *r, nj_wish *w, const char *line,
                            int number, nj_err *err)
{
    size_t before = w->prompts.count;
    nj_status status = nj_wish_add_prompt(w, line, number, err);

    return status == NJ_OK ? nj_request_count(r, w->prompts.count - before, err)
                           : status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The options of a line: behind the first "--" that stands alone, which is cut
 * off. NULL: it has none. A "--" with nothing before or behind it is a slip. */
static nj_status cut_options(char *line, char **options, nj_err *err)
{
    *options = NULL;
    for (char *p = strstr(line, "--"); p; p = strstr(p + 1, "--")) {
        if ((p > line && !is_blank(p[-1])) || (p[2] && !is_blank(p[2])))
            continue;
        if (p == line)
            return nj_fail(err, NJ_E_USAGE, "a prompt is expected before '--'");
        if (!p[2])
            return nj_fail(err, NJ_E_USAGE, "options are expected behind '--'");
        p[-1] = '\0';
        *options = p + 3;
        return NJ_OK;
    }
    return NJ_OK;
}

/* "a boat --cutn 9" would be words of the prompt. */
static nj_status refuse_options(const char *line, nj_err *err)
{
    for (const char *p = strstr(line, "--"); p; p = strstr(p + 1, "--")) {
        size_t n = strcspn(p + 2, "= \t");

        if ((p == line || is_blank(p[-1])) && nj_option_find(p + 2, n))
            return nj_fail(err, NJ_E_USAGE,
                           "' -- ' is expected before the option '%.*s'",
                           (int)n + 2, p);
    }
    return NJ_OK;
}

/* Lines without options share one wish, so that their pictures take turns. */
static nj_status add_line(nj_request *r, const nj_options *o, size_t *plain,
                          char *line, int number, nj_err *err)
{
    char *options;
    nj_wish *w;
    nj_status status = cut_options(line, &options, err);

    if (status == NJ_OK)
        status = refuse_options(line, err);
    if (status != NJ_OK)
        return status;
    if (!options && *plain < r->count)
        return add_prompt(r, &r->wishes[*plain], line, number, err);
    if (!options)
        *plain = r->count;
    w = nj_request_add(r, o);
    if (!w)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    if (!options)
        return add_prompt(r, w, line, number, err);
    status = set_words(w, options, err);
    if (status == NJ_OK && !nj_wish_name_part(w, "line", number))
        status = nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    return status == NJ_OK ? add_prompt(r, w, line, 0, err) : status;
}

nj_status nj_request_add_lines(nj_request *r, const nj_options *options,
                               const char *text, size_t n, nj_err *err)
{
    const char *end = text + n;
    size_t plain = (size_t)-1;
    nj_status status = NJ_OK;

    if (memchr(text, '\0', n))
        return nj_fail(err, NJ_E_USAGE, "it holds a NUL byte");
    for (int number = 1; text < end && status == NJ_OK; number++) {
        size_t length = strcspn(text, "\n");
        char *line = trimmed(text, length);

        if (!line)
            return nj_fail(err, NJ_E_MEMORY, "no memory for the job");
        if (line[0] && line[0] != '#')
            status = add_line(r, options, &plain, line, number, err);
        if (status != NJ_OK)
            nj_err_add(err, "line %d", number);
        free(line);
        text += length + 1;
    }
    return status;
}
