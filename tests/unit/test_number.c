/* Numbers: what is a number, what is not, and that values survive the trip
 * through text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/number.h"

static void reads_whole_numbers(void **state)
{
    int64_t i;
    uint64_t u;

    (void)state;
    assert_true(nj_parse_i64("-9223372036854775808", &i));
    assert_true(i == INT64_MIN);
    assert_true(nj_parse_i64("+42", &i));
    assert_int_equal(i, 42);
    assert_true(nj_parse_u64("18446744073709551615", &u));
    assert_true(u == UINT64_MAX);
    assert_true(nj_parse_u64("007", &u));
    assert_int_equal(u, 7);
}

static void refuses_what_is_no_whole_number(void **state)
{
    static const char *const bad[] = {
        "",    " 1",  "1 ",  "1.0", "0x10", "1e3",
        "--1", "abc", "1,0", "-",   "+",    "99999999999999999999"};
    int64_t i;
    uint64_t u;

    (void)state;
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        assert_false(nj_parse_i64(bad[k], &i));
        assert_false(nj_parse_u64(bad[k], &u));
    }
    assert_false(nj_parse_u64("-1", &u));
    assert_false(nj_parse_u64("18446744073709551616", &u));
    assert_false(nj_parse_i64("9223372036854775808", &i));
    assert_false(nj_parse_i64("-9223372036854775809", &i));
}

static void reads_decimal_numbers(void **state)
{
    double d;

    (void)state;
    assert_true(nj_parse_double(".5", &d) && d == 0.5);
    assert_true(nj_parse_double("-1.25e-2", &d) && d == -0.0125);
    assert_true(nj_parse_double("3.", &d) && d == 3);
    assert_true(nj_parse_double("1e-999", &d) && d == 0);
}

static void refuses_what_is_no_decimal_number(void **state)
{
    static const char *const bad[] = {
        "",      ".",  "inf", "nan", "-infinity", "1e",    "1e+", "0x1p3",
        "1e999", "1 ", " 1",  "1,5", "e5",        "1.2.3", "--1", "1f"};
    double d;

    (void)state;
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        assert_false(nj_parse_double(bad[k], &d));
}

static void text_of_a_double_reads_back(void **state)
{
    static const double values[] = {0.1, 1.0 / 3, 1e300, 5e-324, -0.035, 1000};
    char text[NJ_NUMBER_TEXT_MAX];
    double back;

    (void)state;
    for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
        nj_format_double(values[k], text);
        assert_true(nj_parse_double(text, &back));
        assert_memory_equal(&back, &values[k], sizeof(back));
    }
    nj_format_double(0.1, text);
    assert_string_equal(text, "0.1");
    nj_format_double(1000, text);
    assert_string_equal(text, "1000");
}

static void whole_parts_never_overflow(void **state)
{
    (void)state;
    assert_true(nj_whole_of(2.9) == 2 && nj_whole_of(-2.9) == -2);
    assert_true(nj_whole_of(1e300) == 9007199254740992);
    assert_true(nj_whole_of(-INFINITY) == -9007199254740992);
    assert_true(nj_whole_of(NAN) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_numbers),
        cmocka_unit_test(refuses_what_is_no_whole_number),
        cmocka_unit_test(reads_decimal_numbers),
        cmocka_unit_test(refuses_what_is_no_decimal_number),
        cmocka_unit_test(text_of_a_double_reads_back),
        cmocka_unit_test(whole_parts_never_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
