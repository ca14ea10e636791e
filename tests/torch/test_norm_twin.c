/* The plain C twin of the CUDA kernels against th_group_norm_silu: the twin is
 * the measure of the kernels, this is the measure of the twin. */
#include "torch/th_test.h"

#include "cuda/norm.h"

struct twin_case {
    int64_t b, c, h, w;
    int groups;
    nj_dtype dtype; /* decides how the twin cuts the work */
    bool silu;
    float mean;
    bool whole; /* what the grid must be, so that every way has its case */
    int vector, slices;
};

static const struct twin_case cases[] = {
    {2, 64, 9, 7, 32, NJ_F16, true, 0, true, 1, 1},
    {1, 36, 33, 31, 4, NJ_F32, false, 0, true, 1, 1},
    {1, 256, 24, 24, 32, NJ_BF16, true, 3, true, 8, 1},
    {3, 6, 1, 1, 2, NJ_F32, true, 0, true, 1, 1},
    {1, 258, 5, 4, 2, NJ_F16, true, 50, true, 1, 1},
    {1, 128, 31, 33, 32, NJ_F16, true, 1, true, 4, 1},
    {2, 96, 17, 1, 3, NJ_F32, true, 0, true, 4, 1},
    {2, 256, 50, 47, 32, NJ_F16, true, 2, false, 8, 1},
    {1, 72, 131, 130, 3, NJ_F16, false, 20, false, 8, 1},
    {1, 40, 70, 67, 10, NJ_F32, true, 0, false, 4, 1},
    {1, 20, 97, 91, 4, NJ_F32, true, 5, false, 1, 1},
    {1, 1030, 9, 8, 2, NJ_BF16, true, 1, false, 1, 3},
    {1, 2304, 5, 4, 1, NJ_F32, true, 1, false, 4, 3},
    {1, 4112, 3, 3, 1, NJ_F16, false, 0, false, 8, 3},
};

enum { X, DY, GAMMA, BETA, SCALE, SHIFT, INPUTS };

/* The inputs as float arrays, images channels last. */
struct arrays {
    float *in[INPUTS];
    float *y, *dx, *film, *moments, *scratch;
    size_t n; /* numbers of an image tensor */
};

static nj_norm norm_of(const struct twin_case *c, const struct arrays *a)
{
    nj_norm n = {c->b,    c->h * c->w, (int)c->c, c->groups, c->dtype, 1e-5f,
                 c->silu, {0},         {0},       {0},       {0}};

    if (!a)
        return n;
    n.gamma.data = a->in[GAMMA];
    n.beta.data = a->in[BETA];
    n.scale = (nj_norm_param){a->in[SCALE], NJ_F32, c->c};
    n.shift = (nj_norm_param){a->in[SHIFT], NJ_F32, c->c};
    return n;
}

static struct arrays make(const struct twin_case *c)
{
    struct arrays a = {.n = (size_t)(c->b * c->c * c->h * c->w)};
    const nj_norm n = norm_of(c, NULL);

    for (int i = 0; i < INPUTS; i++) {
        const size_t count = i <= DY ? a.n : (size_t)(c->b * c->c);

        a.in[i] = malloc(count * sizeof(float));
        fill_random(a.in[i], count, (uint32_t)i + 1);
    }
    for (size_t i = 0; i < a.n; i++)
        a.in[X][i] += c->mean;
    a.y = malloc(a.n * sizeof(float));
    a.dx = malloc(a.n * sizeof(float));
    a.film = malloc((size_t)(2 * c->b * c->c) * sizeof(float));
    a.moments = malloc((size_t)(2 * c->b * c->groups) * sizeof(float));
    a.scratch = malloc((size_t)nj_norm_scratch(&n) * sizeof(float) + 1);
    return a;
}

static void drop(struct arrays *a)
{
    for (int i = 0; i < INPUTS; i++)
        free(a->in[i]);
    free(a->y);
    free(a->dx);
    free(a->film);
    free(a->moments);
    free(a->scratch);
}

/* A channels-last array as a tensor [B,C,H,W] */
static th_tensor *image(th_scope *s, const struct twin_case *c,
                        const float *data)
{
    return th_permute(
        s, th_from_data(s, NJ_F32, SHAPE(c->b, c->h, c->w, c->c), data), 4,
        (const int[]){0, 3, 1, 2});
}

static double distance(th_scope *s, const th_tensor *want, const th_tensor *got)
{
    th_tensor *zero = th_mul_scalar(s, want, 0);

    return max_difference(s, want, got) / max_difference(s, want, zero);
}

static void equals_operation(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        th_scope *s = th_scope_new(*state);
        const struct twin_case *c = &cases[i];
        struct arrays a = make(c);
        const nj_norm n = norm_of(c, &a);
        /* on its own, and added to what has come to x by another way */
        const float *const reads[NJ_NORM_READS] = {a.in[X], a.in[DY],
                                                   i % 2 ? a.in[DY] : NULL};
        const int64_t row[] = {c->b, c->c};
        th_tensor *x = th_leaf(s, image(s, c, a.in[X]), true);
        th_tensor *dy = image(s, c, a.in[DY]);
        th_tensor *scale =
            th_leaf(s, th_from_data(s, NJ_F32, 2, row, a.in[SCALE]), true);
        th_tensor *shift =
            th_leaf(s, th_from_data(s, NJ_F32, 2, row, a.in[SHIFT]), true);
        th_tensor *past = NULL;
        th_tensor *sum;
        th_tensor *y = th_group_norm_silu(
            s, x,
            &(th_group_norm){c->groups, 1e-5,
                             th_from_data(s, NJ_F32, 1, &c->c, a.in[GAMMA]),
                             th_from_data(s, NJ_F32, 1, &c->c, a.in[BETA]),
                             scale, shift, c->silu, &past});

        sum = i % 2 ? th_add(s, y, past) : y;
        assert_int_equal(nj_norm_grid_of(&n).whole, c->whole);
        assert_int_equal(nj_norm_grid_of(&n).vector, c->vector);
        assert_int_equal(nj_norm_grid_of(&n).slices, c->slices);
        nj_norm_forward_twin(&n, a.in[X], a.y, a.moments, a.scratch);
        nj_norm_backward_twin(&n, reads, a.moments, a.dx, a.film, a.scratch);
        assert_true(distance(s, y, image(s, c, a.y)) < 3e-6);
        assert_true(distance(s, th_grad_retain(s, sum, dy, x),
                             image(s, c, a.dx)) < 3e-6);
        assert_true(distance(s, th_grad_retain(s, y, dy, scale),
                             th_from_data(s, NJ_F32, 2, row, a.film)) < 3e-6);
        assert_true(distance(s, th_grad_retain(s, y, dy, shift),
                             th_from_data(s, NJ_F32, 2, row,
                                          a.film + c->b * c->c)) < 3e-6);
        OK(s);
        drop(&a);
        th_scope_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TH_TEST(equals_operation)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
