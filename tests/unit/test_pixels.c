/* Pixels: layout and rounding of both directions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "diffusion/pixels.h"

static void every_byte_survives(void **state)
{
    uint8_t rgb[256 * 3];
    uint8_t back[256 * 3];
    float x[256 * 3];

    (void)state;
    for (int i = 0; i < 256 * 3; i++)
        rgb[i] = (uint8_t)(i / 3 + 80 * (i % 3));
    nj_pixels_to_signed(rgb, 16, 16, x);
    /* Cutting off would lose a unit where v / 255 * 255 falls below v. */
    for (int i = 0; i < 256 * 3; i++)
        x[i] += 1e-4F;
    nj_pixels_from_signed(x, 16, 16, back);
    assert_memory_equal(back, rgb, sizeof(rgb));
}

static void planes_become_pixels(void **state)
{
    const uint8_t rgb[6] = {255, 0, 51, 0, 102, 255};
    float x[6];

    (void)state;
    nj_pixels_to_unit(rgb, 2, 1, x);
    assert_true(x[0] == 1 && x[1] == 0);
    assert_true(x[2] == 0 && x[3] == 102 / 255.0F);
    assert_true(x[4] == 51 / 255.0F && x[5] == 1);
    nj_pixels_to_signed(rgb, 2, 1, x);
    assert_true(x[0] == 1 && x[1] == -1);
}

static void values_are_cut_off_and_clamped(void **state)
{
    const float x[12] = {-1,    1,   0,    -5,       5,         .999F,
                         -.99F, .5F, -.5F, INFINITY, -INFINITY, NAN};
    const uint8_t want[12] = {0, 255, 127, 0, 255, 254, 1, 191, 63, 255, 0, 0};
    uint8_t rgb[12];

    (void)state;
    nj_pixels_from_signed(x, 4, 1, rgb);
    for (int i = 0; i < 12; i++)
        assert_int_equal(rgb[3 * (i % 4) + i / 4], want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_survives),
        cmocka_unit_test(planes_become_pixels),
        cmocka_unit_test(values_are_cut_off_and_clamped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
