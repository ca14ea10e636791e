/* JSON: what cJSON would let pass is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"

static nj_status parse(const char *text, size_t n)
{
    cJSON *value = NULL;
    nj_err err = {0};
    nj_status status = nj_json_parse(text, n, &value, &err);

    cJSON_Delete(value);
    return status;
}

static void refuses_what_is_not_json(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "{} x",
        "{\"a\":1,\"a\":2}",
        "\"\xff\"",
        "[1,]",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "nul",
        "[1 2]",
        "\"a\\u0000b\"",
        "{\"a\\u0000b\":1}",
    };
    char deep[300];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i], strlen(bad[i])), NJ_E_FORMAT);
    memset(deep, '[', 150);
    memset(deep + 150, ']', 150);
    assert_int_equal(parse(deep, sizeof(deep)), NJ_E_FORMAT);
    assert_int_equal(parse("\"a\0b\"", 5), NJ_E_FORMAT);
}

static void accepts_json(void **state)
{
    static const char text[] = " {\"a\": [1, {\"b\": \"[[[\"}], \"A\": 2}\n";
    static const char marked[] = "\xef\xbb\xbf{\"a\": 1}";

    (void)state;
    assert_int_equal(parse(text, strlen(text)), NJ_OK);
    /* A byte order mark, as editors of Windows write it. */
    assert_int_equal(parse(marked, strlen(marked)), NJ_OK);
}

/* A backslash and the word u0000: no NUL. */
static void knows_escaped_backslashes(void **state)
{
    static const char text[] = "\"a\\\\u0000b\"";

    (void)state;
    assert_int_equal(parse(text, strlen(text)), NJ_OK);
}

/* cJSON by itself writes the first ones as 0.3, 0.7 and 3. */
static void prints_every_bit(void **state)
{
    static const double numbers[] = {
        0.1 + 0.2, 0.7000000000000001, 2.9999999999999996, 0.1, 1e-300, 5, -0.5,
    };
    const int n = (int)(sizeof(numbers) / sizeof(numbers[0]));
    cJSON *object = cJSON_CreateObject();
    cJSON *back = NULL;
    nj_err err = {0};
    char *text;

    (void)state;
    cJSON_AddItemToObject(object, "a", cJSON_CreateDoubleArray(numbers, n));
    text = nj_json_print(object);
    assert_non_null(text);
    assert_int_equal(nj_json_parse(text, strlen(text), &back, &err), NJ_OK);
    for (int i = 0; i < n; i++)
        assert_true(
            cJSON_GetArrayItem(nj_json_get(back, "a"), i)->valuedouble ==
            numbers[i]);
    assert_non_null(strstr(text, ",0.1,"));
    assert_true(
        cJSON_IsNumber(cJSON_GetArrayItem(nj_json_get(object, "a"), 0)));
    cJSON_free(text);
    cJSON_Delete(back);
    cJSON_Delete(object);
}

static void reads_seeds_exactly(void **state)
{
    cJSON *value = NULL;
    uint64_t seed = 0;
    nj_err err = {0};
    static const char text[] =
        "[\"18446744073709551615\", 7, \"18446744073709551616\", 1.5, -1, "
        "9007199254740992, \"\", \"1x\"]";

    (void)state;
    assert_int_equal(nj_json_parse(text, strlen(text), &value, &err), NJ_OK);
    assert_true(nj_json_u64(cJSON_GetArrayItem(value, 0), &seed));
    assert_true(seed == UINT64_MAX);
    assert_true(nj_json_u64(cJSON_GetArrayItem(value, 1), &seed));
    assert_true(seed == 7);
    for (int i = 2; i < cJSON_GetArraySize(value); i++)
        assert_false(nj_json_u64(cJSON_GetArrayItem(value, i), &seed));
    cJSON_Delete(value);
}

/* What could steer a terminal is escaped, and means the same as before. */
static void whole_numbers_are_checked(void **state)
{
    static const char text[] =
        "{\"zero\":0,\"most\":99,\"text\":\"98\",\"more\":100,"
        "\"less\":-1,\"half\":0.5,\"huge\":1e300,\"tiny\":-1e300,"
        "\"large\":9007199254740993,\"long\":\"9223372036854775808\","
        "\"null\":null,\"list\":[1]}";
    static const char *const bad[] = {"more",  "less", "half", "huge",  "tiny",
                                      "large", "null", "list", "absent"};
    cJSON *value = NULL;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_json_parse(text, strlen(text), &value, &err), NJ_OK);
    assert_int_equal(nj_json_whole(value, "zero", 99, -1), 0);
    assert_int_equal(nj_json_whole(value, "most", 99, -1), 99);
    assert_int_equal(nj_json_whole(value, "text", 99, -1), 98);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(nj_json_whole(value, bad[i], 99, -1), -1);
    assert_int_equal(nj_json_whole(value, "huge", INT64_MAX, -1), -1);
    assert_int_equal(nj_json_whole(value, "long", INT64_MAX, -1), -1);
    cJSON_Delete(value);
}

static void lines_are_safe_to_show(void **state)
{
    static const char text[] =
        "a \x1b[31m\xc2\x9b\x7f\xe2\x80\xae \"\xc3\xa9\"";
    cJSON *value = cJSON_CreateObject();
    cJSON *again = NULL;
    nj_str line = {0};
    nj_err err = {0};

    (void)state;
    cJSON_AddStringToObject(value, "p", text);
    assert_true(nj_json_add_line(value, &line));
    assert_string_equal(line.text,
                        "{\"p\":\"a \\u001b[31m\\u009b\\u007f\\u202e "
                        "\\\"\xc3\xa9\\\"\"}\n");
    assert_int_equal(nj_json_parse(line.text, line.length, &again, &err),
                     NJ_OK);
    assert_string_equal(nj_json_string(again, "p", ""), text);
    cJSON_Delete(again);
    nj_str_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(knows_escaped_backslashes),
        cmocka_unit_test(prints_every_bit),
        cmocka_unit_test(reads_seeds_exactly),
        cmocka_unit_test(whole_numbers_are_checked),
        cmocka_unit_test(lines_are_safe_to_show),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
