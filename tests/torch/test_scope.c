/* Scopes own tensors, errors stick at the root and name what failed. */
#include "torch/th_test.h"

static void owns_what_it_made(void **state)
{
    th_scope *s = *state;
    th_scope *inner = th_scope_new(s);
    th_tensor *a = TENSOR(inner, SHAPE(2), 1, 2);
    th_tensor *kept = th_keep(s, th_neg(inner, a));

    assert_int_equal(th_live(), 3);
    th_scope_free(inner);
    assert_int_equal(th_live(), 1);
    EXPECT(s, kept, 0, -1, -2);
}

static void first_error_sticks(void **state)
{
    th_scope *s = *state;
    th_scope *inner = th_scope_new(s);
    nj_err err = {0};
    th_tensor *x = th_zeros(inner, NJ_F32, cpu, SHAPE(1, 3, 8, 8));
    th_tensor *w = th_zeros(inner, NJ_F32, cpu, SHAPE(4, 5, 3, 3));

    assert_null(th_conv2d(inner, x, w, NULL, 1, 1));
    assert_null(th_neg(s, x));
    assert_null(th_matmul(inner, x, NULL));
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    assert_memory_equal(err.text, "conv2d [1,3,8,8] x [4,5,3,3]: ", 30);
    th_scope_clear_error(inner);
    assert_int_equal(th_scope_check(s, NULL), NJ_OK);
    assert_non_null(th_neg(s, x));
    th_scope_free(inner);
}

static void missing_input_is_an_error(void **state)
{
    th_scope *s = *state;
    nj_err err = {0};

    assert_null(th_add(s, th_zeros(s, NJ_F32, cpu, SHAPE(1)), NULL));
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    assert_string_equal(err.text, "add: input 2 is missing");
}

static void no_scope_does_nothing(void **state)
{
    nj_err err = {0};

    (void)state;
    assert_null(th_zeros(NULL, NJ_F32, cpu, SHAPE(1)));
    assert_int_equal(th_scope_check(NULL, &err), NJ_E_MEMORY);
    th_scope_free(NULL);
}

/* Memory that somebody else than libtorch's allocator did not get can be had
 * by a second attempt with less, which other errors of a device forbid. */
static void memory_is_told_from_other_failures(void **state)
{
    static const struct {
        const char *message;
        nj_status code;
    } rows[] = {
        {"CUDA error: out of memory", NJ_E_DEVICE_MEMORY},
        {"CUDA driver error: out of memory", NJ_E_DEVICE_MEMORY},
        {"CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling "
         "`cublasCreate(handle)`",
         NJ_E_DEVICE_MEMORY},
        {"cuDNN error: CUDNN_STATUS_ALLOC_FAILED", NJ_E_DEVICE_MEMORY},
        {"cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
         NJ_E_DEVICE_MEMORY},
        {"CUDA error: an illegal memory access was encountered", NJ_E_DEVICE},
        {"DefaultCPUAllocator: can't allocate memory", NJ_E_MEMORY},
        {"shape '[2]' is invalid for input of size 3", NJ_E_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(th_failure_of(rows[i].message), rows[i].code);
}

static void absurd_size_is_out_of_memory(void **state)
{
    th_scope *s = *state;
    nj_err err = {0};

    assert_null(th_zeros(s, NJ_F32, cpu, SHAPE(1 << 20, 1 << 20, 1 << 10)));
    assert_int_equal(th_scope_check(s, &err), NJ_E_MEMORY);
    th_scope_clear_error(s);
    assert_null(
        th_zeros(s, NJ_F32, cpu, SHAPE(1 << 30, 1 << 30, 1 << 30, 1 << 30)));
    assert_int_equal(th_scope_check(s, &err), NJ_E_MEMORY);
}

static void caller_can_fail_a_scope(void **state)
{
    th_scope *s = *state;
    nj_err err = {0};

    th_scope_fail(s, NJ_E_NUMERIC, "loss is not finite");
    th_scope_fail(s, NJ_E_INTERNAL, "later");
    assert_int_equal(th_scope_check(s, &err), NJ_E_NUMERIC);
    assert_string_equal(err.text, "loss is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(owns_what_it_made),
        TH_TEST(first_error_sticks),
        TH_TEST(missing_input_is_an_error),
        TH_TEST(no_scope_does_nothing),
        TH_TEST(memory_is_told_from_other_failures),
        TH_TEST(absurd_size_is_out_of_memory),
        TH_TEST(caller_can_fail_a_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
