/* Prompts: weights as Python's float() reads them, parts, image prompts,
 * normalisation. Expected values come from the public parse_prompt and from
 * Python's float(). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "text/prompt.h"

static const struct {
    const char *part;
    long length; /* -1: an error */
    double weight;
} split_cases[] = {
    {"a tree goddess", 14, 1},
    {"a tree goddess:2", 14, 2},
    {"a tree goddess:-0.5", 14, -0.5},
    {"a:b:3", 3, 3},
    {"https://host/a.png", 18, 1},
    {"https://host/a.png:0.25", 18, 0.25},
    {"http://host:8080/a.png:2", 22, 2},
    {"http://host:8080/a.png", -1, 0},
    {"http://host:8080", 11, 8080},
    {"https://host/a.png:0.25:3", 23, 3},
    {"https:/host", -1, 0},
    {"ratio 16:9", 8, 9},
    {"spaces : 2 ", 7, 2},
    {":1", 0, 1},
    {"", 0, 1},
    {"x:", -1, 0},
    {"x: ", -1, 0},
    {"12:30 at night", -1, 0},
    {"red:blue", -1, 0},
    {"Title: the subtitle", -1, 0},
    {"x:1e-3", 1, 0.001},
    {"x:.5", 1, 0.5},
    {"x:5.", 1, 5},
    {"x:1.e2", 1, 100},
    {"x:.", -1, 0},
    {"x:.e1", -1, 0},
    {"x:+2", 1, 2},
    {"x:--2", -1, 0},
    {"x:1e+", -1, 0},
    {"x:1_000", 1, 1000},
    {"x:1_0e1_0", 1, 1e11},
    {"x:1__0", -1, 0},
    {"x:_1", -1, 0},
    {"x:1_", -1, 0},
    {"x:1_.5", -1, 0},
    {"x:1._5", -1, 0},
    {"x:0x10", -1, 0},
    {"x:1 2", -1, 0},
    {"x:1f", -1, 0},
    {"x:inf", 1, INFINITY},
    {"x:-Infinity", 1, -INFINITY},
    {"x:infinit", -1, 0},
    {"x:nan(1)", -1, 0},
    {"x:1e400", 1, INFINITY},
    {"x:\t2\n", 1, 2},
    {"x:\xc2\xa0\x32\xe3\x80\x80", 1, 2},          /* U+00A0 2 U+3000 */
    {"x:\xef\xbc\x91\xef\xbc\x92", 1, 12},         /* full-width 12 */
    {"x:\xd9\xa3.\xd9\xa5", 1, 3.5},               /* Arabic-Indic 3.5 */
    {"x:\xf0\x9d\x9f\x8f\xf0\x9d\x9f\x98", 1, 10}, /* bold 1, double 0 */
    {"x:\xc2\xbc", -1, 0},                         /* 1/4 is no digit */
    {"x:\x1c\x31", -1, 0},
    {"\xe7\x8c\xab:2", 3, 2},
};

static void splits_at_last_colon(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(split_cases) / sizeof(*split_cases); i++) {
        double weight = -77;
        long n = nj_prompt_split_weight(split_cases[i].part, &weight);

        if (n != split_cases[i].length)
            fail_msg("'%s': length %ld, expected %ld", split_cases[i].part, n,
                     split_cases[i].length);
        if (n < 0)
            assert_true(weight == -77);
        else if (weight != split_cases[i].weight)
            fail_msg("'%s': weight %g", split_cases[i].part, weight);
    }
}

static void reads_nan(void **state)
{
    double weight = 0;

    (void)state;
    assert_int_equal(nj_prompt_split_weight("x:-NaN", &weight), 1);
    assert_true(isnan(weight));
}

static void parses_parts(void **state)
{
    nj_prompt p;
    nj_err err = {0};

    (void)state;
    assert_int_equal(
        nj_prompt_parse(" a cat : 2 |blurry:-.5|image: x:y.png :3 | image:b",
                        &p, &err),
        NJ_OK);
    assert_int_equal(p.count, 4);
    assert_string_equal(p.parts[0].text, "a cat");
    assert_true(p.parts[0].weight == 2 && !p.parts[0].image);
    assert_string_equal(p.parts[1].text, "blurry");
    assert_true(p.parts[1].weight == -.5 && !p.parts[1].image);
    assert_string_equal(p.parts[2].text, "x:y.png");
    assert_true(p.parts[2].weight == 3 && p.parts[2].image);
    assert_string_equal(p.parts[3].text, "b");
    assert_true(p.parts[3].weight == 1 && p.parts[3].image);
    nj_prompt_release(&p);
    assert_null(p.parts);
}

static void parses_image_option(void **state)
{
    static const struct {
        const char *value;
        const char *path;
        double weight;
    } cases[] = {
        {"a.png", "a.png", 1},         {"a.png:-2", "a.png", -2},
        {"image:a.png:2", "a.png", 2}, {"C:\\a.png", "C:\\a.png", 1},
        {"a|b.png:.5", "a|b.png", .5}, {" a b.png ", "a b.png", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        nj_prompt p;

        assert_int_equal(nj_prompt_parse_image(cases[i].value, &p, NULL),
                         NJ_OK);
        assert_int_equal(p.count, 1);
        assert_true(p.parts[0].image);
        assert_string_equal(p.parts[0].text, cases[i].path);
        assert_true(p.parts[0].weight == cases[i].weight);
        nj_prompt_release(&p);
    }
}

static const struct {
    const char *text;
    const char *why; /* must occur in the message */
} refused[] = {
    {"", "prompt is empty"},
    {" \t\xc2\xa0", "prompt is empty"},
    {"a|", "part 2 of the prompt is empty"},
    {"|a", "part 1"},
    {"a| |b", "part 2"},
    {":1", "no text"},
    {"a | :1", "no text"},
    {"image:", "no image path"},
    {"image::2", "no image path"},
    {"x:inf", "not finite"},
    {"x:nan", "not finite"},
    {"image:x:1e999", "not finite"},
    {"red:blue", "'blue' after the last colon of 'red:blue'"},
    {"a\xff", "not valid UTF-8"},
    {"a\xed\xa0\x80", "not valid UTF-8"},
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        nj_err err = {0};
        nj_prompt p;

        assert_int_equal(nj_prompt_parse(refused[i].text, &p, &err),
                         NJ_E_USAGE);
        assert_null(p.parts);
        if (!strstr(err.text, refused[i].why))
            fail_msg("'%s': %s", refused[i].text, err.text);
    }
}

/* The message stays readable when a long text is cut inside a character. */
static void cuts_messages(void **state)
{
    char text[400];
    nj_err err = {0};
    nj_prompt p;

    (void)state;
    text[0] = 'a';
    for (int i = 0; i < 100; i++)
        memcpy(text + 1 + 3 * i, "\xe7\x8c\xab", 3);
    memcpy(text + 301, ":x", 3);
    assert_int_equal(nj_prompt_parse(text, &p, &err), NJ_E_USAGE);
    assert_null(strstr(err.text, "\\x"));
    assert_true(strlen(err.text) < 300);
}

static void normalises(void **state)
{
    double a[] = {2, 1};
    double b[] = {-3, 1};
    double c[] = {1, -1};
    double d[] = {0.3, -0.2999};
    double e[] = {1e308, 1e308};
    double f[] = {0.001};
    double g[] = {1e308, -1e308, 0.002};

    (void)state;
    assert_int_equal(nj_prompt_normalise(a, 2, NULL), NJ_OK);
    assert_true(a[0] == 2. / 3 && a[1] == 1. / 3);
    assert_int_equal(nj_prompt_normalise(b, 2, NULL), NJ_OK);
    assert_true(b[0] == -1.5 && b[1] == .5);
    assert_int_equal(nj_prompt_normalise(c, 2, NULL), NJ_E_USAGE);
    assert_true(c[0] == 1 && c[1] == -1);
    assert_int_equal(nj_prompt_normalise(d, 2, NULL), NJ_E_USAGE);
    assert_int_equal(nj_prompt_normalise(e, 2, NULL), NJ_E_USAGE);
    assert_int_equal(nj_prompt_normalise(f, 1, NULL), NJ_OK);
    assert_int_equal(nj_prompt_normalise(g, 3, NULL), NJ_E_USAGE);
    assert_true(g[0] == 1e308);
    assert_int_equal(nj_prompt_normalise(NULL, 0, NULL), NJ_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_last_colon),
        cmocka_unit_test(reads_nan),
        cmocka_unit_test(parses_parts),
        cmocka_unit_test(parses_image_option),
        cmocka_unit_test(refuses),
        cmocka_unit_test(cuts_messages),
        cmocka_unit_test(normalises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
