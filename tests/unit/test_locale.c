/* Numbers and the process's locale: a program that uses the library may have
 * set one whose decimal point is a comma. None need be installed here: that
 * numbers are converted under a locale of the thread's own is enough. */
#define _GNU_SOURCE /* uselocale */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/number.h"
#include "text/prompt.h"
#include "text/weight.h"

static int under_own;
static int under_process;

/* Instead of the C library's. */
double strtod(const char *text, char **end)
{
    if (uselocale((locale_t)0) == LC_GLOBAL_LOCALE)
        under_process++;
    else
        under_own++;
    return (double)strtold(text, end);
}

static void reads_options(void **state)
{
    double value = 0;

    (void)state;
    under_own = under_process = 0;
    assert_true(nj_parse_double("0.5", &value));
    assert_true(value == 0.5);
    assert_int_equal(under_own, 1);
    assert_int_equal(under_process, 0);
}

static void reads_weights(void **state)
{
    double value = 0;
    nj_prompt p;

    (void)state;
    under_own = under_process = 0;
    assert_true(nj_weight_parse("0.5", 3, &value));
    assert_true(value == 0.5);
    assert_int_equal(nj_prompt_parse("a boat:0.5", &p, NULL), NJ_OK);
    assert_true(p.parts[0].weight == 0.5);
    nj_prompt_release(&p);
    assert_int_equal(under_own, 2);
    assert_int_equal(under_process, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_options),
        cmocka_unit_test(reads_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
