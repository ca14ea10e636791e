/* Embeddings of a folder's pictures, kept in a file so that nothing is computed
 * twice: `nightjar.embeddings` in that folder.
 *
 * The file is only appended to, block by block; a block counts once its header
 * is on the disk, and the header goes there after everything else. What was
 * cut off by a crash is therefore no block, and is overwritten next time. Later
 * rows of a path replace earlier ones. Vectors are used where they lie in the
 * mapped file. Networks are told apart by the sha256 of their weights; any
 * number of them may share the file.
 *
 * Form (little endian, every part begins at a multiple of 64 bytes):
 *
 *     file    "nightjar vectors" and 48 zeros, then blocks
 *     block   header of 128 bytes, names, matrix
 *     header  0  "njblock1"
 *             8  u32 width: numbers of a vector; 0: paths that were removed
 *             12 u32 rows
 *             16 u64 bytes of the names, without padding
 *             24 u32 crc32 of the names, u32 crc32 of the matrix
 *             32 64 hexadecimal digits: sha256 of the network's weights
 *             96 28 zeros
 *             124 u32 crc32 of the 124 bytes before
 *     names   for each row: u64 bytes of the file, i64 its time of change in
 *             nanoseconds since 1970, u32 length of its path, the path
 *             (relative, '/' between folders), a zero
 *     matrix  rows x width float32, row by row, each of length 1
 */
#ifndef NJ_ALBUM_EMBEDDINGS_H
#define NJ_ALBUM_EMBEDDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NJ_EMBEDDINGS_FILE "nightjar.embeddings"

/* One picture. */
typedef struct nj_embedded {
    const char *path;    /* relative to the folder, '/' between folders */
    uint64_t bytes;      /* size of the file that was read */
    int64_t changed;     /* its time of change, ns since 1970 */
    const float *vector; /* [width], of length 1 */
} nj_embedded;

typedef struct nj_embeddings nj_embeddings;

/* Reads what the file holds of the network with that sum; a file that does not
 * exist holds nothing. NJ_E_FORMAT: not such a file, or a damaged one. *out
 * is freed with nj_embeddings_free. */
nj_status nj_embeddings_open(const char *path, const char model[65],
                             nj_embeddings **out, nj_err *err) NJ_MUST_USE;
void nj_embeddings_free(nj_embeddings *e);

/* The same from memory, which is borrowed and lies at a multiple of 4. */
nj_status nj_embeddings_parse(const void *bytes, size_t n, const char model[65],
                              nj_embeddings **out, nj_err *err) NJ_MUST_USE;

/* Pictures, in the file's order; strings and vectors live as long as e. */
size_t nj_embeddings_count(const nj_embeddings *e);
const nj_embedded *nj_embeddings_at(const nj_embeddings *e, size_t i);
size_t nj_embeddings_width(const nj_embeddings *e); /* 0 when there are none */

/* The picture of that path or NULL. */
const nj_embedded *nj_embeddings_find(const nj_embeddings *e, const char *path);

/* Rows in the file that no longer count, of this network. */
size_t nj_embeddings_dead(const nj_embeddings *e);

/* Appends a block and returns when it is on the disk; waits for other writers.
 * With width 0 the paths are removed. */
nj_status nj_embeddings_append(const char *path, const char model[65],
                               size_t width, const nj_embedded *rows,
                               size_t count, nj_err *err) NJ_MUST_USE;

/* Writes the file again with one block for this network, without the rows that
 * no longer count; replaces the file in one step. */
nj_status nj_embeddings_compact(const char *path, const char model[65],
                                nj_err *err) NJ_MUST_USE;

#endif
