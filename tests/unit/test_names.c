/* Names of pictures: plain ones as they are written down, and prompts that
 * try to break them: every name is safe, at most 255 bytes, readable again,
 * and no two prompts share one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <utf8proc.h>

#include "base/str.h"
#include "job/names.h"

static char *make(const char *prompt)
{
    const nj_name name = {.prompt = prompt, .iteration = 39, .seed = 7};
    char *out = NULL;
    nj_err err = {0};

    if (nj_name_make(&name, &out, &err) != NJ_OK)
        fail_msg("'%s' is refused: %s", prompt, err.text);
    return out;
}

/* ---- what is safe ------------------------------------------------------ */

static bool is_unsafe(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    if (c < 0x80)
        return c < 0x20 || c == 0x7f || strchr("/\\<>:\"|?*", (int)c);
    return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_ZL ||
           k == UTF8PROC_CATEGORY_ZP || c == 0x200e || c == 0x200f ||
           c == 0x61c || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void assert_nfc(const char *s)
{
    utf8proc_uint8_t *composed = utf8proc_NFC((const utf8proc_uint8_t *)s);

    assert_string_equal(s, (char *)composed);
    free(composed);
}

static void assert_safe(const char *file)
{
    size_t n = strlen(file);
    nj_name_parts parts;
    uint32_t c = 0;

    if (n > 255)
        fail_msg("%zu bytes: '%s'", n, file);
    assert_true(nj_utf8_valid(file, n));
    for (size_t i = 0; i < n; i += nj_utf8_decode(file + i, n - i, &c)) {
        if (nj_utf8_decode(file + i, n - i, &c) == 0 || is_unsafe(c))
            fail_msg("U+%04X in '%s'", (unsigned)c, file);
    }
    assert_nfc(file);
    assert_true(nj_name_parse(file, &parts));
    assert_int_equal(parts.iteration, 39);
    assert_int_equal(parts.seed, 7);
    assert_false(parts.upscaled);
    assert_ptr_equal(parts.text, file + 8);
    if (parts.text_length > 0) {
        char last = parts.text[parts.text_length - 1];

        assert_true(parts.text[0] != '.' && parts.text[0] != ' ');
        assert_true(last != '.' && last != ' ');
    }
}

/* ---- plain names ------------------------------------------------------- */

static void keeps_plain_prompts(void **state)
{
    static const char *const prompts[] = {
        "a tree goddess",
        "A_tree-goddess, by Greg Rutkowski (trending) & [more] #1 100% it's",
        "caf\xc3\xa9",
        "\xe7\x8c\xab",
        "\xf0\x9f\x98\x80",
        "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91"
        "\xa7",                             /* family, with joiners */
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", /* shalom */
        "\xe2\x9d\xa4\xef\xb8\x8f",         /* heart, emoji form */
        "v1.5",
        "-dash-",
        "connect",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(prompts) / sizeof(*prompts); i++) {
        char want[300];
        char *file = make(prompts[i]);

        snprintf(want, sizeof(want), "prompt--%s_iteration--00039_seed--7.png",
                 prompts[i]);
        assert_string_equal(file, want);
        assert_safe(file);
        free(file);
    }
}

static void writes_numbers(void **state)
{
    const nj_name_extra extras[] = {{"clip_guidance_scale", "-0.5"},
                                    {"sampler", "ddim"}};
    const nj_name name = {.prompt = "x",
                          .iteration = 123456,
                          .seed = UINT64_MAX,
                          .extras = extras,
                          .extra_count = 2,
                          .upscaled = true};
    nj_name_parts parts;
    char *file;

    (void)state;
    assert_int_equal(nj_name_make(&name, &file, NULL), NJ_OK);
    assert_string_equal(file,
                        "prompt--x_clip-guidance-scale---0.5_sampler--ddim"
                        "_iteration--123456_seed--18446744073709551615_out"
                        ".png");
    assert_true(nj_name_parse(file, &parts));
    assert_int_equal(parts.iteration, 123456);
    assert_true(parts.seed == UINT64_MAX && parts.upscaled);
    free(file);
}

/* sha256 of the prompts, computed with sha256sum. */
static void marks_changed_prompts(void **state)
{
    static const char *const cases[][2] = {
        {"a/b", "a_b-c14cddc0"},         {"a:b", "a_b-6783a31e"},
        {".hidden", "_hidden-16924190"}, {"CON", "_CON-a3dbc4b6"},
        {"a--b", "a-_b-90827a2e"},       {"e\xcc\x81", "\xc3\xa9-bf12767b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char want[300];
        char *file = make(cases[i][0]);

        snprintf(want, sizeof(want), "prompt--%s_iteration--00039_seed--7.png",
                 cases[i][1]);
        assert_string_equal(file, want);
        free(file);
    }
}

/* ---- torture ----------------------------------------------------------- */

static const char *const torture[] = {
    "",
    ".",
    "..",
    "...",
    "....",
    " ",
    "  ",
    "a",
    "A",
    " a",
    "a ",
    "a.",
    ".a",
    "a. .",
    "_",
    "__",
    "___",
    "-",
    "--",
    "---",
    "a-",
    "a--",
    "a---b",
    "-a",
    "/",
    "\\",
    "a/b",
    "a\\b",
    "a_b",
    "a:b",
    "a|b",
    "a?b",
    "a*b",
    "a<b",
    "a>b",
    "a\"b",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows",
    "CON",
    "con",
    "Con.txt",
    "NUL",
    "com1",
    "COM9.png",
    "lpt1 ",
    "_CON",
    "a_b-c14cddc0", /* what "a/b" becomes */
    "a_b-c14cddc0-c14cddc0",
    "x_iteration--00039_seed--7.png",
    "x_iteration--00039_seed--7",
    "x_seed--1",
    "x_out",
    ".png",
    "a\nb",
    "a\rb",
    "a\tb",
    "a\x1b[31mb",
    "a\x7f"
    "b",
    "$(reboot)",
    "`reboot`",
    "; rm -rf ~",
    "%s%n%d",
    "\xc2\x80",
    "\xc2\x9b"
    "31m",
    "\xc2\xa0",
    "\xc2\xad",
    "e\xcc\x81",
    "\xc3\xa9",
    "\xe2\x84\xab", /* Angstrom sign, A with ring above, the two apart */
    "\xc3\x85",
    "A\xcc\x8a",
    "<\xcc\xb8",
    "\xcc\x81",
    "Z\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87",
    "\xe2\x80\xae"
    "gnp.exe", /* RTL override */
    "gnp.exe",
    "\xe2\x80\x8f\xd7\xa9",
    "\xd7\xa9",
    "\xe2\x81\xa6x\xe2\x81\xa9",
    "\xd8\x9cx",
    "\xe2\x80\x8bx",
    "\xef\xbb\xbfx",
    "x\xe2\x80\xa8y",
    "x\xe2\x80\xa9y",
    "x y",
    "x_y",
    "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9",
    "\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xb7",
    "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbd",
    "\xf4\x8f\xbf\xbf",
    "\xef\xbf\xbe",
    "\xef\xb7\x90",
    "\xed\x9f\xbf",
    "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", /* Hangul in parts */
    "\xed\x95\x9c",
};

enum { TORTURE = sizeof(torture) / sizeof(*torture) };

static void survives_torture(void **state)
{
    char *files[TORTURE];

    (void)state;
    assert_true(TORTURE >= 60);
    for (size_t i = 0; i < TORTURE; i++) {
        files[i] = make(torture[i]);
        assert_safe(files[i]);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(files[i], files[j]) == 0)
                fail_msg("'%s' and '%s' share '%s'", torture[i], torture[j],
                         files[i]);
        }
    }
    for (size_t i = 0; i < TORTURE; i++)
        free(files[i]);
}

/* Every code point of one or two bytes, at the start, inside and at the end:
 * that is every byte from 01 to f4 that valid text of that length holds. */
static void survives_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 1; c < 0x800; c++) {
        char utf8[4];
        int n = (int)nj_utf8_encode(c, utf8);

        for (int form = 0; form < 4; form++) {
            char prompt[16];
            char *file;

            snprintf(prompt, sizeof(prompt), "%s%.*s%s", form & 1 ? "x" : "", n,
                     utf8, form & 2 ? "y" : "");
            file = make(prompt);
            assert_safe(file);
            free(file);
        }
    }
}

/* Long prompts of characters of 1 to 4 bytes, of every length around the
 * limit and one of 10 kB: the cut falls between characters. */
static void cuts_long_prompts(void **state)
{
    static const char *const units[] = {
        "a", "\xc3\xa9", "\xe7\x8c\xab", "\xf0\x9f\x98\x80", "a-", ". "};
    char *text = malloc(11000);

    (void)state;
    for (size_t u = 0; u < sizeof(units) / sizeof(*units); u++) {
        size_t width = strlen(units[u]);
        char *before = make("start");

        for (size_t n = 180 / width; n < 10000 / width;
             n += n < 300 / width ? 1 : 3000 / width) {
            char *file;

            for (size_t i = 0; i < n; i++)
                memcpy(text + i * width, units[u], width);
            memcpy(text + n * width, "end", 4);
            file = make(text);
            assert_safe(file);
            assert_string_not_equal(file, before);
            if (strlen(text) > 255)
                assert_true(strlen(file) > 240);
            free(before);
            before = file;
        }
        free(before);
    }
    free(text);
}

static void tells_long_prompts_apart(void **state)
{
    char a[1001];
    char b[1001];
    char *first;
    char *second;

    (void)state;
    memset(a, 'x', 1000);
    memset(b, 'x', 1000);
    a[1000] = b[1000] = '\0';
    b[999] = 'y';
    first = make(a);
    second = make(b);
    assert_string_not_equal(first, second);
    free(first);
    free(second);
}

/* ---- extras ------------------------------------------------------------ */

static char *make_extras(const char *prompt, const nj_name_extra *extras,
                         size_t count)
{
    const nj_name name = {.prompt = prompt,
                          .iteration = 39,
                          .seed = 7,
                          .extras = extras,
                          .extra_count = count};
    char *out = NULL;

    assert_int_equal(nj_name_make(&name, &out, NULL), NJ_OK);
    assert_safe(out);
    return out;
}

static void extras_do_not_run_into_each_other(void **state)
{
    static const nj_name_extra a[] = {{"x", "1_y"}, {"z", "2"}};
    static const nj_name_extra b[] = {{"x", "1"}, {"y_z", "2"}};
    static const nj_name_extra c[] = {{"x", "1_y-z--2"}};
    static const nj_name_extra d[] = {{"x", "/a/b.png"}};
    static const nj_name_extra e[] = {{"x", "_a_b.png"}};
    static const nj_name_extra f[] = {{"x", ""}, {"y", "1"}};
    static const nj_name_extra g[] = {{"x", "_y--1"}};
    char *names[10];

    (void)state;
    names[0] = make_extras("p", a, 2);
    names[1] = make_extras("p", b, 2);
    names[2] = make_extras("p", c, 1);
    names[3] = make_extras("p", d, 1);
    names[4] = make_extras("p", e, 1);
    names[5] = make_extras("p", f, 2);
    names[6] = make_extras("p", g, 1);
    names[7] = make("p_x--1_y-z--2");
    names[8] = make_extras("p_x--1_y", a + 1, 1);
    names[9] = make_extras("p_x--1", b + 1, 1);
    for (size_t i = 0; i < 10; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
    for (size_t i = 0; i < 10; i++)
        free(names[i]);
}

/* Many or long extras leave room for the prompt and still differ. */
static void shortens_extras(void **state)
{
    nj_name_extra extras[12];
    char value[300];
    char *first;
    char *second;

    (void)state;
    memset(value, 'v', sizeof(value));
    value[299] = '\0';
    for (size_t i = 0; i < 12; i++)
        extras[i] = (nj_name_extra){"clip-guidance-scale", value};
    first = make_extras("prompt", extras, 12);
    extras[11].value = value + 1;
    second = make_extras("prompt", extras, 12);
    assert_string_not_equal(first, second);
    assert_non_null(strstr(first, "prompt--prompt_settings--"));
    free(first);
    free(second);
    extras[0] = (nj_name_extra){"a", "1\nb 1 2"};
    extras[1] = (nj_name_extra){"a", value};
    first = make_extras("p", extras, 1);
    assert_non_null(strstr(first, "_a--1_b 1 2-"));
    free(first);
}

/* ---- refused ----------------------------------------------------------- */

static void refuses(void **state)
{
    static const char *const names[] = {
        "",         "a b",
        "a/b",      "-a",
        "a-",       "a--b",
        "_a",       "a_",
        "\xc3\xa9", "a-name-of-more-than-forty-characters-is-too-long"};
    nj_name name = {.prompt = "a\xff"};
    nj_name_extra extra = {"x", "\xff"};
    char *out = NULL;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_name_make(&name, &out, &err), NJ_E_USAGE);
    assert_null(out);
    name = (nj_name){.prompt = "a", .iteration = -1};
    assert_int_equal(nj_name_make(&name, &out, &err), NJ_E_USAGE);
    name = (nj_name){.prompt = "a", .extras = &extra, .extra_count = 1};
    assert_int_equal(nj_name_make(&name, &out, &err), NJ_E_USAGE);
    extra.value = "1";
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        extra.name = names[i];
        assert_int_equal(nj_name_make(&name, &out, &err), NJ_E_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_plain_prompts),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(marks_changed_prompts),
        cmocka_unit_test(survives_torture),
        cmocka_unit_test(survives_every_character),
        cmocka_unit_test(cuts_long_prompts),
        cmocka_unit_test(tells_long_prompts_apart),
        cmocka_unit_test(extras_do_not_run_into_each_other),
        cmocka_unit_test(shortens_extras),
        cmocka_unit_test(refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
