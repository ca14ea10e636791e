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

/* Heads that flash kernels take: their results are kept. */
static th_tensor *attention_wide(th_scope *s, const th_tensor *x)
{
    th_tensor *q = th_reshape(s, x, SHAPE(B, 1, 15, 8));

    return th_attention(s, q, th_neg(s, q), th_sin(s, q), .4, true);
}

static th_tensor *attention_packed(th_scope *s, const th_tensor *x)
{
    return th_packed_attention(s, th_reshape(s, x, SHAPE(B, 5, 3, 1, 8)), 2, .4,
                               false);
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
    {"attention", attention},
    {"attention, causal", attention_causal},
    {"attention, one", attention_one},
    {"attention, wide", attention_wide},
    {"attention, packed", attention_packed},
    {"bilinear, doubled", doubled},
    {"bilinear, corners", resized},
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
        TH_TEST(keeps_only_what_goes_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
