/* Alternatives in prompts: order, nesting, ranges, what stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "job/alternatives.h"

/* The expansion joined by " / ". */
static void check(const char *text, const char *want)
{
    nj_list list = {0};
    nj_str got = {0};

    assert_int_equal(nj_alternatives_expand(text, 1000, &list, NULL), NJ_OK);
    for (size_t i = 0; i < list.count; i++) {
        nj_str_add(&got, i ? " / " : "");
        nj_str_add(&got, list.items[i]);
    }
    assert_string_equal(got.text, want);
    nj_str_release(&got);
    nj_list_release(&list);
}

static void leftmost_varies_slowest(void **state)
{
    (void)state;
    check("a {red|blue} {boat|house}",
          "a red boat / a red house / a blue boat / a blue house");
    check("{1..3} trees", "1 trees / 2 trees / 3 trees");
    check("{a|b}:2 | c", "a:2 | c / b:2 | c");
}

static void nests(void **state)
{
    (void)state;
    check("{a|{b|c} d}!", "a! / b d! / c d!");
    check("{x{1..2}|y}", "x1 / x2 / y");
    check("{a|}", "a / ");
}

static void leaves_other_braces(void **state)
{
    (void)state;
    check("a {red} boat", "a {red} boat");
    check("{", "{");
    check("} a {b", "} a {b");
    check("{a :{ b", "{a :{ b");
    check("a} | {b}", "a} | {b}");
    check("\\{a|b", "{a|b");
    check("a|b\\}", "a|b}");
    check("\\{a|b\\}", "{a|b}");
    check("{a..b} {1..} \\{5..1\\}", "{a..b} {1..} {5..1}");
    check("{red {1..2}}", "{red 1} / {red 2}");
    check("", "");
}

static void refuses_what_cannot_be_meant(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"a {red|blue boat", "'{' is not closed at '{red|blue boat'"},
        {"} {a|b", "'{' is not closed at '{a|b'"},
        {"{a|{b|c} d", "'{' is not closed at '{a|{b|c} d'"},
        {"{a|b} {c|{d} e", "'{' is not closed at '{c|{d} e'"},
        {"a red|blue} boat", "'}' closes nothing at '} boat'"},
        {"{a|b}} | c}", "'}' closes nothing at '}'"},
        {"{3..1} trees", "'{3..1}' falls, '{1..3}' is expected"},
        {"{a|{7..5}}", "'{7..5}' falls"},
    };
    nj_list list = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        nj_err err = {0};

        assert_int_equal(nj_alternatives_expand(bad[i].text, 9, &list, &err),
                         NJ_E_USAGE);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s: %s", bad[i].text, err.text);
        assert_int_equal(list.count, 0);
    }
}

static void stops_at_the_limit(void **state)
{
    nj_list list = {0};
    nj_err err = {0};

    (void)state;
    assert_int_equal(
        nj_alternatives_expand("{1..1000000000000}", 50, &list, &err),
        NJ_E_USAGE);
    assert_int_equal(list.count, 50);
    nj_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leftmost_varies_slowest),
        cmocka_unit_test(nests),
        cmocka_unit_test(leaves_other_braces),
        cmocka_unit_test(refuses_what_cannot_be_meant),
        cmocka_unit_test(stops_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
