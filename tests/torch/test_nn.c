/* Layers against values computed by hand. */
#include "torch/th_test.h"

static th_tensor *ramp(th_scope *s, int ndim, const int64_t *shape)
{
    float data[64];

    for (int i = 0; i < 64; i++)
        data[i] = (float)i;
    return th_from_data(s, NJ_F32, ndim, shape, data);
}

static void convolutions(void **state)
{
    th_scope *s = *state;
    th_tensor *x = ramp(s, SHAPE(1, 1, 3, 3));
    th_tensor *w = TENSOR(s, SHAPE(1, 1, 2, 2), 1, 2, 3, 4);
    th_tensor *b = TENSOR(s, SHAPE(1), 0.5);

    /* 0 1 2 / 3 4 5 / 6 7 8, weights 1 2 / 3 4 */
    EXPECT(s, th_conv2d(s, x, w, b, 1, 0), 0, 27.5, 37.5, 57.5, 67.5);
    EXPECT(s, th_conv2d(s, x, w, NULL, 2, 1), 0, 0, 11, 30, 67);
}

static void products(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(2, 2), 1, 2, 3, 4);
    th_tensor *w = TENSOR(s, SHAPE(3, 2), 1, 0, 0, 1, 1, 1);
    th_tensor *b = TENSOR(s, SHAPE(3), 0, 10, 0);

    EXPECT(s, th_linear(s, x, w, b), 0, 1, 12, 3, 3, 14, 7);
    EXPECT(s, th_linear(s, x, w, NULL), 0, 1, 2, 3, 3, 4, 7);
    EXPECT(
        s,
        th_embedding(
            s, w, th_from_data(s, NJ_I64, SHAPE(2), (const int64_t[]){2, 0})),
        0, 1, 1, 1, 0);
}

/* Two groups of [1,3] and [2,6]: mean 2 and 4, deviation 1 and 2. */
static void group_norm(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(1, 2, 1, 2), 1, 3, 2, 6);
    th_tensor *gamma = TENSOR(s, SHAPE(2), 2, 1);
    th_tensor *beta = TENSOR(s, SHAPE(2), 0, 3);
    th_tensor *scale = TENSOR(s, SHAPE(1, 2), 1, -0.5);
    th_tensor *shift = TENSOR(s, SHAPE(1, 2), 0, 1);

    for (int plain = 0; plain < 2; plain++) {
        th_set_plain_autograd(plain);
        EXPECT(s,
               th_group_norm_silu(
                   s, x,
                   &(th_group_norm){2, 0, NULL, NULL, NULL, NULL, false, NULL}),
               1e-6, -1, 1, -1, 1);
        EXPECT(s,
               th_group_norm_silu(s, x,
                                  &(th_group_norm){2, 0, gamma, beta, NULL,
                                                   NULL, false, NULL}),
               1e-6, -2, 2, 2, 4);
        EXPECT(s,
               th_group_norm_silu(s, x,
                                  &(th_group_norm){2, 0, gamma, beta, scale,
                                                   shift, false, NULL}),
               1e-6, -4, 4, 2, 3);
        EXPECT(s,
               th_group_norm_silu(s, x,
                                  &(th_group_norm){2, 0, gamma, beta, scale,
                                                   shift, true, NULL}),
               1e-6, -4 / (1 + exp(4)), 4 / (1 + exp(-4)), 2 / (1 + exp(-2)),
               3 / (1 + exp(-3)));
        EXPECT(s,
               th_group_norm_silu(s, x,
                                  &(th_group_norm){1, 0.5, NULL, NULL, NULL,
                                                   NULL, false, NULL}),
               1e-6, -2 / 2, 0, -1 / 2.0, 3 / 2.0);
    }
    th_set_plain_autograd(false);
}

static void group_norm_refuses(void **state)
{
    th_scope *s = *state;
    th_tensor *x = ramp(s, SHAPE(2, 2, 2, 2));
    th_tensor *two = TENSOR(s, SHAPE(2), 1, 1);
    th_tensor *good = TENSOR(s, SHAPE(2, 2), 1, 1, 1, 1);
    th_tensor *bad = TENSOR(s, SHAPE(1, 2), 1, 1);
    const struct {
        th_tensor *x, *gamma, *scale, *shift;
        int groups;
    } cases[] = {
        {x, two, good, good, 3},
        {x, two, good, good, 0},
        {x, two, good, NULL, 2},
        {x, two, bad, bad, 2},
        {x, good, NULL, NULL, 2},
        {th_leaf(s, two, true), NULL, NULL, NULL, 1},
        {x, th_leaf(s, two, true), NULL, NULL, 2},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(th_group_norm_silu(
            s, cases[i].x,
            &(th_group_norm){cases[i].groups, 1e-5, cases[i].gamma, NULL,
                             cases[i].scale, cases[i].shift, true, NULL}));
        assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
        th_scope_clear_error(s);
    }
}

static void layer_norm(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(2, 2), 1, 3, 2, 6);
    th_tensor *gamma = TENSOR(s, SHAPE(2), 2, 1);
    th_tensor *beta = TENSOR(s, SHAPE(2), 0, 3);

    EXPECT(s, th_layer_norm(s, x, gamma, beta, 0), 1e-6, -2, 4, -2, 4);
    EXPECT(s, th_layer_norm(s, x, NULL, NULL, 3), 1e-6, -0.5, 0.5, -2 / sqrt(7),
           2 / sqrt(7));
}

static void attention(void **state)
{
    th_scope *s = *state;
    th_tensor *q = TENSOR(s, SHAPE(1, 1, 2, 1), 0, 1);
    th_tensor *k = TENSOR(s, SHAPE(1, 1, 2, 1), 0, 2);
    th_tensor *v = TENSOR(s, SHAPE(1, 1, 2, 1), 4, 8);
    const double p = 1 / (1 + exp(-1)); /* weight of the second token */

    for (int plain = 0; plain < 2; plain++) {
        th_set_plain_autograd(plain);
        EXPECT(s, th_attention(s, q, k, v, 0.5, false), 1e-6, 6, 4 + 4 * p);
        EXPECT(s, th_attention(s, q, k, v, 0.5, true), 1e-6, 4, 4 + 4 * p);
    }
    th_set_plain_autograd(false);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void activations(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(4), -20, -1, 0.5, 20);

    EXPECT(s, th_silu(s, x), 2e-6, -20 * sigmoid(-20), -sigmoid(-1),
           0.5 * sigmoid(0.5), 20 * sigmoid(20));
    EXPECT(s, th_quick_gelu(s, x), 2e-6, 0, -sigmoid(-1.702),
           0.5 * sigmoid(0.851), 20);
    EXPECT(s, th_gelu(s, x), 2e-6, 0, -0.15865525, 0.5 * 0.69146246, 20);
    EXPECT(s, th_relu(s, x), 0, 0, 0, 0.5, 20);
    EXPECT(s, th_leaky_relu(s, x, 0.25), 0, -5, -0.25, 0.5, 20);
}

/* The exponential of the own kernels over all of its range. */
static void silu_is_accurate(void **state)
{
    enum { N = 2001 };
    th_scope *s = *state;
    float x[N], y[N];

    for (int i = 0; i < N; i++)
        x[i] = (float)(i - 1000) * 0.12f;
    th_read_f32(s, th_silu(s, th_from_data(s, NJ_F32, SHAPE(N), x)), y, N);
    OK(s);
    for (int i = 0; i < N; i++) {
        const double v = (double)x[i], want = v / (1 + exp(-v));

        assert_true(fabs((double)y[i] - want) <= 4e-7 * fabs(want) + 1e-35);
    }
    EXPECT(s, th_silu(s, TENSOR(s, SHAPE(2), -1e30f, 1e30f)), 1e24, 0, 1e30);
    th_read_f32(s, th_silu(s, TENSOR(s, SHAPE(1), NAN)), y, 1);
    assert_true(isnan(y[0]));
}

static void pools(void **state)
{
    th_scope *s = *state;
    th_tensor *x = ramp(s, SHAPE(1, 1, 4, 4));

    EXPECT(s, th_avg_pool2d(s, x, 2), 0, 2.5, 4.5, 10.5, 12.5);
    EXPECT(s, th_max_pool2d(s, x, 2), 0, 5, 7, 13, 15);
}

static void resizing(void **state)
{
    th_scope *s = *state;
    th_tensor *x = TENSOR(s, SHAPE(1, 1, 1, 2), 0, 4);

    EXPECT(s, th_upsample_nearest2d(s, x, 2, 4), 0, 0, 0, 4, 4, 0, 0, 4, 4);
    EXPECT(s, th_upsample_bilinear2d(s, x, 1, 4, false), 1e-6, 0, 1, 3, 4);
    EXPECT(s, th_upsample_bilinear2d(s, x, 1, 3, true), 1e-6, 0, 2, 4);
    EXPECT(s, th_pixel_unshuffle(s, ramp(s, SHAPE(1, 1, 2, 4)), 2), 0, 0, 2, 1,
           3, 4, 6, 5, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(convolutions), TH_TEST(products),
        TH_TEST(group_norm),   TH_TEST(group_norm_refuses),
        TH_TEST(layer_norm),   TH_TEST(attention),
        TH_TEST(activations),  TH_TEST(silu_is_accurate),
        TH_TEST(pools),        TH_TEST(resizing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
