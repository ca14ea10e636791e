/* The CUDA group norm against the CPU's, whose twin test_norm_twin compares,
 * in every type it knows; and its repeatability. Skipped without a GPU. */
#include "torch/th_test.h"

static const th_device gpu = {TH_CUDA, 0};

struct norm_case {
    int64_t b, c, h, w;
    int groups;
    bool film, silu;
};

/* Vectors of 8, 4 and 1 (4 and 1 in float32), in one launch and in two, and
 * groups that are too wide for a block. */
static const struct norm_case cases[] = {
    {2, 256, 64, 64, 32, true, true},   {1, 1024, 8, 8, 32, true, true},
    {3, 36, 5, 7, 4, true, false},      {1, 6, 1, 1, 2, false, true},
    {4, 128, 33, 31, 32, false, true},  {1, 1024, 32, 32, 32, true, true},
    {1, 256, 131, 127, 32, true, true}, {2, 128, 97, 91, 32, true, false},
    {2, 36, 90, 77, 4, true, true},     {1, 1030, 9, 8, 2, false, true},
    {1, 4112, 3, 3, 1, true, false},    {1, 768, 61, 67, 32, false, true},
};

struct norm_out {
    th_tensor *y, *dx, *scale, *shift;
};

static th_tensor *input(th_scope *s, uint32_t seed, int ndim,
                        const int64_t *shape, nj_dtype dtype)
{
    /* through `dtype`, so that both devices see the same numbers */
    th_tensor *t = random_tensor(s, seed, ndim, shape);

    return th_to(s, th_to(s, t, dtype, cpu), NJ_F32, cpu);
}

static struct norm_out run(th_scope *s, const struct norm_case *c,
                           nj_dtype dtype, th_device where)
{
    const int64_t shape[] = {c->b, c->c, c->h, c->w};
    const nj_dtype low = where.kind == TH_CUDA ? dtype : NJ_F32;
    th_tensor *x =
        th_leaf(s, th_to(s, input(s, 1, 4, shape, dtype), low, where), true);
    th_tensor *dy = th_to(s, input(s, 2, 4, shape, dtype), low, where);
    th_tensor *past = NULL;
    th_group_norm n = {
        .groups = c->groups, .eps = 1e-5, .silu = c->silu, .through = &past};
    struct norm_out out = {0};

    n.gamma = th_to(s, input(s, 3, 1, &c->c, dtype), low, where);
    n.beta = th_to(s, input(s, 4, 1, &c->c, dtype), low, where);
    if (c->film) {
        n.scale = th_leaf(s, th_to(s, input(s, 5, 2, shape, dtype), low, where),
                          true);
        n.shift = th_leaf(s, th_to(s, input(s, 6, 2, shape, dtype), low, where),
                          true);
    }
    out.y = th_group_norm_silu(s, x, &n);
    /* what goes past the norm counts too where there is one image */
    out.dx =
        th_grad_retain(s, c->b > 1 ? out.y : th_add(s, out.y, past), dy, x);
    if (c->film) {
        out.scale = th_grad_retain(s, out.y, dy, n.scale);
        out.shift = th_grad_retain(s, out.y, dy, n.shift);
    }
    return out;
}

static void equals_cpu(void **state)
{
    static const struct {
        nj_dtype dtype;
        double tolerance;
    } types[] = {{NJ_F32, 5e-6}, {NJ_F16, 6e-4}, {NJ_BF16, 4.5e-3}};

    for (size_t t = 0; t < 3; t++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            th_scope *s = th_scope_new(*state);
            const double tolerance = types[t].tolerance;
            const struct norm_out want = run(s, &cases[i], types[t].dtype, cpu);
            const struct norm_out got = run(s, &cases[i], types[t].dtype, gpu);

            expect_close(s, got.y, want.y, tolerance);
            expect_close(s, got.dx, want.dx, tolerance);
            if (cases[i].film) {
                expect_close(s, got.scale, want.scale, tolerance);
                expect_close(s, got.shift, want.shift, tolerance);
            }
            th_scope_free(s);
        }
    }
}

static void repeats(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        th_scope *s = th_scope_new(*state);
        const struct norm_out a = run(s, &cases[i], NJ_F16, gpu);
        const struct norm_out b = run(s, &cases[i], NJ_F16, gpu);

        assert_true(max_difference(s, a.y, b.y) == 0);
        assert_true(max_difference(s, a.dx, b.dx) == 0);
        if (cases[i].film)
            assert_true(max_difference(s, a.scale, b.scale) == 0);
        OK(s);
        th_scope_free(s);
    }
}

/* One image of three gets what it gets by itself. */
static void ignores_the_batch(void **state)
{
    static const int64_t shapes[][4] = {
        {3, 1024, 8, 8}, {3, 256, 70, 71}, {3, 36, 90, 77}};
    const th_group_norm n = {4, 1e-5, NULL, NULL, NULL, NULL, true, NULL};

    for (size_t i = 0; i < 3; i++) {
        th_scope *s = th_scope_new(*state);
        th_tensor *dy =
            th_to(s, input(s, 2, 4, shapes[i], NJ_F16), NJ_F16, gpu);
        th_tensor *x = th_to(s, input(s, 1, 4, shapes[i], NJ_F16), NJ_F16, gpu);
        th_tensor *one = th_leaf(s, th_narrow(s, x, 0, 1, 1), true);
        th_tensor *all = th_leaf(s, x, true);
        th_tensor *y = th_group_norm_silu(s, all, &n);
        th_tensor *y_one = th_group_norm_silu(s, one, &n);
        th_tensor *dx = th_grad_retain(s, y, dy, all);
        th_tensor *dx_one =
            th_grad_retain(s, y_one, th_narrow(s, dy, 0, 1, 1), one);

        assert_true(max_difference(s, th_narrow(s, y, 0, 1, 1), y_one) == 0);
        assert_true(max_difference(s, th_narrow(s, dx, 0, 1, 1), dx_one) == 0);
        OK(s);
        th_scope_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TH_TEST(equals_cpu), TH_TEST(repeats),
                                       TH_TEST(ignores_the_batch)};

    if (th_cuda_count() == 0)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
