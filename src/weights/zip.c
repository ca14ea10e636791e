/* Zip archives: see zip.h. */
#include "weights/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "weights/crc.h"

#define END_BYTES       22
#define LOCATOR_BYTES   20
#define END64_BYTES     56
#define DIRECTORY_BYTES 46
#define LOCAL_BYTES     30
#define COMMENT_MAX     65535
#define END_MAGIC       0x06054b50U
#define END64_MAGIC     0x06064b50U
#define LOCATOR_MAGIC   0x07064b50U
#define DIRECTORY_MAGIC 0x02014b50U
#define LOCAL_MAGIC     0x04034b50U
#define ENTRIES_MAX     ((size_t)1 << 20)
#define METHOD_STORED   0
#define METHOD_DEFLATED 8
#define FLAG_ENCRYPTED  1U
/* Deflate cannot do better than 1032 to 1. */
#define DEFLATE_MOST     1032
#define INFLATE_ALWAYS   ((uint64_t)64 << 20)
#define INFLATE_PER_BYTE 8
#define INFLATE_FIRST    ((size_t)1 << 16)
#define SUM_PIECE        ((size_t)1 << 20)
#define SUM_FORGET       ((size_t)1 << 16) /* fewer bytes stay in memory */
#define EXTRA_ZIP64      1

static uint64_t little(const unsigned char *p, int bytes)
{
    uint64_t value = 0;

    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static uint16_t u16(const unsigned char *p)
{
    return (uint16_t)little(p, 2);
}

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)little(p, 4);
}

static uint64_t u64(const unsigned char *p)
{
    return little(p, 8);
}

/* ---- the end records --------------------------------------------------- */

struct directory {
    uint64_t offset;
    uint64_t bytes;
    uint64_t count;
    uint64_t end; /* where the record after the directory starts */
};

/* The last end record whose comment reaches exactly to the end of the file;
 * a comment may hold bytes that look like one. */
static bool find_end(const nj_zip *z, size_t *at)
{
    size_t lowest;

    if (z->n < END_BYTES)
        return false;
    lowest =
        z->n - END_BYTES > COMMENT_MAX ? z->n - END_BYTES - COMMENT_MAX : 0;
    for (size_t i = z->n - END_BYTES + 1; i-- > lowest;) {
        const unsigned char *p = z->bytes + i;

        if (u32(p) == END_MAGIC && i + END_BYTES + u16(p + 20) == z->n) {
            *at = i;
            return true;
        }
    }
    return false;
}

static nj_status read_end64(const nj_zip *z, size_t locator,
                            struct directory *d, nj_err *err)
{
    uint64_t at = u64(z->bytes + locator + 8);
    const unsigned char *p;

    if (at > locator || locator - at < END64_BYTES ||
        u32(z->bytes + at) != END64_MAGIC)
        return nj_fail(err, NJ_E_FORMAT,
                       "the zip64 end record is not where its locator says");
    p = z->bytes + at;
    if (u32(p + 16) != 0 || u32(p + 20) != 0 || u64(p + 24) != u64(p + 32))
        return nj_fail(err, NJ_E_FORMAT,
                       "a zip archive of several disks is not supported");
    *d = (struct directory){.count = u64(p + 32),
                            .bytes = u64(p + 40),
                            .offset = u64(p + 48),
                            .end = at};
    return NJ_OK;
}

static nj_status read_end(const nj_zip *z, struct directory *d, nj_err *err)
{
    size_t at;
    const unsigned char *p;

    if (!find_end(z, &at))
        return nj_fail(err, NJ_E_FORMAT,
                       "no end record of a zip archive (cut download?)");
    p = z->bytes + at;
    if (at >= LOCATOR_BYTES && u32(p - LOCATOR_BYTES) == LOCATOR_MAGIC)
        return read_end64(z, at - LOCATOR_BYTES, d, err);
    if (u16(p + 4) != 0 || u16(p + 6) != 0 || u16(p + 8) != u16(p + 10))
        return nj_fail(err, NJ_E_FORMAT,
                       "a zip archive of several disks is not supported");
    *d = (struct directory){.count = u16(p + 10),
                            .bytes = u32(p + 12),
                            .offset = u32(p + 16),
                            .end = at};
    return NJ_OK;
}

/* ---- the central directory --------------------------------------------- */

/* Takes the next 8-byte field of a zip64 extra when the old field is full. */
static bool widen(uint64_t *value, const unsigned char **p, size_t *left)
{
    if (*value != UINT32_MAX)
        return true;
    if (*left < 8)
        return false;
    *value = u64(*p);
    *p += 8;
    *left -= 8;
    return true;
}

static bool read_extra(const unsigned char *p, size_t n, nj_zip_entry *e)
{
    while (n >= 4) {
        size_t length = u16(p + 2);

        if (length > n - 4)
            return false;
        if (u16(p) == EXTRA_ZIP64) {
            p += 4;
            return widen(&e->size, &p, &length) &&
                   widen(&e->packed, &p, &length) &&
                   widen(&e->offset, &p, &length);
        }
        p += 4 + length;
        n -= 4 + length;
    }
    return true;
}

static nj_status read_entry(nj_zip *z, const unsigned char **at,
                            const unsigned char *end, nj_err *err)
{
    const unsigned char *p = *at;
    nj_zip_entry e = {0};
    size_t tail;

    if ((size_t)(end - p) < DIRECTORY_BYTES || u32(p) != DIRECTORY_MAGIC)
        return nj_fail(err, NJ_E_FORMAT,
                       "entry %zu of the zip directory is broken", z->count);
    e.flags = u16(p + 8);
    e.method = u16(p + 10);
    e.crc = u32(p + 16);
    e.packed = u32(p + 20);
    e.size = u32(p + 24);
    e.offset = u32(p + 42);
    e.name = (const char *)p + DIRECTORY_BYTES;
    e.name_length = u16(p + 28);
    tail = e.name_length + u16(p + 30) + u16(p + 32);
    if ((size_t)(end - p) - DIRECTORY_BYTES < tail ||
        !read_extra(p + DIRECTORY_BYTES + e.name_length, u16(p + 30), &e) ||
        u16(p + 34) != 0)
        return nj_fail(err, NJ_E_FORMAT,
                       "entry %zu of the zip directory is broken", z->count);
    if (z->count >= ENTRIES_MAX)
        return nj_fail(err, NJ_E_FORMAT, "more than %zu entries in a zip",
                       ENTRIES_MAX);
    if (!nj_grow(&z->entries, &z->capacity, z->count + 1, sizeof(*z->entries)))
        return nj_fail(err, NJ_E_MEMORY, "no memory for a zip directory");
    z->entries[z->count++] = e;
    *at = p + DIRECTORY_BYTES + tail;
    return NJ_OK;
}

static int compare_to(const nj_zip_entry *e, const char *name, size_t length)
{
    size_t n = e->name_length < length ? e->name_length : length;
    int order = memcmp(e->name, name, n);

    if (order == 0)
        order = (e->name_length > length) - (e->name_length < length);
    return order;
}

static int compare_entries(const void *a, const void *b)
{
    const nj_zip_entry *e = b;

    return compare_to(a, e->name, e->name_length);
}

static nj_status sort_entries(nj_zip *z, nj_err *err)
{
    if (z->count)
        qsort(z->entries, z->count, sizeof(*z->entries), compare_entries);
    for (size_t i = 1; i < z->count; i++) {
        const nj_zip_entry *e = &z->entries[i];

        if (compare_entries(e - 1, e) == 0)
            return nj_fail(err, NJ_E_FORMAT, "record '%.*s' is there twice",
                           (int)e->name_length, e->name);
    }
    return NJ_OK;
}

static nj_status read_directory(nj_zip *z, nj_err *err)
{
    struct directory d = {0};
    const unsigned char *p;
    const unsigned char *end;
    nj_status status = read_end(z, &d, err);

    if (status != NJ_OK)
        return status;
    if (d.offset > d.end || d.end - d.offset != d.bytes)
        return nj_fail(err, NJ_E_FORMAT,
                       "the zip directory (%" PRIu64 " bytes at %" PRIu64
                       ") does not end where its end record starts, at "
                       "%" PRIu64 " (bytes missing?)",
                       d.bytes, d.offset, d.end);
    z->directory = d.offset;
    p = z->bytes + d.offset;
    end = z->bytes + d.end;
    while (status == NJ_OK && p < end)
        status = read_entry(z, &p, end, err);
    if (status != NJ_OK)
        return status;
    if (z->count != d.count)
        return nj_fail(err, NJ_E_FORMAT,
                       "the zip directory has %zu entries, its end record "
                       "says %" PRIu64,
                       z->count, d.count);
    return sort_entries(z, err);
}

nj_status nj_zip_init(nj_zip *z, const unsigned char *bytes, size_t n,
                      const nj_map *map, nj_err *err)
{
    nj_status status;

    *z = (nj_zip){.bytes = bytes, .n = n, .map = map};
    z->inflate_left = INFLATE_ALWAYS + (uint64_t)n * INFLATE_PER_BYTE;
    status = read_directory(z, err);
    if (status != NJ_OK)
        nj_zip_release(z);
    return status;
}

void nj_zip_release(nj_zip *z)
{
    for (size_t i = 0; i < z->count; i++)
        free(z->entries[i].inflated);
    free(z->entries);
    *z = (nj_zip){0};
}

nj_zip_entry *nj_zip_find(const nj_zip *z, const char *name, size_t length)
{
    size_t low = 0;
    size_t high = z->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_to(&z->entries[middle], name, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < z->count && compare_to(&z->entries[low], name, length) == 0)
        return &z->entries[low];
    return NULL;
}

/* ---- records ----------------------------------------------------------- */

/* Where the packed bytes lie; they end before the directory. */
static nj_status locate(const nj_zip *z, const nj_zip_entry *e,
                        const unsigned char **packed, nj_err *err)
{
    const unsigned char *p;
    uint64_t room;
    uint64_t head;

    if (e->offset > z->directory || z->directory - e->offset < LOCAL_BYTES)
        return nj_fail(err, NJ_E_FORMAT, "its header lies outside the file");
    p = z->bytes + e->offset;
    if (u32(p) != LOCAL_MAGIC)
        return nj_fail(err, NJ_E_FORMAT, "no header where the directory says");
    head = (uint64_t)LOCAL_BYTES + u16(p + 26) + u16(p + 28);
    room = z->directory - e->offset;
    if (head > room || e->packed > room - head)
        return nj_fail(err, NJ_E_FORMAT,
                       "its %" PRIu64 " bytes reach past the file's records",
                       e->packed);
    if (u16(p + 26) != e->name_length ||
        memcmp(p + LOCAL_BYTES, e->name, e->name_length) != 0)
        return nj_fail(err, NJ_E_FORMAT,
                       "its own header has another name than the directory");
    if ((e->flags & FLAG_ENCRYPTED) || (u16(p + 6) & FLAG_ENCRYPTED))
        return nj_fail(err, NJ_E_FORMAT, "it is encrypted");
    if (u16(p + 8) != e->method)
        return nj_fail(err, NJ_E_FORMAT,
                       "its header and the directory name two methods");
    *packed = p + head;
    return NJ_OK;
}

/* One call of inflate into what is free of the buffer. */
static int inflate_some(z_stream *s, unsigned char *buffer, size_t capacity)
{
    size_t room = capacity - s->total_out;

    s->next_out = buffer + s->total_out;
    s->avail_out = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
    return inflate(s, Z_NO_FLUSH);
}

/* zlib takes at most 4 GiB at a time. */
static void feed(z_stream *s, const unsigned char *packed, uint64_t n)
{
    uint64_t left = n - s->total_in;

    s->next_in = (Bytef *)(uintptr_t)(packed + s->total_in);
    s->avail_in = left > UINT32_MAX ? UINT32_MAX : (uInt)left;
}

static nj_status inflate_all(z_stream *s, const nj_zip_entry *e,
                             const unsigned char *packed, unsigned char **out,
                             nj_err *err)
{
    size_t capacity = 0;
    int code = Z_OK;

    while (code == Z_OK) {
        size_t want =
            s->total_out < INFLATE_FIRST ? INFLATE_FIRST : 2 * s->total_out;

        if (want > e->size + 1)
            want = e->size + 1;
        if (s->total_out == capacity &&
            !nj_grow(out, &capacity, want, sizeof(**out)))
            return nj_fail(err, NJ_E_MEMORY, "no memory to inflate it");
        feed(s, packed, e->packed);
        code = inflate_some(s, *out, capacity);
        if (s->total_out > e->size)
            return nj_fail(err, NJ_E_FORMAT,
                           "it inflates to more than the %" PRIu64
                           " bytes that the directory says",
                           e->size);
    }
    if (code != Z_STREAM_END || s->total_out != e->size ||
        s->total_in != e->packed)
        return nj_fail(err, NJ_E_FORMAT,
                       "its deflated data are broken or not of the size "
                       "that the directory says");
    return NJ_OK;
}

static nj_status load_deflated(nj_zip *z, nj_zip_entry *e,
                               const unsigned char *packed, nj_err *err)
{
    z_stream s = {0};
    unsigned char *out = NULL;
    nj_status status;

    if (e->size > z->inflate_left || e->size / DEFLATE_MOST > e->packed)
        return nj_fail(err, NJ_E_FORMAT,
                       "%" PRIu64 " bytes claim to inflate to %" PRIu64
                       ", too much",
                       e->packed, e->size);
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
        return nj_fail(err, NJ_E_MEMORY, "no memory to inflate it");
    status = inflate_all(&s, e, packed, &out, err);
    inflateEnd(&s);
    if (status != NJ_OK) {
        free(out);
        return status;
    }
    z->inflate_left -= e->size;
    e->inflated = out;
    e->data = out;
    return NJ_OK;
}

/* The record's CRC-32, in pieces whose pages are let go one after the other:
 * a record may be larger than memory. */
static uint32_t sum_of(const nj_zip *z, const nj_zip_entry *e)
{
    uint32_t crc = 0;

    for (uint64_t at = 0; at < e->size; at += SUM_PIECE) {
        uint64_t left = e->size - at;
        size_t n = left < SUM_PIECE ? (size_t)left : SUM_PIECE;

        crc = nj_crc32(crc, e->data + at, n);
        if (z->map && !e->inflated && n >= SUM_FORGET)
            nj_map_forget(z->map, e->data + at, n);
    }
    return crc;
}

static nj_status load(nj_zip *z, nj_zip_entry *e, nj_err *err)
{
    const unsigned char *packed = NULL;
    nj_status status = locate(z, e, &packed, err);

    if (status != NJ_OK)
        return status;
    if (e->method == METHOD_DEFLATED)
        status = load_deflated(z, e, packed, err);
    else if (e->method != METHOD_STORED)
        status = nj_fail(err, NJ_E_FORMAT,
                         "compression method %u is not supported", e->method);
    else if (e->packed != e->size)
        status =
            nj_fail(err, NJ_E_FORMAT,
                    "it is stored, yet has two sizes: %" PRIu64 " and %" PRIu64,
                    e->packed, e->size);
    else
        e->data = packed;
    if (status == NJ_OK && sum_of(z, e) != e->crc)
        status = nj_fail(err, NJ_E_FORMAT,
                         "its checksum (CRC-32) is wrong: the file is damaged");
    return status;
}

nj_status nj_zip_load(nj_zip *z, nj_zip_entry *e, nj_err *err)
{
    nj_status status;

    if (e->data)
        return NJ_OK;
    status = load(z, e, err);
    if (status != NJ_OK) {
        e->data = NULL;
        nj_err_add(err, "record '%.*s'", (int)e->name_length, e->name);
    }
    return status;
}
