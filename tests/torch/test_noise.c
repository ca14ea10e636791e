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
        TH_TEST(a_pair_is_as_exact_as_the_librarys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
