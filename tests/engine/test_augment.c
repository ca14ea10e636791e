/* Augmentations: each operation on a few pixels, the order of the chain, and
 * that every image and cut has its own draws and noise. */
#include "torch/th_test.h"

#include "engine/augment.h"

static const double black[3] = {0, 0, 0};
static const nj_sampling plain = {.fill = NULL};

static th_tensor *repeated(th_scope *s, const th_tensor *x)
{
    return th_expand(s, x, SHAPE(-1, 3, -1, -1));
}

static void mirrors(void **state)
{
    th_scope *s = *state;

    EXPECT(s, nj_augment_hflip(s, TENSOR(s, SHAPE(1, 1, 2, 2), 1, 2, 3, 4)), 0,
           2, 1, 4, 3);
}

/* A quarter turn clockwise on the screen: the first row becomes the last
 * column. */
static void rotates(void **state)
{
    th_scope *s = *state;
    const double none[2] = {0, 0};
    th_tensor *x = TENSOR(s, SHAPE(1, 1, 3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9);

    EXPECT(s, nj_augment_affine(s, x, 90, none, plain), 1e-5, 7, 4, 1, 8, 5, 2,
           9, 6, 3);
}

static void shifts(void **state)
{
    th_scope *s = *state;
    const double by[2] = {1, -1};
    th_tensor *x = TENSOR(s, SHAPE(1, 1, 3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9);

    EXPECT(s, nj_augment_affine(s, x, 0, by, plain), 1e-5, 0, 4, 5, 0, 7, 8, 0,
           0, 0);
}

/* Half a pixel over the edge: the sample is half the pixel; a mask weights it
 * by a half once more and adds the other half of the fill. Nearest takes the
 * fill only where less than half is there. */
static void fills_the_outside(void **state)
{
    th_scope *s = *state;
    const double by[2] = {.5, 0}, far[2] = {.75, 0};
    const double fill[3] = {.8, .4, .2};
    const nj_sampling filled = {.fill = fill};
    const nj_sampling dark = {.fill = black};
    const nj_sampling nearest = {.nearest = true, .fill = fill};
    th_tensor *x = repeated(s, TENSOR(s, SHAPE(1, 1, 1, 2), 4, 8));

    EXPECT(s, nj_augment_affine(s, x, 0, by, plain), 1e-5, 2, 6, 2, 6, 2, 6);
    EXPECT(s, nj_augment_affine(s, x, 0, by, dark), 1e-5, 1, 6, 1, 6, 1, 6);
    EXPECT(s, nj_augment_affine(s, x, 0, by, filled), 1e-5, 1.4F, 6, 1.2F, 6,
           1.1F, 6);
    EXPECT(s, nj_augment_affine(s, x, 0, far, nearest), 1e-5, .8F, 4, .4F, 4,
           .2F, 4);
}

static const double square[4][2] = {{0, 0}, {3, 0}, {3, 3}, {0, 3}};

static void perspective_keeps_its_corners(void **state)
{
    th_scope *s = *state;
    float in[16];
    th_tensor *x;

    for (int i = 0; i < 16; i++)
        in[i] = (float)(i * i % 7);
    x = th_from_data(s, NJ_F32, SHAPE(1, 1, 4, 4), in);
    expect_values(s, nj_augment_perspective(s, x, square, square, plain), 1e-4,
                  in, 16, __FILE__, __LINE__);
}

/* The corners' figures are used for positions with the half pixel added, so
 * shrinking to half about the origin reads 2 (X + 1/2). */
static void perspective_moves_corners_there(void **state)
{
    th_scope *s = *state;
    const double half[4][2] = {{0, 0}, {1.5, 0}, {1.5, 1.5}, {0, 1.5}};
    th_tensor *x = TENSOR(s, SHAPE(1, 1, 4, 4), 0, 1, 2, 3, 10, 11, 12, 13, 20,
                          21, 22, 23, 30, 31, 32, 33);

    EXPECT(s, nj_augment_perspective(s, x, square, half, plain), 1e-4, 5.5F,
           7.5F, 0, 0, 25.5F, 27.5F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

static void refuses_flat_corners(void **state)
{
    th_scope *s = *state;
    const double line[4][2] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
    nj_err err = {0};
    th_tensor *x = th_zeros(s, NJ_F32, cpu, SHAPE(1, 3, 4, 4));

    assert_null(nj_augment_perspective(s, x, square, line, plain));
    assert_int_equal(th_scope_check(s, &err), NJ_E_USAGE);
    assert_non_null(strstr(err.text, "on a line"));
}

/* Two pixels: (.2, .4, .6) and (.9, 1.2, -.1), greys .36298 and .96201. */
static th_tensor *two_pixels(th_scope *s)
{
    return TENSOR(s, SHAPE(1, 3, 1, 2), .2F, .9F, .4F, 1.2F, .6F, -.1F);
}

static void changes_colours(void **state)
{
    th_scope *s = *state;
    th_tensor *x = two_pixels(s);
    const float gray[2] = {.36298F, .96201F};
    const float mean = (gray[0] + gray[1]) / 2;

    EXPECT(s, nj_augment_brightness(s, x, 1.5), 1e-6, .3F, 1, .6F, 1, .9F, 0);
    EXPECT(s, nj_augment_gray(s, x), 1e-6, gray[0], gray[1], gray[0], gray[1],
           gray[0], gray[1]);
    EXPECT(s, nj_augment_saturation(s, x, .5), 1e-6, (.2F + gray[0]) / 2,
           (.9F + gray[1]) / 2, (.4F + gray[0]) / 2, 1, (.6F + gray[0]) / 2,
           (-.1F + gray[1]) / 2);
    EXPECT(s, nj_augment_contrast(s, x, .5), 1e-6, (.2F + mean) / 2,
           (.9F + mean) / 2, (.4F + mean) / 2, (1.2F + mean) / 2,
           (.6F + mean) / 2, (-.1F + mean) / 2);
}

/* Each image has a mean of its own. */
static void contrast_is_per_image(void **state)
{
    th_scope *s = *state;
    th_tensor *x = repeated(s, TENSOR(s, SHAPE(2, 1, 1, 2), .2F, .4F, .6F, 1));
    const float a = .3F * .9999F, b = .8F * .9999F;

    EXPECT(s, nj_augment_contrast(s, x, 0), 1e-6, a, a, a, a, a, a, b, b, b, b,
           b, b);
}

/* A third of a turn takes red to green to blue; a grey pixel stays. */
static void turns_hues(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(1, 3, 1, 4), .9F, .2F, .1F, .5F, .3F, .8F,
                          .4F, .5F, .1F, .6F, .7F, .5F);

    EXPECT(s, nj_augment_hue(s, x, 1 / 3.0), 1e-5, .1F, .6F, .7F, .5F, .9F, .2F,
           .1F, .5F, .3F, .8F, .4F, .5F);
    EXPECT(s, nj_augment_hue(s, x, -1 / 3.0), 1e-5, .3F, .8F, .4F, .5F, .1F,
           .6F, .7F, .5F, .9F, .2F, .1F, .5F);
    EXPECT(s, nj_augment_hue(s, x, 1 / 6.0), 1e-5, .7F, .2F, .4F, .5F, .9F, .4F,
           .1F, .5F, .1F, .8F, .7F, .5F);
}

/* The derivative of a sixth of a turn for red > green > blue: red keeps its
 * place as green's, and so on; checked against differences. */
static void hue_has_a_gradient(void **state)
{
    th_scope *s = *state;
    const float base[3] = {.9F, .3F, .1F};
    const float weight[3] = {1, -2, .5F};
    th_tensor *x =
        th_leaf(s, th_from_data(s, NJ_F32, SHAPE(1, 3, 1, 1), base), true);
    th_tensor *w = th_from_data(s, NJ_F32, SHAPE(1, 3, 1, 1), weight);
    float grad[3];

    th_read_f32(s, th_grad(s, nj_augment_hue(s, x, .07), w, x), grad, 3);
    OK(s);
    for (int i = 0; i < 3; i++) {
        float v[2];

        for (int side = 0; side < 2; side++) {
            float moved[3];
            th_tensor *y;

            memcpy(moved, base, sizeof(moved));
            moved[i] += side ? .01F : -.01F;
            y = nj_augment_hue(
                s, th_from_data(s, NJ_F32, SHAPE(1, 3, 1, 1), moved), .07);
            th_read_f32(s, th_sum(s, th_mul(s, y, w)), &v[side], 1);
        }
        assert_float_equal(grad[i], (v[1] - v[0]) / .02F, 2e-3);
    }
}

/* Of equal channels the first takes the gradient; the figures are those of
 * torchvision 0.26, whose torch.max and min do it so. */
static void the_first_of_equal_channels_counts(void **state)
{
    th_scope *s = *state;
    th_tensor *x = th_leaf(s,
                           TENSOR(s, SHAPE(1, 3, 1, 4), .8F, .2F, .8F, .3F, .8F,
                                  .8F, .2F, .3F, .2F, .8F, .8F, .3F),
                           true);
    th_tensor *w =
        TENSOR(s, SHAPE(1, 3, 1, 4), 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4);

    EXPECT(s, th_grad(s, nj_augment_hue(s, x, .1), w, x), 1e-4, 3.4F, 2.2F,
           -1.4F, 7, -1, 6.8F, 4.4F, 0, 4.6F, -2, 4, 0);
}

/* Brightness first clamps what saturation then greys; the other way round it
 * does not. */
static void jitter_keeps_the_order(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(1, 3, 1, 1), .8F, .4F, .4F);
    nj_augmentation draws = {.factor = {2, 1, 0},
                             .order = {NJ_JITTER_BRIGHTNESS,
                                       NJ_JITTER_SATURATION, NJ_JITTER_CONTRAST,
                                       NJ_JITTER_HUE}};
    const float first = .2989F * 1 + .701F * .8F;

    EXPECT(s, nj_augment_jitter(s, x, &draws), 1e-5, first, first, first);
    draws.order[0] = NJ_JITTER_SATURATION;
    draws.order[1] = NJ_JITTER_BRIGHTNESS;
    EXPECT(s, nj_augment_jitter(s, x, &draws), 1e-5, 1, 1, 1);
    draws.factor[0] = 1.2;
    EXPECT(s, nj_augment_jitter(s, x, &draws), 1e-5, .623424F, .623424F,
           .623424F);
}

static const nj_augmentation neutral = {
    .factor = {1, 1, 1},
    .order = {NJ_JITTER_BRIGHTNESS, NJ_JITTER_CONTRAST, NJ_JITTER_SATURATION,
              NJ_JITTER_HUE}};

/* Noise is added four times: before the shift, after it (twice, nothing being
 * drawn between), and after the jitter has clamped. */
static void chain_adds_noise_four_times(void **state)
{
    th_scope *s = *state;
    nj_augmentation draws = neutral;
    th_tensor *x = repeated(s, TENSOR(s, SHAPE(1, 1, 1, 2), .2F, .4F));
    const th_tensor *noise[4] = {
        repeated(s, TENSOR(s, SHAPE(1, 1, 1, 2), .1F, 0)),
        repeated(s, TENSOR(s, SHAPE(1, 1, 1, 2), .01F, .02F)),
        repeated(s, TENSOR(s, SHAPE(1, 1, 1, 2), .9F, -.9F)),
        repeated(s, TENSOR(s, SHAPE(1, 1, 1, 2), .5F, -.25F))};

    draws.flip = true;
    draws.shift[0] = -1;
    /* mirrored .4 .2, noise .5 .2, shifted .2 0, noise .21 .02, noise 1.11
     * -.88, clamped 1 0, noise */
    EXPECT(s, nj_augment(s, x, NJ_CHAIN_2021_11, &draws, noise), 1e-4, 1.5F,
           -.25F, 1.5F, -.25F, 1.5F, -.25F);
}

/* Grey comes before the last noise in September, before the jitter in Disco's
 * chain, which adds noise three times. */
static void chains_keep_their_orders(void **state)
{
    th_scope *s = *state;
    nj_augmentation draws = neutral;
    th_tensor *x = TENSOR(s, SHAPE(1, 3, 1, 1), .1F, .2F, .4F);
    const th_tensor *noise[4] = {
        th_zeros(s, NJ_F32, cpu, SHAPE(1, 3, 1, 1)),
        th_zeros(s, NJ_F32, cpu, SHAPE(1, 3, 1, 1)),
        TENSOR(s, SHAPE(1, 3, 1, 1), .1F, .2F, .3F),
        TENSOR(s, SHAPE(1, 3, 1, 1), .03F, .02F, .01F)};
    /* .2989 R + .587 G + .114 B */
    const float third = .2989F * .2F + .587F * .4F + .114F * .7F;
    const float without = .2989F * .1F + .587F * .2F + .114F * .4F;

    draws.gray = true;
    draws.factor[0] = .5;
    EXPECT(s, nj_augment(s, x, NJ_CHAIN_2021_09, &draws, noise), 1e-6,
           third + .03F, third + .02F, third + .01F);
    EXPECT(s, nj_augment(s, x, NJ_CHAIN_DISCO, &draws, noise), 1e-6,
           (without + .1F) / 2, (without + .2F) / 2, (without + .3F) / 2);
}

static nj_cutout_plan plan_of(const nj_box *boxes)
{
    return (nj_cutout_plan){.filter = NJ_CUT_LANCZOS,
                            .size = 6,
                            .border = 2,
                            .images = 2,
                            .cutn = 2,
                            .boxes = boxes};
}

static const nj_box boxes[4] = {
    {0, 0, 12, 12}, {3, 1, 8, 8}, {2, 2, 7, 7}, {1, 0, 6, 6}};

static th_tensor *pictures(th_scope *s)
{
    float in[2 * 3 * 64];

    for (int i = 0; i < 2 * 3 * 64; i++)
        in[i] = (float)(i * 37 % 101) / 101;
    return th_from_data(s, NJ_F32, SHAPE(2, 3, 8, 8), in);
}

/* Draws that change nothing give the plain cutouts, in their order. */
static void neutral_draws_cut_as_before(void **state)
{
    th_scope *s = *state;
    const nj_augmentation draws[4] = {neutral, neutral, neutral, neutral};
    const nj_augment_plan none = {.draws = draws};
    const nj_cutout_plan plan = plan_of(boxes);
    float want[4 * 3 * 36];

    th_read_f32(s, nj_plain_cutouts(s, pictures(s), &plan), want, 4 * 3 * 36);
    expect_values(s, nj_augmented_cutouts(s, pictures(s), &plan, &none), 2e-5,
                  want, 4 * 3 * 36, __FILE__, __LINE__);
}

/* Only cut 1 of image 0 (row 2) is grey. */
static void each_cut_has_its_own_draws(void **state)
{
    th_scope *s = *state;
    nj_augmentation draws[4] = {neutral, neutral, neutral, neutral};
    const nj_augment_plan augments = {.draws = draws};
    const nj_cutout_plan plan = plan_of(boxes);
    float got[4 * 3 * 36];

    draws[1].gray = true;
    th_read_f32(s, nj_augmented_cutouts(s, pictures(s), &plan, &augments), got,
                4 * 3 * 36);
    OK(s);
    for (int row = 0; row < 4; row++) {
        const float *p = got + (ptrdiff_t)row * 3 * 36;
        const float difference = fabsf(p[21] - p[36 + 21]);

        assert_true(row == 2 ? difference < 1e-6F : difference > 1e-3F);
    }
}

/* The noise of an image does not depend on its place in the batch, and its
 * deviation is the one asked for. */
static void noise_belongs_to_the_image(void **state)
{
    th_scope *s = *state;
    const nj_augmentation draws[4] = {neutral, neutral, neutral, neutral};
    const nj_box same[4] = {
        {2, 2, 8, 8}, {2, 2, 8, 8}, {2, 2, 8, 8}, {2, 2, 8, 8}};
    const nj_source sources[2] = {{.seed = 7}, {.seed = 8}};
    const nj_source swapped[2] = {{.seed = 8}, {.seed = 7}};
    nj_augment_plan augments = {
        .draws = draws, .noise = sources, .noise_scale = .01};
    nj_cutout_plan plan = plan_of(same);
    th_tensor *x = th_full(s, NJ_F32, cpu, SHAPE(2, 3, 8, 8), .5);
    float a[4 * 192], b[4 * 192];
    double sum = 0;

    plan.size = 8;
    th_read_f32(s, nj_augmented_cutouts(s, x, &plan, &augments), a, 4 * 192);
    augments.noise = swapped;
    th_read_f32(s, nj_augmented_cutouts(s, x, &plan, &augments), b, 4 * 192);
    OK(s);
    for (int i = 0; i < 4 * 192; i++) {
        const int other = (i / 192 ^ 1) * 192 + i % 192;

        assert_float_equal(a[i], b[other], 1e-6);
        sum += (a[i] - .5) * (a[i] - .5);
    }
    assert_true(a[0] != b[0]);
    assert_true(a[0] != a[2 * 192]); /* another cut of the same image */
    /* four times .01 */
    assert_float_equal(sqrt(sum / (4 * 192)), .02, .0015);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(mirrors),
        TH_TEST(rotates),
        TH_TEST(shifts),
        TH_TEST(fills_the_outside),
        TH_TEST(perspective_keeps_its_corners),
        TH_TEST(perspective_moves_corners_there),
        TH_TEST(refuses_flat_corners),
        TH_TEST(changes_colours),
        TH_TEST(contrast_is_per_image),
        TH_TEST(turns_hues),
        TH_TEST(hue_has_a_gradient),
        TH_TEST(the_first_of_equal_channels_counts),
        TH_TEST(jitter_keeps_the_order),
        TH_TEST(chain_adds_noise_four_times),
        TH_TEST(chains_keep_their_orders),
        TH_TEST(neutral_draws_cut_as_before),
        TH_TEST(each_cut_has_its_own_draws),
        TH_TEST(noise_belongs_to_the_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
