/* Reading names of pictures: only those that are written by this program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "job/names.h"

static void reads_only_its_own(void **state)
{
    static const char *const others[] = {
        "",
        ".png",
        "prompt--x.png",
        "prompt--x_seed--1.png",
        "prompt--x_iteration--00001.png",
        "prompt--x_iteration--0001_seed--1.png",
        "prompt--x_iteration--000001_seed--1.png",
        "prompt--x_iteration--00001_seed--.png",
        "prompt--x_iteration--00001_seed--01.png",
        "prompt--x_iteration--00001_seed---1.png",
        "prompt--x_iteration--00001_seed--18446744073709551616.png",
        "prompt--x_iteration--99999999999_seed--1.png",
        "prompt--x_iteration--00001_seed--1.jpg",
        "prompt--x_iteration--00001_seed--1.png.tmp",
        "prompt--x_iteration--00001_seed--1_outs.png",
        "rompt--x_iteration--00001_seed--1.png",
        "prompt-_iteration--00001_seed--1.png",
        "_iteration--00001_seed--1.png",
    };
    nj_name_parts parts;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        if (nj_name_parse(others[i], &parts))
            fail_msg("'%s' is read", others[i]);
    }
    assert_true(nj_name_parse("prompt--_iteration--00000_seed--0.png", &parts));
    assert_int_equal(parts.text_length, 0);
    assert_true(nj_name_parse(
        "prompt--a_iteration--00001_seed--2_iteration--00003_seed--4.png",
        &parts));
    assert_int_equal(parts.iteration, 3);
    assert_int_equal(parts.seed, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_only_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
