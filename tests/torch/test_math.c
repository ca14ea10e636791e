/* Arithmetic, reductions and shapes against values computed by hand. */
#include "torch/th_test.h"

static void binary(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(3), 1, -2, 3);
    th_tensor *b = TENSOR(s, SHAPE(3), 4, 2, -6);

    EXPECT(s, th_add(s, a, b), 0, 5, 0, -3);
    EXPECT(s, th_sub(s, a, b), 0, -3, -4, 9);
    EXPECT(s, th_mul(s, a, b), 0, 4, -4, -18);
    EXPECT(s, th_div(s, a, b), 0, 0.25, -1, -0.5);
    EXPECT(s, th_atan2(s, a, b), 1e-6, 0.24497866, -0.78539816, 2.6779450);
    EXPECT(s, th_add(s, a, TENSOR(s, SHAPE(2, 1), 10, 20)), 0, 11, 8, 13, 21,
           18, 23);
    EXPECT(s,
           th_matmul(s, TENSOR(s, SHAPE(2, 2), 1, 2, 3, 4),
                     TENSOR(s, SHAPE(2, 2), 5, 6, 7, 8)),
           0, 19, 22, 43, 50);
}

static void scalars(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(4), -2.5, -1, 0.5, 3.5);

    EXPECT(s, th_add_scalar(s, a, 1), 0, -1.5, 0, 1.5, 4.5);
    EXPECT(s, th_mul_scalar(s, a, -2), 0, 5, 2, -1, -7);
    EXPECT(s, th_clamp(s, a, -1, 2), 0, -1, -1, 0.5, 2);
    EXPECT(s, th_clamp_min(s, a, 0), 0, 0, 0, 0.5, 3.5);
    EXPECT(s, th_eq_scalar(s, a, 0.5), 0, 0, 0, 1, 0);
    EXPECT(s, th_where_self(s, th_eq_scalar(s, a, -1), th_neg(s, a), a), 0,
           -2.5, 1, 0.5, 3.5);
}

static void unary(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(3), -0.5, 0.25, 1);
    th_tensor *p = th_abs(s, a);

    EXPECT(s, th_neg(s, a), 0, 0.5, -0.25, -1);
    EXPECT(s, p, 0, 0.5, 0.25, 1);
    EXPECT(s, th_square(s, a), 0, 0.25, 0.0625, 1);
    EXPECT(s, th_sqrt(s, p), 1e-6, 0.70710678, 0.5, 1);
    EXPECT(s, th_exp(s, a), 1e-6, 0.60653066, 1.2840254, 2.7182818);
    EXPECT(s, th_sin(s, a), 1e-6, -0.47942554, 0.24740396, 0.84147098);
    EXPECT(s, th_cos(s, a), 1e-6, 0.87758256, 0.96891242, 0.54030231);
}

static void knows_finite(void **state)
{
    th_scope *s = *state;

    assert_true(th_all_finite(s, TENSOR(s, SHAPE(2), 1, 2)));
    assert_false(th_all_finite(s, TENSOR(s, SHAPE(2), 1, NAN)));
    assert_false(th_all_finite(s, TENSOR(s, SHAPE(2), INFINITY, 0)));
    OK(s);
    th_scope_fail(s, NJ_E_NUMERIC, "x");
    assert_false(th_all_finite(s, TENSOR(s, SHAPE(1), 1)));
}

static void reductions(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(2, 3), 1, 5, -3, 4, 0, 2);
    th_tensor *kept = th_sum_dims(s, a, 1, (const int[]){1}, true);

    EXPECT(s, th_sum(s, a), 0, 9);
    EXPECT(s, kept, 0, 3, 6);
    assert_int_equal(th_ndim(kept), 2);
    EXPECT(s, th_sum_dims(s, a, 2, (const int[]){0, -1}, false), 0, 9);
    EXPECT(s, th_mean_dims(s, a, 1, (const int[]){0}, false), 0, 2.5, 2.5,
           -0.5);
    EXPECT(s, th_norm(s, TENSOR(s, SHAPE(2, 2), 3, 4, 5, 12), -1, true), 1e-6,
           5, 13);
}

static void shapes(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
    th_tensor *list[] = {a, th_neg(s, a)};

    EXPECT(s, th_reshape(s, a, SHAPE(3, -1)), 0, 0, 1, 2, 3, 4, 5);
    EXPECT(s, th_permute(s, a, 2, (const int[]){1, 0}), 0, 0, 3, 1, 4, 2, 5);
    EXPECT(s, th_transpose(s, a, 0, -1), 0, 0, 3, 1, 4, 2, 5);
    assert_int_equal(th_size(th_unsqueeze(s, a, 1), 1), 1);
    EXPECT(s, th_expand(s, TENSOR(s, SHAPE(2, 1), 1, 2), SHAPE(-1, 3)), 0, 1, 1,
           1, 2, 2, 2);
    EXPECT(s, th_narrow(s, a, 1, 1, 2), 0, 1, 2, 4, 5);
    EXPECT(s, th_select(s, a, 1, 2), 0, 2, 5);
    EXPECT(s,
           th_crop(s, th_reshape(s, a, SHAPE(2, 1, 1, 3)), 1,
                   &(const th_window){0, 1, 1, 2}),
           0, 4, 5);
    EXPECT(s, th_cat(s, (const th_tensor *const *)list, 2, 1), 0, 0, 1, 2, 0,
           -1, -2, 3, 4, 5, -3, -4, -5);
    assert_int_equal(th_ndim(th_stack(s, (const th_tensor *const *)list, 2, 0)),
                     3);
    EXPECT(s,
           th_index_select(
               s, a, 1,
               th_from_data(s, NJ_I64, SHAPE(2), (const int64_t[]){2, 0})),
           0, 2, 0, 5, 3);
    EXPECT(s, th_flip(s, a, 1), 0, 2, 1, 0, 5, 4, 3);
    EXPECT(s, th_contiguous(s, th_transpose(s, a, 0, 1)), 0, 0, 3, 1, 4, 2, 5);
    EXPECT(s, th_channels_last(s, th_reshape(s, a, SHAPE(1, 2, 1, 3))), 0, 0, 1,
           2, 3, 4, 5);
    list[1] = NULL;
    assert_null(th_cat(s, (const th_tensor *const *)list, 2, 1));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

static void padding(void **state)
{
    th_scope *s = *state;
    th_tensor *a = TENSOR(s, SHAPE(1, 1, 2, 3), 1, 2, 3, 4, 5, 6);

    EXPECT(s, th_pad2d(s, a, TH_PAD_ZERO, 1, 0, 0, 1), 0, 0, 1, 2, 3, 0, 4, 5,
           6, 0, 0, 0, 0);
    EXPECT(s, th_pad2d(s, a, TH_PAD_REFLECT, 0, 2, 1, 0), 0, 4, 5, 6, 5, 4, 1,
           2, 3, 2, 1, 4, 5, 6, 5, 4);
    EXPECT(s, th_pad2d(s, a, TH_PAD_REPLICATE, 1, 1, 0, 0), 0, 1, 1, 2, 3, 3, 4,
           4, 5, 6, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(binary),       TH_TEST(scalars),    TH_TEST(unary),
        TH_TEST(knows_finite), TH_TEST(reductions), TH_TEST(shapes),
        TH_TEST(padding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
