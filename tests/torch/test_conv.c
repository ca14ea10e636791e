/* Large 3x3 convolutions take Winograd's way on the CPU: results and gradients
 * against the direct sum in double, on sizes that leave cut tiles. */
#include "torch/th_test.h"

static const struct conv_case {
    int64_t b, inputs, outputs, h, w;
    bool bias;
} cases[] = {
    {1, 64, 96, 32, 32, true},
    {2, 96, 64, 33, 35, false},
    {1, 128, 64, 62, 49, true},
    {1, 64, 64, 2, 600, true},
};

static th_tensor *wide(th_scope *s, const th_tensor *t, bool leaf)
{
    return t ? th_leaf(s, th_to(s, t, NJ_F64, cpu), leaf) : NULL;
}

/* Largest error in units of the result's standard deviation. */
static double error_of(th_scope *s, const th_tensor *got, const th_tensor *want)
{
    float square;

    th_read_f32(s, th_sum(s, th_square(s, want)), &square, 1);
    return max_difference(s, got, want) /
           sqrt((double)square / (double)th_elements(want));
}

static void equals_direct(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        th_scope *s = th_scope_new(*state);
        const struct conv_case *c = &cases[i];
        th_tensor *x =
            th_leaf(s, RANDOM(s, 1, SHAPE(c->b, c->inputs, c->h, c->w)), true);
        th_tensor *dy = RANDOM(s, 2, SHAPE(c->b, c->outputs, c->h, c->w));
        th_tensor *w = RANDOM(s, 3, SHAPE(c->outputs, c->inputs, 3, 3));
        th_tensor *b = c->bias ? RANDOM(s, 4, SHAPE(c->outputs)) : NULL;
        th_tensor *exact = wide(s, x, true);
        th_tensor *y = th_conv2d(s, x, w, b, 1, 1);
        th_tensor *want =
            th_conv2d(s, exact, wide(s, w, false), wide(s, b, false), 1, 1);

        /* th_contiguous: the layout of weights must not matter */
        assert_true(
            max_difference(s, y,
                           th_conv2d(s, x, th_contiguous(s, w), b, 1, 1)) == 0);
        assert_true(error_of(s, y, want) < 2e-5);
        assert_true(error_of(s, th_grad(s, y, dy, x),
                             th_grad(s, want, wide(s, dy, false), exact)) <
                    2e-5);
        OK(s);
        th_scope_free(s);
    }
}

static void repeats(void **state)
{
    th_scope *s = *state;
    th_tensor *x = RANDOM(s, 1, SHAPE(3, 64, 64, 64));
    th_tensor *w = RANDOM(s, 2, SHAPE(128, 64, 3, 3));
    th_tensor *one = th_conv2d(s, x, w, NULL, 1, 1), *two, *alone;

    th_set_threads(2);
    two = th_conv2d(s, x, w, NULL, 1, 1);
    alone = th_conv2d(s, th_narrow(s, x, 0, 1, 1), w, NULL, 1, 1);
    assert_true(max_difference(s, one, two) == 0);
    assert_true(max_difference(s, th_narrow(s, one, 0, 1, 1), alone) == 0);
    OK(s);
}

/* Single pixels and strides: oneDNN's own kernels sum in an order that depends
 * on the number of threads. */
static void threads_change_no_sum(void **state)
{
    static const struct {
        int64_t b, inputs, outputs, side, size;
        int stride;
    } shapes[] = {
        {3, 320, 160, 8, 1, 1},
        {1, 512, 256, 64, 1, 1},
        {3, 64, 64, 32, 3, 2},
        {2, 32, 64, 31, 3, 2},
    };

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        th_scope *s = th_scope_new(*state);
        int64_t side = shapes[i].side, size = shapes[i].size;
        th_tensor *x = th_leaf(
            s, RANDOM(s, 1, SHAPE(shapes[i].b, shapes[i].inputs, side, side)),
            true);
        th_tensor *w = RANDOM(
            s, 2, SHAPE(shapes[i].outputs, shapes[i].inputs, size, size));
        th_tensor *y[2], *dx[2];

        for (int threads = 1; threads <= 2; threads++) {
            th_set_threads(threads);
            y[threads - 1] =
                th_conv2d(s, x, w, NULL, shapes[i].stride, (int)size / 2);
            dx[threads - 1] = th_grad(s, th_square(s, y[threads - 1]), NULL, x);
        }
        assert_true(max_difference(s, y[0], y[1]) == 0);
        assert_true(max_difference(s, dx[0], dx[1]) == 0);
        OK(s);
        th_scope_free(s);
    }
}

static void refuses_other_channels(void **state)
{
    th_scope *s = *state;

    assert_null(th_conv2d(s, RANDOM(s, 1, SHAPE(1, 64, 32, 32)),
                          RANDOM(s, 2, SHAPE(64, 96, 3, 3)), NULL, 1, 1));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(equals_direct),
        TH_TEST(repeats),
        TH_TEST(threads_change_no_sum),
        TH_TEST(refuses_other_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
