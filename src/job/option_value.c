/* Option values: see option_value.h. */
#include "job/option_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/str.h"

char nj_option_folded(char c)
{
    return (char)(c == '_' ? '-' : c);
}

bool nj_option_same_name(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!a[i] || nj_option_folded(a[i]) != nj_option_folded(b[i]))
            return false;
    }
    return a[n] == '\0';
}

static const nj_option_word *find_word(const nj_option *option,
                                       const char *text)
{
    for (const nj_option_word *w = option->words; w && w->name; w++) {
        if (nj_option_same_name(w->name, text, strlen(text)))
            return w;
    }
    return NULL;
}

/* "a, b or c" */
static void add_words(nj_str *s, const nj_option *option)
{
    for (const nj_option_word *w = option->words; w && w->name; w++) {
        if (w != option->words)
            nj_str_add(s, w[1].name ? ", " : " or ");
        nj_str_add(s, w->name);
    }
}

static bool is_schedule(const char *text)
{
    return strpbrk(text, "[:") != NULL;
}

static nj_status refuse(const nj_option *option, const char *text, nj_err *err)
{
    char low[NJ_NUMBER_TEXT_MAX];
    char high[NJ_NUMBER_TEXT_MAX];
    nj_str words = {0};

    nj_format_double(option->min, low);
    nj_format_double(option->max, high);
    add_words(&words, option);
    switch (option->type) {
    case NJ_OPT_FLAG:
        nj_fail(err, NJ_E_USAGE, "'%s' is not true or false", text);
        break;
    case NJ_OPT_INT:
        nj_fail(err, NJ_E_USAGE,
                "'%s' is not a whole number from %.0f to %.0f%s%s", text,
                option->min, option->max, words.text ? ", " : "",
                words.text ? words.text : "");
        break;
    case NJ_OPT_DOUBLE:
    case NJ_OPT_CURVE:
        nj_fail(err, NJ_E_USAGE, "'%.120s' is not a%s number from %s to %s%s",
                text, option->whole ? " whole" : "", low, high,
                is_schedule(text) ? " at every step" : "");
        break;
    case NJ_OPT_U64:
        nj_fail(err, NJ_E_USAGE,
                "'%s' is not a whole number from 0 to %" PRIu64, text,
                UINT64_MAX);
        break;
    case NJ_OPT_CHOICE:
        nj_fail(err, NJ_E_USAGE, "'%s' is not %s", text,
                words.text ? words.text : "known");
        break;
    default:
        nj_fail(err, NJ_E_USAGE, "'%s' %s", text, option->expected);
        break;
    }
    nj_str_release(&words);
    return NJ_E_USAGE;
}

static bool parse_flag(const char *text, bool *out)
{
    static const nj_option_word words[] = {
        {"true", 1},  {"yes", 1}, {"on", 1},  {"1", 1},
        {"false", 0}, {"no", 0},  {"off", 0}, {"0", 0},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i].name) == 0) {
            *out = words[i].value != 0;
            return true;
        }
    }
    return false;
}

static bool parse_int(const nj_option *option, const char *text, int *out)
{
    const nj_option_word *word = find_word(option, text);
    int64_t value;

    if (word) {
        *out = word->value;
        return true;
    }
    if (option->type == NJ_OPT_CHOICE || !nj_parse_i64(text, &value) ||
        (double)value < option->min || (double)value > option->max)
        return false;
    *out = (int)value;
    return true;
}

static bool is_number(const char *text)
{
    double value;

    return nj_parse_double(text, &value);
}

/* The points of a line between whole numbers are cut off to whole ones. */
static bool fits(const nj_option *option, const nj_curve *c)
{
    for (int i = 0; i < c->count; i++) {
        double value = c->points[i].value;

        if (value < option->min || value > option->max ||
            (option->whole && value != (double)(int)value))
            return false;
    }
    return true;
}

nj_status nj_option_value_parse(const nj_option *option, const char *text,
                                union nj_option_value *v, nj_err *err)
{
    bool good = true;
    int64_t n;

    switch (option->type) {
    case NJ_OPT_FLAG:
        good = parse_flag(text, &v->flag);
        break;
    case NJ_OPT_INT:
    case NJ_OPT_CHOICE:
        good = parse_int(option, text, &v->whole);
        if (!good && option->named && !is_number(text))
            return option->named(text, &v->whole, err);
        break;
    case NJ_OPT_DOUBLE:
        good = nj_parse_double(text, &v->real) && v->real >= option->min &&
               v->real <= option->max;
        /* -0 and 0 are one value, so they must be one picture. */
        v->real += 0.0;
        break;
    case NJ_OPT_CURVE:
        good = !option->whole || is_schedule(text) || nj_parse_i64(text, &n);
        if (good && nj_curve_parse(text, &v->curve, err) != NJ_OK) {
            if (is_schedule(text))
                return NJ_E_USAGE;
            good = false;
        }
        good = good && fits(option, &v->curve);
        break;
    case NJ_OPT_U64:
        good = nj_parse_u64(text, &v->u64);
        break;
    case NJ_OPT_SEEDS:
        return nj_seeds_parse(text, &v->seeds, err);
    case NJ_OPT_CHARS:
        if (strlen(text) >= (size_t)option->max)
            return nj_fail(err, NJ_E_USAGE, "'%.40s...' is too long", text);
        break;
    case NJ_OPT_TEXT:
    case NJ_OPT_LIST:
        break;
    }
    if (!nj_utf8_valid(text, strlen(text)))
        return nj_fail(err, NJ_E_USAGE, "'%s' is not valid UTF-8", text);
    if (option->good && !option->good(text))
        good = false;
    return good ? NJ_OK : refuse(option, text, err);
}
