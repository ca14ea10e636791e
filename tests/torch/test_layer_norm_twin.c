/* The plain twin of cuda/layer_norm.h against th_layer_norm. */
#include "torch/th_test.h"

#include "cuda/layer_norm.h"

struct twin_case {
    int rows, width, vector;
    float mean;
    bool params;
};

/* More pieces than lanes and fewer, pieces of one number, a single number. */
static const struct twin_case cases[] = {
    {5, 768, 8, 0, true}, {3, 1024, 4, 7, true}, {7, 48, 8, 0, false},
    {2, 101, 1, 3, true}, {4, 5, 1, -3, true},   {3, 2560, 8, 1, true},
    {2, 1, 1, 0, true},
};

enum { X, DY, GAMMA, BETA, INPUTS };

static double distance(th_scope *s, const th_tensor *want, const float *got)
{
    const int64_t shape[2] = {th_size(want, 0), th_size(want, 1)};
    const th_tensor *zero = th_mul_scalar(s, want, 0);

    return max_difference(s, want, th_from_data(s, NJ_F32, 2, shape, got)) /
           fmax(max_difference(s, want, zero), 1e-6);
}

static void equals(th_scope *s, const struct twin_case *c)
{
    const int64_t shape[2] = {c->rows, c->width};
    const size_t n = (size_t)(c->rows * c->width);
    float *in[INPUTS], *y = malloc(n * sizeof(float));
    float *dx = malloc(n * sizeof(float));
    float *moments = malloc((size_t)c->rows * 2 * sizeof(float));
    th_tensor *x, *want;
    nj_layer_norm norm = {c->rows, c->width, NJ_F32, NJ_F32, NULL, NULL, 1e-5F};

    for (int i = 0; i < INPUTS; i++) {
        in[i] = malloc(n * sizeof(float));
        fill_random(in[i], n, (uint32_t)i + 1);
    }
    for (size_t i = 0; i < n; i++)
        in[X][i] += c->mean;
    if (c->params) {
        norm.gamma = in[GAMMA];
        norm.beta = in[BETA];
    }
    x = th_leaf(s, th_from_data(s, NJ_F32, 2, shape, in[X]), true);
    want = th_layer_norm(
        s, x,
        c->params ? th_from_data(s, NJ_F32, 1, shape + 1, in[GAMMA]) : NULL,
        c->params ? th_from_data(s, NJ_F32, 1, shape + 1, in[BETA]) : NULL,
        1e-5);
    nj_layer_norm_twin(&norm, c->vector, in[X], y, moments);
    nj_layer_norm_backward_twin(
        &norm, c->vector, (const float *const[]){in[X], in[DY]}, moments, dx);
    assert_true(distance(s, want, y) < 3e-6);
    assert_true(
        distance(s,
                 th_grad(s, want, th_from_data(s, NJ_F32, 2, shape, in[DY]), x),
                 dx) < 3e-6);
    OK(s);
    for (int i = 0; i < INPUTS; i++)
        free(in[i]);
    free(y);
    free(dx);
    free(moments);
}

static void equals_operation(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        th_scope *s = th_scope_new(*state);

        equals(s, &cases[i]);
        th_scope_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TH_TEST(equals_operation)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
