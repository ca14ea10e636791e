/* Options: values are stored through the table's offsets, so that a new row is
 * all that a new option needs. See options.h. */
#include "job/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"

/* Enums are stored through int. */
_Static_assert(sizeof(nj_sampler) == sizeof(int), "enums have int's size");

static void *field(nj_options *o, const nj_option *option)
{
    return (char *)o + option->offset;
}

static const void *const_field(const nj_options *o, const nj_option *option)
{
    return (const char *)o + option->offset;
}

static char folded(char c)
{
    return (char)(c == '_' ? '-' : c);
}

static bool same_name(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!a[i] || folded(a[i]) != folded(b[i]))
            return false;
    }
    return a[n] == '\0';
}

bool nj_option_is(const nj_option *o, const char *name, size_t n)
{
    return same_name(o->name, name, n);
}

const nj_option *nj_option_find(const char *name, size_t n)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        if (nj_option_is(nj_option_at(i), name, n))
            return nj_option_at(i);
    }
    return NULL;
}

void nj_option_key(const nj_option *option, char out[64])
{
    size_t n = 0;

    for (; option->name[n] && n < 63; n++)
        out[n] = (char)(option->name[n] == '-' ? '_' : option->name[n]);
    out[n] = '\0';
}

void nj_option_hint(nj_str *out, unsigned command, const char *name,
                    bool json_key)
{
    const char *names[NJ_OPTIONS_MAX];
    char word[64];
    char shown[64];
    const char *near;
    size_t count = 0;
    size_t n = 0;

    for (size_t i = 0; i < nj_option_count(); i++) {
        if (nj_option_at(i)->commands & command)
            names[count++] = nj_option_at(i)->name;
    }
    for (; name[n] && n < sizeof(word) - 1; n++)
        word[n] = folded(name[n]);
    word[n] = '\0';
    near = nj_nearest(word, names, count);
    if (!near)
        return;
    snprintf(shown, sizeof(shown), "%s", near);
    if (json_key)
        nj_option_key(nj_option_find(near, strlen(near)), shown);
    nj_str_addf(out, " (did you mean '%s%s'?)", json_key ? "" : "--", shown);
}

static const nj_option_word *find_word(const nj_option *option,
                                       const char *text)
{
    for (const nj_option_word *w = option->words; w && w->name; w++) {
        if (same_name(w->name, text, strlen(text)))
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
        nj_fail(err, NJ_E_USAGE, "'%s' is not a number from %s to %s", text,
                low, high);
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

/* A checked value on its way into the options. */
union value {
    bool flag;
    int whole;
    double real;
    uint64_t u64;
    nj_seeds seeds;
};

static nj_status parse_value(const nj_option *option, const char *text,
                             union value *v, nj_err *err)
{
    bool good = true;

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

static bool store_text(char **out, const char *text)
{
    char *copy = nj_strdup(text);

    if (!copy)
        return false;
    free(*out);
    *out = copy;
    return true;
}

static bool store(nj_options *o, const nj_option *option, const char *text,
                  union value *v, bool append)
{
    void *at = field(o, option);

    switch (option->type) {
    case NJ_OPT_FLAG:
        memcpy(at, &v->flag, sizeof(v->flag));
        break;
    case NJ_OPT_INT:
    case NJ_OPT_CHOICE:
        memcpy(at, &v->whole, sizeof(v->whole));
        break;
    case NJ_OPT_DOUBLE:
        memcpy(at, &v->real, sizeof(v->real));
        break;
    case NJ_OPT_U64:
        memcpy(at, &v->u64, sizeof(v->u64));
        break;
    case NJ_OPT_CHARS:
        snprintf(at, (size_t)option->max, "%s", text);
        break;
    case NJ_OPT_TEXT:
        return store_text(at, text);
    case NJ_OPT_LIST:
        if (!append)
            nj_list_release(at);
        return nj_list_add(at, text);
    case NJ_OPT_SEEDS:
        nj_seeds_release(at);
        memcpy(at, &v->seeds, sizeof(v->seeds));
        v->seeds = (nj_seeds){0};
        break;
    }
    return true;
}

nj_status nj_options_set(nj_options *o, const nj_option *option,
                         const char *text, nj_origin from, nj_err *err)
{
    unsigned char *origin = &o->from[nj_option_index(option)];
    union value v = {.seeds = {0}};
    nj_status status = parse_value(option, text, &v, err);

    if (status == NJ_OK && (unsigned char)from >= *origin) {
        bool append = *origin == (unsigned char)from && from != NJ_FROM_DEFAULT;

        if (store(o, option, text, &v, append))
            *origin = (unsigned char)from;
        else
            status = nj_fail(err, NJ_E_MEMORY, "no memory for options");
    }
    if (option->type == NJ_OPT_SEEDS)
        nj_seeds_release(&v.seeds);
    return status;
}

void nj_options_forget(nj_options *o, const nj_option *option, nj_origin from)
{
    unsigned char *origin = &o->from[nj_option_index(option)];

    if (*origin > (unsigned char)from)
        return;
    if (option->type == NJ_OPT_LIST)
        nj_list_release(field(o, option));
    if (option->type == NJ_OPT_SEEDS)
        nj_seeds_release(field(o, option));
    *origin = NJ_FROM_DEFAULT;
}

nj_status nj_options_init(nj_options *o, nj_err *err)
{
    *o = (nj_options){0};
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);
        nj_status status;

        if (!option->fallback)
            continue;
        status =
            nj_options_set(o, option, option->fallback, NJ_FROM_DEFAULT, err);
        if (status != NJ_OK)
            return status;
    }
    return NJ_OK;
}

void nj_options_release(nj_options *o)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);
        void *at = field(o, option);

        if (option->type == NJ_OPT_TEXT)
            free(*(char **)at);
        else if (option->type == NJ_OPT_LIST)
            nj_list_release(at);
        else if (option->type == NJ_OPT_SEEDS)
            nj_seeds_release(at);
    }
    *o = (nj_options){0};
}

/* Replaces the pointer that a plain copy shares with `from` by an own one. */
static bool copy_owned(const nj_options *from, nj_options *to,
                       const nj_option *option)
{
    const void *old = const_field(from, option);
    void *at = field(to, option);

    if (option->type == NJ_OPT_TEXT) {
        char *text = *(char *const *)old;

        return !text || store_text(at, text);
    }
    if (option->type == NJ_OPT_LIST)
        return nj_list_add_all(at, old);
    if (option->type == NJ_OPT_SEEDS)
        return nj_seeds_copy(old, at, NULL) == NJ_OK;
    return true;
}

static void forget_owned(nj_options *o)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);
        void *at = field(o, option);

        if (option->type == NJ_OPT_TEXT)
            *(char **)at = NULL;
        else if (option->type == NJ_OPT_LIST)
            *(nj_list *)at = (nj_list){0};
        else if (option->type == NJ_OPT_SEEDS)
            *(nj_seeds *)at = (nj_seeds){0};
    }
}

nj_status nj_options_copy(const nj_options *from, nj_options *to, nj_err *err)
{
    *to = *from;
    forget_owned(to);
    for (size_t i = 0; i < nj_option_count(); i++) {
        if (!copy_owned(from, to, nj_option_at(i))) {
            nj_options_release(to);
            return nj_fail(err, NJ_E_MEMORY, "no memory for options");
        }
    }
    return NJ_OK;
}

nj_origin nj_options_origin(const nj_options *o, const char *name)
{
    const nj_option *option = nj_option_find(name, strlen(name));

    return option ? (nj_origin)o->from[nj_option_index(option)]
                  : NJ_FROM_DEFAULT;
}

nj_origin nj_options_first_origin(const nj_options *o, const nj_option *option)
{
    size_t i = nj_option_index(option);

    if (o->from[i] == NJ_FROM_JOB && o->told[i])
        return (nj_origin)(o->told[i] - 1);
    return (nj_origin)o->from[i];
}

bool nj_options_given(const nj_options *o, const char *name)
{
    return nj_options_origin(o, name) != NJ_FROM_DEFAULT;
}

nj_status nj_options_blame(const nj_options *o, const char *name, nj_err *err)
{
    char key[64];

    nj_option_key(nj_option_find(name, strlen(name)), key);
    switch (nj_options_origin(o, name)) {
    case NJ_FROM_CARD:
        return nj_err_add(err, "key '%s' of the model card", key);
    case NJ_FROM_PRESET:
        return nj_err_add(err, "key '%s' of the preset", key);
    case NJ_FROM_JOB:
        return nj_err_add(err, "key '%s'", key);
    default:
        return nj_err_add(err, "option '--%s'", name);
    }
}
