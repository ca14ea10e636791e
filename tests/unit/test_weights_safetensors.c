/* safetensors: values come out right, and a header that lies is refused with
 * its reason. The small files are built here, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "weights/weights_internal.h"

#define DATA_BYTES 24

/* Length, header and 24 bytes of data that count from 0. */
static size_t build(unsigned char *out, const char *header, uint64_t claimed)
{
    size_t n = strlen(header);

    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(claimed >> 8 * i);
    memcpy(out + 8, header, n);
    for (int i = 0; i < DATA_BYTES; i++)
        out[8 + n + (size_t)i] = (unsigned char)i;
    return 8 + n + DATA_BYTES;
}

static void assert_refused(const char *header, const char *reason)
{
    unsigned char bytes[1024];
    nj_weights *w = NULL;
    nj_err err = {0};
    size_t n = build(bytes, header, strlen(header));

    assert_int_equal(nj_weights_open_memory(bytes, n, &w, &err), NJ_E_FORMAT);
    if (!strstr(err.text, reason))
        fail_msg("'%s' says nothing of '%s'", err.text, reason);
}

#define ENTRY(shape, offsets)                                                  \
    "{\"w\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets  \
    "}}"

static void refuses_lies(void **state)
{
    static const char *const cases[][2] = {
        {ENTRY("[2,3]", "[0,25]"), "do not lie in"},
        {ENTRY("[2,3]", "[24,0]"), "do not lie in"},
        {ENTRY("[2,3]", "[0,18446744073709551615]"), "do not lie in"},
        {ENTRY("[2,3]", "[0,18446744073709551616]"), "below 2^64"},
        {ENTRY("[2,3]", "[0,9007199254740993]"), "do not lie in"},
        {ENTRY("[2,3]", "[0,24.0]"), "whole number"},
        {ENTRY("[2,3.0]", "[0,24]"), "whole number"},
        {ENTRY("[2,-3]", "[0,24]"), "whole number"},
        {ENTRY("[2,03]", "[0,24]"), "whole number"},
        {ENTRY("[2,3]", "[0]"), "two numbers"},
        {ENTRY("[2,3]", "[0,24,24]"), "fewer numbers"},
        {ENTRY("[2,4]", "[0,24]"), "needs 32 bytes"},
        {ENTRY("[2,2]", "[0,24]"), "needs 16 bytes"},
        {ENTRY("[2,2]", "[0,16]"), "8 bytes after"},
        {ENTRY("[2,2]", "[8,24]"), "hole"},
        {ENTRY("[4611686018427387904]", "[0,24]"), "overflows"},
        {ENTRY("[4294967296,4294967296,6]", "[0,24]"), "overflows"},
        {ENTRY("[1,1,1,1,1,1,1,2,3]", "[0,24]"), "fewer numbers"},
        {ENTRY("[2,3]", "[0,24]") "{}", "nothing after"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[6]}}", "no data_offsets"},
        {"{\"w\":{\"dtype\":\"f32\",\"shape\":[6],\"data_offsets\":[0,24]}}",
         "'f32' is not supported"},
        {"{\"w\":{\"dtype\":\"F8_E4M3\",\"shape\":[24],\"data_offsets\":"
         "[0,24]}}",
         "'F8_E4M3' is not supported"},
        {"{\"w\":{\"dtype\":7,\"shape\":[6],\"data_offsets\":[0,24]}}", "'\"'"},
        {"{\"w\":[[[[]]]]}", "expected '{'"},
        {"{\"a\\u0000b\":{}}", "NUL"},
        {"{\"\\ud800\":{}}", "surrogate"},
        {"{\"\xff\":{}}", "UTF-8"},
        {"{\"__metadata__\":{\"a\":1}}", "'\"'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i][0], cases[i][1]);
}

static void refuses_overlap_and_repetition(void **state)
{
#define PART(name, offsets)                                                    \
    "\"" name "\":{\"dtype\":\"U8\",\"shape\":[12],\"data_offsets\":" offsets  \
    "}"
    (void)state;
    assert_refused("{" PART("a", "[0,12]") "," PART("b", "[11,23]") "}",
                   "overlap");
    assert_refused("{" PART("a", "[0,12]") "," PART("a", "[12,24]") "}",
                   "occurs twice");
}

static void refuses_a_length_beyond_the_file(void **state)
{
    static const uint64_t claims[] = {1000, UINT64_MAX, UINT64_MAX - 7,
                                      (uint64_t)1 << 63};
    unsigned char bytes[256];
    nj_weights *w = NULL;
    nj_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        size_t n = build(bytes, ENTRY("[6]", "[0,24]"), claims[i]);

        assert_int_equal(nj_weights_open_memory(bytes, n, &w, &err),
                         NJ_E_FORMAT);
        assert_non_null(strstr(err.text, "cut download"));
    }
}

static void reads_names_apart_by_case(void **state)
{
    static const char header[] =
        "{" PART("A", "[0,12]") ", \"__metadata__\": {\"k\": \"\\u00e9\"},"
                                "\n" PART("a", "[12,24]") "}   ";
    unsigned char bytes[512];
    nj_weights *w = NULL;
    nj_err err = {0};
    size_t n = build(bytes, header, strlen(header));

    (void)state;
    assert_int_equal(nj_weights_open_memory(bytes, n, &w, &err), NJ_OK);
    assert_int_equal(nj_weights_kind(w), NJ_WEIGHTS_SAFETENSORS);
    assert_int_equal(nj_weights_count(w), 2);
    assert_int_equal(*(const unsigned char *)nj_weights_find(w, "A")->data, 0);
    assert_int_equal(*(const unsigned char *)nj_weights_find(w, "a")->data, 12);
    assert_null(nj_weights_find(w, "b"));
    assert_string_equal(nj_weights_find(w, "a")->path, "[\"a\"]");
    nj_weights_free(w);
}

/* A header of 0x280 bytes gives a file the first two bytes of a pickle. */
static void reads_a_header_that_looks_like_a_pickle(void **state)
{
    unsigned char bytes[1024];
    char header[0x280 + 1];
    const char *entry = ENTRY("[2,3]", "[0,24]");
    nj_weights *w = NULL;
    nj_err err = {0};
    size_t n;

    (void)state;
    memset(header, ' ', sizeof(header) - 1);
    memcpy(header, entry, strlen(entry));
    header[sizeof(header) - 1] = '\0';
    n = build(bytes, header, strlen(header));
    assert_int_equal(bytes[0], 0x80);
    assert_int_equal(bytes[1], 2);
    assert_int_equal(nj_weights_open_memory(bytes, n, &w, &err), NJ_OK);
    assert_int_equal(nj_weights_count(w), 1);
    nj_weights_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_lies),
        cmocka_unit_test(refuses_overlap_and_repetition),
        cmocka_unit_test(refuses_a_length_beyond_the_file),
        cmocka_unit_test(reads_names_apart_by_case),
        cmocka_unit_test(reads_a_header_that_looks_like_a_pickle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
