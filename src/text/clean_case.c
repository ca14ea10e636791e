/* White space, normalisation form C and lower case, as Python has them. The
 * mappings of single characters are utf8proc's; the two rules that need more
 * than one character (Unicode SpecialCasing: final sigma, I with dot) are
 * here.
 */
#include "text/clean.h"

#include <stdlib.h>

#include <utf8proc.h>

#include "text/chars.h"
#include "text/tables.h"

void nj_collapse_spaces(nj_points *text)
{
    size_t to = 0;

    for (size_t i = 0; i < text->n; i++) {
        if (!nj_char_is_space(text->at[i]))
            text->at[to++] = text->at[i];
        else if (to > 0 && text->at[to - 1] != ' ')
            text->at[to++] = ' ';
    }
    text->n = to > 0 && text->at[to - 1] == ' ' ? to - 1 : to;
}

/* True when no character can change or combine: all below U+0300. */
static bool is_composed(const nj_points *text)
{
    for (size_t i = 0; i < text->n; i++) {
        if (text->at[i] >= 0x300)
            return false;
    }
    return true;
}

void nj_compose(nj_points *text)
{
    nj_str utf8 = {0};
    nj_points out = {0};
    utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t n = -1;

    if (is_composed(text))
        return;
    nj_points_to_str(text, &utf8);
    if (nj_str_ok(&utf8))
        n = utf8proc_map((const utf8proc_uint8_t *)utf8.text,
                         (utf8proc_ssize_t)utf8.length, &composed,
                         UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n >= 0)
        nj_points_add_utf8(&out, (const char *)composed, (size_t)n);
    else
        out.failed = true;
    nj_points_take(text, &out);
    free(composed);
    nj_str_release(&utf8);
}

/* U+03A3 ends a word: a cased character before it, none after it, where
 * case-ignorable characters do not count. */
static bool is_final_sigma(const nj_points *text, size_t i)
{
    size_t before = i;
    size_t after = i + 1;

    while (before > 0 && nj_char_in(text->at[before - 1], nj_case_ignorable,
                                    nj_case_ignorable_count))
        before--;
    if (before == 0 ||
        !nj_char_in(text->at[before - 1], nj_cased, nj_cased_count))
        return false;
    while (after < text->n && nj_char_in(text->at[after], nj_case_ignorable,
                                         nj_case_ignorable_count))
        after++;
    return after == text->n ||
           !nj_char_in(text->at[after], nj_cased, nj_cased_count);
}

void nj_lower(nj_points *text)
{
    nj_points out = {0};

    for (size_t i = 0; i < text->n; i++) {
        uint32_t c = text->at[i];

        if (c == 0x3a3)
            nj_points_add(&out, is_final_sigma(text, i) ? 0x3c2 : 0x3c3);
        else
            nj_points_add(&out,
                          (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
        if (c == 0x130)
            nj_points_add(&out, 0x307);
    }
    nj_points_take(text, &out);
}
