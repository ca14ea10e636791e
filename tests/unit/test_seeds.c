/* Seed lists: ranges, order, the largest seed, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "job/seeds.h"

static void keeps_order_and_ranges(void **state)
{
    nj_seeds s;
    nj_err err = {0};
    char *text;

    (void)state;
    assert_int_equal(nj_seeds_parse("9, 1..3 ,7", &s, &err), NJ_OK);
    assert_int_equal(nj_seeds_total(&s), 5);
    assert_int_equal(nj_seeds_at(&s, 0), 9);
    assert_int_equal(nj_seeds_at(&s, 1), 1);
    assert_int_equal(nj_seeds_at(&s, 3), 3);
    assert_int_equal(nj_seeds_at(&s, 4), 7);
    text = nj_seeds_text(&s);
    assert_string_equal(text, "9,1..3,7");
    free(text);
    nj_seeds_release(&s);
}

static void reaches_the_largest_seed(void **state)
{
    nj_seeds s;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_seeds_parse("18446744073709551615", &s, &err), NJ_OK);
    assert_true(nj_seeds_at(&s, 0) == UINT64_MAX);
    nj_seeds_release(&s);
    assert_int_equal(nj_seeds_row(UINT64_MAX - 1, 2, &s, &err), NJ_OK);
    assert_true(nj_seeds_at(&s, 1) == UINT64_MAX);
    nj_seeds_release(&s);
    assert_int_equal(nj_seeds_row(UINT64_MAX - 1, 3, &s, &err), NJ_E_USAGE);
    assert_int_equal(nj_seeds_parse("0..18446744073709551615", &s, &err),
                     NJ_OK);
    assert_true(nj_seeds_total(&s) == UINT64_MAX);
    nj_seeds_release(&s);
}

static void refuses_what_is_no_list(void **state)
{
    static const char *const bad[] = {
        "",      ",",   "1,",     ",1",     "9..5",
        "1...3", "..3", "3..",    "-1",     "1.5",
        "1-3",   "a",   "1,,2",   "1 2",    "1..",
        "0x1",   "1,1", "1..5,3", "3,1..5", "18446744073709551616"};
    nj_seeds s;
    nj_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(nj_seeds_parse(bad[i], &s, &err), NJ_E_USAGE);
        assert_null(s.ranges);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_ranges),
        cmocka_unit_test(reaches_the_largest_seed),
        cmocka_unit_test(refuses_what_is_no_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
