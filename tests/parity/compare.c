/* Comparing: every element by itself, by the tolerances of the case. A file of
 * its own because the rules are the point of the whole program. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parity/case.h"

/* Values of either side, read as double (int64 is compared as integers). */
struct values {
    const float *f32;
    const double *f64;
    const int64_t *i64;
};

struct limit {
    double abs;
    double rel;
    size_t differing; /* elements that may differ at all */
};

static double value_at(struct values v, size_t i)
{
    if (v.f32)
        return (double)v.f32[i];
    if (v.f64)
        return v.f64[i];
    return v.i64 ? (double)v.i64[i] : NAN;
}

static double error_at(struct values got, struct values want, size_t i)
{
    if (got.i64 && want.i64) {
        uint64_t a = (uint64_t)got.i64[i];
        uint64_t b = (uint64_t)want.i64[i];

        return (double)(got.i64[i] > want.i64[i] ? a - b : b - a);
    }
    return fabs(value_at(got, i) - value_at(want, i));
}

/* Error over tolerance; at most 1 passes. */
static double ratio(double error, double allowed)
{
    if (error == 0)
        return 0;
    return allowed > 0 ? error / allowed : INFINITY;
}

static void mark_seen(parity_case *c, const char *name)
{
    struct parity_seen *s = parity_alloc(c, 1, sizeof(*s));

    s->name = parity_text(c, "%s", name);
    s->next = c->seen;
    c->seen = s;
    c->checks++;
}

bool parity_was_seen(const parity_case *c, const char *name)
{
    for (const struct parity_seen *s = c->seen; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            return true;
    return false;
}

static void compare(parity_case *c, const char *name, struct values got,
                    struct values want, size_t n, struct limit limit)
{
    double worst = -1;
    size_t at = 0;
    size_t differing = 0;

    for (size_t i = 0; i < n; i++) {
        double error = error_at(got, want, i);
        double r =
            ratio(error, limit.abs + limit.rel * fabs(value_at(want, i)));

        if (!isfinite(value_at(got, i)) || isnan(error))
            r = INFINITY;
        differing += error != 0;
        if (r > worst) {
            worst = r;
            at = i;
        }
    }
    if (worst > c->worst) {
        c->worst = worst;
        c->worst_name = parity_text(c, "%s", name);
        c->worst_error = error_at(got, want, at);
    }
    if (worst > 1)
        parity_fail(
            c, "%s[%zu]: got %.9g, want %.9g, error %.3g, tolerance %.3g", name,
            at, value_at(got, at), value_at(want, at), error_at(got, want, at),
            limit.abs + limit.rel * fabs(value_at(want, at)));
    if (differing > limit.differing)
        parity_fail(c, "%s: %zu elements differ, at most %zu may", name,
                    differing, limit.differing);
}

static const char *shape_text(parity_case *c, int ndim, const int64_t *shape)
{
    const char *text = "[";

    for (int i = 0; i < ndim; i++)
        text = parity_text(c, "%s%s%" PRId64, text, i ? "," : "", shape[i]);
    return parity_text(c, "%s]", text);
}

double parity_slack(void)
{
    const char *text = getenv("NJ_PARITY_SLACK");
    const double factor = text ? atof(text) : 1;

    return factor > 1 ? factor : 1;
}

static struct limit limit_of(const cJSON *output)
{
    const double differing = nj_json_number(output, "max_differing", -1);
    const double more = parity_slack();

    return (struct limit){
        .abs = more * nj_json_number(output, "abs", 0),
        .rel = more * nj_json_number(output, "rel", 0),
        .differing = differing < 0 ? SIZE_MAX : (size_t)(more * differing),
    };
}

static void check(parity_case *c, const char *name, struct values got, int ndim,
                  const int64_t *shape)
{
    const parity_tensor *want = parity_input(c, name);
    const cJSON *output = parity_output(c, name);

    mark_seen(c, name);
    if (!want)
        return;
    if (!output) {
        parity_fail(c, "%s: not an output of the case", name);
        return;
    }
    if (want->ndim != ndim ||
        memcmp(want->shape, shape, (size_t)ndim * sizeof(*shape)) != 0) {
        parity_fail(c, "%s: shape %s, want %s", name,
                    shape_text(c, ndim, shape),
                    shape_text(c, want->ndim, want->shape));
        return;
    }
    compare(c, name, got, (struct values){want->f32, want->f64, want->i64},
            want->n, limit_of(output));
}

void parity_check_f32(parity_case *c, const char *name, const float *got,
                      int ndim, const int64_t *shape)
{
    check(c, name, (struct values){.f32 = got}, ndim, shape);
}

void parity_check_f64(parity_case *c, const char *name, const double *got,
                      int ndim, const int64_t *shape)
{
    check(c, name, (struct values){.f64 = got}, ndim, shape);
}

void parity_check_i64(parity_case *c, const char *name, const int64_t *got,
                      int ndim, const int64_t *shape)
{
    check(c, name, (struct values){.i64 = got}, ndim, shape);
}

void parity_check_part(parity_case *c, const char *name, const float *got,
                       const float *want, size_t n, double abs, double rel)
{
    mark_seen(c, name);
    compare(c, name, (struct values){.f32 = got}, (struct values){.f32 = want},
            n, (struct limit){abs, rel, SIZE_MAX});
}

void parity_expect(parity_case *c, bool holds, const char *format, ...)
{
    va_list args;
    const char *text;

    c->checks++;
    if (holds)
        return;
    va_start(args, format);
    text = parity_vtext(c, format, args);
    va_end(args);
    parity_fail(c, "%s", text);
}

void parity_absent(parity_case *c, const char *name, const char *why)
{
    mark_seen(c, name);
    c->checks--;
    nj_str_addf(&c->notes, "    %s: not compared: %s\n", name, why);
}
