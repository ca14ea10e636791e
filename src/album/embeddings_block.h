/* Blocks of an embeddings file, for embeddings.c and embeddings_write.c. The
 * form is described in embeddings.h. */
#ifndef NJ_ALBUM_EMBEDDINGS_BLOCK_H
#define NJ_ALBUM_EMBEDDINGS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NJ_BLOCK_MAGIC  "nightjar vectors"
#define NJ_BLOCK_STEP   64
#define NJ_BLOCK_HEADER 128

typedef struct nj_block {
    uint32_t width;
    uint32_t rows;
    uint64_t names_bytes;
    uint32_t names_crc;
    uint32_t matrix_crc;
    char model[65];
    size_t names;  /* where the names begin, from the block's start */
    size_t matrix; /* where the matrix begins */
    size_t length; /* of the whole block */
} nj_block;

/* n to the next multiple of NJ_BLOCK_STEP. */
size_t nj_block_round(size_t n);

/* Fills in the places from width, rows and names_bytes; false when they are
 * too large for this machine. */
bool nj_block_place(nj_block *b);

/* Reads a header; false when there is none, or the block does not end within
 * `left` bytes. */
bool nj_block_read(const unsigned char *bytes, size_t left, nj_block *out);

/* Writes a header of NJ_BLOCK_HEADER bytes. */
void nj_block_write(const nj_block *b, unsigned char *out);

/* Whether n < NJ_BLOCK_STEP bytes are what a crash leaves of a new file. */
bool nj_block_begun(const unsigned char *bytes, size_t n);

/* Where whole blocks end in a file; 0 when there is not even its beginning. */
size_t nj_block_end(const unsigned char *bytes, size_t n);

#endif
