/* Option values as text: the way back from nj_options_set. See options.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "job/options.h"

static const void *const_field(const nj_options *o, const nj_option *option)
{
    return (const char *)o + option->offset;
}

static const char *word_of(const nj_option *option, int value)
{
    for (const nj_option_word *w = option->words; w && w->name; w++) {
        if (w->value == value)
            return w->name;
    }
    return NULL;
}

static char *list_text(const nj_list *list)
{
    nj_str s = {0};

    for (size_t i = 0; i < list->count; i++) {
        nj_str_add(&s, i ? "\n" : "");
        nj_str_add(&s, list->items[i]);
    }
    return nj_str_take(&s);
}

static char *curve_text(const nj_options *o, const nj_option *option)
{
    nj_curve c = nj_settings_curve(&o->settings, option->curved);

    return nj_curve_text(&c);
}

static char *int_text(const nj_option *option, const void *at)
{
    char text[NJ_NUMBER_TEXT_MAX];
    int value;
    const char *word;

    memcpy(&value, at, sizeof(value));
    word = word_of(option, value);
    snprintf(text, sizeof(text), "%d", value);
    return nj_strdup(word ? word : text);
}

bool nj_options_has(const nj_options *o, const nj_option *option)
{
    const void *at = const_field(o, option);

    if (!option->fallback &&
        o->from[nj_option_index(option)] == NJ_FROM_DEFAULT)
        return false;
    if (option->type == NJ_OPT_TEXT)
        return *(char *const *)at != NULL;
    if (option->type == NJ_OPT_LIST)
        return ((const nj_list *)at)->count > 0;
    return option->type != NJ_OPT_SEEDS || ((const nj_seeds *)at)->count > 0;
}

char *nj_options_text(const nj_options *o, const nj_option *option)
{
    const void *at = const_field(o, option);
    char number[NJ_NUMBER_TEXT_MAX];

    if (!nj_options_has(o, option))
        return NULL;
    switch (option->type) {
    case NJ_OPT_FLAG:
        return nj_strdup(*(const bool *)at ? "true" : "false");
    case NJ_OPT_INT:
    case NJ_OPT_CHOICE:
        return int_text(option, at);
    case NJ_OPT_DOUBLE:
        nj_format_double(*(const double *)at, number);
        return nj_strdup(number);
    case NJ_OPT_CURVE:
        return curve_text(o, option);
    case NJ_OPT_U64:
        snprintf(number, sizeof(number), "%" PRIu64, *(const uint64_t *)at);
        return nj_strdup(number);
    case NJ_OPT_CHARS:
        return nj_strdup(at);
    case NJ_OPT_TEXT:
        return nj_strdup(*(char *const *)at);
    case NJ_OPT_LIST:
        return list_text(at);
    case NJ_OPT_SEEDS:
        return nj_seeds_text(at);
    }
    return NULL;
}
