/* Tensors in and out of plain memory: strides, alignment, conversion. */
#include "torch/th_test.h"

static void reads_properties(void **state)
{
    th_scope *s = *state;
    th_tensor *t = th_full(s, NJ_F16, cpu, SHAPE(2, 3, 4), 1.5);

    assert_int_equal(th_ndim(t), 3);
    assert_int_equal(th_size(t, 1), 3);
    assert_int_equal(th_size(t, -1), 4);
    assert_int_equal(th_size(t, 3), 0);
    assert_int_equal(th_size(t, -4), 0);
    assert_int_equal(th_dtype(t), NJ_F16);
    assert_int_equal(th_where(t).kind, TH_CPU);
    assert_int_equal(th_elements(t), 24);
    assert_int_equal(th_ndim(NULL), 0);
    assert_int_equal(th_size(NULL, 0), 0);
    assert_int_equal(th_elements(NULL), 0);
    EXPECT(s, th_select(s, th_select(s, t, 0, 1), 0, 2), 0, 1.5, 1.5, 1.5, 1.5);
}

static void converts_every_type(void **state)
{
    th_scope *s = *state;
    const float values[] = {0, 1, 2, 100};

    for (int d = 0; d < NJ_DTYPE_COUNT; d++) {
        th_tensor *t = th_to(s, th_from_data(s, NJ_F32, SHAPE(4), values),
                             (nj_dtype)d, cpu);

        assert_int_equal(th_dtype(t), d);
        EXPECT(s, t, 0, 0, 1, d == NJ_BOOL ? 1 : 2, d == NJ_BOOL ? 1 : 100);
    }
}

/* Unaligned, with a last piece that is not full, and for every way through
 * the conversion: same type, row-major, strided. */
static void reads_unaligned_memory(void **state)
{
    th_scope *s = *state;
    const int64_t n = (1 << 20) + 7, one = 1;
    unsigned char *raw = malloc((size_t)n * 4 + 1);
    float *back = malloc((size_t)n * 4);
    uint32_t bits;

    for (int64_t i = 0; i < n; i++) {
        const float value = (float)(i % 1000);

        memcpy(raw + 1 + 4 * i, &value, 4);
    }
    th_read_f32(s,
                th_from_strided(s, &(th_memory){NJ_F32, 1, &n, &one, raw + 1},
                                NJ_F16, cpu),
                back, (size_t)n);
    OK(s);
    for (int64_t i = 0; i < n; i++)
        assert_true(back[i] == (float)(i % 1000));
    th_read_f32(s,
                th_from_strided(s, &(th_memory){NJ_F32, 1, &n, &one, raw + 1},
                                NJ_F32, cpu),
                back, (size_t)n);
    assert_true(back[n - 1] == (float)((n - 1) % 1000));
    EXPECT(s,
           th_from_strided(s,
                           &(th_memory){NJ_F32, SHAPE(2, 3),
                                        (const int64_t[]){1, 2}, raw + 1},
                           NJ_F32, cpu),
           0, 0, 2, 4, 1, 3, 5);
    bits = 0x3fc00000;
    memcpy(raw + 1, &bits, 4);
    EXPECT(s,
           th_from_strided(
               s,
               &(th_memory){NJ_BF16, SHAPE(2), (const int64_t[]){1}, raw + 1},
               NJ_F32, cpu),
           0, 0, 1.5);
    free(raw);
    free(back);
}

static void reads_strided_memory(void **state)
{
    th_scope *s = *state;
    const int16_t data[] = {0, 1, 2, 3, 4, 5, 6, 7};

    EXPECT(s,
           th_from_strided(
               s,
               &(th_memory){NJ_I16, SHAPE(2, 2), (const int64_t[]){4, 2}, data},
               NJ_F32, cpu),
           0, 0, 2, 4, 6);
    EXPECT(s,
           th_from_strided(
               s,
               &(th_memory){NJ_I16, SHAPE(3, 2), (const int64_t[]){0, 1}, data},
               NJ_F32, cpu),
           0, 0, 1, 0, 1, 0, 1);
    assert_int_equal(
        th_elements(th_from_strided(
            s, &(th_memory){NJ_I16, SHAPE(0, 2), (const int64_t[]){2, 1}, data},
            NJ_F32, cpu)),
        0);
    OK(s);
}

static void writes_in_place(void **state)
{
    th_scope *s = *state;
    th_tensor *t = th_zeros(s, NJ_F32, cpu, SHAPE(2, 2));

    th_copy_(s, th_select(s, t, 0, 1), TENSOR(s, SHAPE(2), 3, 4));
    EXPECT(s, t, 0, 0, 0, 3, 4);
    th_copy_(s, th_select(s, t, 0, 0),
             th_from_data(s, NJ_I64, SHAPE(2), (const int64_t[]){5, 6}));
    EXPECT(s, t, 0, 5, 6, 3, 4);
}

static void wrong_counts_are_errors(void **state)
{
    th_scope *s = *state;
    th_tensor *t = th_zeros(s, NJ_F32, cpu, SHAPE(2, 2));
    float out[8] = {0};
    nj_err err = {0};

    th_read_f32(s, t, out, 3);
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    assert_string_equal(
        err.text, "read_f32 [2,2]: has 4 elements, the caller's memory 3");
    th_scope_clear_error(s);
    th_copy_(s, t, th_zeros(s, NJ_F32, cpu, SHAPE(2, 1)));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
    th_scope_clear_error(s);
    assert_null(th_zeros(s, NJ_F32, cpu, NJ_DIMS_MAX + 1,
                         (const int64_t[9]){1, 1, 1, 1, 1, 1, 1, 1, 1}));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(reads_properties),       TH_TEST(converts_every_type),
        TH_TEST(reads_unaligned_memory), TH_TEST(reads_strided_memory),
        TH_TEST(writes_in_place),        TH_TEST(wrong_counts_are_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
