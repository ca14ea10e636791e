/* Strings: see str.h. UTF-8 is decoded here and nowhere else, so that what
 * counts as valid, and as safe to show, is decided once. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void nj_str_addn(nj_str *s, const char *bytes, size_t n)
{
    size_t need;

    if (s->failed)
        return;
    if (!nj_add_size(s->length, n, &need) || !nj_add_size(need, 1, &need) ||
        !nj_grow(&s->text, &s->capacity, need, 1)) {
        s->failed = true;
        return;
    }
    if (n)
        memcpy(s->text + s->length, bytes, n);
    s->length += n;
    s->text[s->length] = '\0';
}

void nj_str_add(nj_str *s, const char *text)
{
    nj_str_addn(s, text, strlen(text));
}

void nj_str_addc(nj_str *s, char c)
{
    nj_str_addn(s, &c, 1);
}

void nj_str_addf(nj_str *s, const char *format, ...)
{
    va_list args;
    va_list again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || s->failed ||
        !nj_grow(&s->text, &s->capacity, s->length + (size_t)n + 1, 1)) {
        s->failed = true;
    } else {
        vsnprintf(s->text + s->length, (size_t)n + 1, format, again);
        s->length += (size_t)n;
    }
    va_end(again);
}

bool nj_str_ok(const nj_str *s)
{
    return !s->failed;
}

char *nj_str_take(nj_str *s)
{
    char *text;

    if (!s->text)
        nj_str_addn(s, "", 0);
    text = s->failed ? NULL : s->text;
    if (s->failed)
        free(s->text);
    *s = (nj_str){0};
    return text;
}

void nj_str_release(nj_str *s)
{
    free(s->text);
    *s = (nj_str){0};
}

size_t nj_utf8_decode(const char *s, size_t n, uint32_t *code_point)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *b = (const unsigned char *)s;
    size_t length = b[0] < 0x80 ? 1 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    uint32_t c = length == 1 ? b[0] : b[0] & (0xffU >> (length + 1));

    if ((b[0] >= 0x80 && b[0] < 0xc2) || b[0] > 0xf4 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (b[i] & 0x3fU);
    }
    if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code_point = c;
    return length;
}

size_t nj_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

bool nj_utf8_valid(const char *s, size_t n)
{
    uint32_t c;

    for (size_t i = 0, step; i < n; i += step) {
        step = nj_utf8_decode(s + i, n - i, &c);
        if (!step)
            return false;
    }
    return true;
}

static bool harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void add_harmless(nj_str *s, const char *bytes, size_t n, bool json)
{
    uint32_t c;

    for (size_t i = 0, step; i < n; i += step) {
        step = nj_utf8_decode(bytes + i, n - i, &c);
        if (!step)
            c = (unsigned char)bytes[i];
        if (step && !harmful(c))
            nj_str_addn(s, bytes + i, step);
        else
            nj_str_addf(s, c < 0x100 && !json ? "\\x%02x" : "\\u%04x", c);
        step = step ? step : 1;
    }
}

void nj_str_add_visible(nj_str *s, const char *bytes, size_t n)
{
    add_harmless(s, bytes, n, false);
}

void nj_str_add_json(nj_str *s, const char *json)
{
    add_harmless(s, json, strlen(json), true);
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein distance; words longer than the row count as far away. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[65];
    size_t width = strlen(b);

    if (width >= sizeof(row) / sizeof(row[0]))
        return (size_t)-1;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1,
                          diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

const char *nj_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 1 + strlen(word) / 3;

    for (size_t i = 0; i < count; i++) {
        size_t d = edit_distance(word, names[i]);

        if (d <= best_distance && (!best || d < best_distance)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
