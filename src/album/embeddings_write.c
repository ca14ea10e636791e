/* Embeddings of pictures, writing: see embeddings.h. */
#define _GNU_SOURCE
#include "album/embeddings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "album/embeddings_block.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- a block in memory --------------------------------------------------- */

static void add_zeros(nj_str *s, size_t upto)
{
    while (s->length < upto && !s->failed)
        nj_str_addc(s, '\0');
}

static void add_name(nj_str *s, const nj_embedded *row)
{
    uint32_t length = (uint32_t)strlen(row->path);

    nj_str_addn(s, (const char *)&row->bytes, 8);
    nj_str_addn(s, (const char *)&row->changed, 8);
    nj_str_addn(s, (const char *)&length, 4);
    nj_str_addn(s, row->path, (size_t)length + 1);
}

/* Appends a whole block; its header is at `start`. */
static nj_status add_block(nj_str *s, const char model[65], size_t width,
                           const nj_embedded *rows, size_t count, nj_err *err)
{
    nj_block b = {.width = (uint32_t)width, .rows = (uint32_t)count};
    size_t start = s->length;
    size_t row_bytes = width * sizeof(float);
    const Bytef *at;

    memcpy(b.model, model, sizeof(b.model));
    add_zeros(s, start + NJ_BLOCK_HEADER);
    for (size_t i = 0; i < count; i++)
        add_name(s, &rows[i]);
    b.names_bytes = s->length - start - NJ_BLOCK_HEADER;
    add_zeros(s, start + nj_block_round(s->length - start));
    for (size_t i = 0; i < count && row_bytes; i++)
        nj_str_addn(s, (const char *)rows[i].vector, row_bytes);
    add_zeros(s, start + nj_block_round(s->length - start));
    if (!nj_str_ok(s) || !nj_block_place(&b))
        return nj_fail(err, NJ_E_MEMORY, "no memory for embeddings");
    at = (const Bytef *)s->text + start;
    b.names_crc = (uint32_t)crc32_z(0, at + b.names, (size_t)b.names_bytes);
    b.matrix_crc = (uint32_t)crc32_z(0, at + b.matrix, count * row_bytes);
    nj_block_write(&b, (unsigned char *)s->text + start);
    return NJ_OK;
}

/* ---- the file, with nobody else writing ---------------------------------- */

/* Opens and locks the file that has this name once the lock is there: another
 * process may have replaced it while this one waited. */
static int open_alone(const char *path, nj_err *err)
{
    struct stat ours;
    struct stat named;

    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

        if (fd < 0) {
            nj_file_error(err, "open", path);
            return -1;
        }
        flock(fd, LOCK_EX);
        if (fstat(fd, &ours) == 0 && stat(path, &named) == 0 &&
            ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
            return fd;
        close(fd);
    }
}

static nj_status write_at(int fd, const char *path, const char *bytes, size_t n,
                          size_t at, nj_err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(fd, bytes + done, n - done, (off_t)(at + done));

        if (put < 0 && errno != EINTR)
            return nj_file_error(err, "write", path);
        done += put > 0 ? (size_t)put : 0;
    }
    return fdatasync(fd) == 0 ? NJ_OK : nj_file_error(err, "sync", path);
}

/* Where whole blocks end; what a crash left behind them is cut off. A file
 * of another kind is not touched. */
static nj_status find_end(int fd, const char *path, size_t *end, nj_err *err)
{
    nj_map map;
    nj_status status = nj_map_open(path, &map, err);
    bool begun;
    size_t n;

    if (status != NJ_OK)
        return status;
    n = map.n;
    *end = nj_block_end(map.bytes, n);
    begun = nj_block_begun(map.bytes, n);
    nj_map_close(&map);
    if (*end == 0 && !begun)
        return nj_fail(err, NJ_E_FORMAT,
                       "'%s' is in the way: it is not a file of embeddings",
                       path);
    if (n > *end && ftruncate(fd, (off_t)*end) != 0)
        return nj_file_error(err, "shorten", path);
    return NJ_OK;
}

/* The body first, then the header that makes it count. */
static nj_status write_block(int fd, const char *path, const nj_str *block,
                             size_t end, nj_err *err)
{
    char start[NJ_BLOCK_STEP] = NJ_BLOCK_MAGIC;
    nj_status status = NJ_OK;

    if (end == 0) {
        end = NJ_BLOCK_STEP;
        status = write_at(fd, path, start, NJ_BLOCK_STEP, 0, err);
    }
    if (status == NJ_OK)
        status = write_at(fd, path, block->text + NJ_BLOCK_HEADER,
                          block->length - NJ_BLOCK_HEADER,
                          end + NJ_BLOCK_HEADER, err);
    if (status == NJ_OK)
        status = write_at(fd, path, block->text, NJ_BLOCK_HEADER, end, err);
    return status;
}

nj_status nj_embeddings_append(const char *path, const char model[65],
                               size_t width, const nj_embedded *rows,
                               size_t count, nj_err *err)
{
    nj_str block = {0};
    size_t end = 0;
    int fd = -1;
    nj_status status = NJ_OK;

    if (count == 0)
        return NJ_OK;
    status = add_block(&block, model, width, rows, count, err);
    if (status == NJ_OK && (fd = open_alone(path, err)) < 0)
        status = NJ_E_IO;
    if (status == NJ_OK)
        status = find_end(fd, path, &end, err);
    if (status == NJ_OK)
        status = write_block(fd, path, &block, end, err);
    if (fd >= 0)
        close(fd);
    nj_str_release(&block);
    return status;
}

/* Other networks' blocks as they are, then one of this network. */
static nj_status rewrite(const char *path, const char model[65], nj_err *err)
{
    nj_embeddings *e = NULL;
    nj_map map = {0};
    nj_str s = {0};
    nj_block b;
    nj_status status = nj_map_open(path, &map, err);
    size_t end = status == NJ_OK ? nj_block_end(map.bytes, map.n) : 0;

    if (status == NJ_OK)
        status = nj_embeddings_parse(map.bytes, map.n, model, &e, err);
    nj_str_add(&s, NJ_BLOCK_MAGIC);
    add_zeros(&s, NJ_BLOCK_STEP);
    for (size_t at = NJ_BLOCK_STEP; status == NJ_OK && at < end &&
                                    nj_block_read(map.bytes + at, end - at, &b);
         at += b.length) {
        if (strcmp(b.model, model) != 0)
            nj_str_addn(&s, (const char *)map.bytes + at, b.length);
    }
    if (status == NJ_OK && nj_embeddings_count(e) > 0)
        status = add_block(&s, model, nj_embeddings_width(e),
                           nj_embeddings_at(e, 0), nj_embeddings_count(e), err);
    if (status == NJ_OK && !nj_str_ok(&s))
        status = nj_fail(err, NJ_E_MEMORY, "no memory for embeddings");
    if (status == NJ_OK)
        status = nj_file_write_atomic(path, s.text, s.length, err);
    nj_str_release(&s);
    nj_embeddings_free(e);
    nj_map_close(&map);
    return status;
}

nj_status nj_embeddings_compact(const char *path, const char model[65],
                                nj_err *err)
{
    int fd = open_alone(path, err);
    nj_status status;

    if (fd < 0)
        return NJ_E_IO;
    status = rewrite(path, model, err);
    close(fd);
    return status;
}
