/* Undoing mojibake: text whose UTF-8 was read as a single-byte codec. The
 * order of trials is that of ftfy 6.3.1's fix_encoding (see clean.h): the
 * whole text back through each codec; else the parts that look like UTF-8,
 * each by itself; else C1 controls as Windows-1252.
 */
#include "text/clean.h"

#include <stdlib.h>

#include "text/tables.h"

void nj_fix_c1(nj_points *text)
{
    for (size_t i = 0; i < text->n; i++) {
        uint32_t c = text->at[i];

        if (c >= 0x80 && c <= 0x9f)
            text->at[i] = nj_codecs[NJ_CODEC_WINDOWS_1252][c - 0x80];
    }
}

static bool is_ascii(const nj_points *text)
{
    for (size_t i = 0; i < text->n; i++) {
        if (text->at[i] >= 0x80)
            return false;
    }
    return true;
}

/* An en dash and a blank in Mac Roman look like a lead byte and a lost A0,
 * therefore nothing is restored there. */
static bool decode_as(const nj_points *text, int codec, nj_points *out)
{
    nj_str bytes = {0};
    bool good = nj_codec_encode(text, codec, &bytes);

    if (good && codec != NJ_CODEC_MAC_ROMAN)
        nj_restore_a0(&bytes);
    if (good && codec >= NJ_CODEC_WINDOWS_1252 &&
        codec <= NJ_CODEC_WINDOWS_1257)
        nj_replace_lossy(&bytes);
    if (!nj_str_ok(&bytes))
        out->failed = true;
    else if (good)
        good = nj_decode_utf8_variants(&bytes, out);
    nj_str_release(&bytes);
    return good;
}

static bool decode_whole(const nj_points *text, nj_points *out)
{
    for (int codec = 0; codec < NJ_CODEC_COUNT; codec++) {
        nj_points_release(out);
        if (decode_as(text, codec, out))
            return true;
        if (out->failed)
            return false;
    }
    nj_points_release(out);
    return false;
}

/* Length of one sequence that looks like the UTF-8 of a character, or 0. */
static size_t sequence_length(const nj_points *text, size_t i)
{
    uint64_t first = nj_char_classes(text->at[i]);
    size_t length = first & NJ_CLASS(FIRST_OF_2)   ? 2
                    : first & NJ_CLASS(FIRST_OF_3) ? 3
                    : first & NJ_CLASS(FIRST_OF_4) ? 4
                                                   : 0;

    if (length > text->n - i)
        return 0;
    for (size_t j = 1; j < length; j++) {
        if (!(nj_char_classes(text->at[i + j]) & NJ_CLASS(CONTINUATION)))
            return 0;
    }
    return length;
}

/* Length of the row of such sequences at i, or 0. A row does not start in the
 * middle of a longer garble. */
static size_t row_length(const nj_points *text, size_t i)
{
    size_t length = 0;
    size_t step;

    if (i > 0 &&
        (nj_char_classes(text->at[i - 1]) & NJ_CLASS(CONTINUATION_STRICT)))
        return 0;
    while (i + length < text->n &&
           (step = sequence_length(text, i + length)) > 0)
        length += step;
    return length;
}

/* Appends text[i .. i+n) with its mojibake undone. A row that is the whole
 * text is left alone: it was tried as a whole, and recursion must end. */
static void add_row(nj_points *out, const nj_points *text, size_t i, size_t n)
{
    nj_points row = {0};

    nj_points_addn(&row, text->at + i, n);
    if (n < text->n && nj_is_bad(text->at + i, n))
        nj_fix_encoding(&row);
    if (row.failed)
        out->failed = true;
    nj_points_addn(out, row.at, row.n);
    nj_points_release(&row);
}

static void decode_rows(const nj_points *text, nj_points *out)
{
    for (size_t i = 0; i < text->n;) {
        size_t n = row_length(text, i);

        if (n)
            add_row(out, text, i, n);
        else
            nj_points_add(out, text->at[i]);
        i += n ? n : 1;
    }
}

/* One repair. False when there is none to be made. */
static bool fix_once(nj_points *text)
{
    nj_points out = {0};
    bool changed;

    if (is_ascii(text) || !nj_is_bad(text->at, text->n))
        return false;
    if (!decode_whole(text, &out) && !out.failed) {
        decode_rows(text, &out);
        if (!out.failed && nj_points_equal(text, &out))
            nj_fix_c1(&out);
    }
    changed = !out.failed && !nj_points_equal(text, &out);
    nj_points_take(text, &out);
    return changed;
}

void nj_fix_encoding(nj_points *text)
{
    while (fix_once(text))
        ;
}
