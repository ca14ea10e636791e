/* Any bytes as a file of embeddings, as they are and with check sums that fit:
 * read or refused; what is read has paths inside of the folder and vectors
 * inside of the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "album/embeddings.h"
#include "album/embeddings_block.h"
#include "album/picks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char model[65];

static void require(int holds)
{
    if (!holds)
        abort();
}

/* Puts 4 bytes, the lowest first. */
static void put(uint8_t *at, uLong value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* Makes the header at `at` one of our network's whose sums fit; returns the
 * length of its block, 0 when that is not within the bytes. */
static size_t mend(uint8_t *at, size_t left)
{
    nj_block b = {0};

    if (left < NJ_BLOCK_HEADER)
        return 0;
    memcpy(&b.width, at + 8, 4);
    memcpy(&b.rows, at + 12, 4);
    memcpy(&b.names_bytes, at + 16, 8);
    memcpy(at, "njblock1", 8);
    memcpy(at + 32, model, 64);
    if (nj_block_place(&b) && b.length <= left) {
        put(at + 24, crc32_z(0, at + b.names, (size_t)b.names_bytes));
        put(at + 28, crc32_z(0, at + b.matrix,
                             (size_t)b.width * b.rows * sizeof(float)));
    }
    put(at + 124, crc32_z(0, at, 124));
    return nj_block_place(&b) && b.length <= left ? b.length : 0;
}

static void check(const uint8_t *bytes, size_t n)
{
    nj_embeddings *e = NULL;
    size_t width;

    if (nj_embeddings_parse(bytes, n, model, &e, NULL) != NJ_OK)
        return;
    width = nj_embeddings_width(e);
    for (size_t i = 0; i < nj_embeddings_count(e); i++) {
        const nj_embedded *row = nj_embeddings_at(e, i);
        const uint8_t *at = (const uint8_t *)row->vector;

        require(nj_picks_inside(row->path, strlen(row->path)));
        require(nj_embeddings_find(e, row->path) == row);
        require(at >= bytes && at + width * sizeof(float) <= bytes + n);
    }
    nj_embeddings_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *bytes = malloc(n + 1); /* at an address that floats may have */
    size_t at = NJ_BLOCK_STEP;
    size_t length = 1;

    memset(model, 'a', 64);
    require(bytes != NULL);
    memcpy(bytes, data, n);
    check(bytes, n);
    if (n > at)
        memcpy(bytes, NJ_BLOCK_MAGIC, 16);
    for (; at < n && length; at += length)
        length = mend(bytes + at, n - at);
    check(bytes, n);
    free(bytes);
    return 0;
}
