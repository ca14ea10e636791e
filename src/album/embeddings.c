/* Embeddings of pictures, reading: see embeddings.h. */
#include "album/embeddings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <zlib.h>

#include "album/embeddings_block.h"
#include "album/picks.h"
#include "base/file.h"
#include "base/mem.h"

struct nj_embeddings {
    nj_map map; /* empty when the bytes are borrowed */
    size_t width;
    nj_embedded *rows;
    size_t count;
    size_t capacity;
    size_t total;    /* rows in the file, dead ones too */
    uint32_t *slots; /* hash table: row + 1, 0 is empty */
    size_t slot_count;
};

/* A row as the names of a block give it. */
struct name {
    uint64_t bytes;
    int64_t changed;
    const char *path;
};

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for embeddings");
}

/* ---- the table of paths -------------------------------------------------- */

static size_t hash(const char *path)
{
    uint64_t h = 14695981039346656037U;

    for (; *path; path++)
        h = (h ^ (unsigned char)*path) * 1099511628211U;
    return (size_t)(h ^ h >> 32);
}

/* The slot of a path, or the empty one where it would go. */
static uint32_t *slot_of(const nj_embeddings *e, const char *path)
{
    size_t at = hash(path) & (e->slot_count - 1);

    while (e->slots[at] && strcmp(e->rows[e->slots[at] - 1].path, path) != 0)
        at = (at + 1) & (e->slot_count - 1);
    return &e->slots[at];
}

/* At most half of the slots are taken. */
static bool grow_slots(nj_embeddings *e)
{
    size_t want = e->slot_count ? e->slot_count : 64;
    uint32_t *slots;

    while (want < 2 * (e->count + 1))
        want *= 2;
    if (want == e->slot_count)
        return true;
    slots = nj_calloc(want, sizeof(*slots));
    if (!slots)
        return false;
    free(e->slots);
    e->slots = slots;
    e->slot_count = want;
    for (size_t i = 0; i < e->count; i++)
        *slot_of(e, e->rows[i].path) = (uint32_t)i + 1;
    return true;
}

/* A later row takes the place of an earlier one; NULL vector: it is gone. */
static nj_status put_row(nj_embeddings *e, const struct name *n,
                         const float *vector, nj_err *err)
{
    const nj_embedded row = {n->path, n->bytes, n->changed, vector};
    uint32_t *slot;

    if (!grow_slots(e) ||
        !nj_grow(&e->rows, &e->capacity, e->count + 1, sizeof(row)))
        return no_memory(err);
    slot = slot_of(e, n->path);
    if (*slot) {
        e->rows[*slot - 1] = row;
        return NJ_OK;
    }
    e->rows[e->count++] = row;
    *slot = (uint32_t)e->count;
    return NJ_OK;
}

/* Rows that are gone leave the list; paths are looked up in what stays. */
static nj_status drop_removed(nj_embeddings *e, nj_err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->count; i++)
        if (e->rows[i].vector)
            e->rows[kept++] = e->rows[i];
    if (kept == e->count)
        return NJ_OK;
    e->count = kept;
    free(e->slots);
    e->slots = NULL;
    e->slot_count = 0;
    return grow_slots(e) ? NJ_OK : no_memory(err);
}

/* ---- blocks ------------------------------------------------------------ */

/* The name at *at; false when it is not one. */
static bool next_name(const unsigned char **at, const unsigned char *end,
                      struct name *out)
{
    uint32_t length;

    if (end - *at < 21)
        return false;
    memcpy(&out->bytes, *at, 8);
    memcpy(&out->changed, *at + 8, 8);
    memcpy(&length, *at + 16, 4);
    *at += 20;
    if (length >= (size_t)(end - *at) || (*at)[length] != 0 ||
        memchr(*at, 0, length))
        return false;
    out->path = (const char *)*at;
    *at += length + 1;
    return nj_picks_inside(out->path, length);
}

static nj_status damaged(nj_err *err)
{
    return nj_fail(err, NJ_E_FORMAT,
                   "damaged embeddings: a check sum or a name is wrong; delete "
                   "the file, it is made again");
}

static nj_status add_block(nj_embeddings *e, const unsigned char *block,
                           const nj_block *b, nj_err *err)
{
    const unsigned char *at = block + b->names;
    const unsigned char *end = at + b->names_bytes;
    const float *matrix = (const float *)(const void *)(block + b->matrix);
    size_t numbers = (size_t)b->width * b->rows;
    nj_status status = NJ_OK;
    struct name name;

    if (crc32_z(0, at, (size_t)b->names_bytes) != b->names_crc ||
        crc32_z(0, block + b->matrix, numbers * sizeof(float)) !=
            b->matrix_crc ||
        (b->width && e->width && e->width != b->width))
        return damaged(err);
    e->width = b->width ? b->width : e->width;
    e->total += b->rows;
    for (size_t i = 0; i < b->rows && status == NJ_OK; i++) {
        if (!next_name(&at, end, &name))
            return damaged(err);
        status =
            put_row(e, &name, b->width ? matrix + i * b->width : NULL, err);
    }
    return status;
}

static nj_status add_blocks(nj_embeddings *e, const unsigned char *bytes,
                            size_t n, const char model[65], nj_err *err)
{
    size_t end = nj_block_end(bytes, n);
    nj_status status = grow_slots(e) ? NJ_OK : no_memory(err);
    nj_block b;

    if (status == NJ_OK && end == 0 && !nj_block_begun(bytes, n))
        return nj_fail(err, NJ_E_FORMAT, "not a file of embeddings");
    for (size_t at = NJ_BLOCK_STEP; at < end && status == NJ_OK;
         at += b.length) {
        if (!nj_block_read(bytes + at, end - at, &b))
            return damaged(err);
        if (strcmp(b.model, model) == 0)
            status = add_block(e, bytes + at, &b, err);
    }
    return status == NJ_OK ? drop_removed(e, err) : status;
}

/* ---- files ------------------------------------------------------------- */

nj_status nj_embeddings_parse(const void *bytes, size_t n, const char model[65],
                              nj_embeddings **out, nj_err *err)
{
    nj_embeddings *e = nj_calloc(1, sizeof(*e));
    nj_status status = e ? add_blocks(e, bytes, n, model, err) : no_memory(err);

    if (status == NJ_OK)
        *out = e;
    else
        nj_embeddings_free(e);
    return status;
}

/* Writers wait while the file is read, so that it does not become shorter. */
static nj_status open_locked(const char *path, const char model[65],
                             nj_embeddings **out, nj_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    nj_map map = {0};
    nj_status status;

    if (fd >= 0)
        flock(fd, LOCK_SH);
    status = nj_map_open(path, &map, err);
    if (status == NJ_OK)
        status = nj_embeddings_parse(map.bytes, map.n, model, out, err);
    if (status == NJ_OK)
        (*out)->map = map;
    else
        nj_map_close(&map);
    if (fd >= 0)
        close(fd);
    return status;
}

nj_status nj_embeddings_open(const char *path, const char model[65],
                             nj_embeddings **out, nj_err *err)
{
    nj_status status;

    if (access(path, F_OK) != 0 && errno == ENOENT) {
        *out = nj_calloc(1, sizeof(**out));
        return *out && grow_slots(*out) ? NJ_OK : no_memory(err);
    }
    status = open_locked(path, model, out, err);
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "cannot use '%s'", path);
}

void nj_embeddings_free(nj_embeddings *e)
{
    if (!e)
        return;
    nj_map_close(&e->map);
    free(e->rows);
    free(e->slots);
    free(e);
}

size_t nj_embeddings_count(const nj_embeddings *e)
{
    return e->count;
}

const nj_embedded *nj_embeddings_at(const nj_embeddings *e, size_t i)
{
    return &e->rows[i];
}

size_t nj_embeddings_width(const nj_embeddings *e)
{
    return e->width;
}

const nj_embedded *nj_embeddings_find(const nj_embeddings *e, const char *path)
{
    uint32_t row = *slot_of(e, path);

    return row ? &e->rows[row - 1] : NULL;
}

size_t nj_embeddings_dead(const nj_embeddings *e)
{
    return e->total - e->count;
}
