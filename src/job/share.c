/* Shares: see share.h. */
#include "job/share.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

static bool parse(const char *text, bool *percent, double *value)
{
    char number[NJ_NUMBER_TEXT_MAX];
    size_t n = strlen(text);
    uint64_t whole;

    *percent = n > 0 && text[n - 1] == '%';
    if (!*percent) {
        if (!nj_parse_u64(text, &whole) || whole == 0)
            return false;
        *value = (double)whole;
        return true;
    }
    if (n > sizeof(number))
        return false;
    memcpy(number, text, n - 1);
    number[n - 1] = '\0';
    return nj_parse_double(number, value) && *value > 0 && *value <= 100;
}

bool nj_share_is(const char *text)
{
    bool percent;
    double value;

    return parse(text, &percent, &value);
}

size_t nj_share_of(const char *text, size_t all)
{
    bool percent;
    double value;

    if (!parse(text, &percent, &value))
        return 0;
    /* 5 % of 40 is 2, although .05 * 40 is a little more. */
    if (percent)
        value = ceil(value * (double)all / 100 - 1e-9);
    return value < (double)all ? (size_t)value : all;
}
