/* Cutouts: boxes of every image, order, borders, filters and the gradient. */
#include "torch/th_test.h"

#include "engine/cutouts.h"
#include "engine/resample.h"

/* [images,channels,h,w] with the value 100 image + 50 channel + 10 y + x. */
static th_tensor *numbered(th_scope *s, int images, int channels, int h, int w)
{
    const int64_t shape[4] = {images, channels, h, w};
    float values[1024];
    int n = 0;

    for (int b = 0; b < images; b++)
        for (int c = 0; c < channels; c++)
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++)
                    values[n++] = (float)(100 * b + 50 * c + 10 * y + x);
    assert_true(n <= 1024);
    return th_from_data(s, NJ_F32, 4, shape, values);
}

static void cuts_each_image_by_its_own_boxes(void **state)
{
    th_scope *s = *state;
    const nj_box boxes[4] = {
        {0, 0, 2, 2}, {2, 1, 2, 2}, {1, 2, 2, 2}, {0, 1, 2, 2}};
    const nj_cutout_plan plan = {.filter = NJ_CUT_POOL,
                                 .size = 2,
                                 .images = 2,
                                 .cutn = 2,
                                 .boxes = boxes};
    th_tensor *y = nj_plain_cutouts(s, numbered(s, 2, 2, 4, 4), &plan);

    OK(s);
    assert_int_equal(th_size(y, 0), 4);
    assert_int_equal(th_size(y, 1), 2);
    /* cut 0 of both images, then cut 1 of both; two channels each */
    EXPECT(s, y, 1e-4, 0, 1, 10, 11, 50, 51, 60, 61, /* image 0, cut 0 */
           121, 122, 131, 132, 171, 172, 181, 182,   /* image 1, cut 0 */
           12, 13, 22, 23, 62, 63, 72, 73,           /* image 0, cut 1 */
           110, 111, 120, 121, 160, 161, 170, 171);  /* image 1, cut 1 */
}

static void pools_uneven_windows(void **state)
{
    th_scope *s = *state;
    const nj_box box = {.x = 1, .y = 0, .w = 3, .h = 3};
    const nj_cutout_plan plan = {.filter = NJ_CUT_POOL,
                                 .size = 2,
                                 .images = 1,
                                 .cutn = 1,
                                 .boxes = &box};

    /* both cells of three pixels have two, the middle one in common */
    EXPECT(s, nj_plain_cutouts(s, numbered(s, 1, 1, 4, 4), &plan), 1e-4, 6.5F,
           7.5F, 16.5F, 17.5F);
}

static void border_is_zero(void **state)
{
    th_scope *s = *state;
    const nj_box boxes[2] = {{0, 0, 2, 2}, {1, 1, 4, 4}};
    const nj_cutout_plan plan = {.filter = NJ_CUT_POOL,
                                 .size = 2,
                                 .border = 1,
                                 .images = 1,
                                 .cutn = 2,
                                 .boxes = boxes};
    th_tensor *x = TENSOR(s, SHAPE(1, 1, 3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9);

    EXPECT(s, nj_plain_cutouts(s, x, &plan), 1e-6, 0, 0, 0, 1, 3, 2.25F, 3.75F,
           2.25F);
}

/* An oblong box is squeezed to a square: rows by 1, columns by 2. */
static void squeezes_oblong_boxes(void **state)
{
    th_scope *s = *state;
    const nj_box box = {.x = 0, .y = 0, .w = 4, .h = 2};
    const nj_cutout_plan plan = {.filter = NJ_CUT_POOL,
                                 .size = 2,
                                 .images = 1,
                                 .cutn = 1,
                                 .boxes = &box};

    EXPECT(s, nj_plain_cutouts(s, numbered(s, 1, 1, 2, 4), &plan), 1e-4, .5F,
           2.5F, 10.5F, 12.5F);
}

/* Every pixel gets what the cuts that read it send back, weighted. */
static void gradient_adds_overlapping_cuts(void **state)
{
    th_scope *s = *state;
    const nj_box boxes[2] = {{0, 0, 4, 4}, {1, 1, 2, 2}};
    const nj_cutout_plan plan = {.filter = NJ_CUT_POOL,
                                 .size = 2,
                                 .images = 1,
                                 .cutn = 2,
                                 .boxes = boxes};
    th_tensor *x = th_leaf(s, numbered(s, 1, 1, 4, 4), true);
    th_tensor *up = TENSOR(s, SHAPE(2, 1, 2, 2), 4, 8, 12, 16, 1, 2, 3, 4);

    EXPECT(s, th_grad(s, nj_plain_cutouts(s, x, &plan), up, x), 1e-6, 1, 1, 2,
           2, 1, 2, 4, 2, 3, 6, 8, 4, 3, 3, 4, 4);
}

/* A filter in a window is the filter of the window cut out by itself, zeros
 * of the border included. */
static void filters_see_only_their_window(void **state)
{
    static const nj_cut_filter filters[2] = {NJ_CUT_LANCZOS, NJ_CUT_CUBIC};
    const nj_box box = {.x = 1, .y = 2, .w = 11, .h = 7};
    th_scope *s = *state;
    th_tensor *x = numbered(s, 1, 2, 6, 9);
    th_tensor *cut = th_pad2d(s, x, TH_PAD_ZERO, 2, 2, 2, 2);

    cut = th_narrow(s, th_narrow(s, cut, 2, 2, 7), 3, 1, 11);
    for (int i = 0; i < 2; i++) {
        const nj_cutout_plan plan = {.filter = filters[i],
                                     .size = 5,
                                     .border = 2,
                                     .images = 1,
                                     .cutn = 1,
                                     .boxes = &box};
        float want[50];

        th_read_f32(s,
                    i == 0 ? nj_resample_lanczos(s, cut, 5, 5)
                           : nj_resample_cubic(s, cut, 5, 5),
                    want, 50);
        expect_values(s, nj_plain_cutouts(s, x, &plan), 1e-4, want, 50,
                      __FILE__, __LINE__);
    }
}

static void refuses_boxes_outside(void **state)
{
    const nj_box boxes[4] = {
        {5, 0, 2, 2}, {0, -1, 2, 2}, {0, 0, 7, 2}, {0, 0, 2, 0}};

    for (int i = 0; i < 4; i++) {
        th_scope *s = th_scope_new(*state);
        nj_err err = {0};
        const nj_cutout_plan plan = {.filter = NJ_CUT_POOL,
                                     .size = 2,
                                     .border = 1,
                                     .images = 1,
                                     .cutn = 1,
                                     .boxes = &boxes[i]};

        assert_null(nj_plain_cutouts(s, numbered(s, 1, 1, 4, 4), &plan));
        assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
        assert_non_null(strstr(err.text, "cutout 0 takes"));
        th_scope_clear_error(s);
        th_scope_free(s);
    }
}

static void refuses_another_batch(void **state)
{
    th_scope *s = *state;
    const nj_box box = {0, 0, 2, 2};
    const nj_cutout_plan plan = {
        .size = 2, .images = 1, .cutn = 1, .boxes = &box};

    assert_null(nj_plain_cutouts(s, numbered(s, 2, 1, 4, 4), &plan));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

static void normalises(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(1, 3, 1, 2), 0, 1, 0, 1, 0, 1);

    EXPECT(s, nj_clip_normalise(s, x), 1e-5, -1.7922626F, 1.9303361F,
           -1.7520971F, 2.0748837F, -1.4802198F, 2.1458968F);
    EXPECT(s, nj_to_unit(s, x), 0, .5F, 1, .5F, 1, .5F, 1);
}

/* Height and width are not mixed up, and each filter is its own. */
static void resamples_to_oblong_sizes(void **state)
{
    th_scope *s = *state;
    th_tensor *x = numbered(s, 1, 1, 2, 4);

    EXPECT(s, nj_resample_pool(s, x, 1, 2), 1e-4, 5.5F, 7.5F);
    EXPECT(s, nj_resample_lanczos(s, x, 2, 7), 1e-4, 0, .40625F, 1, 1.5F, 2,
           2.59375F, 3, 10, 10.40625F, 11, 11.5F, 12, 12.59375F, 13);
    /* borders are darker: weights outside the picture count as zeros */
    EXPECT(s,
           nj_resample_cubic(s, TENSOR(s, SHAPE(1, 1, 1, 4), 1, 1, 1, 1), 1, 2),
           1e-6, .9453125F, .9453125F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(cuts_each_image_by_its_own_boxes),
        TH_TEST(pools_uneven_windows),
        TH_TEST(border_is_zero),
        TH_TEST(squeezes_oblong_boxes),
        TH_TEST(gradient_adds_overlapping_cuts),
        TH_TEST(filters_see_only_their_window),
        TH_TEST(refuses_boxes_outside),
        TH_TEST(refuses_another_batch),
        TH_TEST(normalises),
        TH_TEST(resamples_to_oblong_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
