/* Class names: the list is ImageNet's, names are found in every spelling, and
 * what is not found gets a useful answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "job/classes.h"

static int id_of(const char *name)
{
    nj_err err = {0};
    int id = -1;

    if (nj_class_find(name, &id, &err) != NJ_OK)
        print_message("%s\n", err.text);
    return id;
}

/* Numbers that the class-conditional networks and many papers use. */
static void numbers_are_imagenets(void **state)
{
    (void)state;
    assert_int_equal(id_of("tench"), 0);
    assert_int_equal(id_of("goldfish"), 1);
    assert_int_equal(id_of("golden retriever"), 207);
    assert_int_equal(id_of("tabby"), 281);
    assert_int_equal(id_of("lighthouse"), 437);
    assert_int_equal(id_of("volcano"), 980);
    assert_int_equal(id_of("toilet tissue"), 999);
}

static void spelling_is_free(void **state)
{
    (void)state;
    assert_int_equal(id_of("Golden_Retriever"), 207);
    assert_int_equal(id_of("tinca TINCA"), 0);
    assert_int_equal(id_of("n02814860"), 437);
}

static void says(const char *name, const char *text)
{
    nj_err err = {0};
    int id = 12345;

    assert_int_equal(nj_class_find(name, &id, &err), NJ_E_USAGE);
    assert_int_equal(id, 12345);
    if (!strstr(err.text, name) || !strstr(err.text, text))
        fail_msg("'%s' does not hold '%s'", err.text, text);
}

static void tells_what_was_meant(void **state)
{
    (void)state;
    says("crane", "134 and 517");
    says("cat", "'tabby cat'");
    says("lighthuose", "did you mean 'lighthouse'?");
    says("xyzzyxyzzy", "or an ImageNet class");
    says("", "ImageNet class");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_imagenets),
        cmocka_unit_test(spelling_is_free),
        cmocka_unit_test(tells_what_was_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
