/* Classes of single characters that prompts and the tokenizer share. They are
 * Python's (str.isspace, Unicode's decimal digits), so that texts split where
 * the public code splits them.
 */
#ifndef NJ_TEXT_CHARS_H
#define NJ_TEXT_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* White space as str.isspace() has it: Unicode's White_Space and U+001C to
 * U+001F. */
bool nj_char_is_space(uint32_t c);

/* Value 0..9 of a decimal digit of any script (category Nd), -1 for others. */
int nj_char_digit(uint32_t c);

/* Moves *s and shortens *n so that no white space is at either end. The bytes
 * must be valid UTF-8. */
void nj_chars_trim(const char **s, size_t *n);

#endif
