/* Own products on the CPU: linear layers and convolutions, forwards and
 * backwards, in float32 and bfloat16, against the direct sum in double. */
#include "torch/th_test.h"

/* A convolution, or with side 0 a linear layer of b * h rows. */
static const struct product_case {
    int64_t b, inputs, outputs, h, w;
    int side, stride, padding;
} cases[] = {
    {3, 64, 96, 50, 1, 0, 1, 0},   {1, 1024, 32, 3, 1, 0, 1, 0},
    {1, 64, 96, 8, 8, 3, 1, 1},    {2, 96, 64, 16, 13, 3, 1, 1},
    {2, 160, 64, 9, 7, 1, 1, 0},   {1, 64, 64, 17, 16, 3, 2, 1},
    {1, 3, 64, 16, 16, 3, 1, 1},   {1, 64, 6, 16, 16, 3, 1, 1},
    {4, 3, 128, 24, 24, 8, 8, 0},  {1, 3, 64, 29, 30, 7, 7, 0},
    {1, 64, 128, 32, 36, 3, 1, 1}, {2, 3, 64, 33, 35, 3, 1, 1},
    {1, 64, 6, 32, 33, 3, 1, 1},
};

static th_tensor *in_type(th_scope *s, const th_tensor *t, nj_dtype type)
{
    return th_leaf(s, th_to(s, t, type, cpu), true);
}

static th_tensor *frozen(th_scope *s, const th_tensor *t, nj_dtype type)
{
    th_tensor *f = th_leaf(s, th_to(s, t, type, cpu), false);

    return th_ndim(t) == 4 ? th_channels_last(s, f) : f;
}

static th_tensor *layer(th_scope *s, const struct product_case *c,
                        const th_tensor *x, const th_tensor *w,
                        const th_tensor *b)
{
    return c->side ? th_conv2d(s, x, w, b, c->stride, c->padding)
                   : th_linear(s, x, w, b);
}

/* Largest error in units of the result's standard deviation. */
static double error_of(th_scope *s, const th_tensor *got, const th_tensor *want)
{
    float square;
    th_tensor *wide = th_to(s, got, NJ_F64, cpu);

    th_read_f32(s, th_sum(s, th_square(s, want)), &square, 1);
    return max_difference(s, wide, want) /
           sqrt((double)square / (double)th_elements(want));
}

static void check_case(th_scope *s, const struct product_case *c, nj_dtype type,
                       double tolerance)
{
    bool conv = c->side > 0;
    /* Rounded first, so that only the product's own error is left. */
    th_tensor *x0 =
        th_to(s,
              conv ? RANDOM(s, 1, SHAPE(c->b, c->inputs, c->h, c->w))
                   : RANDOM(s, 1, SHAPE(c->b, c->h, c->inputs)),
              type, cpu);
    th_tensor *w0 = th_to(
        s,
        conv ? RANDOM(s, 2, SHAPE(c->outputs, c->inputs, c->side, c->side))
             : RANDOM(s, 2, SHAPE(c->outputs, c->inputs)),
        type, cpu);
    th_tensor *b0 = th_to(s, RANDOM(s, 3, SHAPE(c->outputs)), type, cpu);
    th_tensor *x = in_type(s, x0, type);
    th_tensor *exact = in_type(s, x0, NJ_F64);
    th_tensor *y = layer(s, c, x, frozen(s, w0, type), frozen(s, b0, type));
    th_tensor *want =
        layer(s, c, exact, frozen(s, w0, NJ_F64), frozen(s, b0, NJ_F64));
    double forward = error_of(s, y, want);
    double backward = error_of(
        s, th_grad(s, y, th_leaf(s, y, false), x),
        th_grad(s, want, frozen(s, th_leaf(s, y, false), NJ_F64), exact));

    OK(s);
    if (forward > tolerance || backward > tolerance)
        fail_msg("%lldx%lld channels, side %d: errors %g and %g, at most %g",
                 (long long)c->inputs, (long long)c->outputs, c->side, forward,
                 backward, tolerance);
}

static void equal_direct_sums(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        th_scope *s = th_scope_new(*state);

        check_case(s, &cases[i], NJ_F32, 2e-5);
        /* The result is rounded to 8 bits; Winograd's transforms round once
         * more on the way. */
        check_case(s, &cases[i], NJ_BF16,
                   cases[i].h * cases[i].w >= 1024 ? .15 : .02);
        th_scope_free(s);
    }
}

/* What is added to a convolution's result is added as it is written. */
static void adds_as_they_write(void **state)
{
    static const struct product_case added[] = {
        {2, 64, 96, 8, 7, 3, 1, 1},
        {1, 96, 64, 33, 34, 3, 1, 1},
        {2, 64, 32, 5, 6, 1, 1, 0},
        {1, 3, 64, 32, 33, 3, 1, 1},
    };

    for (size_t i = 0; i < 2 * sizeof(added) / sizeof(added[0]); i++) {
        const struct product_case *c = &added[i / 2];
        nj_dtype type = i % 2 ? NJ_BF16 : NJ_F32;
        th_scope *s = th_scope_new(*state);
        th_tensor *x = th_channels_last(
            s, th_to(s, RANDOM(s, 1, SHAPE(c->b, c->inputs, c->h, c->w)), type,
                     cpu));
        th_tensor *w = frozen(
            s, RANDOM(s, 2, SHAPE(c->outputs, c->inputs, c->side, c->side)),
            type);
        th_tensor *more = th_to(
            s, RANDOM(s, 3, SHAPE(c->b, c->outputs, c->h, c->w)), type, cpu);
        th_tensor *b = frozen(s, RANDOM(s, 4, SHAPE(c->outputs)), type);
        th_tensor *y = th_conv2d_add(s, x, w, b, c->padding, more);
        th_tensor *two = th_add(s, th_conv2d(s, x, w, b, 1, c->padding), more);

        OK(s);
        assert_true(error_of(s, y, th_to(s, two, NJ_F64, cpu)) <
                    (type == NJ_BF16 ? .04 : 1e-6));
        th_scope_free(s);
    }
}

/* Rows do not depend on those beside them, nor on the number of threads. */
static void rows_are_by_themselves(void **state)
{
    for (int type = 0; type < 2; type++) {
        th_scope *s = th_scope_new(*state);
        nj_dtype dtype = type ? NJ_BF16 : NJ_F32;
        th_tensor *x = th_to(s, RANDOM(s, 1, SHAPE(500, 64)), dtype, cpu);
        th_tensor *w = frozen(s, RANDOM(s, 2, SHAPE(96, 64)), dtype);
        th_tensor *one = th_linear(s, x, w, NULL), *two, *alone;

        th_set_threads(2);
        two = th_linear(s, x, w, NULL);
        alone = th_linear(s, th_narrow(s, x, 0, 321, 3), w, NULL);
        th_set_threads(1);
        assert_true(max_difference(s, one, two) == 0);
        assert_true(max_difference(s, th_narrow(s, one, 0, 321, 3), alone) ==
                    0);
        OK(s);
        th_scope_free(s);
    }
}

/* A packed weight is kept while the weight lives: other numbers at the same
 * place must not meet the old ones. */
static void kept_weights_are_the_right_ones(void **state)
{
    th_scope *s = *state;
    th_tensor *x = RANDOM(s, 1, SHAPE(4, 64));

    for (uint32_t i = 0; i < 20; i++) {
        th_scope *t = th_scope_new(s);
        th_tensor *w = frozen(t, RANDOM(t, 100 + i, SHAPE(64, 64)), NJ_F32);
        th_tensor *wide = frozen(t, w, NJ_F64);
        th_tensor *in = frozen(t, x, NJ_F64);

        assert_true(error_of(t, th_linear(t, x, w, NULL),
                             th_linear(t, in, wide, NULL)) < 2e-5);
        th_copy_(t, w, th_mul_scalar(t, w, 2));
        assert_true(
            error_of(t, th_linear(t, x, w, NULL),
                     th_mul_scalar(t, th_linear(t, in, wide, NULL), 2)) < 2e-5);
        OK(t);
        th_scope_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(equal_direct_sums),
        TH_TEST(adds_as_they_write),
        TH_TEST(rows_are_by_themselves),
        TH_TEST(kept_weights_are_the_right_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
