/* Resizing: bytes equal to Pillow's, and the limits of shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "image/resize.h"

enum { WIDTH = 7, HEIGHT = 5 };

static nj_picture sample(uint8_t *pixels)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 3; c++)
                pixels[3 * (WIDTH * y + x) + c] =
                    (uint8_t)(37 * x + 91 * y + 53 * c + 11 * x * y);
    return (nj_picture){WIDTH, HEIGHT, 3, pixels};
}

static void shrinks_as_pillow_does(void **state)
{
    static const uint8_t want[4 * 3 * 3] = {
        57,  118, 164, 131, 147, 151, 123, 152, 169, 154, 132, 123,
        152, 145, 117, 148, 127, 116, 133, 109, 98,  114, 116, 132,
        95,  156, 133, 114, 132, 96,  114, 132, 119, 89,  148, 125};
    uint8_t pixels[WIDTH * HEIGHT * 3];
    nj_picture from = sample(pixels);
    nj_picture to;

    (void)state;
    assert_int_equal(nj_picture_resize(&from, 4, 3, &to, NULL), NJ_OK);
    assert_int_equal(to.width, 4);
    assert_int_equal(to.height, 3);
    assert_memory_equal(to.pixels, want, sizeof(want));
    nj_picture_release(&to);
}

static void grows_as_pillow_does(void **state)
{
    static const uint8_t first[24] = {0,   45,  90,  15,  63,  108, 46,  89,
                                      161, 62,  124, 208, 94,  181, 234, 151,
                                      205, 255, 187, 255, 123, 213, 160, 3};
    static const uint8_t last[6] = {0, 43, 147, 76, 130, 213};
    uint8_t pixels[WIDTH * HEIGHT * 3];
    nj_picture from = sample(pixels);
    nj_picture to;

    (void)state;
    assert_int_equal(nj_picture_resize(&from, 9, 8, &to, NULL), NJ_OK);
    assert_memory_equal(to.pixels, first, sizeof(first));
    assert_memory_equal(to.pixels + 9 * 8 * 3 - 6, last, sizeof(last));
    nj_picture_release(&to);
}

static void same_size_is_a_copy(void **state)
{
    uint8_t pixels[WIDTH * HEIGHT * 3];
    nj_picture from = sample(pixels);
    nj_picture to;

    (void)state;
    assert_int_equal(nj_picture_resize(&from, WIDTH, HEIGHT, &to, NULL), NJ_OK);
    assert_memory_equal(to.pixels, pixels, sizeof(pixels));
    nj_picture_release(&to);
}

static void refuses_absurd_sizes(void **state)
{
    uint8_t pixels[WIDTH * HEIGHT * 3];
    nj_picture from = sample(pixels);
    nj_picture to;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_picture_resize(&from, 0, 8, &to, &err), NJ_E_USAGE);
    assert_int_equal(nj_picture_resize(&from, 8, 65536, &to, &err), NJ_E_USAGE);
    assert_non_null(strstr(err.text, "8 x 65536"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shrinks_as_pillow_does),
        cmocka_unit_test(grows_as_pillow_does),
        cmocka_unit_test(same_size_is_a_copy),
        cmocka_unit_test(refuses_absurd_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
