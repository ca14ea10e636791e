/* Attention of few tokens on the CPU, forwards and backwards, in float32 and
 * bfloat16, against the same in double, which takes libtorch's way. */
#include "torch/th_test.h"

static const struct few_case {
    int64_t b, tokens, heads, width;
    int dim;
} cases[] = {
    {1, 64, 5, 32, 3},  {4, 37, 2, 64, 2}, {2, 1, 3, 16, 2},
    {1, 128, 1, 80, 3}, {3, 17, 2, 48, 2},
};

static th_tensor *attend(th_scope *s, const struct few_case *c,
                         const th_tensor *x)
{
    bool inner = c->dim == 2;

    x = th_reshape(s, x, 5,
                   (const int64_t[]){c->b, c->tokens, inner ? 3 : c->heads,
                                     inner ? c->heads : 3, c->width});
    return th_packed_attention(s, x, c->dim, .3, false);
}

static void check_case(th_scope *s, const struct few_case *c, nj_dtype type,
                       double tolerance)
{
    th_tensor *x0 =
        th_to(s, RANDOM(s, 1, SHAPE(c->b, c->tokens, 3 * c->heads * c->width)),
              type, cpu);
    th_tensor *dy0 =
        th_to(s, RANDOM(s, 2, SHAPE(c->b, c->tokens, c->heads * c->width)),
              type, cpu);
    th_tensor *x = th_leaf(s, x0, true);
    th_tensor *exact = th_leaf(s, th_to(s, x0, NJ_F64, cpu), true);
    th_tensor *y = attend(s, c, x), *want = attend(s, c, exact);
    th_tensor *dx = th_grad(s, y, dy0, x);
    th_tensor *dwant = th_grad(s, want, th_to(s, dy0, NJ_F64, cpu), exact);
    double forward = max_difference(s, th_to(s, y, NJ_F64, cpu), want);
    double backward = max_difference(s, th_to(s, dx, NJ_F64, cpu), dwant);

    OK(s);
    if (!(forward < tolerance) || !(backward < tolerance))
        fail_msg("%lld tokens of %lld: errors %g and %g, at most %g",
                 (long long)c->tokens, (long long)c->width, forward, backward,
                 tolerance);
}

static void equals_double(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        th_scope *s = th_scope_new(*state);

        check_case(s, &cases[i], NJ_F32, 1e-5);
        check_case(s, &cases[i], NJ_BF16, .03); /* a result's rounding */
        th_scope_free(s);
    }
}

/* Bits depend neither on the pictures beside one, nor on the threads. */
static void heads_are_by_themselves(void **state)
{
    const struct few_case three = {3, 37, 5, 32, 2}, one = {1, 37, 5, 32, 2};
    th_scope *s = *state;
    th_tensor *x = th_leaf(s, RANDOM(s, 1, SHAPE(3, 37, 480)), true);
    th_tensor *y = attend(s, &three, x), *again;
    th_tensor *dx = th_grad(s, y, y, x), *dagain;
    th_tensor *alone = attend(s, &one, th_narrow(s, x, 0, 1, 1));

    th_set_threads(2);
    again = attend(s, &three, x);
    dagain = th_grad(s, again, y, x);
    th_set_threads(1);
    assert_true(max_difference(s, y, again) == 0);
    assert_true(max_difference(s, dx, dagain) == 0);
    assert_true(max_difference(s, th_narrow(s, y, 0, 1, 1), alone) == 0);
    OK(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(equals_double),
        TH_TEST(heads_are_by_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
