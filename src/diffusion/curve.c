/* Curves: see curve.h. The reader walks the text once; numbers are read by
 * base/number.h, so that they are as strict as anywhere else. */
#include "diffusion/curve.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/str.h"

#define LENGTH_MAX 1000000

struct reader {
    const char *at;
    const char *whole; /* for messages */
};

static void skip_blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t");
}

static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (*r->at != c)
        return false;
    r->at++;
    skip_blanks(r);
    return true;
}

/* The characters up to one of `ends`, without blanks at their end. */
static bool take_word(struct reader *r, const char *ends, char *out, size_t max)
{
    size_t n;
    size_t whole;

    skip_blanks(r);
    whole = strcspn(r->at, ends);
    for (n = whole; n > 0 && (r->at[n - 1] == ' ' || r->at[n - 1] == '\t');)
        n--;
    if (n == 0 || n >= max)
        return false;
    memcpy(out, r->at, n);
    out[n] = '\0';
    r->at += whole;
    return true;
}

static bool take_number(struct reader *r, const char *ends, double *out)
{
    char word[NJ_NUMBER_TEXT_MAX];

    return take_word(r, ends, word, sizeof(word)) && nj_parse_double(word, out);
}

static bool take_whole(struct reader *r, const char *ends, int *out)
{
    char word[NJ_NUMBER_TEXT_MAX];
    int64_t n;

    if (!take_word(r, ends, word, sizeof(word)) || !nj_parse_i64(word, &n) ||
        n < 0 || n > LENGTH_MAX)
        return false;
    *out = (int)n;
    return true;
}

static nj_status refuse(const struct reader *r, const char *expected,
                        nj_err *err)
{
    return nj_fail(err, NJ_E_USAGE,
                   "'%.120s' is no schedule: %s is expected %s%.20s%s",
                   r->whole, expected, *r->at ? "before '" : "at its end",
                   r->at, *r->at ? "'" : "");
}

static nj_status add_point(nj_curve *c, int at, double value, nj_err *err)
{
    if (c->count > 0 && c->kind == NJ_CURVE_LIST &&
        c->points[c->count - 1].value == value)
        return NJ_OK;
    if (c->count == NJ_CURVE_POINTS_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "a schedule of more than %d values, fewer are expected",
                       NJ_CURVE_POINTS_MAX);
    c->points[c->count++] = (nj_curve_point){at, value + 0.0};
    return NJ_OK;
}

/* "[12]*400" or "[1,.8,.6]", after its bracket. */
static nj_status read_run(struct reader *r, nj_curve *c, nj_err *err)
{
    int start = c->length;
    int times = 1;
    double value;
    nj_status status;

    do {
        if (!take_number(r, ",]", &value))
            return refuse(r, "a number", err);
        status = add_point(c, c->length++, value, err);
        if (status != NJ_OK)
            return status;
    } while (take(r, ','));
    if (!take(r, ']'))
        return refuse(r, "']'", err);
    if (!take(r, '*'))
        return NJ_OK;
    if (c->length != start + 1)
        return nj_fail(err, NJ_E_USAGE,
                       "'%.120s': one value before '*' is expected", r->whole);
    if (!take_whole(r, "+", &times) || times == 0)
        return refuse(r, "a count above 0", err);
    c->length = start + times;
    return c->length <= LENGTH_MAX
               ? NJ_OK
               : nj_fail(err, NJ_E_USAGE, "a schedule of more than %d entries",
                         LENGTH_MAX);
}

static nj_status read_list(struct reader *r, nj_curve *c, nj_err *err)
{
    c->kind = NJ_CURVE_LIST;
    do {
        nj_status status;

        if (!take(r, '['))
            return refuse(r, "'['", err);
        status = read_run(r, c, err);
        if (status != NJ_OK)
            return status;
    } while (take(r, '+'));
    return *r->at ? refuse(r, "'+'", err) : NJ_OK;
}

static nj_status read_keys(struct reader *r, nj_curve *c, nj_err *err)
{
    c->kind = NJ_CURVE_KEYS;
    do {
        int at;
        double value;
        nj_status status;

        if (!take_whole(r, ":,", &at) || !take(r, ':') ||
            !take_number(r, ",", &value))
            return refuse(r, "PLACE:VALUE", err);
        if (at >= NJ_CURVE_PLACES ||
            (c->count > 0 && at <= c->points[c->count - 1].at))
            return nj_fail(err, NJ_E_USAGE,
                           "place %d of a schedule: rising places from 0 to "
                           "%d are expected",
                           at, NJ_CURVE_PLACES - 1);
        status = add_point(c, at, value, err);
        if (status != NJ_OK)
            return status;
    } while (take(r, ','));
    return NJ_OK;
}

nj_status nj_curve_parse(const char *text, nj_curve *out, nj_err *err)
{
    struct reader r = {text, text};

    *out = (nj_curve){.kind = NJ_CURVE_NUMBER, .count = 1};
    if (!strpbrk(text, "[:")) {
        if (!nj_parse_double(text, &out->points[0].value))
            return nj_fail(err, NJ_E_USAGE, "'%.120s' is not a number", text);
        out->points[0].value += 0.0; /* -0 and 0 are one value */
        return NJ_OK;
    }
    out->count = 0;
    skip_blanks(&r);
    return *r.at == '[' ? read_list(&r, out, err) : read_keys(&r, out, err);
}

static void add_number(nj_str *s, double value)
{
    char text[NJ_NUMBER_TEXT_MAX];

    nj_format_double(value, text);
    nj_str_add(s, text);
}

static void add_run(nj_str *s, const nj_curve *c, int i)
{
    int end = i + 1 < c->count ? c->points[i + 1].at : c->length;
    int times = end - c->points[i].at;

    nj_str_add(s, i ? "+[" : "[");
    add_number(s, c->points[i].value);
    nj_str_add(s, "]");
    if (times > 1)
        nj_str_addf(s, "*%d", times);
}

char *nj_curve_text(const nj_curve *c)
{
    nj_str s = {0};

    for (int i = 0; i < c->count; i++) {
        if (c->kind == NJ_CURVE_LIST) {
            add_run(&s, c, i);
            continue;
        }
        if (c->kind == NJ_CURVE_KEYS)
            nj_str_addf(&s, "%s%d:", i ? "," : "", c->points[i].at);
        add_number(&s, c->points[i].value);
    }
    return c->count ? nj_str_take(&s) : NULL;
}

nj_status nj_curve_check(const nj_curve *c, int iterations, nj_err *err)
{
    if (c->kind != NJ_CURVE_LIST || c->length == NJ_CURVE_PLACES ||
        c->length == iterations)
        return NJ_OK;
    return nj_fail(err, NJ_E_USAGE,
                   "a schedule of %d entries: %d, or one for each of the %d "
                   "steps, are expected",
                   c->length, NJ_CURVE_PLACES, iterations);
}

int nj_curve_place_of(int timestep, int base_steps)
{
    return NJ_CURVE_PLACES - 1 -
           (int)((int64_t)timestep * NJ_CURVE_PLACES / base_steps);
}

/* The last point that is not behind `at`. */
static int point_before(const nj_curve *c, int at)
{
    int i = 0;

    while (i + 1 < c->count && c->points[i + 1].at <= at)
        i++;
    return i;
}

double nj_curve_at(const nj_curve *c, const nj_curve_place *place)
{
    bool by_place = c->kind == NJ_CURVE_KEYS || c->length == NJ_CURVE_PLACES;
    int at = by_place ? place->place : place->iteration;
    int i = point_before(c, at);
    const nj_curve_point *p = &c->points[i];
    double part;

    if (c->kind != NJ_CURVE_KEYS || i + 1 == c->count || at <= p->at)
        return p->value;
    part = (double)(at - p->at) / (p[1].at - p->at);
    return p->value + part * (p[1].value - p->value);
}

double nj_curve_largest(const nj_curve *c)
{
    double largest = c->points[0].value;

    for (int i = 1; i < c->count; i++)
        largest = fmax(largest, c->points[i].value);
    return largest;
}
