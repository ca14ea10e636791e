/* Errors: texts are cleaned, cut on character boundaries, and extended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"

static void keeps_code_and_text(void **state)
{
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_fail(&err, NJ_E_IO, "cannot open '%s'", "x"), NJ_E_IO);
    assert_string_equal(err.text, "cannot open 'x'");
    assert_int_equal(nj_err_add(&err, "loading"), NJ_E_IO);
    assert_string_equal(err.text, "loading: cannot open 'x'");
}

static void shows_escapes(void **state)
{
    nj_err err = {0};

    (void)state;
    nj_fail(&err, NJ_E_FORMAT, "bad '%s'", "\x1b[31m\n\xff\xe2\x80\xae");
    assert_string_equal(err.text, "bad '\\x1b[31m\\x0a\\xff\\u202e'");
}

static void cuts_long_text(void **state)
{
    char text[3000];
    nj_err err = {0};

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    nj_fail(&err, NJ_E_FORMAT, "%s", text);
    assert_int_equal(strlen(err.text), NJ_ERR_TEXT_MAX - 1);
    assert_string_equal(err.text + NJ_ERR_TEXT_MAX - 4, "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_code_and_text),
        cmocka_unit_test(shows_escapes),
        cmocka_unit_test(cuts_long_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
