/* Blocks of an embeddings file: see embeddings_block.h. */
#include "album/embeddings_block.h"

#include <string.h>

#include <zlib.h>

#include "base/mem.h"

static const char magic[] = "njblock1";

/* Sizes that no file reaches: sums of them cannot overflow. */
#define PART_MAX ((uint64_t)1 << 46)

static uint64_t get(const unsigned char *p, int n)
{
    uint64_t v = 0;

    for (int i = n - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void put(unsigned char *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

size_t nj_block_round(size_t n)
{
    return (n + NJ_BLOCK_STEP - 1) / NJ_BLOCK_STEP * NJ_BLOCK_STEP;
}

bool nj_block_place(nj_block *b)
{
    uint64_t matrix = (uint64_t)b->width * b->rows;

    if (b->names_bytes > PART_MAX || matrix > PART_MAX)
        return false;
    b->names = NJ_BLOCK_HEADER;
    b->matrix = b->names + nj_block_round((size_t)b->names_bytes);
    b->length = b->matrix + nj_block_round((size_t)matrix * sizeof(float));
    return true;
}

static bool is_hex(const char *text)
{
    return strspn(text, "0123456789abcdef") == 64;
}

bool nj_block_read(const unsigned char *bytes, size_t left, nj_block *out)
{
    if (left < NJ_BLOCK_HEADER || memcmp(bytes, magic, 8) != 0 ||
        crc32(0, bytes, 124) != get(bytes + 124, 4))
        return false;
    *out = (nj_block){.width = (uint32_t)get(bytes + 8, 4),
                      .rows = (uint32_t)get(bytes + 12, 4),
                      .names_bytes = get(bytes + 16, 8),
                      .names_crc = (uint32_t)get(bytes + 24, 4),
                      .matrix_crc = (uint32_t)get(bytes + 28, 4)};
    memcpy(out->model, bytes + 32, 64);
    return is_hex(out->model) && nj_block_place(out) && out->length <= left;
}

void nj_block_write(const nj_block *b, unsigned char *out)
{
    memset(out, 0, NJ_BLOCK_HEADER);
    memcpy(out, magic, 8);
    put(out + 8, b->width, 4);
    put(out + 12, b->rows, 4);
    put(out + 16, b->names_bytes, 8);
    put(out + 24, b->names_crc, 4);
    put(out + 28, b->matrix_crc, 4);
    memcpy(out + 32, b->model, 64);
    put(out + 124, crc32(0, out, 124), 4);
}

bool nj_block_begun(const unsigned char *bytes, size_t n)
{
    static const char start[NJ_BLOCK_STEP] = NJ_BLOCK_MAGIC;

    return n == 0 || (n < NJ_BLOCK_STEP && memcmp(bytes, start, n) == 0);
}

size_t nj_block_end(const unsigned char *bytes, size_t n)
{
    size_t at = NJ_BLOCK_STEP;
    nj_block b;

    if (n < at || memcmp(bytes, NJ_BLOCK_MAGIC, 16) != 0)
        return 0;
    while (nj_block_read(bytes + at, n - at, &b))
        at += b.length;
    return at;
}
