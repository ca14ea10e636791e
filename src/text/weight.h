/* Numbers as Python's float() reads them; a prompt's weights have that form
 * in the public code. Not strtod: blanks of any script, '_' between digits and
 * digits of any script are allowed, hexadecimal is not. */
#ifndef NJ_TEXT_WEIGHT_H
#define NJ_TEXT_WEIGHT_H

#include <stdbool.h>
#include <stddef.h>

/* Reads n bytes of UTF-8. False when they are no number; *value is then left
 * as it was. "inf", "nan" and numbers too large (infinity) are numbers. */
bool nj_weight_parse(const char *text, size_t n, double *value);

#endif
