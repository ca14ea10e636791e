/* The gradients that CUDA takes another way than libtorch, taken that way on
 * the CPU: equal to libtorch's own. */
#include "torch/th_test.h"

typedef th_tensor *layer(th_scope *s, const th_tensor *x);

enum { B = 3, C = 4, H = 6, W = 5 };

/* [B,C,H,W] as B pictures with 2 heads of 2 * H tokens. */
static th_tensor *attention(th_scope *s, const th_tensor *x)
{
    th_tensor *q = th_reshape(s, x, SHAPE(B, 2, 2 * H, W));

    return th_attention(s, q, th_neg(s, q), th_sin(s, q), .4, false);
}

static th_tensor *attention_causal(th_scope *s, const th_tensor *x)
{
    th_tensor *q = th_reshape(s, x, SHAPE(B, 2, 2 * H, W));

    return th_add(s, q, th_attention(s, q, q, th_square(s, q), .4, true));
}

/* One question to all tokens; keys are not derived by. */
static th_tensor *attention_one(th_scope *s, const th_tensor *x)
{
    th_tensor *v = th_reshape(s, x, SHAPE(B, 2, 2 * H, W));

    return th_attention(s, th_narrow(s, v, 2, 0, 1),
                        RANDOM(s, 1, SHAPE(B, 2, 2 * H, W)), v, .4, false);
}

/* Positions in and around the picture, some far away. */
static th_tensor *positions(th_scope *s, int64_t images)
{
    th_tensor *far = TENSOR(s, SHAPE(1, 1, 7, 2), -1, -1, 1, 1, 3, 0, 0, -9,
                            1e30F, 0, -1e30F, 0, .99F, 1.01F);
    const th_tensor *rows[2] = {
        th_mul_scalar(s, RANDOM(s, 3, SHAPE(images, 8, 7, 2)), .6),
        th_expand(s, far, SHAPE(images, 1, 7, 2))};

    return th_cat(s, rows, 2, 1);
}

static th_tensor *grid_each(th_scope *s, const th_tensor *x)
{
    return th_grid_sample(s, x, positions(s, B), false);
}

static th_tensor *grid_shared(th_scope *s, const th_tensor *x)
{
    return th_grid_sample(
        s, x, th_expand(s, positions(s, 1), SHAPE(B, 9, 7, 2)), false);
}

static th_tensor *grid_nearest(th_scope *s, const th_tensor *x)
{
    return th_grid_sample(
        s, x, th_expand(s, positions(s, 1), SHAPE(B, 9, 7, 2)), true);
}

static th_tensor *doubled(th_scope *s, const th_tensor *x)
{
    return th_upsample_bilinear2d(s, x, 2 * H, 2 * W, false);
}

static th_tensor *resized(th_scope *s, const th_tensor *x)
{
    return th_upsample_bilinear2d(s, x, 4, 11, true);
}

/* The value and the gradient of its square. */
struct outcome {
    th_tensor *y, *dx;
};

static struct outcome run(th_scope *s, layer *f, bool repeatable)
{
    const th_tensor *x = th_leaf(s, RANDOM(s, 7, SHAPE(B, C, H, W)), true);
    struct outcome out;

    th_set_repeatable_everywhere(repeatable);
    out.y = f(s, x);
    out.dx = th_grad(s, th_square(s, out.y), NULL, x);
    th_set_repeatable_everywhere(false);
    OK(s);
    return out;
}

static const struct {
    const char *name;
    layer *f;
} layers[] = {
    {"attention", attention},          {"attention, causal", attention_causal},
    {"attention, one", attention_one}, {"grid, each its own", grid_each},
    {"grid, shared", grid_shared},     {"grid, nearest", grid_nearest},
    {"bilinear, doubled", doubled},    {"bilinear, corners", resized},
};

static void same_as_libtorchs(void **state)
{
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        th_scope *s = th_scope_new(*state);
        const struct outcome want = run(s, layers[i].f, false);
        const struct outcome got = run(s, layers[i].f, true);
        const th_tensor *zero = th_mul_scalar(s, want.dx, 0);
        const double size = max_difference(s, want.dx, zero);

        print_message("%s\n", layers[i].name);
        assert_true(max_difference(s, got.y, want.y) == 0);
        assert_true(max_difference(s, got.dx, want.dx) <= 1e-5 * size);
        assert_true(size > 0);
        th_scope_free(s);
    }
}

static void a_gradient_by_the_grid_is_libtorchs(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = RANDOM(s, 1, SHAPE(1, 2, 4, 4));
    const th_tensor *grid =
        th_leaf(s, th_mul_scalar(s, RANDOM(s, 2, SHAPE(1, 3, 3, 2)), .4), true);
    th_tensor *want = th_grad(s, th_grid_sample(s, x, grid, false), NULL, grid);
    th_tensor *got;

    th_set_repeatable_everywhere(true);
    got = th_grad(s, th_grid_sample(s, x, grid, false), NULL, grid);
    th_set_repeatable_everywhere(false);
    assert_true(max_difference(s, got, want) == 0);
    OK(s);
}

static void keeps_only_what_goes_in(void **state)
{
    th_scope *s = *state;
    const int64_t before = th_saved_bytes();
    const th_tensor *x = th_leaf(s, RANDOM(s, 7, SHAPE(B, C, H, W)), true);
    th_tensor *q = th_reshape(s, x, SHAPE(B, 2, 2 * H, W));

    th_set_repeatable_everywhere(true);
    th_attention(s, q, q, q, .4, false);
    th_set_repeatable_everywhere(false);
    OK(s);
    assert_int_equal(th_saved_bytes() - before, B * C * H * W * sizeof(float));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(same_as_libtorchs),
        TH_TEST(a_gradient_by_the_grid_is_libtorchs),
        TH_TEST(keeps_only_what_goes_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
