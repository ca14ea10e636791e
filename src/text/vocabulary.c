/* Byte-pair vocabularies: see vocabulary.h. */
#include "text/vocabulary.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"

#define TEXT_MAX    ((size_t)64 << 20) /* of the unpacked file */
#define CHUNK       65536
#define WORD_END    "</w>"
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio */

/* Symbols by their text, while a file is read. */
typedef struct symbol_names {
    nj_str pool;       /* the texts, one behind the other */
    size_t *ends;      /* of each symbol's text in the pool */
    size_t room;       /* of ends */
    uint32_t *slots;   /* hash table with open addressing: symbol + 1 */
    size_t slot_count; /* a power of two */
    size_t count;
} symbol_names;

/* A file being read. */
typedef struct reader {
    const char *text;
    size_t n;
    size_t at;
    size_t line; /* from 1 */
    symbol_names names;
    nj_vocabulary *v;
    size_t ids_room;
} reader;

typedef struct field {
    const char *s;
    size_t n;
} field;

static size_t power_of_two(size_t least)
{
    size_t p = 16;

    while (p < least)
        p *= 2;
    return p;
}

static size_t hash_text(field a, field b)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < a.n; i++)
        h = (h ^ (unsigned char)a.s[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < b.n; i++)
        h = (h ^ (unsigned char)b.s[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

static field name_of(const symbol_names *names, size_t symbol)
{
    size_t start = symbol ? names->ends[symbol - 1] : 0;

    return (field){names->pool.text + start, names->ends[symbol] - start};
}

static bool is_sum(field name, field a, field b)
{
    return name.n == a.n + b.n && memcmp(name.s, a.s, a.n) == 0 &&
           memcmp(name.s + a.n, b.s, b.n) == 0;
}

/* The symbol whose text is a followed by b; a new one without id where there
 * is none. (uint32_t)-1 when memory is short. */
static uint32_t symbol_of(reader *r, field a, field b)
{
    symbol_names *names = &r->names;
    size_t slot = hash_text(a, b) & (names->slot_count - 1);
    uint32_t symbol = (uint32_t)names->count;

    while (names->slots[slot]) {
        if (is_sum(name_of(names, names->slots[slot] - 1), a, b))
            return names->slots[slot] - 1;
        slot = (slot + 1) & (names->slot_count - 1);
    }
    nj_str_addn(&names->pool, a.s, a.n);
    nj_str_addn(&names->pool, b.s, b.n);
    if (!nj_str_ok(&names->pool) ||
        !nj_grow(&names->ends, &names->room, names->count + 1,
                 sizeof(*names->ends)) ||
        !nj_grow(&r->v->ids, &r->ids_room, names->count + 1,
                 sizeof(*r->v->ids)))
        return (uint32_t)-1;
    names->ends[names->count++] = names->pool.length;
    names->slots[slot] = symbol + 1;
    r->v->ids[symbol] = -1;
    r->v->symbols = names->count;
    return symbol;
}

static bool is_printed(int byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) ||
           (byte >= 174 && byte <= 255);
}

/* Adds the symbol of one byte and the one that ends a word. */
static bool add_byte(reader *r, int byte, uint32_t shown_as, int id)
{
    char utf8[4];
    field name = {utf8, nj_utf8_encode(shown_as, utf8)};
    uint32_t symbol = symbol_of(r, name, (field){"", 0});
    uint32_t ending = symbol_of(r, name, (field){WORD_END, 4});

    if (symbol == (uint32_t)-1 || ending == (uint32_t)-1)
        return false;
    r->v->ids[symbol] = id;
    r->v->ids[ending] = id + 256;
    r->v->byte_symbols[byte] = symbol;
    return true;
}

/* Ids 0 to 511: bytes that are shown as themselves come first, the others are
 * shown as U+0100 and up. */
static bool add_bytes(reader *r)
{
    int id = 0;
    bool good = true;

    for (int byte = 0; byte < 256; byte++) {
        if (is_printed(byte))
            good = good && add_byte(r, byte, (uint32_t)byte, id++);
    }
    for (int byte = 0, other = 0; byte < 256; byte++) {
        if (!is_printed(byte))
            good = good && add_byte(r, byte, 0x100U + (uint32_t)other++, id++);
    }
    return good;
}

static nj_merge *slot_of(const nj_vocabulary *v, uint32_t left, uint32_t right)
{
    uint64_t pair = ((uint64_t)left << 32 | right) + 1;
    size_t mask = v->merge_slots - 1;
    size_t slot = (size_t)(pair * HASH_FACTOR >> 32) & mask;

    while (v->merges[slot].pair && v->merges[slot].pair != pair)
        slot = (slot + 1) & mask;
    return &v->merges[slot];
}

const nj_merge *nj_vocabulary_find(const nj_vocabulary *v, uint32_t left,
                                   uint32_t right)
{
    const nj_merge *m = slot_of(v, left, right);

    return m->pair ? m : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Cuts the next line into at most `max` fields; returns how many there are. */
static size_t next_fields(reader *r, field *fields, size_t max)
{
    size_t count = 0;

    r->line++;
    while (r->at < r->n && r->text[r->at] != '\n') {
        const char *s = r->text + r->at;
        size_t n = 0;

        while (r->at < r->n && r->text[r->at] != '\n' &&
               !is_blank(r->text[r->at])) {
            r->at++;
            n++;
        }
        if (n && count < max)
            fields[count] = (field){s, n};
        count += n > 0;
        r->at += r->at < r->n && is_blank(r->text[r->at]);
    }
    r->at += r->at < r->n;
    return count;
}

static nj_status add_merge(reader *r, uint32_t rank, nj_err *err)
{
    field f[2] = {{"", 0}, {"", 0}};
    size_t count = next_fields(r, f, 2);
    uint32_t left;
    uint32_t right;
    uint32_t merged;

    if (count != 2)
        return nj_fail(err, NJ_E_FORMAT,
                       "line %zu of the vocabulary has %zu symbols, expected "
                       "2",
                       r->line, count);
    left = symbol_of(r, f[0], (field){"", 0});
    right = symbol_of(r, f[1], (field){"", 0});
    merged = symbol_of(r, f[0], f[1]);
    if (left == (uint32_t)-1 || right == (uint32_t)-1 || merged == (uint32_t)-1)
        return nj_fail(err, NJ_E_MEMORY, "vocabulary: no memory");
    r->v->ids[merged] = (int32_t)(512 + rank);
    *slot_of(r->v, left, right) =
        (nj_merge){((uint64_t)left << 32 | right) + 1, rank, merged};
    return NJ_OK;
}

static nj_status read_merges(reader *r, size_t merges, nj_err *err)
{
    field heading;

    next_fields(r, &heading, 0);
    for (size_t i = 0; i < merges; i++) {
        nj_status status;

        if (r->at >= r->n)
            return nj_fail(err, NJ_E_FORMAT,
                           "vocabulary has %zu merges, expected %zu", i,
                           merges);
        status = add_merge(r, (uint32_t)i, err);
        if (status != NJ_OK)
            return status;
    }
    return NJ_OK;
}

static nj_status read_text(reader *r, size_t merges, nj_err *err)
{
    symbol_names *names = &r->names;

    /* A line adds at most three symbols; half of the slots stay empty. */
    names->slot_count = power_of_two(2 * (512 + 3 * merges));
    names->slots = nj_calloc(names->slot_count, sizeof(*names->slots));
    r->v->merge_slots = power_of_two(2 * merges + 1);
    r->v->merges = nj_calloc(r->v->merge_slots, sizeof(*r->v->merges));
    if (!names->slots || !r->v->merges || !add_bytes(r))
        return nj_fail(err, NJ_E_MEMORY, "vocabulary: no memory");
    r->v->start_id = (int32_t)(512 + merges);
    r->v->end_id = r->v->start_id + 1;
    return read_merges(r, merges, err);
}

static size_t count_lines(const char *s, size_t n)
{
    size_t lines = 0;

    for (size_t i = 0; i < n; i++)
        lines += s[i] == '\n';
    return lines;
}

/* Unpacks until `lines` lines are there. */
static nj_status unpack_lines(z_stream *z, size_t lines, nj_str *out,
                              nj_err *err)
{
    static const size_t chunk_size = CHUNK;
    unsigned char chunk[CHUNK];
    int result = Z_OK;

    for (size_t found = 0; found < lines && result != Z_STREAM_END;) {
        size_t n;

        z->next_out = chunk;
        z->avail_out = CHUNK;
        result = inflate(z, Z_NO_FLUSH);
        n = chunk_size - z->avail_out;
        if ((result != Z_OK && result != Z_STREAM_END) ||
            (n == 0 && result == Z_OK))
            return nj_fail(err, NJ_E_FORMAT, "vocabulary's gzip data is %s",
                           result == Z_DATA_ERROR ? "broken" : "cut off");
        if (n > TEXT_MAX - out->length)
            return nj_fail(err, NJ_E_FORMAT, "vocabulary is too large");
        nj_str_addn(out, (char *)chunk, n);
        found += count_lines((char *)chunk, n);
    }
    return nj_str_ok(out) ? NJ_OK
                          : nj_fail(err, NJ_E_MEMORY, "vocabulary: no memory");
}

static nj_status unpack(const char *bytes, size_t n, size_t lines, nj_str *out,
                        nj_err *err)
{
    z_stream z = {0};
    nj_status status;

    if (n > TEXT_MAX)
        return nj_fail(err, NJ_E_FORMAT, "vocabulary is too large");
    z.next_in = (unsigned char *)(uintptr_t)bytes;
    z.avail_in = (unsigned)n;
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return nj_fail(err, NJ_E_MEMORY, "vocabulary: no memory");
    status = unpack_lines(&z, lines, out, err);
    inflateEnd(&z);
    return status;
}

static bool is_gzip(const char *bytes, size_t n)
{
    return n >= 2 && (unsigned char)bytes[0] == 0x1f &&
           (unsigned char)bytes[1] == 0x8b;
}

nj_status nj_vocabulary_parse(const char *bytes, size_t n, size_t vocab_size,
                              nj_vocabulary *out, nj_err *err)
{
    reader r = {.text = bytes, .n = n, .v = out};
    nj_str text = {0};
    nj_status status = NJ_OK;

    *out = (nj_vocabulary){0};
    if (vocab_size < NJ_VOCABULARY_FIXED || vocab_size > NJ_VOCABULARY_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "vocabulary size %zu is not between %d and %d",
                       vocab_size, NJ_VOCABULARY_FIXED, NJ_VOCABULARY_MAX);
    if (is_gzip(bytes, n)) {
        status =
            unpack(bytes, n, vocab_size - NJ_VOCABULARY_FIXED + 1, &text, err);
        r.text = text.text;
        r.n = text.length;
    }
    if (status == NJ_OK)
        status = read_text(&r, vocab_size - NJ_VOCABULARY_FIXED, err);
    nj_str_release(&text);
    nj_str_release(&r.names.pool);
    free(r.names.ends);
    free(r.names.slots);
    if (status != NJ_OK)
        nj_vocabulary_release(out);
    return status;
}

void nj_vocabulary_release(nj_vocabulary *v)
{
    free(v->merges);
    free(v->ids);
    *v = (nj_vocabulary){0};
}
