/* Bands: the weights of each filter worked out by hand, windows that hang
 * over the picture, and the transpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "diffusion/bands.h"

typedef nj_status (*maker)(nj_band *b, const nj_window *window, int outputs,
                           nj_err *err);

static nj_status bilinear(nj_band *b, const nj_window *w, int outputs,
                          nj_err *err)
{
    return nj_band_bilinear(b, w, outputs, false, err);
}

static nj_status antialiased(nj_band *b, const nj_window *w, int outputs,
                             nj_err *err)
{
    return nj_band_bilinear(b, w, outputs, true, err);
}

static nj_window whole(int n)
{
    return (nj_window){.length = n, .span = n};
}

/* matrix [outputs,inputs], row by row */
static void make_dense(const nj_band *b, float *matrix)
{
    for (int i = 0; i < b->outputs * b->inputs; i++)
        matrix[i] = 0;
    for (int i = 0; i < b->outputs; i++)
        for (int k = 0; k < b->taps; k++)
            matrix[i * b->inputs + b->first[i] + k] =
                b->weights[i * b->taps + k];
}

/* The band is the matrix `want` [outputs,length], to 1e-6. */
static void is_matrix(maker make, nj_window window, int outputs,
                      const double *want)
{
    nj_band b = {0};
    float dense[256];
    nj_err err = {0};

    assert_int_equal(make(&b, &window, outputs, &err), NJ_OK);
    assert_true(outputs * window.length <= 256);
    make_dense(&b, dense);
    for (int i = 0; i < outputs; i++)
        assert_true(b.first[i] >= 0 && b.first[i] + b.taps <= window.length);
    for (int i = 0; i < outputs * window.length; i++)
        assert_float_equal(dense[i], want[i], 1e-6);
    nj_band_release(&b);
}

static void pools(void **state)
{
    const double third = 1.0 / 3;

    (void)state;
    /* clang-format off */
    is_matrix(nj_band_pool, whole(5), 3, (double[]){
        .5, .5, 0, 0, 0,
        0, third, third, third, 0,
        0, 0, 0, .5, .5});
    is_matrix(nj_band_pool, whole(2), 3, (double[]){
        1, 0,
        .5, .5,
        0, 1});
    /* clang-format on */
}

/* The window reaches one pixel out on the left and two on the right; pixels
 * out there count as zeros. */
static void pools_windows(void **state)
{
    const nj_window over = {.length = 3, .start = -1, .span = 6};
    const nj_window inside = {.length = 6, .start = 3, .span = 2};

    (void)state;
    /* clang-format off */
    is_matrix(nj_band_pool, over, 2, (double[]){
        1 / 3., 1 / 3., 0,
        0, 0, 1 / 3.});
    is_matrix(nj_band_pool, inside, 2, (double[]){
        0, 0, 0, 1, 0, 0,
        0, 0, 0, 0, 1, 0});
    /* clang-format on */
}

/* Five pixels to nine lie half a pixel apart; a = -0.75 gives the weights
 * -3/32, 19/32, 19/32, -3/32 in the middle, and the ends are repeated. */
static void enlarges_bicubic(void **state)
{
    const double a = -3 / 32., b = 19 / 32.;

    (void)state;
    /* clang-format off */
    is_matrix(nj_band_lanczos, whole(5), 9, (double[]){
        1, 0, 0, 0, 0,
        a + b, b, a, 0, 0,
        0, 1, 0, 0, 0,
        a, b, b, a, 0,
        0, 0, 1, 0, 0,
        0, a, b, b, a,
        0, 0, 0, 1, 0,
        0, 0, a, b, a + b,
        0, 0, 0, 0, 1});
    /* clang-format on */
}

/* 72 to 32 pixels, as the public code computes them. */
static void prefilters(void **state)
{
    const double want[5] = {-.0062031010165810585, -.03762083128094673,
                            .03801480680704117, .28577786684036255,
                            .4400624930858612};
    double *weights = NULL;
    int taps = 0;
    double sum = 0;

    (void)state;
    assert_int_equal(nj_lanczos_weights(72, 32, &weights, &taps, NULL), NJ_OK);
    assert_int_equal(taps, 9);
    for (int i = 0; i < taps; i++) {
        sum += weights[i];
        assert_float_equal(weights[i], weights[taps - 1 - i], 1e-15);
    }
    assert_float_equal(sum, 1, 1e-12);
    for (int i = 0; i < 5; i++)
        assert_float_equal(weights[i], want[i], 1e-7);
    free(weights);
}

/* Nine pixels to three sit on the pixels 0, 4, 8, so that the rows are the
 * prefilter itself, mirrored at the ends. */
static void reflects_at_the_ends(void **state)
{
    double want[27] = {0};
    double *w = NULL;
    int taps = 0;

    (void)state;
    assert_int_equal(nj_lanczos_weights(9, 3, &w, &taps, NULL), NJ_OK);
    assert_int_equal(taps, 11);
    for (int k = -5; k <= 5; k++) {
        const int low = abs(k);
        const int high = 8 - abs(k);
        const int middle = 4 + k < 0 ? 1 : (4 + k > 8 ? 7 : 4 + k);

        want[low] += w[k + 5];
        want[9 + middle] += w[k + 5];
        want[18 + high] += w[k + 5];
    }
    free(w);
    is_matrix(nj_band_lanczos, whole(9), 3, want);
}

/* Weights k(.25), k(.75), k(1.25), k(1.75) of a = -0.5 over 2; those outside
 * the picture are lost, so the rows sum to less than 1. */
static void resizes_right(void **state)
{
    const double a = .8671875 / 2, b = .2265625 / 2;
    const double c = -.0703125 / 2, d = -.0234375 / 2;

    (void)state;
    /* clang-format off */
    is_matrix(nj_band_cubic, whole(6), 3, (double[]){
        a, a, b, c, d, 0,
        c, b, a, a, b, c,
        0, d, c, b, a, a});
    is_matrix(nj_band_cubic, whole(3), 3, (double[]){
        1, 0, 0,
        0, 1, 0,
        0, 0, 1});
    /* clang-format on */
}

static void resizes_bilinear(void **state)
{
    (void)state;
    /* clang-format off */
    is_matrix(bilinear, whole(4), 2, (double[]){
        .5, .5, 0, 0,
        0, 0, .5, .5});
    is_matrix(bilinear, whole(2), 4, (double[]){
        1, 0,
        .75, .25,
        .25, .75,
        0, 1});
    is_matrix(antialiased, whole(4), 2, (double[]){
        3 / 7., 3 / 7., 1 / 7., 0,
        0, 1 / 7., 3 / 7., 3 / 7.});
    is_matrix(antialiased, whole(2), 4, (double[]){
        1, 0,
        .75, .25,
        .25, .75,
        0, 1});
    /* clang-format on */
}

static void transposes(void **state)
{
    const maker makers[] = {nj_band_pool, nj_band_lanczos, nj_band_cubic,
                            bilinear, antialiased};
    const nj_window windows[] = {{.length = 13, .start = -3, .span = 19},
                                 {.length = 13, .start = 4, .span = 5},
                                 {.length = 20, .start = 0, .span = 20},
                                 {.length = 4, .start = 5, .span = 6}};

    (void)state;
    for (size_t m = 0; m < 5; m++)
        for (size_t k = 0; k < 4; k++) {
            const int n = windows[k].length;
            nj_band b = {0}, t = {0};
            float straight[160], across[160];

            assert_int_equal(makers[m](&b, &windows[k], 8, NULL), NJ_OK);
            assert_int_equal(nj_band_transpose(&t, &b, NULL), NJ_OK);
            assert_int_equal(t.outputs, n);
            make_dense(&b, straight);
            make_dense(&t, across);
            for (int i = 0; i < 8 * n; i++)
                assert_true(straight[i] == across[i % n * 8 + i / n]);
            nj_band_release(&b);
            nj_band_release(&t);
        }
}

static void refuses_bad_sizes(void **state)
{
    const nj_window empty = {.length = 4, .span = 0};
    const nj_window huge = {.length = 1 << 20, .span = 1 << 20};
    const nj_window far = {.length = 4, .start = -2147483647 - 1, .span = 2};
    nj_band b = {0};
    nj_err err = {0};
    const nj_window w = whole(4);

    (void)state;
    assert_int_equal(nj_band_pool(&b, &w, 0, &err), NJ_E_USAGE);
    assert_non_null(strstr(err.text, "to 0"));
    assert_int_equal(nj_band_cubic(&b, &empty, 4, NULL), NJ_E_USAGE);
    assert_int_equal(nj_band_pool(&b, &huge, 4, NULL), NJ_E_USAGE);
    assert_int_equal(nj_band_pool(&b, &far, 4, NULL), NJ_E_USAGE);
    assert_int_equal(nj_band_bilinear(&b, &w, -1, true, NULL), NJ_E_USAGE);
    assert_int_equal(nj_band_lanczos(&b, &w, 1, &err), NJ_E_USAGE);
    assert_non_null(strstr(err.text, "do not fit"));
    assert_null(b.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools),
        cmocka_unit_test(pools_windows),
        cmocka_unit_test(enlarges_bicubic),
        cmocka_unit_test(prefilters),
        cmocka_unit_test(reflects_at_the_ends),
        cmocka_unit_test(resizes_right),
        cmocka_unit_test(resizes_bilinear),
        cmocka_unit_test(transposes),
        cmocka_unit_test(refuses_bad_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
