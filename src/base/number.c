/* Numbers: see number.h. strtod is only reached with text whose form was
 * checked, and always under the "C" locale. */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool nj_parse_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;

    if (!text[0])
        return false;
    for (; *text; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (*text < '0' || *text > '9' ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

int64_t nj_whole_of(double value)
{
    const double most = 9007199254740992.0;

    if (isnan(value))
        return 0;
    return (int64_t)fmax(-most, fmin(value, most));
}

bool nj_parse_i64(const char *text, int64_t *out)
{
    bool minus = text[0] == '-';
    uint64_t size;

    if (!nj_parse_u64(text + (minus || text[0] == '+'), &size) ||
        size > (uint64_t)INT64_MAX + minus)
        return false;
    *out = minus ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

static const char *skip_digits(const char *p)
{
    return p + strspn(p, "0123456789");
}

/* [sign] digits [. digits] [e [sign] digits], with a digit before or after
 * the point. */
static bool has_decimal_form(const char *p)
{
    const char *start;
    size_t digits;

    p += *p == '-' || *p == '+';
    start = p;
    p = skip_digits(p);
    digits = (size_t)(p - start);
    if (*p == '.') {
        start = ++p;
        p = skip_digits(p);
        digits += (size_t)(p - start);
    }
    if (!digits)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        start = p;
        p = skip_digits(p);
        if (p == start)
            return false;
    }
    return *p == '\0';
}

double nj_to_double(const char *text)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old;
    double value;

    if (!plain)
        return (double)NAN;
    old = uselocale(plain);
    value = strtod(text, NULL);
    uselocale(old);
    freelocale(plain);
    return value;
}

bool nj_parse_double(const char *text, double *out)
{
    double value;

    if (!has_decimal_form(text))
        return false;
    value = nj_to_double(text);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool nj_format_digits(double value, int digits, char out[NJ_NUMBER_TEXT_MAX])
{
    double back;

    snprintf(out, NJ_NUMBER_TEXT_MAX, "%.*g", digits, value);
    for (char *p = out; *p; p++)
        *p = *p == ',' ? '.' : *p;
    return nj_parse_double(out, &back) && memcmp(&back, &value, 8) == 0;
}

void nj_format_double(double value, char out[NJ_NUMBER_TEXT_MAX])
{
    for (int digits = 15; digits <= 17; digits++) {
        if (nj_format_digits(value, digits, out))
            return;
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

size_t nj_count_different(uint64_t *numbers, size_t n)
{
    size_t different = 0;

    if (n)
        qsort(numbers, n, sizeof(*numbers), by_value);
    for (size_t i = 0; i < n; i++)
        different += i == 0 || numbers[i] != numbers[i - 1];
    return different;
}
