/* th_checkpoint: the same numbers as without, less memory, and errors that come
 * up in the second run. */
#include "torch/th_test.h"

struct layers {
    const th_tensor *weight;
    int runs;
};

/* A convolution, a gate that keeps its input, and the sum with the second
 * input. */
static th_tensor *block(th_scope *s, const void *user,
                        const th_tensor *const *in)
{
    const struct layers *l = user;
    th_tensor *h = th_conv2d(s, in[0], l->weight, NULL, 1, 1);

    h = th_silu(s, th_conv2d(s, th_silu(s, h), l->weight, NULL, 1, 1));
    return th_add(s, h, in[1]);
}

struct gradients {
    th_tensor *y;
    th_tensor *by[2];
    int64_t saved;
};

static struct gradients run(th_scope *s, const struct layers *l, bool twice)
{
    const th_tensor *in[2] = {
        th_leaf(s, RANDOM(s, 1, SHAPE(2, 32, 9, 8)), true),
        th_leaf(s, RANDOM(s, 2, SHAPE(2, 32, 9, 8)), true)};
    const th_tensor *const all[2] = {th_square(s, in[0]), th_square(s, in[1])};
    int64_t before = th_saved_bytes();
    struct gradients g;

    g.y = twice ? th_checkpoint(s, block, l, all, 2, NULL) : block(s, l, all);
    g.saved = th_saved_bytes() - before;
    for (int i = 0; i < 2; i++)
        g.by[i] =
            th_grad_retain(s, g.y, RANDOM(s, 3, SHAPE(2, 32, 9, 8)), in[i]);
    OK(s);
    return g;
}

static void gives_the_same_bytes(void **state)
{
    th_scope *s = *state;
    const struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0};
    struct gradients plain = run(s, &l, false);
    struct gradients twice = run(s, &l, true);

    expect_same_bytes(s, plain.y, twice.y);
    expect_same_bytes(s, plain.by[0], twice.by[0]);
    expect_same_bytes(s, plain.by[1], twice.by[1]);
    /* The inputs are kept by the squares already, and counted once. */
    assert_true(plain.saved > 0);
    assert_true(twice.saved <= plain.saved);
}

/* x + silu(x) */
static th_tensor *shortcut(th_scope *s, const void *user,
                           const th_tensor *const *in)
{
    (void)user;
    return th_add(s, in[0], th_silu(s, in[0]));
}

/* Three gradients of one input, whose sum depends on their order. */
static th_tensor *used_besides(th_scope *s, bool twice)
{
    th_tensor *x = th_leaf(s, RANDOM(s, 4, SHAPE(2, 32, 9, 8)), true);
    th_tensor *h = th_silu(s, x);
    const th_tensor *const in[1] = {h};
    th_tensor *besides = h;
    th_tensor *y = twice ? th_checkpoint(s, shortcut, NULL, in, 1, &besides)
                         : shortcut(s, NULL, in);

    y = th_add(s, th_square(s, y),
               th_mul(s, besides, RANDOM(s, 5, SHAPE(2, 32, 9, 8))));
    return th_grad(s, y, RANDOM(s, 6, SHAPE(2, 32, 9, 8)), x);
}

static void what_goes_through_is_added_first(void **state)
{
    th_scope *s = *state;

    expect_same_bytes(s, used_besides(s, false), used_besides(s, true));
}

static void without_gradients_is_the_block_alone(void **state)
{
    th_scope *s = *state;
    const struct layers l = {RANDOM(s, 9, SHAPE(32, 32, 3, 3)), 0};
    const th_tensor *const in[2] = {RANDOM(s, 1, SHAPE(2, 32, 9, 8)),
                                    RANDOM(s, 2, SHAPE(2, 32, 9, 8))};
    int64_t before = th_saved_bytes();

    expect_same_bytes(s, block(s, &l, in),
                      th_checkpoint(s, block, &l, in, 2, NULL));
    assert_int_equal(th_saved_bytes(), before);
}

/* Fails in its second run. */
static th_tensor *once(th_scope *s, const void *user,
                       const th_tensor *const *in)
{
    struct layers *l = *(struct layers *const *)user;

    if (l->runs++ > 0)
        th_scope_fail(s, NJ_E_DEVICE_MEMORY, "no more memory");
    return th_square(s, in[0]);
}

static void errors_of_the_second_run_arrive(void **state)
{
    th_scope *s = *state;
    struct layers l = {NULL, 0};
    struct layers *at = &l;
    th_tensor *x = th_leaf(s, TENSOR(s, SHAPE(2), 1, 2), true);
    const th_tensor *const in[1] = {x};
    th_tensor *y = th_checkpoint(s, once, &at, in, 1, NULL);
    nj_err err = {0};

    OK(s);
    assert_null(th_grad(s, y, NULL, x));
    assert_int_equal(th_scope_check(s, &err), NJ_E_DEVICE_MEMORY);
    assert_string_equal(err.text, "no more memory");
    assert_int_equal(l.runs, 2);
    th_scope_clear_error(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(gives_the_same_bytes),
        TH_TEST(what_goes_through_is_added_first),
        TH_TEST(without_gradients_is_the_block_alone),
        TH_TEST(errors_of_the_second_run_arrive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
