/* Classes of single characters: see chars.h. */
#include "text/chars.h"

#include <utf8proc.h>

#include "base/str.h"
#include "text/tables.h"

bool nj_char_is_space(uint32_t c)
{
    if (c < 0x80)
        return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
    return c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_decimal(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_ND;
}

/* Unicode keeps decimal digits in rows of ten from zero on, and rows that
 * touch start anew (stability policy on Numeric_Type=Decimal). */
int nj_char_digit(uint32_t c)
{
    uint32_t first = c;

    if (!is_decimal(c))
        return -1;
    while (first > 0 && is_decimal(first - 1))
        first--;
    return (int)((c - first) % 10);
}

bool nj_char_in(uint32_t c, const nj_range *table, size_t count)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;

        if (c > table[middle].last)
            low = middle + 1;
        else if (c < table[middle].first)
            count = middle;
        else
            return true;
    }
    return false;
}

static size_t first_char(const char *s, size_t n, uint32_t *c)
{
    return n ? nj_utf8_decode(s, n, c) : 0;
}

static size_t last_char(const char *s, size_t n, uint32_t *c)
{
    size_t step = 1;

    while (step < n && ((unsigned char)s[n - step] & 0xc0) == 0x80)
        step++;
    return n ? nj_utf8_decode(s + n - step, step, c) : 0;
}

void nj_chars_trim(const char **s, size_t *n)
{
    uint32_t c;
    size_t step;

    while ((step = first_char(*s, *n, &c)) > 0 && nj_char_is_space(c)) {
        *s += step;
        *n -= step;
    }
    while ((step = last_char(*s, *n, &c)) > 0 && nj_char_is_space(c))
        *n -= step;
}
