/* ftfy.fix_text with its defaults: the small repairs, and the order in which
 * all of them run until the text stays as it is. Repairs of surrogates are
 * left out: valid UTF-8 has none, and none of the other steps makes one. */
#include "text/clean.h"

#include "text/chars.h"
#include "text/tables.h"

#define SEGMENT_MAX 1000000 /* code points looked at together */

static void fix_ligatures(nj_points *text)
{
    nj_points out = {0};

    for (size_t i = 0; i < text->n; i++) {
        const nj_ligature *sign = NULL;

        for (size_t j = 0; j < nj_ligatures_count && text->at[i] >= 0x80; j++)
            if (nj_ligatures[j].sign == text->at[i])
                sign = &nj_ligatures[j];
        if (!sign)
            nj_points_add(&out, text->at[i]);
        for (size_t j = 0; sign && j < 3 && sign->parts[j]; j++)
            nj_points_add(&out, sign->parts[j]);
    }
    nj_points_take(text, &out);
}

static void fix_width(nj_points *text)
{
    nj_points out = {0};

    for (size_t i = 0; i < text->n; i++) {
        uint32_t c = text->at[i];

        if (c == 0x3000) {
            nj_points_add(&out, ' ');
        } else if (c >= 0xff01 && c <= 0xffef) {
            const uint16_t *usual = nj_widths[c - 0xff01];

            nj_points_add(&out, usual[0]);
            if (usual[1])
                nj_points_add(&out, usual[1]);
        } else {
            nj_points_add(&out, c);
        }
    }
    nj_points_take(text, &out);
}

static void uncurl_quotes(nj_points *text)
{
    for (size_t i = 0; i < text->n; i++) {
        uint32_t c = text->at[i];

        if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
            text->at[i] = '\'';
        else if (c >= 0x201c && c <= 0x201f)
            text->at[i] = '"';
    }
}

static void fix_line_breaks(nj_points *text)
{
    size_t to = 0;

    for (size_t i = 0; i < text->n; i++) {
        uint32_t c = text->at[i];

        if (c == '\n' && i > 0 && text->at[i - 1] == '\r')
            continue;
        text->at[to++] = c;
    }
    text->n = to;
    for (size_t i = 0; i < to; i++) {
        uint32_t c = text->at[i];

        if (c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x85)
            text->at[i] = '\n';
    }
}

/* Length of the escape sequence "ESC [ digits and ';' letter" at i, or 0. */
static size_t escape_length(const nj_points *text, size_t i)
{
    size_t end = i + 2;

    if (end >= text->n || text->at[i] != 0x1b || text->at[i + 1] != '[')
        return 0;
    while (end < text->n &&
           (text->at[end] == ';' || nj_char_digit(text->at[end]) >= 0))
        end++;
    if (end < text->n && (nj_char_classes(text->at[end]) & NJ_CLASS(LETTER)))
        return end + 1 - i;
    return 0;
}

static void remove_escapes(nj_points *text)
{
    size_t to = 0;

    for (size_t i = 0; i < text->n;) {
        size_t n = escape_length(text, i);

        if (n)
            i += n;
        else
            text->at[to++] = text->at[i++];
    }
    text->n = to;
}

static bool is_control(uint32_t c)
{
    return c <= 0x08 || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
           (c >= 0x206a && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffc);
}

static void remove_controls(nj_points *text)
{
    size_t to = 0;

    for (size_t i = 0; i < text->n; i++) {
        if (!is_control(text->at[i]))
            text->at[to++] = text->at[i];
    }
    text->n = to;
}

/* True for text that every step but the entities leaves alone. */
static bool is_plain(const nj_points *text)
{
    for (size_t i = 0; i < text->n; i++) {
        uint32_t c = text->at[i];

        if (c >= 0x7f || c == '\r' || is_control(c))
            return false;
    }
    return true;
}

static void fix_pass(nj_points *text, bool entities)
{
    if (entities)
        nj_fix_entities(text);
    if (is_plain(text))
        return;
    nj_fix_encoding(text);
    nj_fix_c1(text);
    fix_ligatures(text);
    fix_width(text);
    uncurl_quotes(text);
    fix_line_breaks(text);
    remove_escapes(text);
    remove_controls(text);
    nj_compose(text);
}

static void fix_segment(nj_points *text, bool entities)
{
    bool changed = true;

    while (changed && !text->failed) {
        nj_points before = {0};

        nj_points_addn(&before, text->at, text->n);
        fix_pass(text, entities);
        changed = !nj_points_equal(&before, text);
        if (before.failed)
            text->failed = true;
        nj_points_release(&before);
    }
}

static bool has(const nj_points *text, uint32_t c)
{
    for (size_t i = 0; i < text->n; i++) {
        if (text->at[i] == c)
            return true;
    }
    return false;
}

/* Length of the line at i, with its newline. */
static size_t line_length(const nj_points *text, size_t i)
{
    size_t n = 0;

    while (i + n < text->n && n < SEGMENT_MAX) {
        if (text->at[i + n++] == '\n')
            break;
    }
    return n;
}

/* From the first line with a '<' on, entities stay: it may be HTML. */
void nj_fix_text(nj_points *text)
{
    nj_points out = {0};
    bool entities = true;

    for (size_t i = 0, n; i < text->n; i += n) {
        nj_points line = {0};

        n = line_length(text, i);
        nj_points_addn(&line, text->at + i, n);
        entities = entities && !has(&line, '<');
        fix_segment(&line, entities);
        if (line.failed)
            out.failed = true;
        nj_points_addn(&out, line.at, line.n);
        nj_points_release(&line);
    }
    nj_points_take(text, &out);
}
