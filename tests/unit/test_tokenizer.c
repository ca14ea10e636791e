/* The tokenizer with a tiny vocabulary of our own: cleaned texts and ids as
 * the public Python packages give them (scripts/compare_tokenizer.py --write),
 * rows, limits, broken vocabularies. OpenAI's vocabulary is tested by the
 * parity fixtures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <zlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

#define FIXTURES NJ_SOURCE_DIR "/tests/fixtures/tokenizer/"
#define TINY     FIXTURES "tiny.txt"
#define SIZE     628
#define START    626
#define END      627

static int open_tiny(void **state)
{
    nj_tokenizer *t = NULL;

    if (nj_tokenizer_open(TINY, SIZE, &t, NULL) != NJ_OK)
        return -1;
    *state = t;
    return 0;
}

static int close_tiny(void **state)
{
    nj_tokenizer_free(*state);
    return 0;
}

/* ---- texts ------------------------------------------------------------- */

static void check_ids(const nj_tokenizer *t, const char *text, size_t n,
                      const cJSON *want)
{
    int32_t *ids = NULL;
    size_t count = 0;

    assert_int_equal(nj_tokenizer_encode(t, text, n, &ids, &count, NULL),
                     NJ_OK);
    if ((size_t)cJSON_GetArraySize(want) != count)
        fail_msg("'%s': %zu ids", text, count);
    for (size_t i = 0; i < count; i++) {
        if (cJSON_GetArrayItem(want, (int)i)->valueint != ids[i])
            fail_msg("'%s': id %zu is %d", text, i, (int)ids[i]);
    }
    free(ids);
}

static void check_line(const nj_tokenizer *t, const cJSON *line)
{
    const char *text = nj_json_string(line, "text", NULL);
    const char *want = nj_json_string(line, "clean", NULL);
    char *clean = nj_clean_text(text, strlen(text));

    if (strcmp(clean, want) != 0)
        fail_msg("'%s' becomes '%s', expected '%s'", text, clean, want);
    free(clean);
    check_ids(t, text, strlen(text), nj_json_get(line, "ids"));
}

static size_t check_file(const nj_tokenizer *t, const char *path)
{
    char *bytes = NULL;
    size_t n = 0;
    size_t lines = 0;

    assert_int_equal(nj_file_read(path, 1 << 20, &bytes, &n, NULL), NJ_OK);
    for (char *s = bytes; *s; lines++) {
        size_t length = strcspn(s, "\n");
        cJSON *line = NULL;

        assert_int_equal(nj_json_parse(s, length, &line, NULL), NJ_OK);
        check_line(t, line);
        cJSON_Delete(line);
        s += length + 1;
    }
    free(bytes);
    return lines;
}

static void cleans_and_encodes(void **state)
{
    assert_true(check_file(*state, FIXTURES "cleaned.jsonl") >= 500);
}

/* One text or more for every rule of clean_badness.c, clean_bytes.c and
 * clean_html.c that comes out differently without that rule. */
static void follows_every_rule(void **state)
{
    assert_true(check_file(*state, FIXTURES "edges.jsonl") >= 100);
}

/* Texts whose repair takes a rule that the random ones seldom meet. */
static void cleans(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {" \t\r\n ", ""},
        {"\xce\x9f\xce\x94\xce\xa5\xce\xa3\xce\xa3\xce\x95\xce\xa5\xce\xa3",
         "\xce\xbf\xce\xb4\xcf\x85\xcf\x83\xcf\x83\xce\xb5\xcf\x85\xcf\x82"},
        {"\xce\xa3", "\xcf\x83"},
        {"a\xce\xa3'", "a\xcf\x82'"},
        {"a\xce\xa3'b", "a\xcf\x83'b"},
        {"\xc4\xb0", "i\xcc\x87"},
        {"&amp;lt;b&gt;", "<b>"},
        {"<&amp;amp;amp;", "<&amp;"},
        {"&notit; &amp &#x1F600; &#128; &#xD800; &#1;",
         "\xc2\xacit; & \xf0\x9f\x98\x80 \xe2\x82\xac \xef\xbf\xbd"},
        {"&EACUTE; &nTILDE;", "\xc3\xa9 &ntilde;"},
        {"\x1b[31;1mred\x1b[0m \x1b[", "red ["},
        {"\xef\xac\x83 \xef\xbc\xa1\xe3\x80\x80\xef\xbe\x80",
         "ffi a \xe3\x82\xbf"},
        {"e\xcc\x81", "\xc3\xa9"},
        {"voil\xc3\x83  la", "voil\xc3\xa0 la"},
        {"\xc3\xa2\xe2\x82\xac\xc5\x93 like this \xc3\xa2\xe2\x82\xac\xef\xbf"
         "\xbd",
         "\" like this \xef\xbf\xbd"},
        {"bad \xff byte", "bad \xef\xbf\xbd byte"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *clean = nj_clean_text(cases[i][0], strlen(cases[i][0]));

        assert_string_equal(clean, cases[i][1]);
        free(clean);
    }
}

static void drops_nul(void **state)
{
    char *clean = nj_clean_text("a\0b &#0;", 8);

    (void)state;
    assert_string_equal(clean, "ab \xef\xbf\xbd");
    free(clean);
    clean = nj_clean_text("\0\xc3\x80\nx", 5); /* no mojibake: U+00C0 */
    assert_string_equal(clean, "\xc3\xa0 x");
    free(clean);
}

/* ---- rows and limits --------------------------------------------------- */

static void fills_rows(void **state)
{
    int64_t row[8];
    int64_t same[8];
    const int64_t want[8] = {START, 514 - 1, END, END, 0, 0, 0, 0};
    nj_err err = {0};

    assert_int_equal(
        nj_tokenizer_row(*state, "The <|endoftext|>", 17, false, 8, row, &err),
        NJ_OK);
    assert_memory_equal(row, want, sizeof(want));
    assert_int_equal(
        nj_tokenizer_row(*state, "1 2 3 4 5 6 7", 13, false, 8, row, &err),
        NJ_E_USAGE);
    assert_string_equal(err.text, "prompt is 1 token too long: it has 9 with "
                                  "start and end, at most 8 fit");
    assert_int_equal(
        nj_tokenizer_row(*state, "1 2 3 4 5 6 7", 13, true, 8, row, NULL),
        NJ_OK);
    assert_int_equal(
        nj_tokenizer_row(*state, "1 2 3 4 5 6", 11, false, 8, same, NULL),
        NJ_OK);
    assert_memory_equal(row, same, sizeof(row));
    assert_int_equal(row[7], END);
    assert_int_equal(nj_tokenizer_row(*state, "", 0, true, 1, row, NULL),
                     NJ_E_USAGE);
}

static void refuses_texts(void **state)
{
    int32_t *ids = NULL;
    size_t count = 0;
    char *text = calloc(NJ_TOKENIZER_TEXT_MAX + 2, 1);

    assert_int_equal(nj_tokenizer_encode(*state, "\xc3", 1, &ids, &count, NULL),
                     NJ_E_USAGE);
    memset(text, 'a', NJ_TOKENIZER_TEXT_MAX + 1);
    assert_int_equal(nj_tokenizer_encode(*state, text,
                                         NJ_TOKENIZER_TEXT_MAX + 1, &ids,
                                         &count, NULL),
                     NJ_E_USAGE);
    assert_null(ids);
    assert_int_equal(nj_tokenizer_encode(*state, text, NJ_TOKENIZER_TEXT_MAX,
                                         &ids, &count, NULL),
                     NJ_OK);
    assert_int_equal(count, NJ_TOKENIZER_TEXT_MAX);
    free(ids);
    free(text);
}

/* ---- vocabularies ------------------------------------------------------ */

static nj_status parse(const char *text, size_t size, nj_err *err)
{
    nj_vocabulary v;
    nj_status status = nj_vocabulary_parse(text, strlen(text), size, &v, err);

    if (status == NJ_OK)
        nj_vocabulary_release(&v);
    return status;
}

static void refuses_vocabularies(void **state)
{
    nj_err err = {0};
    nj_tokenizer *t = NULL;

    (void)state;
    assert_int_equal(parse("heading\na b\nab c\n", 516, &err), NJ_OK);
    assert_int_equal(parse("heading\na b\r\nab\tc", 516, &err), NJ_OK);
    assert_int_equal(parse("heading", 514, &err), NJ_OK);
    assert_int_equal(parse("heading\na b\n", 516, &err), NJ_E_FORMAT);
    assert_string_equal(err.text, "vocabulary has 1 merges, expected 2");
    assert_int_equal(parse("heading\na b\nabc\n", 516, &err), NJ_E_FORMAT);
    assert_string_equal(err.text, "line 3 of the vocabulary has 1 symbols, "
                                  "expected 2");
    assert_int_equal(parse("heading\na b c\n", 515, &err), NJ_E_FORMAT);
    assert_int_equal(parse("heading\n\na b\n", 515, &err), NJ_E_FORMAT);
    assert_int_equal(parse("heading\na b\n", 513, &err), NJ_E_USAGE);
    assert_int_equal(parse("heading\na b\n", (size_t)-1, &err), NJ_E_USAGE);
    assert_int_equal(nj_tokenizer_open("/none/there", SIZE, &t, &err), NJ_E_IO);
    assert_non_null(strstr(err.text, "/none/there"));
    assert_int_equal(nj_tokenizer_open(TINY, SIZE + 1, &t, &err), NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "tiny.txt': vocabulary has 114 merges"));
    assert_null(t);
}

static size_t pack(const char *text, unsigned char *out, size_t room)
{
    z_stream z = {0};

    assert_int_equal(
        deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)strlen(text);
    z.next_out = out;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void reads_gzip(void **state)
{
    static const char text[] = "heading\na b\nab c</w>\n";
    unsigned char packed[200];
    size_t n = pack(text, packed, sizeof(packed));
    nj_vocabulary v;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_vocabulary_parse((char *)packed, n, 516, &v, &err),
                     NJ_OK);
    assert_int_equal(v.start_id, 514);
    nj_vocabulary_release(&v);
    for (size_t cut = 2; cut < 20; cut++)
        assert_int_equal(
            nj_vocabulary_parse((char *)packed, cut, 516, &v, &err),
            NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "cut off"));
    packed[12] ^= 0x55;
    packed[14] ^= 0x55;
    assert_int_equal(nj_vocabulary_parse((char *)packed, n, 516, &v, &err),
                     NJ_E_FORMAT);
}

/* The same text made twice takes the later id, as in Python's dict; the same
 * pair twice takes the later rank. */
static void later_merges_win(void **state)
{
    static const char text[] = "heading\nb c\na b\na bc\nab c\nx y\nb c\n";
    nj_vocabulary v;
    const nj_merge *ab;
    const nj_merge *abc;
    uint32_t a;
    uint32_t b;
    uint32_t c;

    (void)state;
    assert_int_equal(nj_vocabulary_parse(text, strlen(text), 514 + 6, &v, NULL),
                     NJ_OK);
    a = v.byte_symbols['a'];
    b = v.byte_symbols['b'];
    c = v.byte_symbols['c'];
    assert_int_equal(nj_vocabulary_find(&v, b, c)->rank, 5);
    ab = nj_vocabulary_find(&v, a, b);
    abc = nj_vocabulary_find(&v, ab->merged, c);
    assert_int_equal(ab->rank, 1);
    assert_int_equal(v.ids[abc->merged], 512 + 3);
    assert_int_equal(v.ids[nj_vocabulary_find(&v, b, c)->merged], 512 + 5);
    assert_null(nj_vocabulary_find(&v, c, a));
    assert_ptr_equal(nj_vocabulary_find(&v, a, b), ab);
    nj_vocabulary_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans_and_encodes),
        cmocka_unit_test(follows_every_rule),
        cmocka_unit_test(cleans),
        cmocka_unit_test(drops_nul),
        cmocka_unit_test(fills_rows),
        cmocka_unit_test(refuses_texts),
        cmocka_unit_test(refuses_vocabularies),
        cmocka_unit_test(reads_gzip),
        cmocka_unit_test(later_merges_win),
    };

    return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
