/* Alternatives: see alternatives.h. The leftmost group is replaced by each of
 * its members in turn and the result is looked at again from there on. */
#include "job/alternatives.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"

#define GROUPS_MAX 64

/* A group of alternatives in a text: "{" at open, "}" at close. */
struct group {
    size_t open;
    size_t close;
    bool range;
    uint64_t first;
    uint64_t last;
};

struct expansion {
    nj_list *out;
    size_t limit;
    nj_err *err;
};

static bool escaped_brace(const char *p)
{
    return p[0] == '\\' && (p[1] == '{' || p[1] == '}');
}

/* Place of the "}" that ends the group opened at `open`, or 0; *bars counts
 * the '|' between its members. */
static size_t find_close(const char *text, size_t open, size_t *bars)
{
    size_t depth = 0;

    *bars = 0;
    for (size_t i = open; text[i]; i++) {
        if (escaped_brace(text + i))
            i++;
        else if (text[i] == '{')
            depth++;
        else if (text[i] == '|' && depth == 1)
            (*bars)++;
        else if (text[i] == '}' && --depth == 0)
            return i;
    }
    return 0;
}

/* "3..7" between open and close, rising or not. */
static bool read_range(const char *text, struct group *g)
{
    char *inside = nj_strndup(text + g->open + 1, g->close - g->open - 1);
    char *dots = inside ? strstr(inside, "..") : NULL;
    bool good = false;

    if (dots) {
        *dots = '\0';
        good =
            nj_parse_u64(inside, &g->first) && nj_parse_u64(dots + 2, &g->last);
    }
    free(inside);
    return good;
}

static bool find_group(const char *text, size_t from, struct group *g)
{
    for (size_t i = from; text[i]; i++) {
        size_t bars;

        if (escaped_brace(text + i)) {
            i++;
            continue;
        }
        if (text[i] != '{')
            continue;
        *g = (struct group){.open = i, .close = find_close(text, i, &bars)};
        if (!g->close)
            continue;
        g->range = bars == 0 && read_range(text, g) && g->first <= g->last;
        if (bars || g->range)
            return true;
    }
    return false;
}

static nj_status add_plain(const struct expansion *x, const char *text)
{
    nj_str plain = {0};
    bool good;

    if (x->out->count >= x->limit)
        return nj_fail(x->err, NJ_E_USAGE,
                       "the alternatives give more than %zu prompts", x->limit);
    for (size_t i = 0; text[i]; i++) {
        i += escaped_brace(text + i);
        nj_str_addc(&plain, text[i]);
    }
    good =
        nj_str_ok(&plain) && nj_list_add(x->out, plain.text ? plain.text : "");
    nj_str_release(&plain);
    return good ? NJ_OK : nj_fail(x->err, NJ_E_MEMORY, "no memory for prompts");
}

static nj_status expand(const struct expansion *x, const char *text,
                        size_t from, int depth);

/* Puts a member in the place of its group and goes on from there. */
static nj_status replace(const struct expansion *x, const char *text,
                         const struct group *g, const char *member, size_t n,
                         int depth)
{
    nj_str s = {0};
    nj_status status;

    nj_str_addn(&s, text, g->open);
    nj_str_addn(&s, member, n);
    nj_str_add(&s, text + g->close + 1);
    status = nj_str_ok(&s)
                 ? expand(x, s.text, g->open, depth + 1)
                 : nj_fail(x->err, NJ_E_MEMORY, "no memory for prompts");
    nj_str_release(&s);
    return status;
}

static nj_status expand_range(const struct expansion *x, const char *text,
                              const struct group *g, int depth)
{
    nj_status status = NJ_OK;
    nj_str number = {0};

    for (uint64_t k = g->first; status == NJ_OK; k++) {
        number.length = 0;
        nj_str_addf(&number, "%" PRIu64, k);
        status = replace(x, text, g, number.text, number.length, depth);
        if (k == g->last)
            break;
    }
    nj_str_release(&number);
    return status;
}

/* End of the member that begins at `at`: the next '|' of this group's own, or
 * its "}". */
static size_t member_end(const char *text, size_t at, size_t close)
{
    size_t depth = 0;

    for (; at < close; at++) {
        if (escaped_brace(text + at))
            at++;
        else if (text[at] == '{')
            depth++;
        else if (text[at] == '}')
            depth--;
        else if (text[at] == '|' && depth == 0)
            break;
    }
    return at;
}

static nj_status expand(const struct expansion *x, const char *text,
                        size_t from, int depth)
{
    struct group g;
    nj_status status = NJ_OK;

    if (!find_group(text, from, &g))
        return add_plain(x, text);
    if (depth >= GROUPS_MAX)
        return nj_fail(x->err, NJ_E_USAGE,
                       "a prompt has more than %d groups of alternatives",
                       GROUPS_MAX);
    if (g.range)
        return expand_range(x, text, &g, depth);
    for (size_t at = g.open + 1; status == NJ_OK && at <= g.close;) {
        size_t end = member_end(text, at, g.close);

        status = replace(x, text, &g, text + at, end - at, depth);
        at = end + 1;
    }
    return status;
}

/* ---- what cannot be meant ------------------------------------------------ */

static nj_status check_open(const char *text, size_t open, nj_err *err)
{
    struct group g = {.open = open};
    size_t bars;

    g.close = find_close(text, open, &bars);
    if (!g.close && bars)
        return nj_fail(err, NJ_E_USAGE,
                       "'{' is not closed at '%.60s': '}' is expected, or "
                       "'\\{' for a plain brace",
                       text + open);
    if (g.close && !bars && read_range(text, &g) && g.first > g.last)
        return nj_fail(err, NJ_E_USAGE,
                       "the range '{%" PRIu64 "..%" PRIu64
                       "}' falls, '{%" PRIu64 "..%" PRIu64
                       "}' is expected, or '\\{' and '\\}' for "
                       "plain braces",
                       g.first, g.last, g.last, g.first);
    return NJ_OK;
}

/* Braces that miss their partner would make parts of a weighted prompt of what
 * was meant as alternatives. */
static nj_status check_braces(const char *text, nj_err *err)
{
    nj_status status = NJ_OK;
    size_t depth = 0;
    bool bars = false;

    for (size_t i = 0; text[i] && status == NJ_OK; i++) {
        if (escaped_brace(text + i)) {
            i++;
        } else if (text[i] == '{') {
            status = check_open(text, i, err);
            depth++;
        } else if (text[i] == '|') {
            bars = bars || depth == 0;
        } else if (text[i] == '}' && depth) {
            depth--;
        } else if (text[i] == '}' && bars) {
            status = nj_fail(err, NJ_E_USAGE,
                             "'}' closes nothing at '%.60s': '{' is expected "
                             "before, or '\\}' for a plain brace",
                             text + i);
        }
    }
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "prompt '%.200s'", text);
}

nj_status nj_alternatives_expand(const char *text, size_t limit, nj_list *out,
                                 nj_err *err)
{
    struct expansion x = {out, limit, err};
    nj_status status = check_braces(text, err);

    return status == NJ_OK ? expand(&x, text, 0, 0) : status;
}
