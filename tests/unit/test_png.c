/* PNG: pixels survive a round trip, text chunks are found and replaced, and
 * what is broken is refused with its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image/png.h"

static const nj_png_text texts[] = {
    {"nightjar", "{\"prompt\":\"\xf0\x9f\x8c\x8a\"}", 1},
    {"parameters", "sea \xc3\xa9 \xe2\x82\xac", 0},
};

static nj_picture make(int width, int height, int channels)
{
    nj_picture p = {width, height, channels, NULL};
    size_t n = (size_t)width * (size_t)height * (size_t)channels;

    p.pixels = malloc(n);
    assert_non_null(p.pixels);
    for (size_t i = 0; i < n; i++)
        p.pixels[i] = (uint8_t)(i * 37 + i / 7);
    return p;
}

static void round_trip(void **state)
{
    nj_err err = {0};

    (void)state;
    for (int channels = 1; channels <= 4; channels++) {
        nj_picture p = make(17, 9, channels);
        nj_picture q;
        uint8_t *bytes;
        size_t n;

        assert_int_equal(nj_png_encode(&p, texts, 2, &bytes, &n, &err), NJ_OK);
        assert_int_equal(nj_picture_decode(bytes, n, 17 * 9, &q, &err), NJ_OK);
        assert_int_equal(q.channels, channels);
        assert_memory_equal(p.pixels, q.pixels, 17U * 9U * (size_t)channels);
        nj_picture_release(&q);
        assert_int_equal(nj_picture_decode(bytes, n, 17 * 9 - 1, &q, &err),
                         NJ_E_FORMAT);
        assert_non_null(strstr(err.text, "17 x 9"));
        free(bytes);
        nj_picture_release(&p);
    }
}

static void finds_and_replaces_texts(void **state)
{
    const nj_png_text again = {"nightjar", "second", 1};
    nj_picture p = make(3, 3, 3);
    uint8_t *bytes;
    uint8_t *changed;
    char *text;
    size_t n;
    size_t m;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_png_encode(&p, texts, 2, &bytes, &n, &err), NJ_OK);
    assert_int_equal(nj_png_find_text(bytes, n, "nightjar", &text, &err), 0);
    assert_string_equal(text, texts[0].text);
    free(text);
    assert_int_equal(nj_png_find_text(bytes, n, "parameters", &text, &err), 0);
    assert_string_equal(text, "sea \xc3\xa9 ?");
    free(text);
    assert_int_equal(nj_png_find_text(bytes, n, "other", &text, &err), NJ_OK);
    assert_null(text);
    assert_int_equal(
        nj_png_replace_texts(bytes, n, &again, 1, &changed, &m, &err), NJ_OK);
    assert_int_equal(nj_png_find_text(changed, m, "nightjar", &text, &err), 0);
    assert_string_equal(text, "second");
    free(text);
    free(bytes);
    free(changed);
    nj_picture_release(&p);
}

/* Every cut and every flipped byte is either refused or still the picture. */
static void refuses_damage(void **state)
{
    nj_picture p = make(5, 5, 3);
    nj_picture q;
    uint8_t *bytes;
    size_t n;
    size_t refused = 0;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_png_encode(&p, texts, 1, &bytes, &n, &err), NJ_OK);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(nj_picture_decode(bytes, cut, 25, &q, &err),
                         NJ_E_FORMAT);
    for (size_t i = 0; i < n; i++) {
        char *text = NULL;

        bytes[i] ^= 0x55;
        if (nj_png_find_text(bytes, n, "none", &text, &err) != NJ_OK)
            refused++;
        free(text);
        bytes[i] ^= 0x55;
    }
    assert_int_equal(refused, n);
    free(bytes);
    nj_picture_release(&p);
}

/* Whole chunks without pixels, and a text that is not the UTF-8 it should be.
 */
static void refuses_bad_chunks(void **state)
{
    static const uint8_t bare[] =
        "\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82";
    static const uint8_t latin[] =
        "\x89PNG\r\n\x1a\n\0\0\0\7iTXta\0\0\0\0\0\xe9"
        "\xe5\x66\x5e\xea"
        "\0\0\0\0IEND\xae\x42\x60\x82";
    uint8_t *out = NULL;
    char *text = NULL;
    size_t n;
    nj_err err = {0};

    (void)state;
    assert_int_equal(
        nj_png_replace_texts(bare, sizeof(bare) - 1, texts, 1, &out, &n, &err),
        NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "no pixels"));
    assert_int_equal(
        nj_png_find_text(latin, sizeof(latin) - 1, "a", &text, &err),
        NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "bad iTXt"));
    assert_null(text);
}

/* A header that claims 100,000 x 100,000 pixels takes no memory. */
static void refuses_bombs(void **state)
{
    static const uint8_t bomb[] =
        "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\1\x86\xa0\0\1\x86\xa0\x08\2\0\0\0"
        "\xca\x30\x6f\x6f\0\0\0\0IDAT\x35\xaf\x06\x1e";
    nj_picture q;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_picture_decode(bomb, sizeof(bomb) - 1,
                                       NJ_PICTURE_PIXELS_MAX, &q, &err),
                     NJ_E_FORMAT);
    assert_null(q.pixels);
}

static void turns_grey_alpha_to_rgb(void **state)
{
    uint8_t pixels[] = {7, 255, 9, 0};
    const nj_picture p = {2, 1, 2, pixels};
    const uint8_t want[] = {7, 7, 7, 9, 9, 9};
    nj_picture q;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_picture_to_rgb(&p, &q, &err), NJ_OK);
    assert_memory_equal(q.pixels, want, sizeof(want));
    nj_picture_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(finds_and_replaces_texts),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(refuses_bad_chunks),
        cmocka_unit_test(refuses_bombs),
        cmocka_unit_test(turns_grey_alpha_to_rgb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
