/* The plain twins of cuda/pixels.h against libtorch's layers. */
#include "torch/th_test.h"

#include "cuda/pixels.h"

enum { B = 2, C = 5, H = 3, W = 4, SMALL = B * C * H * W, LARGE = 4 * SMALL };

/* Numbers of a picture [B,C,h,w], channels last. */
static void read_last(th_scope *s, const th_tensor *t, float *out)
{
    const int order[4] = {0, 2, 3, 1};

    th_read_f32(s, th_permute(s, t, 4, order), out, th_elements(t));
    OK(s);
}

static void expect_equal(const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_float_equal(got[i], want[i], 1e-6);
}

static const nj_pixels pixels = {B, H, W, C, NJ_F32};

static void spread_is_the_nearest(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = RANDOM(s, 1, SHAPE(B, C, H, W));
    float in[SMALL], want[LARGE], got[LARGE];

    read_last(s, x, in);
    read_last(s,
              th_mul_scalar(s, th_upsample_nearest2d(s, x, 2 * H, 2 * W), .25),
              want);
    nj_pixels_spread_twin(&pixels, in, .25F, got);
    expect_equal(got, want, LARGE);
}

static void gather_is_the_mean(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = RANDOM(s, 2, SHAPE(B, C, 2 * H, 2 * W));
    float in[LARGE], want[SMALL], got[SMALL];

    read_last(s, x, in);
    read_last(s, th_avg_pool2d(s, x, 2), want);
    nj_pixels_gather_twin(&pixels, in, .25F, got);
    expect_equal(got, want, SMALL);
}

static void bias_is_added_to_each_pixel(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = RANDOM(s, 3, SHAPE(B, C, H, W));
    const th_tensor *bias = RANDOM(s, 4, SHAPE(C));
    float got[SMALL], want[SMALL], add[C];

    read_last(s, x, got);
    th_read_f32(s, bias, add, C);
    read_last(s, th_add(s, x, th_unsqueeze(s, th_unsqueeze(s, bias, 1), 2)),
              want);
    nj_pixels_bias_twin(&pixels, add, NULL, got);
    expect_equal(got, want, SMALL);
}

/* What a residual block ends with. */
static void bias_and_more_are_a_convolutions(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = RANDOM(s, 3, SHAPE(B, C, H, W));
    const th_tensor *w = RANDOM(s, 5, SHAPE(C, C, 3, 3));
    const th_tensor *bias = RANDOM(s, 4, SHAPE(C));
    const th_tensor *more = RANDOM(s, 6, SHAPE(B, C, H, W));
    float got[SMALL], want[SMALL], add[C], other[SMALL];

    read_last(s, th_conv2d(s, x, w, NULL, 1, 1), got);
    th_read_f32(s, bias, add, C);
    read_last(s, more, other);
    read_last(s, th_conv2d_add(s, x, w, bias, 1, more), want);
    nj_pixels_bias_twin(&pixels, add, other, got);
    expect_equal(got, want, SMALL);
}

static void join_and_parts_are_a_cats(void **state)
{
    enum { SPLIT = 2 };
    th_scope *s = *state;
    const th_tensor *a = th_leaf(s, RANDOM(s, 7, SHAPE(B, SPLIT, H, W)), true);
    const th_tensor *b = RANDOM(s, 8, SHAPE(B, C - SPLIT, H, W));
    const th_tensor *y = th_cat(s, (const th_tensor *[]){a, b}, 2, 1);
    const th_tensor *dy = RANDOM(s, 9, SHAPE(B, C, H, W));
    float parts[2][SMALL], got[SMALL], want[SMALL];

    read_last(s, a, parts[0]);
    read_last(s, b, parts[1]);
    read_last(s, y, want);
    nj_pixels_join_twin(&pixels, SPLIT,
                        (const float *const[]){parts[0], parts[1]}, got);
    expect_equal(got, want, SMALL);
    read_last(s, dy, got);
    nj_pixels_part_twin(&pixels, SPLIT, got,
                        (float *const[]){parts[0], parts[1]});
    read_last(s, th_grad(s, y, dy, a), want);
    expect_equal(parts[0], want, th_elements(a));
    read_last(s, th_narrow(s, dy, 1, SPLIT, C - SPLIT), want);
    expect_equal(parts[1], want, th_elements(b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(spread_is_the_nearest),
        TH_TEST(gather_is_the_mean),
        TH_TEST(bias_is_added_to_each_pixel),
        TH_TEST(bias_and_more_are_a_convolutions),
        TH_TEST(join_and_parts_are_a_cats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
