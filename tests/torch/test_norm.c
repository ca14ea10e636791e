/* The own group norm against libtorch's plain functions: results, gradients
 * with respect to x, scale and shift, odd sizes, large means, bfloat16; and
 * the memory that each keeps for the backward. */
#include "torch/th_test.h"

struct norm_case {
    int64_t b, c, h, w;
    int groups;
    bool affine, film, silu;
    float mean; /* added to x: statistics must not lose digits */
};

static const struct norm_case cases[] = {
    {2, 64, 9, 7, 32, true, true, true, 0},
    {1, 32, 5, 5, 32, true, false, true, 0},
    {3, 36, 3, 4, 4, false, true, false, 0},
    {2, 6, 1, 1, 2, true, true, true, 0},
    {1, 1024, 8, 8, 32, true, true, true, 2},
    {1, 48, 40, 41, 3, true, false, false, 300},
};

struct norm_io {
    th_tensor *x, *dy, *gamma, *beta, *scale, *shift;
};

struct norm_out {
    th_tensor *y, *x, *scale, *shift;
};

static struct norm_io make(th_scope *s, const struct norm_case *c)
{
    const int64_t shape[] = {c->b, c->c, c->h, c->w};
    struct norm_io io = {0};

    io.x = th_leaf(
        s, th_add_scalar(s, random_tensor(s, 1, 4, shape), (double)c->mean),
        true);
    io.dy = random_tensor(s, 2, 4, shape);
    if (c->affine) {
        io.gamma = RANDOM(s, 3, SHAPE(c->c));
        io.beta = RANDOM(s, 4, SHAPE(c->c));
    }
    if (c->film) {
        io.scale = th_leaf(s, RANDOM(s, 5, SHAPE(c->b, c->c)), true);
        io.shift = th_leaf(s, RANDOM(s, 6, SHAPE(c->b, c->c)), true);
    }
    return io;
}

static struct norm_out run(th_scope *s, const struct norm_case *c,
                           const struct norm_io *io)
{
    struct norm_out out = {0};
    th_tensor *past = NULL;

    out.y = th_group_norm_silu(s, io->x,
                               &(th_group_norm){c->groups, 1e-5, io->gamma,
                                                io->beta, io->scale, io->shift,
                                                c->silu, &past});
    /* what goes past the norm counts too in some cases */
    out.x = th_grad_retain(s, c->silu ? th_add(s, out.y, past) : out.y, io->dy,
                           io->x);
    if (c->film) {
        out.scale = th_grad_retain(s, out.y, io->dy, io->scale);
        out.shift = th_grad_retain(s, out.y, io->dy, io->shift);
    }
    return out;
}

/* Largest difference relative to the largest value of the plain result. */
static double relative(th_scope *s, const th_tensor *own,
                       const th_tensor *plain)
{
    th_tensor *zero = th_mul_scalar(s, plain, 0);

    return max_difference(s, own, plain) / max_difference(s, plain, zero);
}

static th_tensor *exact(th_scope *s, const th_tensor *t, bool leaf)
{
    return t ? th_leaf(s, th_to(s, t, NJ_F64, cpu), leaf) : NULL;
}

/* The plain functions in double are the measure. */
static void equals_plain(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        th_scope *s = th_scope_new(*state);
        const struct norm_case *c = &cases[i];
        struct norm_io io = make(s, c);
        const struct norm_out own = run(s, c, &io);
        struct norm_out plain;

        io.x = exact(s, io.x, true);
        io.dy = exact(s, io.dy, false);
        io.gamma = exact(s, io.gamma, false);
        io.beta = exact(s, io.beta, false);
        io.scale = exact(s, io.scale, true);
        io.shift = exact(s, io.shift, true);
        plain = run(s, c, &io);
        OK(s);
        assert_true(relative(s, own.y, plain.y) <
                    1e-6 + 1e-7 * (double)c->mean);
        assert_true(relative(s, own.x, plain.x) <
                    1e-6 + 1e-7 * (double)c->mean);
        if (c->film) {
            assert_true(relative(s, own.scale, plain.scale) < 2e-6);
            assert_true(relative(s, own.shift, plain.shift) < 2e-6);
        }
        OK(s);
        th_scope_free(s);
    }
}

/* Against the plain functions in double: 1e4 deviations away from zero. */
static void keeps_digits_of_a_large_mean(void **state)
{
    th_scope *s = *state;
    th_tensor *x = th_add_scalar(s, RANDOM(s, 1, SHAPE(1, 16, 64, 64)), 4096);
    th_tensor *own = th_group_norm_silu(
        s, x, &(th_group_norm){4, 1e-5, NULL, NULL, NULL, NULL, false, NULL});
    th_tensor *exact = th_group_norm_silu(
        s, th_to(s, x, NJ_F64, cpu),
        &(th_group_norm){4, 1e-5, NULL, NULL, NULL, NULL, false, NULL});

    assert_true(max_difference(s, own, exact) < 1e-3);
    OK(s);
}

static void works_in_bfloat16(void **state)
{
    th_scope *s = *state;
    const struct norm_case *c = &cases[0];
    struct norm_io io = make(s, c), low = io;
    struct norm_out own, exact;

    low.x = th_leaf(s, th_to(s, io.x, NJ_BF16, cpu), true);
    low.dy = th_to(s, io.dy, NJ_BF16, cpu);
    io.x = th_leaf(s, th_to(s, low.x, NJ_F32, cpu), true);
    io.dy = th_to(s, low.dy, NJ_F32, cpu);
    own = run(s, c, &low);
    exact = run(s, c, &io);
    assert_int_equal(th_dtype(own.y), NJ_BF16);
    assert_int_equal(th_dtype(own.x), NJ_BF16);
    /* half a unit in the last of 8 bits */
    assert_true(relative(s, own.y, exact.y) < 0.004);
    assert_true(relative(s, own.x, exact.x) < 0.004);
    assert_true(relative(s, own.scale, exact.scale) < 1e-6);
    OK(s);
}

/* Row-major input gives the same numbers. */
static void accepts_any_layout(void **state)
{
    th_scope *s = *state;
    const struct norm_case *c = &cases[0];
    struct norm_io io = make(s, c);
    const struct norm_out last = run(s, c, &io);
    struct norm_out first;

    io.x = th_leaf(s, th_contiguous(s, io.x), true);
    io.dy = th_contiguous(s, io.dy);
    first = run(s, c, &io);
    assert_true(max_difference(s, last.y, first.y) == 0);
    assert_true(max_difference(s, last.x, first.x) == 0);
    OK(s);
}

/* Bytes kept by norm, SiLU and convolution of a [2,64,9,7] block. */
static int64_t saved_by_block(th_scope *outer)
{
    th_scope *s = th_scope_new(outer);
    const struct norm_io io = make(s, &cases[0]);
    th_tensor *h = th_mul_scalar(s, io.x, 2);
    const int64_t before = th_saved_bytes();
    int64_t kept;

    h = th_group_norm_silu(s, h,
                           &(th_group_norm){32, 1e-5, io.gamma, io.beta,
                                            th_leaf(s, io.scale, false),
                                            th_leaf(s, io.shift, false), true,
                                            NULL});
    h = th_conv2d(s, h, RANDOM(s, 7, SHAPE(64, 64, 3, 3)), NULL, 1, 1);
    kept = th_saved_bytes() - before;
    th_grad(s, h, NULL, io.x);
    OK(s);
    assert_int_equal(th_saved_bytes(), before);
    th_scope_free(s);
    return kept;
}

static void keeps_only_its_input(void **state)
{
    const int64_t one = 2 * 64 * 9 * 7 * 4;

    assert_int_equal(saved_by_block(*state), one);
    th_set_plain_autograd(true);
    assert_in_range(saved_by_block(*state), 3 * one, 5 * one);
    th_set_plain_autograd(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(equals_plain),         TH_TEST(keeps_digits_of_a_large_mean),
        TH_TEST(works_in_bfloat16),    TH_TEST(accepts_any_layout),
        TH_TEST(keeps_only_its_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
