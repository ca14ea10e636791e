/* Views: conversion of every dtype, strides, and what must not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "weights/weights_internal.h"

static void converts_halves(void **state)
{
    static const struct {
        uint16_t bits;
        float value;
    } cases[] = {
        {0x0000, 0.0F},           {0x8000, -0.0F},
        {0x3c00, 1.0F},           {0xc000, -2.0F},
        {0x7bff, 65504.0F},       {0x0400, 0x1p-14F},
        {0x0001, 0x1p-24F},       {0x83ff, -1023 * 0x1p-24F},
        {0x7c00, INFINITY},       {0xfc00, -INFINITY},
        {0x3555, 1365.0F / 4096},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nj_view v = {.data = &cases[i].bits, .dtype = NJ_F16};
        float got;

        nj_view_to_f32(&v, &got);
        assert_memory_equal(&got, &cases[i].value, sizeof(got));
    }
    {
        uint16_t bits = 0x7e01;
        nj_view v = {.data = &bits, .dtype = NJ_F16};
        float got;

        nj_view_to_f32(&v, &got);
        assert_true(isnan(got));
    }
}

static void converts_every_dtype(void **state)
{
    static const double f64 = -0.1;
    static const uint16_t bf16 = 0xbf80;
    static const int64_t i64 = -5;
    static const int32_t i32 = 70000;
    static const int16_t i16 = -300;
    static const int8_t i8 = -7;
    static const uint8_t u8 = 200;
    const struct {
        nj_dtype dtype;
        const void *data;
        float want;
    } cases[] = {
        {NJ_F64, &f64, -0.1F}, {NJ_BF16, &bf16, -1.0F}, {NJ_I64, &i64, -5},
        {NJ_I32, &i32, 70000}, {NJ_I16, &i16, -300},    {NJ_I8, &i8, -7},
        {NJ_U8, &u8, 200},     {NJ_BOOL, &u8, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nj_view v = {.data = cases[i].data, .dtype = cases[i].dtype};
        float got;

        nj_view_to_f32(&v, &got);
        assert_memory_equal(&got, &cases[i].want, sizeof(got));
    }
}

/* A 2x3 tensor seen transposed, from an unaligned address. */
static void follows_strides(void **state)
{
    static const float want[6] = {0, 3, 1, 4, 2, 5};
    unsigned char bytes[1 + 6 * sizeof(float)];
    nj_view v = {.ndim = 2, .shape = {3, 2}, .stride = {1, 3}};
    struct nj_storage storage = {bytes + 1, 6, NJ_F32};
    float out[6];
    nj_err err = {0};

    (void)state;
    for (int i = 0; i < 6; i++) {
        float x = (float)i;

        memcpy(bytes + 1 + (size_t)i * sizeof(x), &x, sizeof(x));
    }
    assert_int_equal(nj_view_place(&v, &storage, 0, &err), NJ_OK);
    nj_view_to_f32(&v, out);
    assert_memory_equal(out, want, sizeof(want));
    memset(out, 0, sizeof(out));
    nj_view_copy(&v, out);
    assert_memory_equal(out, want, sizeof(want));
}

static void repeats_expanded_values(void **state)
{
    static const int16_t pair[2] = {8, 9};
    static const int16_t want[8] = {8, 8, 9, 9, 8, 8, 9, 9};
    nj_view v = {.ndim = 3, .shape = {2, 2, 2}, .stride = {0, 1, 0}};
    struct nj_storage storage = {(const unsigned char *)pair, 2, NJ_I16};
    int16_t out[8];
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_view_place(&v, &storage, 0, &err), NJ_OK);
    nj_view_copy(&v, out);
    assert_memory_equal(out, want, sizeof(want));
}

static void stays_inside_its_storage(void **state)
{
    static const unsigned char bytes[24];
    static const struct {
        int64_t shape[2];
        int64_t stride[2];
        int64_t offset;
        nj_status want;
    } cases[] = {
        {{2, 3}, {3, 1}, 0, NJ_OK},
        {{2, 3}, {3, 1}, 1, NJ_E_FORMAT},
        {{2, 3}, {3, 1}, -1, NJ_E_FORMAT},
        {{1, 1}, {9, 9}, 5, NJ_OK},
        {{1, 1}, {1, 1}, 6, NJ_E_FORMAT},
        {{2, 3}, {-3, 1}, 3, NJ_E_FORMAT},
        {{-2, -3}, {3, 1}, 0, NJ_E_FORMAT},
        {{2, 3}, {INT64_MAX, 1}, 0, NJ_E_FORMAT},
        {{3, 3}, {INT64_MAX, 1}, 0, NJ_E_FORMAT},
        {{2, 3}, {(int64_t)1 << 62, (int64_t)1 << 62}, 0, NJ_E_FORMAT},
        {{(int64_t)1 << 32, (int64_t)1 << 32}, {0, 0}, 0, NJ_E_FORMAT},
        {{(int64_t)1 << 40, 1}, {0, 0}, 0, NJ_E_FORMAT},
        {{(int64_t)1 << 20, 1}, {0, 0}, 0, NJ_OK},
        {{0, INT64_MAX}, {INT64_MAX, 1}, 0, NJ_OK},
    };
    struct nj_storage storage = {bytes, 6, NJ_F32};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nj_view v = {.ndim = 2};
        nj_err err = {0};

        memcpy(v.shape, cases[i].shape, sizeof(cases[i].shape));
        memcpy(v.stride, cases[i].stride, sizeof(cases[i].stride));
        assert_int_equal(nj_view_place(&v, &storage, cases[i].offset, &err),
                         cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_halves),
        cmocka_unit_test(converts_every_dtype),
        cmocka_unit_test(follows_strides),
        cmocka_unit_test(repeats_expanded_values),
        cmocka_unit_test(stays_inside_its_storage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
