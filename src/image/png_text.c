/* Text chunks of PNG (W3C PNG specification, 11.3.4): tEXt, zTXt, iTXt. Works
 * on the chunk sequence alone, so that pixels are never touched. */
#include "image/png.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"

#define SIGNATURE   "\x89PNG\r\n\x1a\n"
#define KEYWORD_MAX 79
#define TEXT_MAX    ((size_t)16 << 20)

typedef struct chunk {
    char type[5];
    const uint8_t *data;
    size_t n;
    const uint8_t *start; /* length field */
    const uint8_t *end;   /* after the CRC */
} chunk;

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static void put_be32(nj_str *out, uint32_t v)
{
    const char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8),
                           (char)v};

    nj_str_addn(out, bytes, 4);
}

static nj_status check_signature(const uint8_t *bytes, size_t n, nj_err *err)
{
    if (n < 8 || memcmp(bytes, SIGNATURE, 8) != 0)
        return nj_fail(err, NJ_E_FORMAT, "not a PNG file");
    return NJ_OK;
}

/* The chunk at bytes + at; its length and CRC are checked. */
static nj_status read_chunk(const uint8_t *bytes, size_t n, size_t at,
                            chunk *out, nj_err *err)
{
    size_t left = n - at;
    uint32_t length;

    if (left < 12)
        return nj_fail(err, NJ_E_FORMAT, "broken PNG: it is cut short");
    length = be32(bytes + at);
    if (length > left - 12)
        return nj_fail(err, NJ_E_FORMAT, "broken PNG: a chunk is cut short");
    memcpy(out->type, bytes + at + 4, 4);
    out->type[4] = '\0';
    out->start = bytes + at;
    out->data = bytes + at + 8;
    out->n = length;
    out->end = out->data + length + 4;
    if (crc32(crc32(0, NULL, 0), bytes + at + 4, length + 4) !=
        be32(out->data + length))
        return nj_fail(err, NJ_E_FORMAT,
                       "broken PNG: chunk '%s' has a wrong check sum",
                       out->type);
    return NJ_OK;
}

static bool is_text(const chunk *c)
{
    return strcmp(c->type, "tEXt") == 0 || strcmp(c->type, "zTXt") == 0 ||
           strcmp(c->type, "iTXt") == 0;
}

/* Length of the keyword, or 0 when the chunk has none. */
static size_t keyword_length(const chunk *c)
{
    const uint8_t *end = memchr(c->data, 0, c->n);

    return end ? (size_t)(end - c->data) : 0;
}

static bool has_keyword(const chunk *c, const char *keyword)
{
    size_t n = strlen(keyword);

    return is_text(c) && keyword_length(c) == n &&
           memcmp(c->data, keyword, n) == 0;
}

static char *inflate_text(const uint8_t *data, size_t n)
{
    nj_str out = {0};
    char part[16384];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n};
    int state;

    if (n > UINT32_MAX || inflateInit(&z) != Z_OK)
        return NULL;
    do {
        z.next_out = (Bytef *)part;
        z.avail_out = sizeof(part);
        state = inflate(&z, Z_NO_FLUSH);
        nj_str_addn(&out, part, sizeof(part) - z.avail_out);
    } while (state == Z_OK && out.length <= TEXT_MAX && !out.failed);
    inflateEnd(&z);
    if (state != Z_STREAM_END) {
        nj_str_release(&out);
        return NULL;
    }
    return nj_str_take(&out);
}

static char *latin1_to_utf8(const uint8_t *data, size_t n)
{
    nj_str out = {0};
    char bytes[4];

    for (size_t i = 0; i < n; i++)
        nj_str_addn(&out, bytes, nj_utf8_encode(data[i], bytes));
    return nj_str_take(&out);
}

/* iTXt after the keyword: compression flag and method, language, NUL,
 * translated keyword, NUL, text. */
static char *international_text(const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n;
    bool packed = n > 0 && p[0] == 1;

    if (n < 2)
        return NULL;
    p += 2;
    for (int field = 0; field < 2; field++) {
        p = memchr(p, 0, (size_t)(end - p));
        if (!p)
            return NULL;
        p++;
    }
    n = (size_t)(end - p);
    return packed ? inflate_text(p, n) : nj_strndup((const char *)p, n);
}

static nj_status text_of(const chunk *c, char **text, nj_err *err)
{
    size_t skip = keyword_length(c) + 1;
    const uint8_t *p = c->data + skip;
    size_t n = c->n - skip;
    char *latin;

    if (c->type[0] == 'i') {
        *text = international_text(p, n);
    } else if (c->type[0] == 't') {
        *text = latin1_to_utf8(p, n);
    } else {
        latin = n > 0 ? inflate_text(p + 1, n - 1) : NULL;
        *text = latin ? latin1_to_utf8((uint8_t *)latin, strlen(latin)) : NULL;
        free(latin);
    }
    if (*text && nj_utf8_valid(*text, strlen(*text)))
        return NJ_OK;
    free(*text);
    *text = NULL;
    return nj_fail(err, NJ_E_FORMAT, "broken PNG: a bad %s chunk", c->type);
}

nj_status nj_png_find_text(const uint8_t *bytes, size_t n, const char *keyword,
                           char **text, nj_err *err)
{
    nj_status status = check_signature(bytes, n, err);
    size_t at = 8;
    chunk c = {0};

    *text = NULL;
    while (status == NJ_OK && strcmp(c.type, "IEND") != 0) {
        status = read_chunk(bytes, n, at, &c, err);
        if (status == NJ_OK && has_keyword(&c, keyword))
            return text_of(&c, text, err);
        at = (size_t)(c.end - bytes);
    }
    return status;
}

static void add_latin1(nj_str *out, const char *text)
{
    size_t n = strlen(text);
    uint32_t c = 0;

    for (size_t i = 0, step; i < n; i += step) {
        step = nj_utf8_decode(text + i, n - i, &c);
        nj_str_addc(out, step && c < 256 ? (char)c : '?');
        step = step ? step : 1;
    }
}

static void add_text_chunk(nj_str *out, const nj_png_text *t)
{
    size_t start = out->length;
    size_t length;
    uint32_t crc;

    put_be32(out, 0);
    nj_str_add(out, t->international ? "iTXt" : "tEXt");
    nj_str_addn(out, t->keyword, strlen(t->keyword) + 1);
    if (t->international) {
        nj_str_addn(out, "\0\0\0\0", 4);
        nj_str_add(out, t->text);
    } else {
        add_latin1(out, t->text);
    }
    if (!nj_str_ok(out))
        return;
    length = out->length - start - 8;
    for (int i = 0; i < 4; i++)
        out->text[start + (size_t)i] = (char)(length >> (24 - 8 * i));
    crc =
        (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)out->text + start + 4,
                        (uInt)(length + 4));
    put_be32(out, crc);
}

static nj_status check_texts(const nj_png_text *texts, size_t count,
                             nj_err *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(texts[i].keyword);

        if (n < 1 || n > KEYWORD_MAX || strlen(texts[i].text) > TEXT_MAX)
            return nj_fail(err, NJ_E_USAGE,
                           "a text chunk '%s' cannot be written",
                           texts[i].keyword);
    }
    return NJ_OK;
}

static bool replaced(const chunk *c, const nj_png_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (has_keyword(c, texts[i].keyword))
            return true;
    }
    return false;
}

/* Copies all chunks, with the texts in front of the first IDAT. */
static nj_status copy_with_texts(nj_str *out, const uint8_t *bytes, size_t n,
                                 const nj_png_text *texts, size_t count,
                                 nj_err *err)
{
    chunk c = {0};
    bool placed = false;

    for (size_t at = 8; strcmp(c.type, "IEND") != 0;
         at = (size_t)(c.end - bytes)) {
        nj_status status = read_chunk(bytes, n, at, &c, err);

        if (status != NJ_OK)
            return status;
        for (size_t i = 0; !placed && strcmp(c.type, "IDAT") == 0 && i < count;
             i++)
            add_text_chunk(out, &texts[i]);
        placed = placed || strcmp(c.type, "IDAT") == 0;
        if (!replaced(&c, texts, count))
            nj_str_addn(out, (const char *)c.start, (size_t)(c.end - c.start));
    }
    if (!placed)
        return nj_fail(err, NJ_E_FORMAT, "broken PNG: it holds no pixels");
    return NJ_OK;
}

nj_status nj_png_replace_texts(const uint8_t *bytes, size_t n,
                               const nj_png_text *texts, size_t count,
                               uint8_t **out, size_t *out_n, nj_err *err)
{
    nj_str s = {0};
    nj_status status = check_signature(bytes, n, err);

    if (status == NJ_OK)
        status = check_texts(texts, count, err);
    nj_str_addn(&s, SIGNATURE, 8);
    if (status == NJ_OK)
        status = copy_with_texts(&s, bytes, n, texts, count, err);
    if (status == NJ_OK && !nj_str_ok(&s))
        status = nj_fail(err, NJ_E_MEMORY, "no memory for a PNG");
    if (status == NJ_OK) {
        *out_n = s.length;
        *out = (uint8_t *)nj_str_take(&s);
    }
    nj_str_release(&s);
    return status;
}
