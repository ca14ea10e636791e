/* Words that a model's list does not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "text/words.h"

static const char *const known[] = {"a",
                                    "red",
                                    "boat",
                                    "on",
                                    "the",
                                    "sea",
                                    "under the stars",
                                    "don't",
                                    "caf\xc3\xa9",
                                    "\xe7\x8c\xab"};

static void expect(const char *text, const char *want)
{
    nj_prompt prompt;
    nj_words words;
    nj_str got = {0};

    assert_int_equal(nj_prompt_parse(text, &prompt, NULL), NJ_OK);
    assert_int_equal(nj_words_unknown(&prompt, known,
                                      sizeof(known) / sizeof(*known), &words,
                                      NULL),
                     NJ_OK);
    for (size_t i = 0; i < words.n; i++)
        nj_str_addf(&got, "%s%s", i ? "," : "", words.at[i]);
    if (strcmp(got.text ? got.text : "", want) != 0)
        fail_msg("'%s': '%s', expected '%s'", text, got.text, want);
    nj_str_release(&got);
    nj_words_release(&words);
    assert_null(words.at);
    nj_prompt_release(&prompt);
}

static void finds_unknown_words(void **state)
{
    (void)state;
    expect("a red boat on the sea", "");
    expect("A RED BOAT, on the sea!", "");
    expect("a castle on the sea", "castle");
    expect("castle, dragon; castle:2 | red tower:-.5", "castle,dragon,tower");
    expect("stars under", "");
    expect("the", "");
    expect("th re", "th,re");
    expect("under-water", "water");
    expect("...!?", "");
}

static void knows_forms_of_words(void **state)
{
    (void)state;
    expect("the boat's sea", "");
    expect("the ship's sea", "ship's");
    expect("don't won't", "won't");
    expect("'red' \xe2\x80\x98"
           "boat\xe2\x80\x99",
           "");
    expect("cafe\xcc\x81 CAF\xc3\x89 caf\xc3\x83\xc2\xa9", "");
    expect("\xe7\x8c\xab \xe7\x8a\xac", "\xe7\x8a\xac");
    expect("3 boats 3d", "3,boats,3d");
}

static void skips_images(void **state)
{
    (void)state;
    expect("image:castle.png:2 | red", "");
    expect("image:castle.png | dragon", "dragon");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_unknown_words),
        cmocka_unit_test(knows_forms_of_words),
        cmocka_unit_test(skips_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
