/* Resizing: bytes equal to Pillow's, and the limits of shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "image/resize.h"

enum { WIDTH = 7, HEIGHT = 5 };

static nj_picture sample_of(int width, int height, uint8_t *pixels)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                pixels[3 * (width * y + x) + c] =
                    (uint8_t)(37 * x + 91 * y + 53 * c + 11 * x * y);
    return (nj_picture){width, height, 3, pixels};
}

static nj_picture sample(uint8_t *pixels)
{
    return sample_of(WIDTH, HEIGHT, pixels);
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

/* Pillow 11 with BICUBIC, then the crop that torchvision's CenterCrop takes. */
static void squares_as_clip_is_shown_them(void **state)
{
    static const uint8_t wide[3 * 3 * 3] = {
        56,  114, 164, 129, 149, 146, 123, 149, 172, 153, 143, 115, 140, 126,
        119, 133, 118, 100, 100, 157, 139, 112, 131, 97,  115, 134, 114};
    static const uint8_t tall[4 * 4 * 3] = {
        26,  83,  151, 80,  148, 161, 144, 139, 152, 117, 148, 217,
        163, 180, 117, 165, 128, 135, 141, 125, 129, 114, 138, 79,
        71,  112, 132, 124, 154, 101, 152, 106, 90,  111, 126, 107,
        148, 202, 126, 88,  156, 115, 114, 94,  160, 131, 154, 97};
    static const uint8_t kept[5 * 5 * 3] = {
        37,  90,  143, 74,  127, 180, 111, 164, 217, 148, 201, 254, 185,
        238, 35,  139, 192, 245, 187, 240, 37,  235, 32,  85,  27,  80,
        133, 75,  128, 181, 241, 38,  91,  44,  97,  150, 103, 156, 209,
        162, 215, 12,  221, 18,  71,  87,  140, 193, 157, 210, 7,   227,
        24,  77,  41,  94,  147, 111, 164, 217, 189, 242, 39,  14,  67,
        120, 95,  148, 201, 176, 229, 26,  1,   54,  107};
    static const struct {
        int width, height, size;
        const uint8_t *want;
    } cases[] = {{7, 5, 3, wide}, {5, 7, 4, tall}, {7, 5, 5, kept}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t pixels[WIDTH * HEIGHT * 3];
        nj_picture from = sample_of(cases[i].width, cases[i].height, pixels);
        nj_picture to;

        assert_int_equal(nj_picture_square(&from, cases[i].size, &to, NULL),
                         NJ_OK);
        assert_int_equal(to.width, cases[i].size);
        assert_int_equal(to.height, cases[i].size);
        assert_memory_equal(to.pixels, cases[i].want,
                            (size_t)(3 * to.width * to.height));
        nj_picture_release(&to);
    }
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
        cmocka_unit_test(squares_as_clip_is_shown_them),
        cmocka_unit_test(same_size_is_a_copy),
        cmocka_unit_test(refuses_absurd_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
