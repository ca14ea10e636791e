/* Curves: a setting that changes from step to step, as people write it.
 *
 *     5000                        a number, the same at every step
 *     [12]*400+[4]*600            runs: 400 entries of 12, then 600 of 4
 *     [1,.8,.6]+[.5]*22           entries one by one
 *     0:5000, 400:2000            keys, straight lines between them
 *
 * Places count from the noisy end. Keys lie in the 1000 places of the
 * notebooks: a step at timestep t of T is at place 999 - floor(1000 t / T),
 * whatever the respacing. A list has 1000 entries, which are read by place, or
 * one for each step that is run, which are read by the step's number.
 * After Disco Diffusion's cut schedules; keys as in its animation settings. */
#ifndef NJ_DIFFUSION_CURVE_H
#define NJ_DIFFUSION_CURVE_H

#include <stdbool.h>

#include "base/err.h"

#define NJ_CURVE_PLACES     1000
#define NJ_CURVE_POINTS_MAX 64

typedef enum nj_curve_kind {
    NJ_CURVE_NONE = 0, /* no curve: the setting's own number holds */
    NJ_CURVE_NUMBER,
    NJ_CURVE_LIST,
    NJ_CURVE_KEYS
} nj_curve_kind;

typedef struct nj_curve_point {
    int at; /* a list's: first entry with this value; a key's place */
    double value;
} nj_curve_point;

/* Plain data, at least one point unless NONE. */
typedef struct nj_curve {
    nj_curve_kind kind;
    int length;                                 /* entries of a list, else 0 */
    int count;                                  /* points */
    nj_curve_point points[NJ_CURVE_POINTS_MAX]; /* `at` rising */
} nj_curve;

/* Where in a run a value is asked for. */
typedef struct nj_curve_place {
    int place;     /* 0..999, from the noisy end */
    int iteration; /* step, counted from the first that is run */
} nj_curve_place;

/* The place of base timestep t, 0 <= t < T. */
int nj_curve_place_of(int timestep, int base_steps);

/* NJ_E_USAGE says what is wrong with the text. */
nj_status nj_curve_parse(const char *text, nj_curve *out,
                         nj_err *err) NJ_MUST_USE;

/* A text that reads back as the same curve; the caller frees it. NULL when
 * memory is short or the kind is NONE. */
char *nj_curve_text(const nj_curve *c);

/* Refuses a list that has neither 1000 entries nor `iterations`. */
nj_status nj_curve_check(const nj_curve *c, int iterations,
                         nj_err *err) NJ_MUST_USE;

/* The value at a place; the curve is not NONE and was checked. */
double nj_curve_at(const nj_curve *c, const nj_curve_place *place);

double nj_curve_largest(const nj_curve *c);

#endif
