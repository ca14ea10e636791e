/* The byte side of undoing mojibake: text back to the bytes of a codec,
 * bytes mended where a program in between lost some, and read as UTF-8. The
 * patterns are ftfy's (see clean.h); each is a function that says how many
 * bytes it takes at a place, tried from left to right.
 */
#include "text/clean.h"

#include <string.h>

#include "text/tables.h"

#define LOST     0x1a /* stands for a byte that became U+FFFD */
#define NO_BREAK 0xa0

/* Moves `from` to s; when memory was short s is marked failed instead. */
static void take(nj_str *s, nj_str *from)
{
    bool failed = s->failed || from->failed;

    if (s->length == 0 || from->failed) {
        nj_str_release(from);
    } else {
        nj_str_release(s);
        *s = *from;
    }
    s->failed = failed;
}

static bool is_windows(int codec)
{
    return codec >= NJ_CODEC_WINDOWS_1252 && codec <= NJ_CODEC_WINDOWS_1257;
}

/* The byte of a character, -1 when the codec has not got it. */
static int byte_of(uint32_t c, int codec)
{
    if (is_windows(codec) && (c == LOST || c == 0xfffd))
        return c == LOST ? -1 : LOST;
    if (c < 0x80)
        return (int)c;
    for (int i = 0; i < 128; i++) {
        if (nj_codecs[codec][i] == c)
            return 128 + i;
    }
    return -1;
}

bool nj_codec_encode(const nj_points *text, int codec, nj_str *bytes)
{
    for (size_t i = 0; i < text->n; i++) {
        int byte = byte_of(text->at[i], codec);

        if (byte < 0)
            return false;
        nj_str_addc(bytes, (char)byte);
    }
    return nj_str_ok(bytes);
}

static bool in(unsigned char b, unsigned char first, unsigned char last)
{
    return b >= first && b <= last;
}

static bool starts(const char *s, size_t n, const char *prefix)
{
    size_t length = strlen(prefix);

    return n >= length && memcmp(s, prefix, length) == 0;
}

/* "\xc3 " stands for "à " (a word of its own) unless the blank is the A0 of a
 * Portuguese contraction or a second blank follows. */
static bool is_a_grave_word(const char *s, size_t n)
{
    return starts(s, n, "\xc3 ") && !starts(s + 2, n - 2, " ") &&
           !starts(s + 2, n - 2, "quele") && !starts(s + 2, n - 2, "quela") &&
           !starts(s + 2, n - 2, "quilo") && !starts(s + 2, n - 2, "s ");
}

static void restore_a_grave(nj_str *bytes)
{
    nj_str out = {0};

    for (size_t i = 0; i < bytes->length; i++) {
        nj_str_addc(&out, bytes->text[i]);
        if (is_a_grave_word(bytes->text + i, bytes->length - i))
            nj_str_addc(&out, (char)NO_BREAK);
    }
    take(bytes, &out);
}

/* A continuation byte that is neither A0 itself nor the ellipsis's 85. */
static bool is_other(unsigned char b)
{
    return in(b, 0x80, 0xbf) && b != 0x85 && b != NO_BREAK;
}

/* Length of a sequence of four with exactly one blank, or 0. */
static size_t altered_four(const unsigned char *b, size_t n)
{
    int blanks = 0;

    if (n < 4)
        return 0;
    for (size_t i = 1; i < 4; i++) {
        if (b[i] == ' ')
            blanks++;
        else if (!in(b[i], 0x80, 0xbf))
            return 0;
    }
    return blanks == 1 ? 4 : 0;
}

/* Length of the UTF-8 sequence at b in which one A0 became a blank, or 0.
 * Lead bytes are those after which the result is a likely character. */
static size_t altered_length(const unsigned char *b, size_t n)
{
    if (n >= 2 && b[0] && strchr("\xc2\xc3\xc5\xce\xd0\xd9", b[0]))
        return b[1] == ' ' ? 2 : 0;
    if (b[0] == 0xf0)
        return altered_four(b, n);
    if (n < 3 || !in(b[0], 0xe0, 0xe3))
        return 0;
    if (b[0] >= 0xe2 && b[1] == ' ' && is_other(b[2]))
        return 3;
    return is_other(b[1]) && b[2] == ' ' ? 3 : 0;
}

void nj_restore_a0(nj_str *bytes)
{
    restore_a_grave(bytes);
    for (size_t i = 0, step; i < bytes->length; i += step) {
        char *s = bytes->text + i;

        step = altered_length((unsigned char *)s, bytes->length - i);
        for (size_t j = 1; j < step; j++)
            s[j] = s[j] == ' ' ? (char)NO_BREAK : s[j];
        if (!step)
            step = 1;
    }
}

static bool is_lost(unsigned char b)
{
    return b == LOST || b == '?';
}

static bool is_lost_or_further(unsigned char b)
{
    return is_lost(b) || in(b, 0x80, 0xbf);
}

/* A surrogate pair in CESU-8 whose last byte of either half is lost. */
static bool is_lossy_pair(const unsigned char *b, size_t n)
{
    return n >= 6 && b[0] == 0xed && in(b[1], 0xa0, 0xaf) && b[3] == 0xed &&
           in(b[4], 0xb0, 0xbf) && is_lost_or_further(b[2]) &&
           is_lost_or_further(b[5]) && (is_lost(b[2]) || is_lost(b[5]));
}

/* Length of a sequence of `length` bytes that lost some, with at most one of
 * them shown as '?', or 0. */
static size_t lossy_sequence(const unsigned char *b, size_t n, size_t length)
{
    int lost = 0;
    int marks = 0;

    if (n < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if (!is_lost_or_further(b[i]))
            return 0;
        lost += is_lost(b[i]);
        marks += b[i] == '?';
    }
    return lost > 0 && marks <= 1 ? length : 0;
}

/* Length of what becomes one U+FFFD at b, or 0. */
static size_t lossy_length(const unsigned char *b, size_t n)
{
    if (b[0] == LOST)
        return 1;
    if (in(b[0], 0xc2, 0xdf) && n >= 2)
        return b[1] == LOST || (b[0] <= 0xc3 && b[1] == '?') ? 2 : 0;
    if (is_lossy_pair(b, n))
        return 6;
    if (in(b[0], 0xe0, 0xef))
        return lossy_sequence(b, n, 3);
    return in(b[0], 0xf0, 0xf4) ? lossy_sequence(b, n, 4) : 0;
}

void nj_replace_lossy(nj_str *bytes)
{
    nj_str out = {0};

    for (size_t i = 0, step; i < bytes->length; i += step) {
        step =
            lossy_length((unsigned char *)bytes->text + i, bytes->length - i);
        if (step) {
            nj_str_add(&out, "\xef\xbf\xbd");
        } else {
            nj_str_addc(&out, bytes->text[i]);
            step = 1;
        }
    }
    take(bytes, &out);
}

/* The public decoder looks for its variants with '$', which also matches
 * before a newline at the end; so a newline there can stand for the last byte
 * of either variant, and is eaten. */
static bool ends_with_newline(const unsigned char *b, size_t n)
{
    return n == 1 && b[0] == '\n';
}

static size_t read_null(const unsigned char *b, size_t n, uint32_t *c)
{
    *c = 0;
    if (n >= 2 && b[0] == 0xc0 &&
        (b[1] == 0x80 || ends_with_newline(b + 1, n - 1)))
        return 2;
    return 0;
}

static size_t read_pair(const unsigned char *b, size_t n, uint32_t *c)
{
    if (n < 6 || b[0] != 0xed || !in(b[1], 0xa0, 0xaf) ||
        !in(b[2], 0x80, 0xbf) || b[3] != 0xed || !in(b[4], 0xb0, 0xbf) ||
        !(in(b[5], 0x80, 0xbf) || ends_with_newline(b + 5, n - 5)))
        return 0;
    *c = 0x10000 + ((b[1] & 0x0fU) << 16) + ((b[2] & 0x3fU) << 10) +
         ((b[4] & 0x0fU) << 6) + (b[5] & 0x3fU);
    return 6;
}

bool nj_decode_utf8_variants(const nj_str *bytes, nj_points *out)
{
    uint32_t c;

    for (size_t i = 0, step; i < bytes->length; i += step) {
        const unsigned char *b = (const unsigned char *)bytes->text + i;
        size_t left = bytes->length - i;

        step = read_null(b, left, &c);
        if (!step)
            step = read_pair(b, left, &c);
        if (!step)
            step = nj_utf8_decode(bytes->text + i, left, &c);
        if (!step)
            return false;
        nj_points_add(out, c);
    }
    return !out->failed;
}
