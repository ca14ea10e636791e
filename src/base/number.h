/* Numbers as people write them, read strictly: the whole text must be the
 * number, what overflows is refused, and neither hexadecimal forms, blanks,
 * "inf" nor "nan" count. Independent of the process's locale.
 */
#ifndef NJ_BASE_NUMBER_H
#define NJ_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits with an optional sign, and digits alone. */
bool nj_parse_i64(const char *text, int64_t *out);
bool nj_parse_u64(const char *text, uint64_t *out);

/* A finite decimal number: digits, point, exponent. A value too small to be
 * told from 0 is 0. */
bool nj_parse_double(const char *text, double *out);

/* The value without its fraction, at most 2^53 away from 0; 0 for NaN. A cast
 * of what does not fit is undefined. */
int64_t nj_whole_of(double value);

/* strtod of a text whose form was checked by the caller; NaN when memory is
 * short. */
double nj_to_double(const char *text);

#define NJ_NUMBER_TEXT_MAX 32

/* Writes that many significant digits, 1 to 17; true when they read back as
 * the same double. */
bool nj_format_digits(double value, int digits, char out[NJ_NUMBER_TEXT_MAX]);

/* A short decimal form (0.1, 1000) that reads back as the same double. */
void nj_format_double(double value, char out[NJ_NUMBER_TEXT_MAX]);

/* How many different ones there are; sorts them. */
size_t nj_count_different(uint64_t *numbers, size_t n);

#endif
