/* The tokenizer's pattern: see split.h. Alternatives in order, leftmost first:
 * the two special words, the contractions, letters, one number, anything else
 * but white space. It ignores case, which in lower-case text still matters for
 * U+017F (long s) and U+0345, the one sign that is neither a letter nor
 * anything else then. */
#include "text/split.h"

#include <string.h>

#include "base/str.h"
#include "text/chars.h"
#include "text/tables.h"

typedef enum kind { SPACE, LETTER, NUMBER, OTHER, NOTHING } kind;

static kind kind_of(uint32_t c)
{
    if (nj_char_is_space(c))
        return SPACE;
    if (nj_char_in(c, nj_letters, nj_letters_count))
        return LETTER;
    if (nj_char_in(c, nj_numbers, nj_numbers_count))
        return NUMBER;
    return c == 0x345 ? NOTHING : OTHER;
}

/* Bytes of s that spell `word`, or 0. */
static size_t spells(const char *s, size_t n, const char *word)
{
    size_t used = 0;

    for (; *word; word++) {
        if (*word == 's' && n - used >= 2 &&
            memcmp(s + used, "\xc5\xbf", 2) == 0)
            used += 2;
        else if (used < n && s[used] == *word)
            used++;
        else
            return 0;
    }
    return used;
}

static size_t literal(const char *s, size_t n)
{
    static const char *const words[] = {NJ_START_OF_TEXT,
                                        NJ_END_OF_TEXT,
                                        "'s",
                                        "'t",
                                        "'re",
                                        "'ve",
                                        "'m",
                                        "'ll",
                                        "'d"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t used = spells(s, n, words[i]);

        if (used)
            return used;
    }
    return 0;
}

/* Length of the run of one kind at s; *k is its kind. */
static size_t run(const char *s, size_t n, kind *k)
{
    uint32_t c = 0;
    size_t used = nj_utf8_decode(s, n, &c);

    *k = kind_of(c);
    while (*k != NUMBER && used < n) {
        size_t step = nj_utf8_decode(s + used, n - used, &c);

        if (kind_of(c) != *k)
            break;
        used += step;
    }
    return used;
}

const char *nj_split_next(const char *text, size_t length, size_t *at)
{
    while (*at < length) {
        const char *s = text + *at;
        kind k = OTHER;
        size_t used = literal(s, length - *at);

        if (!used)
            used = run(s, length - *at, &k);
        *at += used;
        if (k != SPACE && k != NOTHING)
            return s;
    }
    return NULL;
}
