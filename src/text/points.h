/* A text as an array of code points, which is what Python's string functions
 * and regular expressions work on. Like nj_str it remembers a failed
 * allocation; a text that failed stays as it was.
 */
#ifndef NJ_TEXT_POINTS_H
#define NJ_TEXT_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct nj_points {
    uint32_t *at;
    size_t n;
    size_t capacity;
    bool failed;
} nj_points;

void nj_points_add(nj_points *p, uint32_t c);
void nj_points_addn(nj_points *p, const uint32_t *from, size_t n);

/* Appends UTF-8; a byte that is not valid becomes U+FFFD. */
void nj_points_add_utf8(nj_points *p, const char *text, size_t n);

/* Appends the text to s as UTF-8. */
void nj_points_to_str(const nj_points *p, nj_str *s);

/* Frees what `p` holds, moves `from` there and leaves `from` empty. When
 * `from` failed, `p` keeps its text and is marked failed. */
void nj_points_take(nj_points *p, nj_points *from);

bool nj_points_equal(const nj_points *a, const nj_points *b);
void nj_points_release(nj_points *p);

#endif
