/* Fitting of start pictures, and EXIF's orientation in all three formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "image/fit.h"

/* Four stripes, 10, 20, 30 and 40 bright, each `wide` pixels. */
static nj_picture stripes(int wide, int height)
{
    nj_picture p = {4 * wide, height, 1, NULL};

    p.pixels = malloc((size_t)p.width * (size_t)height);
    assert_non_null(p.pixels);
    for (int i = 0; i < p.width * height; i++)
        p.pixels[i] = (uint8_t)(10 + 10 * (i % p.width / wide));
    return p;
}

static void crop_takes_the_middle(void **state)
{
    nj_picture p = stripes(16, 32);
    nj_picture q;

    (void)state;
    assert_int_equal(nj_picture_fit(&p, 32, 32, NJ_FIT_CROP, &q, NULL), NJ_OK);
    assert_int_equal(q.width, 32);
    assert_int_equal(q.height, 32);
    for (int i = 0; i < 32 * 32; i++)
        assert_int_equal(q.pixels[i], i % 32 < 16 ? 20 : 30);
    nj_picture_release(&q);
    nj_picture_release(&p);
}

static void crop_of_a_tall_picture_scales(void **state)
{
    nj_picture p = stripes(8, 96);
    nj_picture q;

    (void)state;
    assert_int_equal(nj_picture_fit(&p, 64, 64, NJ_FIT_CROP, &q, NULL), NJ_OK);
    assert_int_equal(q.pixels[0], 10);
    assert_int_equal(q.pixels[63], 40);
    assert_int_equal(q.pixels[64 * 63 + 20], 20);
    nj_picture_release(&q);
    nj_picture_release(&p);
}

static void whole_is_bordered_with_grey(void **state)
{
    nj_picture p = stripes(16, 32);
    nj_picture q;

    (void)state;
    assert_int_equal(nj_picture_fit(&p, 64, 64, NJ_FIT_WHOLE, &q, NULL), NJ_OK);
    for (int y = 0; y < 64; y++) {
        bool inside = y >= 16 && y < 48;

        for (int x = 0; x < 64; x++)
            assert_int_equal(q.pixels[64 * y + x],
                             inside ? 10 + x / 16 * 10 : 128);
    }
    nj_picture_release(&q);
    nj_picture_release(&p);
}

static void stretch_changes_the_shape(void **state)
{
    nj_picture p = stripes(1, 4);
    nj_picture q;

    (void)state;
    assert_int_equal(nj_picture_fit(&p, 40, 4, NJ_FIT_STRETCH, &q, NULL),
                     NJ_OK);
    assert_int_equal(q.width, 40);
    assert_int_equal(q.height, 4);
    assert_true(q.pixels[0] <= 10 && q.pixels[39] >= 40);
    nj_picture_release(&q);
    nj_picture_release(&p);
}

static void same_size_is_the_same_bytes(void **state)
{
    nj_picture p = stripes(5, 7);

    (void)state;
    p.pixels[3] = 255;
    for (int fit = NJ_FIT_CROP; fit <= NJ_FIT_STRETCH; fit++) {
        nj_picture q;

        assert_int_equal(nj_picture_fit(&p, 20, 7, (nj_fit)fit, &q, NULL),
                         NJ_OK);
        assert_memory_equal(p.pixels, q.pixels, 20 * 7);
        nj_picture_release(&q);
    }
    nj_picture_release(&p);
}

static void refuses_no_size(void **state)
{
    nj_picture p = stripes(1, 1);
    nj_picture q;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_picture_fit(&p, 0, 8, NJ_FIT_CROP, &q, &err),
                     NJ_E_USAGE);
    assert_int_equal(nj_picture_fit(&p, 8, 70000, NJ_FIT_CROP, &q, &err),
                     NJ_E_USAGE);
    assert_null(q.pixels);
    nj_picture_release(&p);
}

/* ---- orientation ------------------------------------------------------- */

enum { ROTATE_RIGHT = 6, WIDTH = 24, HEIGHT = 16 };

/* Little-endian TIFF with one entry: orientation 6, turn right to see it. */
static const uint8_t tiff[26] = {
    'I', 'I', 42,           0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0,
    0,   0,   ROTATE_RIGHT, 0, 0, 0, 0, 0, 0, 0};

/* Bright at the left end as it is stored, so at the top when it is shown. */
static void fill(uint8_t *rgb)
{
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++)
        rgb[i] = i / 3 % WIDTH < 8 ? 220 : 30;
}

static void expect_upright(const uint8_t *bytes, size_t n)
{
    nj_picture p;
    nj_err err = {0};

    if (nj_picture_decode(bytes, n, 100000, &p, &err) != NJ_OK)
        fail_msg("%s", err.text);
    assert_int_equal(p.width, HEIGHT);
    assert_int_equal(p.height, WIDTH);
    for (int y = 0; y < WIDTH; y++)
        for (int x = 0; x < HEIGHT; x++)
            assert_true((p.pixels[3 * (y * HEIGHT + x)] > 128) == (y < 8));
    nj_picture_release(&p);
}

static void jpeg_is_turned(void **state)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    uint8_t rgb[WIDTH * HEIGHT * 3];
    uint8_t block[6 + sizeof(tiff)] = {'E', 'x', 'i', 'f', 0, 0};
    unsigned char *bytes = NULL;
    unsigned long n = 0;

    (void)state;
    fill(rgb);
    memcpy(block + 6, tiff, sizeof(tiff));
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &n);
    info.image_width = WIDTH;
    info.image_height = HEIGHT;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_start_compress(&info, TRUE);
    jpeg_write_marker(&info, JPEG_APP0 + 1, block, sizeof(block));
    while (info.next_scanline < HEIGHT) {
        JSAMPROW row = rgb + 3 * WIDTH * info.next_scanline;

        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    expect_upright(bytes, n);
    free(bytes);
}

static void png_is_turned(void **state)
{
    const char *path = NJ_BINARY_DIR "/tests/turned.png";
    uint8_t rgb[WIDTH * HEIGHT * 3];
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    FILE *f = fopen(path, "w+b");
    uint8_t bytes[4096];
    size_t n;

    (void)state;
    fill(rgb);
    assert_non_null(f);
    png_init_io(png, f);
    png_set_IHDR(png, info, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, 0, 0, 0);
    png_set_eXIf_1(png, info, sizeof(tiff), (png_bytep)(uintptr_t)tiff);
    png_write_info(png, info);
    for (int y = 0; y < HEIGHT; y++)
        png_write_row(png, rgb + (ptrdiff_t)3 * WIDTH * y);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    rewind(f);
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    remove(path);
    expect_upright(bytes, n);
}

static void webp_is_turned(void **state)
{
    uint8_t rgb[WIDTH * HEIGHT * 3];
    WebPData still = {NULL, 0};
    WebPData all = {NULL, 0};
    const WebPData exif = {tiff, sizeof(tiff)};
    uint8_t *bytes = NULL;
    WebPMux *mux;

    (void)state;
    fill(rgb);
    still.size = WebPEncodeLosslessRGB(rgb, WIDTH, HEIGHT, 3 * WIDTH, &bytes);
    still.bytes = bytes;
    mux = WebPMuxCreate(&still, 1);
    assert_int_equal(WebPMuxSetChunk(mux, "EXIF", &exif, 1), WEBP_MUX_OK);
    assert_int_equal(WebPMuxAssemble(mux, &all), WEBP_MUX_OK);
    WebPMuxDelete(mux);
    expect_upright(all.bytes, all.size);
    WebPDataClear(&all);
    WebPFree(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crop_takes_the_middle),
        cmocka_unit_test(crop_of_a_tall_picture_scales),
        cmocka_unit_test(whole_is_bordered_with_grey),
        cmocka_unit_test(stretch_changes_the_shape),
        cmocka_unit_test(same_size_is_the_same_bytes),
        cmocka_unit_test(refuses_no_size),
        cmocka_unit_test(jpeg_is_turned),
        cmocka_unit_test(png_is_turned),
        cmocka_unit_test(webp_is_turned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
