/* Losses: values and gradients worked out by hand, one image at a time. */
#include "torch/th_test.h"

#include "engine/losses.h"

static void blends(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(2), 1, -2), *b = TENSOR(s, SHAPE(2), 5, 6);

    EXPECT(s, nj_blend(s, a, b, .75), 1e-6, 2, 0);
}

/* One channel, 2 x 3: steps to the right 1, 2, 4, 5, down 3, 6, 9. */
static void total_variation(void **state)
{
    th_scope *s = *state;
    th_tensor *x = th_leaf(
        s, TENSOR(s, SHAPE(2, 1, 2, 3), 0, 1, 3, 3, 7, 12, 5, 5, 5, 5, 5, 5),
        true);
    th_tensor *loss = nj_tv_loss(s, x);
    th_tensor *weights = TENSOR(s, SHAPE(2), 3, 1);

    EXPECT(s, loss, 1e-5, (1 + 4 + 16 + 25 + 9 + 36 + 81) / 6.0F, 0);
    /* 2/6 of the steps towards a pixel minus those away from it, times 3 */
    EXPECT(s, th_grad(s, loss, weights, x), 1e-5, -4, -7, -7, -1, 5, 14, 0, 0,
           0, 0, 0, 0);
}

static void range_and_saturation(void **state)
{
    th_scope *s = *state;
    th_tensor *x = th_leaf(
        s, TENSOR(s, SHAPE(2, 1, 1, 4), 3, -1, .5F, -2, 1, 0, -1.5F, 1), true);
    th_tensor *range = nj_range_loss(s, x);
    th_tensor *sat = nj_saturation_loss(s, x);

    EXPECT(s, range, 1e-6, 1.25F, .0625F);
    EXPECT(s, sat, 1e-6, .75F, .125F);
    EXPECT(s, th_grad(s, range, NULL, x), 1e-6, 1, 0, 0, -.5F, 0, 0, -.25F, 0);
    EXPECT(s, th_grad(s, sat, NULL, x), 1e-6, .25F, 0, 0, -.25F, 0, 0, -.25F,
           0);
}

/* Angles of 0, 60, 90, 180 degrees, whatever the lengths: 2 (angle/2)^2. */
static void spherical_distances(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(4, 2), 3, 0, 3, 0, 3, 0, 3, 0);
    th_tensor *b = TENSOR(s, SHAPE(4, 2), 7, 0, .5F, .8660254F, 0, 9, -2, 0);

    EXPECT(s, nj_spherical_distance(s, a, b), 2e-6, 0, .5483114F, 1.2337006F,
           4.9348022F);
}

/* d distance / d angle = angle; the length of a divides it, and a step along
 * a changes nothing. */
static void spherical_gradient(void **state)
{
    th_scope *s = *state;
    th_tensor *a = th_leaf(s, TENSOR(s, SHAPE(1, 2), 2, 0), true);
    th_tensor *b = TENSOR(s, SHAPE(1, 2), 0, 5);

    EXPECT(s, th_grad(s, nj_spherical_distance(s, a, b), NULL, a), 1e-6, 0,
           -.78539816F);
}

static void spherical_gradient_is_finite(void **state)
{
    th_scope *s = *state;
    th_tensor *a = th_leaf(s,
                           TENSOR(s, SHAPE(6, 3), 1, 2, 3, 1, 2, 3, .3F, .1F,
                                  .7F, .3F, .1F, .7F, 1, 2, 3, 0, 0, 0),
                           true);
    th_tensor *b = TENSOR(s, SHAPE(6, 3), 1, 2, 3, -1, -2, -3, .3F, .1F, .7F,
                          -.3F, -.1F, -.7F, 1.0000001F, 2, 3, 1, 0, 0);
    th_tensor *d = nj_spherical_distance(s, a, b);

    assert_true(th_all_finite(s, d));
    assert_true(th_all_finite(s, th_grad(s, d, NULL, a)));
    OK(s);
}

/* Two cuts of two images, one prompt each of its own, at right angles or
 * equal: row = cut * 2 + image. */
static void distances_are_cut_major(void **state)
{
    th_scope *s = *state;
    th_tensor *e = TENSOR(s, SHAPE(4, 2), 1, 0, 1, 0, 0, 1, 1, 0);
    th_tensor *own = TENSOR(s, SHAPE(2, 1, 2), 1, 0, 0, 1);
    th_tensor *shared = TENSOR(s, SHAPE(2, 2), 1, 0, 0, 1);
    const float d = 1.2337006F;
    th_tensor *distances = nj_clip_distances(s, e, own);

    assert_int_equal(th_size(distances, 0), 4);
    EXPECT(s, distances, 2e-6, 0, d, d, d);
    EXPECT(s, nj_clip_distances(s, e, shared), 2e-6, 0, d, 0, d, d, 0, 0, d);
}

static void clip_loss_weights_and_averages(void **state)
{
    th_scope *s = *state;
    /* [2 cuts * 2 images, 2 prompts] */
    th_tensor *d = TENSOR(s, SHAPE(4, 2), 1, 2, 3, 4, 5, 6, 7, 8);
    th_tensor *shared = TENSOR(s, SHAPE(2), 2, -1);
    th_tensor *own = TENSOR(s, SHAPE(2, 2), 1, 0, .25F, .75F);

    EXPECT(s, nj_clip_loss(s, d, shared, 2), 1e-6, 2, 4);
    EXPECT(s, nj_clip_loss(s, d, own, 2), 1e-6, 3, 5.75F);
}

/* RMS of the images: 5/2, 0, 1/2; of the whole batch sqrt(26/12). */
static void clamps_each_image(void **state)
{
    th_scope *s = *state;
    th_tensor *g = TENSOR(s, SHAPE(3, 1, 2, 2), 3, 0, -4, 0, 0, 0, 0, 0, .5F,
                          -.5F, .5F, .5F);
    const float r = sqrtf(26 / 12.0F);

    EXPECT(s, nj_rms_clamp(s, g, 1), 1e-6, 1.2F, 0, -1.6F, 0, 0, 0, 0, 0, .5F,
           -.5F, .5F, .5F);
    EXPECT(s, nj_rms_clamp_batch(s, g, 1), 1e-6, 3 / r, 0, -4 / r, 0, 0, 0, 0,
           0, .5F / r, -.5F / r, .5F / r, .5F / r);
}

static void fuzzes_prompts(void **state)
{
    th_scope *s = *state;
    th_tensor *e = TENSOR(s, SHAPE(1, 3), .5F, -.5F, .99F);
    th_tensor *noise = TENSOR(s, SHAPE(2, 3), 1, 1, 1, -2, 20, 0);

    EXPECT(s, nj_fuzzy_targets(s, e, noise, .05), 1e-6, .55F, 0, 1, .4F, .5F,
           .99F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(blends),
        TH_TEST(total_variation),
        TH_TEST(range_and_saturation),
        TH_TEST(spherical_distances),
        TH_TEST(spherical_gradient),
        TH_TEST(spherical_gradient_is_finite),
        TH_TEST(distances_are_cut_major),
        TH_TEST(clip_loss_weights_and_averages),
        TH_TEST(clamps_each_image),
        TH_TEST(fuzzes_prompts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
