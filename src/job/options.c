/* Options: values are stored through the table's offsets, so that a new row is
 * all that a new option needs. See options.h. */
#include "job/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "job/option_value.h"

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

bool nj_option_is(const nj_option *o, const char *name, size_t n)
{
    return nj_option_same_name(o->name, name, n);
}

const nj_option *nj_option_find(const char *name, size_t n)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        if (nj_option_is(nj_option_at(i), name, n))
            return nj_option_at(i);
    }
    return NULL;
}

bool nj_option_may_sweep(const nj_option *o)
{
    return (o->traits & (NJ_OF_PICTURE | NJ_OF_MANY)) != 0;
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
        word[n] = nj_option_folded(name[n]);
    word[n] = '\0';
    near = nj_nearest(word, names, count);
    if (!near)
        return;
    if (strcmp(near, word) == 0) {
        nj_str_add(out, ", which only a command line may hold");
        return;
    }
    snprintf(shown, sizeof(shown), "%s", near);
    if (json_key)
        nj_option_key(nj_option_find(near, strlen(near)), shown);
    nj_str_addf(out, " (did you mean '%s%s'?)", json_key ? "" : "--", shown);
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
                  union nj_option_value *v, bool append)
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
    case NJ_OPT_CURVE:
        nj_settings_set_curve(&o->settings, option->curved, &v->curve);
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
    union nj_option_value v = {0};
    nj_status status = nj_option_value_parse(option, text, &v, err);

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
    free(o->place);
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
    o->place = NULL;
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
    bool good;

    *to = *from;
    forget_owned(to);
    good = !from->place || store_text(&to->place, from->place);
    for (size_t i = 0; i < nj_option_count() && good; i++)
        good = copy_owned(from, to, nj_option_at(i));
    if (good)
        return NJ_OK;
    nj_options_release(to);
    return nj_fail(err, NJ_E_MEMORY, "no memory for options");
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
        nj_err_add(err, "key '%s'", key);
        return nj_options_blame_place(o, 0, err);
    default:
        return nj_err_add(err, "option '--%s'", name);
    }
}

nj_status nj_options_blame_place(const nj_options *o, int line, nj_err *err)
{
    if (line)
        nj_err_add(err, "line %d", line);
    if (o->place)
        nj_err_add(err, "%s", o->place);
    return err ? err->code : NJ_E_INTERNAL;
}
