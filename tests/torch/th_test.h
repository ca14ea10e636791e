/* What the tests of th share: small tensors from literals, comparison, and a
 * teardown that finds handles which were not freed. */
#ifndef NJ_TESTS_TH_TEST_H
#define NJ_TESTS_TH_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "torch/th.h"

static const th_device cpu = {TH_CPU, 0};

/* float32 tensor from literals: TENSOR(s, SHAPE(2, 2), 1, 2, 3, 4) */
#define SHAPE(...)                                                             \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                 \
        (const int64_t[])                                                      \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define TENSOR(s, shape, ...)                                                  \
    th_from_data((s), NJ_F32, shape, (const float[]){__VA_ARGS__})
/* Compares a tensor with literals, absolute tolerance. */
#define EXPECT(s, t, tolerance, ...)                                           \
    expect_doubles((s), (t), (tolerance), (const double[]){__VA_ARGS__},       \
                   sizeof((double[]){__VA_ARGS__}) / sizeof(double), __FILE__, \
                   __LINE__)

/* The scope has no error; prints its text otherwise. */
static inline void expect_ok(const th_scope *s, const char *file, int line)
{
    nj_err err = {0};

    if (th_scope_check(s, &err) != NJ_OK) {
        print_error("%s\n", err.text);
        _fail(file, line);
    }
}
#define OK(s) expect_ok((s), __FILE__, __LINE__)

static inline void expect_doubles(th_scope *s, const th_tensor *t,
                                  double tolerance, const double *want,
                                  size_t n, const char *file, int line)
{
    float *got = calloc(n + 1, sizeof(*got));

    th_read_f32(s, t, got, n);
    expect_ok(s, file, line);
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - want[i]) <= tolerance)
            continue;
        print_error("element %zu is %.9g instead of %.9g\n", i, (double)got[i],
                    want[i]);
        free(got);
        _fail(file, line);
        return; /* never reached, which static analysis cannot know */
    }
    free(got);
}

static inline void expect_values(th_scope *s, const th_tensor *t,
                                 double tolerance, const float *want, size_t n,
                                 const char *file, int line)
{
    double *wide = malloc((n + 1) * sizeof(*wide));

    for (size_t i = 0; i < n; i++)
        wide[i] = (double)want[i];
    expect_doubles(s, t, tolerance, wide, n, file, line);
    free(wide);
}

/* The same bytes. */
static inline void expect_same_bytes(th_scope *s, const th_tensor *a,
                                     const th_tensor *b)
{
    const size_t n = th_elements(a);
    float *x = malloc(n * sizeof(*x));
    float *y = malloc(n * sizeof(*y));

    assert_int_equal(th_elements(b), n);
    th_read_f32(s, a, x, n);
    th_read_f32(s, b, y, n);
    OK(s);
    assert_memory_equal(x, y, n * sizeof(*x));
    free(x);
    free(y);
}

/* One thread: small tensors gain nothing by two, and tests run side by
 * side. */
static inline int fresh_scope(void **state)
{
    th_set_threads(1);
    *state = th_scope_new(NULL);
    return *state ? 0 : -1;
}

/* n reproducible numbers in [-1, 1); other seeds give other numbers. */
static inline void fill_random(float *out, size_t n, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 12345u;

    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
}

/* A random tensor; channels last where it has four dimensions. */
static inline th_tensor *random_tensor(th_scope *s, uint32_t seed, int ndim,
                                       const int64_t *shape)
{
    size_t n = 1;
    float *data;
    th_tensor *t;

    for (int d = 0; d < ndim; d++)
        n *= (size_t)shape[d];
    data = malloc((n + 1) * sizeof(*data));
    fill_random(data, n, seed);
    t = th_from_data(s, NJ_F32, ndim, shape, data);
    free(data);
    return ndim == 4 ? th_channels_last(s, t) : t;
}
#define RANDOM(s, seed, shape) random_tensor((s), (seed), shape)

/* Largest absolute value; NaN where one is NaN, and after an error. */
static inline double largest(th_scope *s, const th_tensor *t)
{
    const size_t n = th_elements(t);
    float *values = malloc((n + 1) * sizeof(*values));
    double most = 0;

    th_read_f32(s, t, values, n);
    for (size_t i = 0; i < n && !isnan(most); i++)
        if (!(fabs((double)values[i]) <= most))
            most = fabs((double)values[i]);
    free(values);
    return th_scope_check(s, NULL) == NJ_OK ? most : NAN;
}

/* Largest absolute difference of two tensors of one shape. */
static inline double max_difference(th_scope *s, const th_tensor *a,
                                    const th_tensor *b)
{
    return largest(
        s, th_sub(s, th_to(s, a, NJ_F64, cpu), th_to(s, b, NJ_F64, cpu)));
}

/* Apart by no more than a share of the largest number. */
static inline void expect_close(th_scope *s, const th_tensor *got,
                                const th_tensor *want, double share)
{
    assert_true(max_difference(s, got, want) <= share * largest(s, want));
    OK(s);
}

/* Every handle must be gone with its scope. */
static inline int free_scope(void **state)
{
    th_scope_free(*state);
    return th_live() == 0 ? 0 : -1;
}

#define TH_TEST(f) cmocka_unit_test_setup_teardown(f, fresh_scope, free_scope)

#endif
