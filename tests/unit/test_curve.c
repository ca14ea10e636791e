/* Curves: what the forms mean, what is refused, and that texts read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "diffusion/curve.h"
#include "diffusion/settings.h"

static nj_curve parse(const char *text)
{
    nj_curve c;
    nj_err err = {0};

    if (nj_curve_parse(text, &c, &err) != NJ_OK)
        fail_msg("'%s': %s", text, err.text);
    return c;
}

static double at(const nj_curve *c, int place, int iteration)
{
    const nj_curve_place p = {place, iteration};

    return nj_curve_at(c, &p);
}

static void a_number_is_the_same_everywhere(void **state)
{
    nj_curve c = parse("0.25");

    (void)state;
    assert_int_equal(c.kind, NJ_CURVE_NUMBER);
    assert_true(at(&c, 0, 0) == .25);
    assert_true(at(&c, 999, 41) == .25);
}

/* Disco's cut_overview: entry 399 is 12, entry 400 is 4. */
static void a_list_of_1000_goes_by_place(void **state)
{
    nj_curve c = parse("[12]*400+[4]*600");

    (void)state;
    assert_int_equal(c.length, 1000);
    assert_true(at(&c, 0, 77) == 12);
    assert_true(at(&c, 399, 0) == 12);
    assert_true(at(&c, 400, 0) == 4);
    assert_true(at(&c, 999, 0) == 4);
    assert_true(nj_curve_largest(&c) == 12);
}

static void a_list_of_the_steps_goes_by_step(void **state)
{
    nj_curve c = parse(" [ 1, .5 ] + [2] * 3 + [7]");

    (void)state;
    assert_int_equal(c.length, 6);
    assert_true(at(&c, 999, 0) == 1);
    assert_true(at(&c, 0, 1) == .5);
    assert_true(at(&c, 0, 2) == 2);
    assert_true(at(&c, 0, 4) == 2);
    assert_true(at(&c, 0, 5) == 7);
}

static void keys_are_joined_by_lines(void **state)
{
    nj_curve c = parse("100:5000, 400:2000");

    (void)state;
    assert_true(at(&c, 0, 0) == 5000);
    assert_true(at(&c, 100, 0) == 5000);
    assert_true(at(&c, 250, 0) == 3500);
    assert_true(at(&c, 399, 0) == 2010);
    assert_true(at(&c, 400, 0) == 2000);
    assert_true(at(&c, 999, 0) == 2000);
}

/* 999 - floor(1000 t / T). */
static void places_count_from_the_noisy_end(void **state)
{
    (void)state;
    assert_int_equal(nj_curve_place_of(999, 1000), 0);
    assert_int_equal(nj_curve_place_of(0, 1000), 999);
    assert_int_equal(nj_curve_place_of(600, 1000), 399);
    assert_int_equal(nj_curve_place_of(3999, 4000), 0);
    assert_int_equal(nj_curve_place_of(2, 4000), 999);
    assert_int_equal(nj_curve_place_of(4, 4000), 998);
}

static void texts_read_back(void **state)
{
    static const char *const texts[][2] = {
        {"5e3", "5000"},
        {"[12]*400+[4]*600", "[12]*400+[4]*600"},
        {"[12]*300 + [12]*100 + [4,4,.5]", "[12]*400+[4]*2+[0.5]"},
        {"0:5000, 400:2e3", "0:5000,400:2000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        nj_curve c = parse(texts[i][0]);
        char *text = nj_curve_text(&c);
        nj_curve again = parse(text);

        assert_string_equal(text, texts[i][1]);
        assert_memory_equal(&again, &c, sizeof(c));
        free(text);
    }
}

static void mistakes_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "[",
                                        "[]",
                                        "[1",
                                        "[1]*",
                                        "[1]*0",
                                        "[1]*-2",
                                        "[1]*2.5",
                                        "[1]+",
                                        "[1,2]*3",
                                        "[1]2",
                                        "[1]*2 x",
                                        "[nan]",
                                        "1:2:3",
                                        "0:1,",
                                        "0:1,0:2",
                                        "5:1,4:2",
                                        "1000:1",
                                        "-1:1",
                                        "0:1;400:2",
                                        ":1",
                                        "0.5:1",
                                        "0:",
                                        "[1]*999999999",
                                        "[1]*900000+[2]*900000"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        nj_curve c;
        nj_err err = {0};

        if (nj_curve_parse(texts[i], &c, &err) != NJ_E_USAGE)
            fail_msg("'%s' was taken", texts[i]);
        assert_true(err.text[0] != '\0');
        assert_null(strchr(err.text, '\n'));
    }
}

static void lists_of_other_lengths_are_refused(void **state)
{
    nj_curve thousand = parse("[12]*400+[4]*600");
    nj_curve steps = parse("[1]*25");
    nj_curve keys = parse("0:1,999:2");
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_curve_check(&thousand, 25, &err), NJ_OK);
    assert_int_equal(nj_curve_check(&steps, 25, &err), NJ_OK);
    assert_int_equal(nj_curve_check(&keys, 25, &err), NJ_OK);
    assert_int_equal(nj_curve_check(&steps, 24, &err), NJ_E_USAGE);
    assert_string_equal(err.text, "a schedule of 25 entries: 1000, or one for "
                                  "each of the 24 steps, are expected");
}

static void settings_follow_their_curves(void **state)
{
    nj_settings s = {.tv_scale = 150, .cutn = 16};
    nj_curve scale = parse("0:5000,500:1000");
    nj_curve cutn = parse("0:10,3:11");
    nj_curve number = parse("40");
    nj_settings now;

    (void)state;
    nj_settings_set_curve(&s, NJ_CURVED_CLIP_GUIDANCE_SCALE, &scale);
    nj_settings_set_curve(&s, NJ_CURVED_CUTN, &cutn);
    assert_true(s.clip_guidance_scale == 5000);
    assert_int_equal(s.cutn, 11);
    now = nj_settings_at(&s, &(const nj_curve_place){250, 0});
    assert_true(now.clip_guidance_scale == 3000);
    assert_true(now.tv_scale == 150);
    now = nj_settings_at(&s, &(const nj_curve_place){2, 0});
    assert_int_equal(now.cutn, 10); /* 10.67 */
    nj_settings_set_curve(&s, NJ_CURVED_CUTN, &number);
    now = nj_settings_at(&s, &(const nj_curve_place){2, 0});
    assert_int_equal(now.cutn, 40);
    nj_settings_set_curve(&s, NJ_CURVED_TV_SCALE, &number);
    assert_true(s.tv_scale == 40 && s.range_scale == 0);
}

static void transformations_are_parts_of_a_run(void **state)
{
    double parts[NJ_TRANSFORMATIONS_MAX];
    size_t count;

    (void)state;
    assert_int_equal(nj_transformations_parse(".09,0.5", parts, &count, NULL),
                     NJ_OK);
    assert_int_equal(count, 2);
    assert_true(parts[0] == .09 && parts[1] == .5);
    assert_int_equal(nj_transformations_parse("", parts, &count, NULL),
                     NJ_E_USAGE);
    assert_int_equal(nj_transformations_parse("1.1", parts, &count, NULL),
                     NJ_E_USAGE);
    assert_int_equal(
        nj_transformations_parse("0,0,0,0,0,0,0,0,0", parts, &count, NULL),
        NJ_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_the_same_everywhere),
        cmocka_unit_test(a_list_of_1000_goes_by_place),
        cmocka_unit_test(a_list_of_the_steps_goes_by_step),
        cmocka_unit_test(keys_are_joined_by_lines),
        cmocka_unit_test(places_count_from_the_noisy_end),
        cmocka_unit_test(texts_read_back),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(lists_of_other_lengths_are_refused),
        cmocka_unit_test(settings_follow_their_curves),
        cmocka_unit_test(transformations_are_parts_of_a_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
