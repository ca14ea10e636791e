/* Lists of picks and shares of pictures as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "album/picks.h"
#include "job/share.h"

static void reads_lists_of_any_editor(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "b.png\r\n\r\n  a b.png\t\nin/c.png\nb.png\n"
                               "z\xc3\xa9.png";
    nj_list paths = {0};

    (void)state;
    assert_int_equal(
        nj_picks_parse(text, sizeof(text) - 1, false, &paths, NULL), NJ_OK);
    assert_int_equal(paths.count, 4);
    assert_string_equal(paths.items[0], "b.png");
    assert_string_equal(paths.items[1], "a b.png");
    assert_string_equal(paths.items[2], "in/c.png");
    assert_string_equal(paths.items[3], "z\xc3\xa9.png");
    nj_list_release(&paths);
    assert_int_equal(nj_picks_parse(NULL, 0, false, &paths, NULL), NJ_OK);
    assert_int_equal(paths.count, 0);
}

static void refuses_paths_that_lead_out(void **state)
{
    static const char *const bad[] = {"x.png\n/etc/passwd\n", "x.png\n../y.png",
                                      "x.png\na/../../b",     "x.png\na//b",
                                      "x.png\na/b/",          "x.png\n\xff.png",
                                      "x.png\na\x1b[2J.png"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        nj_list paths = {0};
        nj_err err = {0};

        assert_int_equal(
            nj_picks_parse(bad[i], strlen(bad[i]), false, &paths, &err),
            NJ_E_FORMAT);
        assert_non_null(strstr(err.text, "line 2"));
        assert_int_equal(paths.count, 0);
    }
}

static void takes_any_path_where_it_may(void **state)
{
    static const char text[] = "/home/x.png\n../y.png\n";
    static const char control[] = "a\x07.png";
    nj_list paths = {0};

    (void)state;
    assert_int_equal(nj_picks_parse(text, sizeof(text) - 1, true, &paths, NULL),
                     NJ_OK);
    assert_int_equal(paths.count, 2);
    nj_list_release(&paths);
    assert_int_equal(
        nj_picks_parse(control, sizeof(control) - 1, true, &paths, NULL),
        NJ_E_FORMAT);
}

static void knows_shares(void **state)
{
    static const char *const good[] = {"1", "5%", "0.5%", "100%", "5000"};
    static const char *const bad[] = {"",    "0",  "0%",   "-1",  "101%",
                                      "5 %", "x%", "nan%", "1.5", "%"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(nj_share_is(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(nj_share_is(bad[i]));
    assert_int_equal(nj_share_of("5%", 200), 10);
    assert_int_equal(nj_share_of("5%", 40), 2);
    assert_int_equal(nj_share_of("5%", 41), 3);
    assert_int_equal(nj_share_of("5%", 1), 1);
    assert_int_equal(nj_share_of("5%", 0), 0);
    assert_int_equal(nj_share_of("100%", 7), 7);
    assert_int_equal(nj_share_of("12", 200), 12);
    assert_int_equal(nj_share_of("12", 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lists_of_any_editor),
        cmocka_unit_test(refuses_paths_that_lead_out),
        cmocka_unit_test(takes_any_path_where_it_may),
        cmocka_unit_test(knows_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
