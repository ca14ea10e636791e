/* Numbers as Python's float() reads them: see weight.h. The grammar is checked
 * here, and only what fits it is converted. */
#include "text/weight.h"

#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/str.h"
#include "text/chars.h"

/* Writes the text with ASCII digits and blanks; false when a character can be
 * no part of a number. U+001C to U+001F count as blanks elsewhere in Python,
 * but not for float(). */
static bool to_ascii(const char *text, size_t n, nj_str *out)
{
    uint32_t c;

    for (size_t i = 0, step; i < n; i += step) {
        step = nj_utf8_decode(text + i, n - i, &c);
        if (!step || (c >= 0x1c && c <= 0x1f) || c == 0)
            return false;
        if (nj_char_is_space(c))
            nj_str_addc(out, ' ');
        else if (c < 0x80)
            nj_str_addc(out, (char)c);
        else if (nj_char_digit(c) >= 0)
            nj_str_addc(out, (char)('0' + nj_char_digit(c)));
        else
            return false;
    }
    return nj_str_ok(out) && out->text;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes the '_' between digits out of s; false when one stands elsewhere. */
static bool drop_underscores(char *s)
{
    char *to = s;
    char before = '\0';

    for (char *from = s; *from; before = *from++) {
        if (*from != '_')
            *to++ = *from;
        else if (!is_digit(before) || !is_digit(from[1]))
            return false;
    }
    *to = '\0';
    return true;
}

static const char *skip_digits(const char *s, size_t *count)
{
    const char *start = s;

    while (is_digit(*s))
        s++;
    *count += (size_t)(s - start);
    return s;
}

/* Digits with at most one point, then an exponent if any. */
static bool is_decimal_number(const char *s)
{
    size_t digits = 0;
    size_t exponent = 0;

    s = skip_digits(s, &digits);
    if (*s == '.')
        s = skip_digits(s + 1, &digits);
    if (digits && (*s == 'e' || *s == 'E')) {
        s++;
        s += *s == '+' || *s == '-';
        s = skip_digits(s, &exponent);
        if (!exponent)
            return false;
    }
    return digits && !*s;
}

static bool is_number(const char *s)
{
    s += *s == '+' || *s == '-';
    return is_decimal_number(s) || strcasecmp(s, "inf") == 0 ||
           strcasecmp(s, "infinity") == 0 || strcasecmp(s, "nan") == 0;
}

/* Cuts the blanks at the end off and returns where those before end. */
static char *trim(nj_str *s)
{
    while (s->length > 0 && s->text[s->length - 1] == ' ')
        s->text[--s->length] = '\0';
    return s->text + strspn(s->text, " ");
}

bool nj_weight_parse(const char *text, size_t n, double *value)
{
    nj_str s = {0};
    bool good = false;

    if (to_ascii(text, n, &s)) {
        char *number = trim(&s);

        good = drop_underscores(number) && is_number(number);
        if (good)
            *value = nj_to_double(number);
    }
    nj_str_release(&s);
    return good;
}
