/* Cutout boxes: sizes, places and edges of both rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "diffusion/boxes.h"

static void same_box(nj_box got, nj_box want)
{
    assert_int_equal(got.x, want.x);
    assert_int_equal(got.y, want.y);
    assert_int_equal(got.w, want.w);
    assert_int_equal(got.h, want.h);
}

/* Figures of the public code for the same draws. */
static void follows_crowson(void **state)
{
    const nj_canvas square = {.width = 256, .height = 256, .cut_size = 224};
    const nj_canvas big = {.width = 512, .height = 512, .cut_size = 224};
    const nj_canvas tall = {.width = 256, .height = 320, .cut_size = 224};
    const double a[3] = {.9041010782808537, .2711061145364252,
                         .3331020499494787};
    const double b[3] = {.11239226272007463, .2861622449508553,
                         .7638658436125194};
    const double c[3] = {.013113099372730752, .33344372901300223,
                         .80931565860589};

    (void)state;
    same_box(nj_box_crowson(&square, 1, a), (nj_box){1, 1, 252, 252});
    same_box(nj_box_crowson(&big, .5, b), (nj_box){55, 147, 320, 320});
    same_box(nj_box_crowson(&tall, 1, c), (nj_box){11, 78, 224, 224});
}

static void crowson_reaches_both_ends(void **state)
{
    const nj_canvas in = {.width = 40, .height = 32, .cut_size = 24};
    const double low[3] = {1e-12, 1e-12, 1e-12};
    const double high[3] = {1e-12, 1 - 1e-12, 1 - 1e-12};

    (void)state;
    same_box(nj_box_crowson(&in, 1, low), (nj_box){0, 0, 24, 24});
    same_box(nj_box_crowson(&in, 1, high), (nj_box){16, 8, 24, 24});
}

static void crowson_takes_small_pictures_whole(void **state)
{
    const nj_canvas in = {.width = 40, .height = 32, .cut_size = 224};
    const double u[3] = {.5, .5, .5};

    (void)state;
    same_box(nj_box_crowson(&in, 1, u), (nj_box){4, 0, 32, 32});
}

/* Figures of the public code on a 64x48 picture with a border of 12. */
static void follows_russell(void **state)
{
    const nj_canvas in = {.width = 88, .height = 72, .cut_size = 32};
    const double a[2] = {.0012991762487217784, .8180475831031799};
    const double b[2] = {.9804064631462097, .006364997010678053};
    const double c[2] = {.8153272867202759, .8386433124542236};

    (void)state;
    same_box(nj_box_russell(&in, -2.5, a), (nj_box){0, 33, 32, 32});
    same_box(nj_box_russell(&in, 2.0, b), (nj_box){16, 0, 72, 72});
    same_box(nj_box_russell(&in, .0877353847026825, c),
             (nj_box){24, 11, 59, 59});
}

/* floor(max * (cut / max)) is cut - 1 for some pairs, 49 * (1.0 / 49) among
 * them. */
static void russell_never_goes_below_the_cut(void **state)
{
    const double u[2] = {.5, .5};

    (void)state;
    for (int max = 1; max <= 400; max++)
        for (int cut = 1; cut <= max; cut++) {
            const nj_canvas in = {max, max, cut};

            assert_int_equal(nj_box_russell(&in, -100, u).w, cut);
        }
}

static void russell_takes_small_canvases_whole(void **state)
{
    const nj_canvas in = {.width = 50, .height = 40, .cut_size = 64};
    const double u[2] = {.999, .5};

    (void)state;
    same_box(nj_box_russell(&in, 0, u), (nj_box){10, 0, 40, 40});
}

static void counts_whole_cuts(void **state)
{
    const int cutn[] = {4, 8, 12, 16, 32, 64};
    const int whole[] = {0, 1, 2, 3, 7, 15};

    (void)state;
    for (int i = 0; i < 6; i++) {
        int count = 0;

        for (int k = 0; k < cutn[i]; k++)
            count += nj_russell_whole(cutn[i], k);
        assert_int_equal(count, whole[i]);
        assert_true(whole[i] == 0 || nj_russell_whole(cutn[i], cutn[i] - 1));
    }
    assert_int_equal(nj_russell_border(256), 64);
    assert_int_equal(nj_russell_border(50), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_crowson),
        cmocka_unit_test(crowson_reaches_both_ends),
        cmocka_unit_test(crowson_takes_small_pictures_whole),
        cmocka_unit_test(follows_russell),
        cmocka_unit_test(russell_never_goes_below_the_cut),
        cmocka_unit_test(russell_takes_small_canvases_whole),
        cmocka_unit_test(counts_whole_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
