/* Contact sheets: cells lie where they should, captions are cut, and letters
 * are drawn with and without a font file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image/font.h"
#include "image/sheet.h"

static const uint8_t *pixel(const nj_picture *p, int x, int y)
{
    return p->pixels + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
}

static void puts_pictures_into_cells(void **state)
{
    const nj_sheet_config config = {.columns = 2, .cell = 16};
    uint8_t red[] = {255, 0, 0};
    uint8_t blue[] = {0, 0, 255};
    const nj_picture first = {1, 1, 3, red};
    const nj_picture last = {1, 1, 3, blue};
    const nj_picture *page;
    nj_sheet *s;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_sheet_new(&config, 3, &s, &err), NJ_OK);
    assert_int_equal(nj_sheet_put(s, 0, &first, NULL, &err), NJ_OK);
    assert_int_equal(nj_sheet_put(s, 2, &last, NULL, &err), NJ_OK);
    page = nj_sheet_page(s);
    assert_int_equal(page->width, 2 * (16 + 8) + 8);
    assert_int_equal(page->height, 2 * (16 + 8) + 8);
    assert_memory_equal(pixel(page, 16, 16), red, 3);
    assert_memory_equal(pixel(page, 16, 40), blue, 3);
    assert_int_equal(pixel(page, 40, 16)[0], 24);
    assert_int_equal(nj_sheet_put(s, 3, &last, NULL, &err), NJ_E_INTERNAL);
    nj_sheet_free(s);
}

static size_t bright_pixels(const nj_picture *p)
{
    size_t n = 0;

    for (size_t i = 0; i < 3 * (size_t)p->width * (size_t)p->height; i += 3)
        n += p->pixels[i] > 64;
    return n;
}

static void draws_captions_below(void **state)
{
    const nj_sheet_config config = {
        .columns = 1, .cell = 64, .caption_lines = 2};
    uint8_t black[3] = {0};
    const nj_picture p = {1, 1, 3, black};
    const nj_sheet_caption nothing = {"", NULL};
    const nj_sheet_caption seed = {NULL, "seed 1"};
    const nj_sheet_caption longer = {"a caption that does not fit", "seed 1"};
    size_t few;
    nj_sheet *s;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_sheet_new(&config, 1, &s, &err), NJ_OK);
    assert_int_equal(nj_sheet_put(s, 0, &p, &nothing, &err), NJ_OK);
    assert_int_equal(bright_pixels(nj_sheet_page(s)), 0);
    assert_int_equal(nj_sheet_put(s, 0, &p, &seed, &err), NJ_OK);
    few = bright_pixels(nj_sheet_page(s));
    assert_true(few > 5);
    assert_int_equal(nj_sheet_put(s, 0, &p, &longer, &err), NJ_OK);
    assert_true(bright_pixels(nj_sheet_page(s)) > few + 20);
    nj_sheet_free(s);
}

static void fits_whole_words(void **state)
{
    static const char text[] = "sand dunes \xc3\xa9";
    nj_font *font;
    nj_err err = {0};
    int width;

    (void)state;
    assert_int_equal(nj_font_open(NULL, 12, &font, &err), NJ_OK);
    width = nj_font_width(font, text, 8);
    assert_int_equal(nj_font_fit(font, text, strlen(text), width), 5);
    assert_int_equal(nj_font_fit(font, text, strlen(text), 10000),
                     strlen(text));
    assert_int_equal(nj_font_fit(font, "\xc3\xa9t", 3, 1), 2);
    nj_font_free(font);
}

static void refuses_what_is_no_font(void **state)
{
    nj_font *font;
    nj_err err = {0};

    (void)state;
    assert_int_equal(
        nj_font_open(NJ_SOURCE_DIR "/tests/unit/test_sheet.c", 12, &font, &err),
        NJ_E_FORMAT);
    assert_int_equal(nj_font_open("/nonexistent.ttf", 12, &font, &err),
                     NJ_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_pictures_into_cells),
        cmocka_unit_test(draws_captions_below),
        cmocka_unit_test(fits_whole_words),
        cmocka_unit_test(refuses_what_is_no_font),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
