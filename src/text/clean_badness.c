/* Does a text look as if UTF-8 had been read as another codec? The rules are
 * those of ftfy 6.3.1's heuristic (see clean.h): short rows of classes of
 * characters that hardly ever stand beside each other otherwise. A rule's
 * element fits a character that is in one of its classes, or is its `one`.
 */
#include "text/clean.h"

#include <utf8proc.h>

#include "text/chars.h"
#include "text/tables.h"

#define ROW_MAX 7

typedef struct element {
    uint64_t classes;
    uint32_t one;
} element;

typedef struct rule {
    element row[ROW_MAX]; /* ended by an empty element where there is room */
} rule;

#define C(name) NJ_CLASS(name)
#define ACCENT  (C(LOWER_ACCENT) | C(UPPER_ACCENT))
#define SIGN                                                                   \
    (C(BOX) | C(START) | C(END) | C(CURRENCY) | C(NUMERIC) | C(LAW) | ACCENT)

static const rule rules[] = {
    {{{C(C1), 0}}},
    {{{C(BAD) | SIGN, 0}, {C(BAD), 0}}},
    {{{C(BAD), 0}, {SIGN, 0}}},
    {{{C(LETTER), 0}, {C(LOWER_COMMON) | C(UPPER_COMMON), 0}, {C(BAD), 0}}},
    {{{C(LOWER_ACCENT) | C(LOWER_COMMON) | C(BOX) | C(END) | C(CURRENCY) |
           C(NUMERIC),
       0},
      {C(UPPER_ACCENT), 0}}},
    {{{C(BOX) | C(END) | C(CURRENCY) | C(NUMERIC), 0}, {C(LOWER_ACCENT), 0}}},
    {{{C(LOWER_ACCENT) | C(BOX) | C(END), 0}, {C(CURRENCY), 0}}},
    {{{C(WHITE), 0}, {C(UPPER_ACCENT), 0}, {C(CURRENCY), 0}}},
    {{{C(UPPER_ACCENT) | C(BOX), 0}, {C(NUMERIC) | C(LAW), 0}}},
    {{{ACCENT | C(BOX) | C(CURRENCY) | C(END), 0},
      {C(START), 0},
      {C(NUMERIC), 0}}},
    {{{ACCENT | C(CURRENCY) | C(NUMERIC) | C(BOX) | C(LAW), 0},
      {C(END), 0},
      {C(START), 0}}},
    {{{C(CURRENCY) | C(NUMERIC) | C(BOX), 0}, {C(START), 0}}},
    {{{C(LOWER), 0}, {C(UPPER_ACCENT), 0}, {C(START) | C(CURRENCY), 0}}},
    {{{C(BOX), 0}, {C(KAOMOJI), 0}}},
    {{{ACCENT | C(CURRENCY) | C(NUMERIC) | C(START) | C(END) | C(LAW), 0},
      {C(BOX), 0}}},
    {{{C(BOX), 0}, {C(END), 0}}},
    {{{ACCENT, 0}, {C(START) | C(END), 0}, {C(WORD), 0}}},
    {{{C(OE), 0}, {C(NOT_LETTER), 0}}},
    {{{C(UPPER_ACCENT), 0}, {0, 0xb0}}},
    /* Windows-1252 of characters U+0080 to U+00FF and beyond */
    {{{C(LEAD), 0}, {C(AFTER_LEAD) | C(START) | C(END), 0}}},
    {{{0, 0xd7}, {C(POWER), 0}}},
    /* of Arabic: two characters in a row */
    {{{C(ARABIC_LEAD), 0},
      {C(COMMON) | C(CURRENCY) | C(BAD) | C(NUMERIC) | C(START) |
           C(AFTER_ARABIC),
       0},
      {C(ARABIC_LEAD), 0},
      {C(COMMON) | C(CURRENCY) | C(BAD) | C(NUMERIC) | C(START) |
           C(AFTER_ARABIC),
       0}}},
    /* of South Asian scripts */
    {{{0, 0xe0}, {C(AFTER_A_GRAVE), 0}}},
    /* Mac Roman */
    {{{0, 0x221a}, {C(AFTER_ROOT), 0}}},
    {{{0, 0x2248}, {C(AFTER_ALMOST), 0}}},
    {{{0, 0x201a}, {0, 0xc4}, {C(AFTER_LOW_A), 0}}},
    {{{0, 0x201a}, {C(MAC_SECOND), 0}, {C(MAC_THIRD), 0}}},
    /* Windows-1251 of U+2000 on, of Cyrillic, and of Latin-1 read twice */
    {{{0, 0x432}, {0, 0x402}}},
    {{{C(CYRILLIC_LEAD), 0},
      {C(C1) | C(BAD) | C(START) | C(END) | C(CURRENCY) | C(DEGREE_MICRO), 0},
      {C(CYRILLIC_LEAD), 0}}},
    {{{0, 0x413},
      {0, 0x45e},
      {0, 0x412},
      {0, 0x402},
      {0, 0x412},
      {C(NOT_NEWLINE), 0},
      {C(LETTER) | C(BLANK), 0}}},
    /* a with grave or acute, and U+00A0 that became a blank */
    {{{0, 0xc3}, {C(AFTER_A_TILDE), 0}}},
    {{{C(LOWER), 0}, {C(A_CAPITAL), 0}, {C(BLANK), 0}}},
    {{{C(LOWER), 0}, {C(WHITE), 0}, {C(A_CAPITAL), 0}, {C(BLANK), 0}}},
    {{{C(LOWER) | C(STOP) | C(END), 0},
      {0, 0xc2},
      {C(BLANK) | C(START) | C(END), 0}}},
    /* Windows-1253 of U+2000 on and of Greek */
    {{{0, 0x3b2}, {0, 0x20ac}, {C(AFTER_BETA_EURO), 0}}},
    {{{C(GREEK_LEAD), 0},
      {C(C1) | C(BAD) | C(START) | C(END) | C(CURRENCY), 0xb0},
      {C(GREEK_LEAD), 0}}},
    /* Windows-1257 of U+2000 on */
    {{{0, 0x101}, {0, 0x20ac}}},
};

/* Fits only at the start of a text. */
static const rule first_rule = {{{C(A_CAPITAL), 0}, {C(BLANK), 0}}};

static uint64_t listed_classes(uint32_t c)
{
    size_t low = 0;
    size_t high = nj_classes_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c > nj_classes[middle].last)
            low = middle + 1;
        else if (c < nj_classes[middle].first)
            high = middle;
        else
            return nj_classes[middle].classes;
    }
    return 0;
}

/* \w: letters, numbers and '_'. */
static bool is_word(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    return c == '_' ||
           (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

uint64_t nj_char_classes(uint32_t c)
{
    uint64_t classes = listed_classes(c);

    if (!(classes & C(LETTER)))
        classes |= C(NOT_LETTER);
    if (nj_char_is_space(c))
        classes |= C(WHITE);
    if (is_word(c))
        classes |= C(WORD);
    if (c != '\n')
        classes |= C(NOT_NEWLINE);
    return classes;
}

static bool fits_char(const element *e, uint32_t c, uint64_t classes)
{
    return (e->classes & classes) || (e->one && e->one == c);
}

/* `classes` are those of the n characters of `text` (n <= ROW_MAX). */
static bool fits(const rule *r, const uint32_t *text, const uint64_t *classes,
                 size_t n)
{
    for (size_t i = 0; i < ROW_MAX; i++) {
        const element *e = &r->row[i];

        if (!e->classes && !e->one)
            return true;
        if (i >= n || !fits_char(e, text[i], classes[i]))
            return false;
    }
    return true;
}

static bool any_fits(const uint32_t *text, const uint64_t *classes, size_t n)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
        if (fits(&rules[i], text, classes, n))
            return true;
    }
    return false;
}

bool nj_is_bad(const uint32_t *text, size_t n)
{
    uint64_t window[ROW_MAX] = {0};

    for (size_t i = 0; i < n && i < ROW_MAX; i++)
        window[i] = nj_char_classes(text[i]);
    if (fits(&first_rule, text, window, n < ROW_MAX ? n : ROW_MAX))
        return true;
    for (size_t i = 0; i < n; i++) {
        size_t left = n - i < ROW_MAX ? n - i : ROW_MAX;

        if (any_fits(text + i, window, left))
            return true;
        for (size_t j = 1; j < ROW_MAX; j++)
            window[j - 1] = window[j];
        window[ROW_MAX - 1] =
            i + ROW_MAX < n ? nj_char_classes(text[i + ROW_MAX]) : 0;
    }
    return false;
}
