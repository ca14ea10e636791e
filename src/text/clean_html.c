/* HTML's character references, twice: as browsers read them (Python's
 * html.unescape; WHATWG HTML 13.2.5.72 to 80), and as ftfy reads them, which
 * wants the ';' and knows names in capitals. Both share the numbers. */
#include "text/clean.h"

#include <stdlib.h>
#include <string.h>

#include "text/tables.h"

#define NAME_MAX_CHARS 32 /* what html.unescape looks at */
#define SHORT_MAX      24 /* what ftfy looks at */

/* A reference at text->at[i], which is '&'. */
typedef struct reference {
    const nj_points *text;
    size_t i;
    size_t length; /* found by the reader, with '&' and ';' */
} reference;

static int compare_name(const void *key, const void *entity)
{
    return strcmp(key, ((const nj_entity *)entity)->name);
}

/* The entity of a name of n code points in a table, or NULL. */
static const nj_entity *find(const uint32_t *name, size_t n,
                             const nj_entity *table, size_t count)
{
    char key[NAME_MAX_CHARS + 1];

    if (n > NAME_MAX_CHARS)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (name[i] == 0 || name[i] >= 0x80)
            return NULL;
        key[i] = (char)name[i];
    }
    key[n] = '\0';
    return bsearch(key, table, count, sizeof(*table), compare_name);
}

static void add_entity(nj_points *out, const nj_entity *entity)
{
    for (size_t i = 0; i < 3 && entity->chars[i]; i++)
        nj_points_add(out, entity->chars[i]);
}

static bool is_dropped(uint32_t c)
{
    return (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) ||
           c == 0x7f || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/* The character of a number, after HTML's table for wrong ones. */
static void add_number(nj_points *out, uint32_t c)
{
    if (c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        nj_points_add(out, 0xfffd);
    else if (c >= 0x80 && c <= 0x9f)
        nj_points_add(out, nj_codecs[NJ_CODEC_WINDOWS_1252][c - 0x80]);
    else if (!is_dropped(c))
        nj_points_add(out, c);
}

static int digit_value(uint32_t c, uint32_t base)
{
    uint32_t letter = c | 0x20;

    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    if (base == 16 && c < 0x80 && letter >= 'a' && letter <= 'f')
        return (int)(letter - 'a') + 10;
    return -1;
}

static uint32_t char_at(const reference *r, size_t offset)
{
    return r->i + offset < r->text->n ? r->text->at[r->i + offset] : 0;
}

/* Reads "&#65" or "&#x41" without the ';'. Numbers too large stay too large.
 * False when there is no digit. */
static bool read_number(reference *r, uint32_t *number)
{
    uint32_t base = (char_at(r, 2) | 0x20) == 'x' ? 16 : 10;
    size_t first = base == 16 ? 3 : 2;
    size_t end = first;

    if (char_at(r, 1) != '#')
        return false;
    *number = 0;
    for (int d; (d = digit_value(char_at(r, end), base)) >= 0; end++) {
        if (*number <= 0x10ffff)
            *number = *number * base + (uint32_t)d;
    }
    r->length = end;
    return end > first;
}

static bool in_name(uint32_t c)
{
    return c != '\t' && c != '\n' && c != '\f' && c != ' ' && c != '<' &&
           c != '&' && c != '#' && c != ';';
}

/* The longest entity at the start of n characters that needs no ';'. */
static const nj_entity *find_bare(const uint32_t *name, size_t n, size_t *used)
{
    for (*used = n; *used >= 2; --*used) {
        const nj_entity *e = find(name, *used, nj_entities, nj_entities_count);

        if (e && e->bare)
            return e;
    }
    return NULL;
}

/* Reads "&name;" or "&name" followed by anything. */
static bool read_name(reference *r, nj_points *out)
{
    const uint32_t *name = r->text->at + r->i + 1;
    size_t left = r->text->n - r->i - 1;
    size_t n = 0;
    size_t used;
    const nj_entity *entity = NULL;

    while (n < left && n < NAME_MAX_CHARS && in_name(name[n]))
        n++;
    if (n < left && name[n] == ';')
        entity = find(name, n, nj_entities, nj_entities_count);
    if (entity) {
        r->length = n + 2;
    } else {
        entity = find_bare(name, n, &used);
        r->length = used + 1;
    }
    if (entity)
        add_entity(out, entity);
    return entity != NULL;
}

static bool read_html(reference *r, nj_points *out)
{
    uint32_t number;

    if (!read_number(r, &number))
        return read_name(r, out);
    if (char_at(r, r->length) == ';')
        r->length++;
    add_number(out, number);
    return true;
}

static bool is_alphanumeric(uint32_t c)
{
    return c < 0x80 &&
           ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
}

/* "&#59;" stays: a result with ';' is taken for one read in part. */
static bool read_short_number(reference *r, size_t n, nj_points *out)
{
    uint32_t number;

    if (!read_number(r, &number) || r->length != n + 2 || number == ';')
        return false;
    r->length++;
    add_number(out, number);
    return true;
}

static bool read_short(reference *r, nj_points *out)
{
    size_t first = char_at(r, 1) == '#' ? 2 : 1;
    const uint32_t *name = r->text->at + r->i + first;
    const nj_entity *entity;
    size_t n = 0;

    while (n <= SHORT_MAX && is_alphanumeric(char_at(r, first + n)))
        n++;
    if (n == 0 || n > SHORT_MAX || char_at(r, first + n) != ';')
        return false;
    if (first == 2)
        return read_short_number(r, n, out);
    entity = find(name, n, nj_entities, nj_entities_count);
    if (!entity)
        entity = find(name, n, nj_entities_upper, nj_entities_upper_count);
    r->length = n + 2;
    if (entity)
        add_entity(out, entity);
    return entity != NULL;
}

static void replace(nj_points *text, bool (*read)(reference *, nj_points *))
{
    nj_points out = {0};
    reference r = {text, 0, 0};

    while (r.i < text->n) {
        if (text->at[r.i] == '&' && read(&r, &out))
            r.i += r.length;
        else
            nj_points_add(&out, text->at[r.i++]);
    }
    nj_points_take(text, &out);
}

void nj_html_unescape(nj_points *text)
{
    replace(text, read_html);
}

void nj_fix_entities(nj_points *text)
{
    replace(text, read_short);
}
