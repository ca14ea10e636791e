/* Strings: a growing buffer, UTF-8 checks, and text made safe to show.
 *
 * The buffer remembers a failed allocation: append as often as you like, then
 * ask once with nj_str_ok().
 *
 *     nj_str s = {0};
 *     nj_str_add(&s, "seed--");
 *     nj_str_addf(&s, "%" PRIu64, seed);
 *     if (!nj_str_ok(&s)) ...
 *     nj_str_release(&s);
 */
#ifndef NJ_BASE_STR_H
#define NJ_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct nj_str {
    char *text;    /* NUL-terminated once something was added, else NULL */
    size_t length; /* bytes without the NUL */
    size_t capacity;
    bool failed;
} nj_str;

void nj_str_add(nj_str *s, const char *text);
void nj_str_addn(nj_str *s, const char *bytes, size_t n);
void nj_str_addc(nj_str *s, char c);
void nj_str_addf(nj_str *s, const char *format, ...) NJ_PRINTF(2, 3);
bool nj_str_ok(const nj_str *s);

/* Hands the text on (never NULL unless an allocation failed) and empties the
 * buffer; the caller frees it. */
char *nj_str_take(nj_str *s);
void nj_str_release(nj_str *s);

/* Decodes the code point at s (n bytes left, n > 0). Returns the number of
 * bytes it takes, 0 when they are not valid UTF-8 (overlong forms, surrogates
 * and values above U+10FFFF are not valid). */
size_t nj_utf8_decode(const char *s, size_t n, uint32_t *code_point);

/* Writes the UTF-8 form of a code point (at most 4 bytes, no NUL); returns the
 * number of bytes. The code point must be valid. */
size_t nj_utf8_encode(uint32_t code_point, char out[4]);

bool nj_utf8_valid(const char *s, size_t n);

/* Appends n bytes in a form that cannot harm a terminal: control characters,
 * C1 controls, invalid bytes and bidirectional controls become visible
 * escapes (\x1b, \u202e); everything else stays as it is. */
void nj_str_add_visible(nj_str *s, const char *bytes, size_t n);

/* Appends JSON without line breaks: the same characters inside its strings
 * become JSON's own escapes, so that the value stays what it is. */
void nj_str_add_json(nj_str *s, const char *json);

/* The word of names[0..count-1] (each at stride bytes from the previous)
 * nearest to `word` by edit distance, or NULL when none is near enough to be
 * what was meant. */
const char *nj_nearest(const char *word, const char *const *names,
                       size_t count);

#endif
