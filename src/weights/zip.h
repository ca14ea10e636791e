/* Zip archives, read-only, as memory: finding records and their bytes.
 *
 * The central directory alone says what there is; a local header must agree
 * with it. Stored records are used where they lie; deflated ones are inflated
 * into memory that grows with what really comes out. Every record that is used
 * is checked against its CRC-32. Format: PKWARE's APPNOTE 6.3.
 * Not for: encryption, several disks, other methods.
 */
#ifndef NJ_WEIGHTS_ZIP_H
#define NJ_WEIGHTS_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"

typedef struct nj_zip_entry {
    const char *name; /* in the archive's bytes, without a NUL */
    size_t name_length;
    uint64_t packed;
    uint64_t size;
    uint64_t offset; /* of the local header */
    uint32_t crc;
    uint16_t method;
    uint16_t flags;
    const unsigned char *data; /* `size` checked bytes, once it was loaded */
    unsigned char *inflated;   /* the same when deflated: owned */
} nj_zip_entry;

typedef struct nj_zip {
    const unsigned char *bytes; /* the caller's */
    size_t n;
    const nj_map *map;     /* whose memory may be forgotten, or NULL */
    uint64_t directory;    /* where the central directory starts */
    uint64_t inflate_left; /* bytes that may still be inflated */
    nj_zip_entry *entries; /* sorted by name */
    size_t count;
    size_t capacity;
} nj_zip;

/* Reads the directory. On failure there is nothing to release. Where `map` is
 * given the bytes lie in it, and pages that only the checksum needed leave the
 * resident memory. */
nj_status nj_zip_init(nj_zip *z, const unsigned char *bytes, size_t n,
                      const nj_map *map, nj_err *err) NJ_MUST_USE;
void nj_zip_release(nj_zip *z);

/* The entry of that exact name, or NULL. */
nj_zip_entry *nj_zip_find(const nj_zip *z, const char *name, size_t length);

/* Makes e->data valid. */
nj_status nj_zip_load(nj_zip *z, nj_zip_entry *e, nj_err *err) NJ_MUST_USE;

#endif
