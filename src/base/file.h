/* Files: read whole, map, and write whole or not at all. */
#ifndef NJ_BASE_FILE_H
#define NJ_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Reads a regular file of at most `limit` bytes. *bytes gets a final NUL that
 * does not count in *n; the caller frees it. */
nj_status nj_file_read(const char *path, size_t limit, char **bytes, size_t *n,
                       nj_err *err) NJ_MUST_USE;

/* A read-only map of a whole regular file. An empty file maps to n = 0. */
typedef struct nj_map {
    const unsigned char *bytes;
    size_t n;
} nj_map;

nj_status nj_map_open(const char *path, nj_map *map, nj_err *err) NJ_MUST_USE;
void nj_map_close(nj_map *map);

/* Lets go of the memory that holds n bytes at `start` inside the map: it no
 * longer counts as resident, and is read from the file when it is used again.
 */
void nj_map_forget(const nj_map *map, const void *start, size_t n);

/* Writes n bytes to a temporary file in the folder of `path`, syncs it,
 * renames it to `path` and syncs the folder. On failure no temporary file is
 * left behind and an older file stays. Only when the folder cannot be synced
 * the new file is there in spite of the failure, whole, and a loss of power may
 * bring the older one back. */
nj_status nj_file_write_atomic(const char *path, const void *bytes, size_t n,
                               nj_err *err) NJ_MUST_USE;

/* Gives a file the name `to` too, or instead where a file system knows no
 * second names. A file `to` that is there stays as it is. */
nj_status nj_file_keep_as(const char *path, const char *to,
                          nj_err *err) NJ_MUST_USE;

/* Removes what writers that are gone have left in a folder: temporary files
 * that nobody holds a lock on. Where files cannot be locked nothing is
 * removed. */
void nj_file_tidy(const char *folder);

/* A file without a name in `folder`, for reading and writing: it is gone when
 * *fd is closed, however that is. The caller closes it. */
nj_status nj_file_open_unnamed(const char *folder, int *fd,
                               nj_err *err) NJ_MUST_USE;

/* Writes n bytes where an open file stands; `path` is its name in messages. */
nj_status nj_file_write_all(int fd, const char *path, const void *bytes,
                            size_t n, nj_err *err) NJ_MUST_USE;

/* Whether files can be made in a folder: one is made and removed. */
nj_status nj_file_probe(const char *folder, nj_err *err) NJ_MUST_USE;

/* "cannot <doing> '<path>': <reason>" from errno; NJ_E_NO_SPACE for a full
 * disk, else NJ_E_IO. */
nj_status nj_file_error(nj_err *err, const char *doing, const char *path);

/* Makes what was made, renamed or removed in a folder outlast a loss of power,
 * where its file system can do that. */
nj_status nj_folder_sync(const char *folder, nj_err *err) NJ_MUST_USE;

/* Makes a folder and its parents, lasting if that can be had; an existing
 * folder is fine. */
nj_status nj_make_folders(const char *path, nj_err *err) NJ_MUST_USE;

/* The same, then use(path, user), which may need the folder to stay: another
 * process that only looks may take it away while it is still empty, and then
 * both are tried again. Folders that were not there are taken away once more
 * when that failed, or unless `keep`, as far as they are empty. */
nj_status nj_use_folder(const char *path, bool keep,
                        nj_status (*use)(const char *path, void *user,
                                         nj_err *err),
                        void *user, nj_err *err) NJ_MUST_USE;

/* nj_file_write_atomic that makes the folder of `path` when it is not there.
 * On failure that is not left behind either. */
nj_status nj_file_write_in_folder(const char *path, const void *bytes, size_t n,
                                  nj_err *err) NJ_MUST_USE;

/* Lower-case hex sha256 of a whole file (65 bytes with the NUL). */
nj_status nj_file_sha256(const char *path, char hex[65],
                         nj_err *err) NJ_MUST_USE;

/* The same of n bytes in memory. */
void nj_sha256(const void *bytes, size_t n, char hex[65]);

/* The first 64 bits of that sum, for tables that know texts by a number. */
uint64_t nj_sha256_number(const void *bytes, size_t n);

#endif
