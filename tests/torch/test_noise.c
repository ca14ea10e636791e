/* The normals of a batch against those that are drawn image by image, and the
 * arithmetic behind them against the library's functions. */
#include "torch/th_test.h"

#include "diffusion/random.h"

enum { VALUES = 3 * 7 * 5, BLOCKS = 200000 };

static void each_image_has_its_field(void **state)
{
    th_scope *s = *state;
    const uint64_t seeds[3] = {18446744073709551615U, 7, 4294967296U};
    const th_normals from = {seeds, 12, NJ_STREAM_STEP, 2, 1000};
    float got[3 * VALUES];
    float want[VALUES];

    th_read_f32(s, th_philox_normals(s, &from, cpu, SHAPE(3, 3, 7, 5)), got,
                3 * VALUES);
    OK(s);
    for (int b = 0; b < 3; b++) {
        const nj_source source = {seeds[b], 12, NJ_STREAM_STEP, 2};

        nj_random_field(&source, 1000, VALUES, want);
        assert_memory_equal(got + (ptrdiff_t)b * VALUES, want, sizeof(want));
    }
}

static void takes_empty_shapes(void **state)
{
    th_scope *s = *state;
    const th_normals from = {NULL, 0, 0, 0, 0};

    assert_int_equal(th_elements(th_philox_normals(s, &from, cpu, SHAPE(0, 4))),
                     0);
    assert_int_equal(th_elements(th_philox_normals(s, &from, cpu, SHAPE(3, 0))),
                     0);
    OK(s);
}

/* More pictures than one launch takes, a number of values that is no multiple
 * of four, another source for each. */
static void adds_what_it_would_draw(void **state)
{
    enum { PICTURES = 35 };
    th_scope *s = *state;
    uint64_t seeds[PICTURES];
    th_normals each[PICTURES];
    const th_tensor *list[PICTURES];
    const th_tensor *x =
        th_leaf(s, RANDOM(s, 1, SHAPE(PICTURES, 3, 7, 5)), true);
    const th_tensor *up = RANDOM(s, 2, SHAPE(PICTURES, 3, 7, 5));
    const th_tensor *y, *want;

    for (uint32_t b = 0; b < PICTURES; b++) {
        seeds[b] = 3 + b % 4;
        each[b] =
            (th_normals){&seeds[b], 12, NJ_STREAM_CUT_NOISE, b % 3, 1000 * b};
        list[b] = th_philox_normals(s, &each[b], cpu, SHAPE(1, 3, 7, 5));
    }
    y = th_add_normals(s, x, .01, each);
    want = th_add(s, x, th_mul_scalar(s, th_cat(s, list, PICTURES, 0), .01));
    assert_true(max_difference(s, y, want) == 0);
    assert_true(max_difference(s, th_grad(s, y, up, x), up) == 0);
    OK(s);
}

static void adds_to_float32_only(void **state)
{
    th_scope *s = *state;
    const uint64_t seed = 0;
    const th_normals from = {&seed, 0, 0, 0, 0};
    nj_err err = {0};

    assert_null(
        th_add_normals(s, th_zeros(s, NJ_F64, cpu, SHAPE(1, 2)), 1, &from));
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    assert_non_null(strstr(err.text, "float32"));
}

static double relative(double got, double want)
{
    return fabs(got - want) / fabs(want);
}

/* Errors of at most two units of the last place, at random numbers and at the
 * ends of their range. */
static void a_pair_is_as_exact_as_the_librarys(void **state)
{
    const double limit = 0x1p-51;
    const double edge[] = {0x1p-33, 3 * 0x1p-33, .25, .5, .75, 1};
    const nj_source from = {5, 1, 1, 0};

    (void)state;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint32_t words[4];
        double u, c, s;

        nj_philox_words(&from, i, words);
        u = i < 12 ? edge[i / 2] + (i % 2 ? -0x1p-33 : 0x1p-33)
                   : nj_philox_uniform(words[i % 4]);
        if (u <= 0 || u >= 1)
            continue;
        nj_philox_turn(6.283185307179586 * u, &c, &s);
        assert_true(relative(nj_philox_log(u), log(u)) < limit);
        assert_true(relative(c, cos(6.283185307179586 * u)) < limit);
        assert_true(relative(s, sin(6.283185307179586 * u)) < limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(each_image_has_its_field),
        TH_TEST(takes_empty_shapes),
        TH_TEST(adds_what_it_would_draw),
        TH_TEST(adds_to_float32_only),
        TH_TEST(a_pair_is_as_exact_as_the_librarys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
