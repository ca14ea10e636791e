/* Settings: see settings.h. Which field a curve replaces, once. */
#include "diffusion/settings.h"

#include <string.h>

#include "base/number.h"

const char *nj_precision_name(nj_precision p)
{
    static const char *const names[] = {
        [NJ_PRECISION_AUTO] = "auto",
        [NJ_PRECISION_FP32] = "fp32",
        [NJ_PRECISION_BF16] = "bf16",
        [NJ_PRECISION_FP16] = "fp16",
    };

    return names[p];
}

static const struct {
    size_t offset;
    bool whole;
} fields[NJ_CURVED_COUNT] = {
    [NJ_CURVED_ETA] = {offsetof(nj_settings, eta), false},
    [NJ_CURVED_CLIP_GUIDANCE_SCALE] = {offsetof(nj_settings,
                                                clip_guidance_scale),
                                       false},
    [NJ_CURVED_TV_SCALE] = {offsetof(nj_settings, tv_scale), false},
    [NJ_CURVED_RANGE_SCALE] = {offsetof(nj_settings, range_scale), false},
    [NJ_CURVED_SAT_SCALE] = {offsetof(nj_settings, sat_scale), false},
    [NJ_CURVED_INIT_SCALE] = {offsetof(nj_settings, init_scale), false},
    [NJ_CURVED_CLAMP_MAX] = {offsetof(nj_settings, clamp_max), false},
    [NJ_CURVED_CUTN] = {offsetof(nj_settings, cutn), true},
    [NJ_CURVED_CUT_OVERVIEW] = {offsetof(nj_settings, cut_overview), true},
    [NJ_CURVED_CUT_INNERCUT] = {offsetof(nj_settings, cut_innercut), true},
    [NJ_CURVED_CUT_IC_POW] = {offsetof(nj_settings, cut_ic_pow), false},
    [NJ_CURVED_CUT_ICGRAY_P] = {offsetof(nj_settings, cut_icgray_p), false},
};

static void set_number(nj_settings *s, nj_curved which, double value)
{
    char *at = (char *)s + fields[which].offset;
    int whole = (int)value;

    if (fields[which].whole)
        memcpy(at, &whole, sizeof(whole));
    else
        memcpy(at, &value, sizeof(value));
}

static double number(const nj_settings *s, nj_curved which)
{
    const char *at = (const char *)s + fields[which].offset;
    double value;
    int whole;

    if (fields[which].whole) {
        memcpy(&whole, at, sizeof(whole));
        return whole;
    }
    memcpy(&value, at, sizeof(value));
    return value;
}

bool nj_settings_have_quirks(const nj_settings *s)
{
    return s->compat == NJ_COMPAT_NOTEBOOK && s->cutouts != NJ_CUTOUTS_CROWSON;
}

void nj_settings_set_curve(nj_settings *s, nj_curved which, const nj_curve *c)
{
    set_number(s, which, nj_curve_largest(c));
    s->curves[which] = c->kind == NJ_CURVE_NUMBER ? (nj_curve){0} : *c;
}

nj_curve nj_settings_curve(const nj_settings *s, nj_curved which)
{
    nj_curve c = s->curves[which];

    if (c.kind == NJ_CURVE_NONE)
        c = (nj_curve){.kind = NJ_CURVE_NUMBER,
                       .count = 1,
                       .points = {{0, number(s, which)}}};
    return c;
}

nj_settings nj_settings_at(const nj_settings *s, const nj_curve_place *place)
{
    nj_settings now = *s;

    for (int i = 0; i < NJ_CURVED_COUNT; i++) {
        if (s->curves[i].kind == NJ_CURVE_NONE)
            continue;
        set_number(&now, (nj_curved)i, nj_curve_at(&s->curves[i], place));
        now.curves[i] = (nj_curve){0};
    }
    return now;
}

void nj_settings_etas(const nj_settings *s, const nj_schedule *schedule,
                      int base_steps, double *out)
{
    int first = (int)schedule->count - 1 - s->skip_timesteps;

    for (int i = 0; i < (int)schedule->count; i++) {
        const nj_curve_place place = {
            nj_curve_place_of(schedule->timesteps[i], base_steps), first - i};

        out[i] = i <= first ? nj_settings_at(s, &place).eta : 0;
    }
}

nj_status nj_transformations_parse(const char *text,
                                   double out[NJ_TRANSFORMATIONS_MAX],
                                   size_t *count, nj_err *err)
{
    *count = 0;
    for (const char *at = text; at;) {
        const char *comma = strchr(at, ',');
        size_t n = comma ? (size_t)(comma - at) : strlen(at);
        char word[NJ_NUMBER_TEXT_MAX] = "";

        if (n < sizeof(word))
            memcpy(word, at, n);
        if (*count == NJ_TRANSFORMATIONS_MAX ||
            !nj_parse_double(word, &out[*count]) || out[*count] < 0 ||
            out[*count] > 1)
            return nj_fail(err, NJ_E_USAGE,
                           "'%s' is not a list of at most %d numbers from 0 "
                           "to 1",
                           text, NJ_TRANSFORMATIONS_MAX);
        (*count)++;
        at = comma ? comma + 1 : NULL;
    }
    return NJ_OK;
}
