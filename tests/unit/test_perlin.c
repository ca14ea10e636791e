/* Perlin start pictures: one octave worked out by hand, sums of octaves,
 * resizing, and the 8-bit stages. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "diffusion/perlin.h"

/* A lattice of 1 x 2 cells: points (0,0) (0,1) (0,2) / (1,0) (1,1) (1,2), each
 * a pair: along the rows, along the columns. */
static const float lattice[12] = {1, 2, -1, 3, 5, -2, 2, 1, -3, 4, 1, 1};

/* Cells of two pixels: t is 0 or 1/2, where the smoothstep is 0 or 1/2. */
static void follows_the_formula(void **state)
{
    const double half = .5;
    const float *gradients[1] = {lattice};
    const nj_perlin_field f = {.rows = 1,
                               .cols = 2,
                               .octaves = 1,
                               .amplitudes = &half,
                               .gradients = gradients};
    float out[8];
    /* row 0: only the offset along the columns; row 1: along both */
    const double right = ((2 * .5) + (3 * -.5)) / 2;
    const double right2 = ((3 * .5) + (-2 * -.5)) / 2;
    const double below = ((1 * .5) + (2 * -.5)) / 2;
    const double below2 = ((-1 * .5) + (-3 * -.5)) / 2;
    const double middle = ((1 + 2) * .5 + (-1 * .5 + 3 * -.5) +
                           (2 * -.5 + 1 * .5) + (-3 * -.5 + 4 * -.5)) /
                          4;
    const double middle2 = ((-1 + 3) * .5 + (5 * .5 + -2 * -.5) +
                            (-3 * -.5 + 4 * .5) + (1 * -.5 + 1 * -.5)) /
                           4;
    const double want[8] = {0,     right,  0,      right2,
                            below, middle, below2, middle2};

    (void)state;
    assert_int_equal(nj_perlin_resized(&f, 4, 2, false, out, NULL), NJ_OK);
    for (int i = 0; i < 8; i++)
        assert_float_equal(out[i], (.5 + .5 * want[i]), 1e-6);
}

/* Quarter steps show the smoothstep: 3 t^2 - 2 t^3 at 1/4 is 5/32. */
static void smooths_between_points(void **state)
{
    const double amplitudes[2] = {1, 0};
    const float coarse[8] = {0, 0, 0, 8, 0, 0, 0, 8};
    const float fine[18] = {0};
    const float *gradients[2] = {coarse, fine};
    const nj_perlin_field f = {.rows = 1,
                               .cols = 1,
                               .octaves = 2,
                               .amplitudes = amplitudes,
                               .gradients = gradients};
    float out[16];

    (void)state;
    assert_int_equal(nj_perlin_resized(&f, 4, 4, false, out, NULL), NJ_OK);
    assert_float_equal(out[1], .5 + 5 / 32. * 8 * -.75, 1e-6);
    assert_float_equal(out[2], .5 + .5 * 8 * -.5, 1e-6);
    assert_float_equal(out[13], out[1], 1e-6);
}

static void adds_octaves(void **state)
{
    const double both[2] = {.5, .25}, first[2] = {.5, 0}, second[2] = {0, .25};
    const double *amplitudes[3] = {both, first, second};
    float coarse[8], fine[18];
    const float *gradients[2] = {coarse, fine};
    float out[3][16];

    (void)state;
    for (int i = 0; i < 8; i++)
        coarse[i] = (float)sin(i * 2.1 + 1);
    for (int i = 0; i < 18; i++)
        fine[i] = (float)cos(i * 1.7);
    for (int i = 0; i < 3; i++) {
        const nj_perlin_field f = {.rows = 1,
                                   .cols = 1,
                                   .octaves = 2,
                                   .amplitudes = amplitudes[i],
                                   .gradients = gradients};

        assert_int_equal(nj_perlin_resized(&f, 4, 4, false, out[i], NULL),
                         NJ_OK);
    }
    for (int i = 0; i < 16; i++)
        assert_float_equal(out[0][i], (out[1][i] + out[2][i] - .5), 1e-6);
    assert_true(fabsf(out[1][5] - .5F) > 1e-3F);
    assert_true(fabsf(out[2][5] - .5F) > 1e-3F);
}

/* Halving without antialias averages 2 x 2 pixels; with it the triangle is
 * twice as wide. */
static void resizes(void **state)
{
    const double amplitudes[2] = {.5, .25};
    float coarse[8], fine[18];
    const float *gradients[2] = {coarse, fine};
    const nj_perlin_field f = {.rows = 1,
                               .cols = 1,
                               .octaves = 2,
                               .amplitudes = amplitudes,
                               .gradients = gradients};
    float full[16], half[4], smooth[4];
    const double w[4] = {3 / 7., 3 / 7., 1 / 7., 0};
    double sum = 0;

    (void)state;
    for (int i = 0; i < 8; i++)
        coarse[i] = (float)sin(i * 2.1 + 1);
    for (int i = 0; i < 18; i++)
        fine[i] = (float)cos(i * 1.7);
    assert_int_equal(nj_perlin_resized(&f, 4, 4, false, full, NULL), NJ_OK);
    assert_int_equal(nj_perlin_resized(&f, 2, 2, false, half, NULL), NJ_OK);
    assert_int_equal(nj_perlin_resized(&f, 2, 2, true, smooth, NULL), NJ_OK);
    for (int i = 0; i < 4; i++) {
        const float *p = full + i / 2 * 8 + i % 2 * 2;

        assert_float_equal(half[i], (p[0] + p[1] + p[4] + p[5]) / 4, 1e-6);
    }
    for (int i = 0; i < 16; i++)
        sum += w[i / 4] * w[i % 4] * (double)full[i];
    assert_float_equal(smooth[0], sum, 1e-6);
}

static void refuses_huge_fields(void **state)
{
    const double amplitudes[15] = {0};
    const float *gradients[15] = {0};
    nj_perlin_field f = {.rows = 4,
                         .cols = 1,
                         .octaves = 15,
                         .amplitudes = amplitudes,
                         .gradients = gradients};
    float out[1];
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_perlin_resized(&f, 1, 1, false, out, &err), NJ_E_USAGE);
    assert_non_null(strstr(err.text, "15 octaves"));
    f.octaves = 0;
    assert_int_equal(nj_perlin_resized(&f, 1, 1, false, out, NULL), NJ_E_USAGE);
}

static void truncates_to_bytes(void **state)
{
    const float in[7] = {-1, 0, .999F, 1, 2, .5F, NAN};
    const uint8_t want[7] = {0, 0, 254, 255, 255, 127, 0};
    uint8_t out[7];

    (void)state;
    nj_perlin_rgb8(in, 7, out);
    assert_memory_equal(out, want, 7);
}

static void stretches_contrast(void **state)
{
    uint8_t three[3] = {10, 20, 30};
    uint8_t flat[2] = {7, 7};
    uint8_t full[3] = {0, 100, 255};
    const uint8_t want[3] = {0, 127, 255};

    (void)state;
    nj_autocontrast(three, 3);
    assert_memory_equal(three, want, 3);
    nj_autocontrast(flat, 2);
    assert_int_equal(flat[0], 7);
    nj_autocontrast(full, 3);
    assert_int_equal(full[1], 100);
}

static void averages_layers(void **state)
{
    const uint8_t a[3] = {0, 255, 51}, b[3] = {0, 255, 204};
    float out[3];

    (void)state;
    nj_perlin_init(a, b, 3, out);
    assert_float_equal(out[0], -1, 1e-7);
    assert_float_equal(out[1], 1, 1e-7);
    assert_float_equal(out[2], 0, 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_formula),
        cmocka_unit_test(smooths_between_points),
        cmocka_unit_test(adds_octaves),
        cmocka_unit_test(resizes),
        cmocka_unit_test(refuses_huge_fields),
        cmocka_unit_test(truncates_to_bytes),
        cmocka_unit_test(stretches_contrast),
        cmocka_unit_test(averages_layers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
