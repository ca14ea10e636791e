/* Manifest: see manifest.h. */
#include "run/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define PIECE       ((size_t)1 << 18) /* read at once */
#define LONGEST_MAX ((size_t)1 << 30) /* of a line */

static const char mark[] = ",\"crc\":\"";

nj_status nj_manifest_open(const char *folder, int shard, int shards,
                           nj_manifest *out, nj_err *err)
{
    char name[64] = "nightjar.jsonl";

    *out = (nj_manifest){.fd = -1};
    if (shards > 1)
        snprintf(name, sizeof(name), "nightjar.%dof%d.jsonl", shard, shards);
    out->path = nj_path_join(folder, name);
    if (!out->path)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the manifest");
    out->fd = open(out->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return out->fd < 0 ? nj_file_error(err, "open", out->path) : NJ_OK;
}

void nj_manifest_close(nj_manifest *m)
{
    if (m->fd >= 0)
        close(m->fd);
    free(m->path);
    *m = (nj_manifest){.fd = -1};
}

static void add_time(cJSON *object)
{
    time_t now = time(NULL);
    struct tm utc;
    char text[32];

    if (gmtime_r(&now, &utc) &&
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc))
        cJSON_AddStringToObject(object, "time", text);
}

static unsigned long sum_of(const char *text, size_t n)
{
    return crc32(crc32(0, NULL, 0), (const Bytef *)text, (uInt)n);
}

/* {"a":1} -> {"a":1,"crc":"0123abcd"} and a newline. */
static char *line_of(cJSON *object)
{
    char *text;
    nj_str s = {0};
    size_t n;

    add_time(object);
    text = nj_json_print(object);
    if (!text)
        return NULL;
    n = strlen(text) - 1;
    nj_str_addn(&s, text, n);
    nj_str_addf(&s, "%s%08lx\"}\n", mark, sum_of(text, n));
    cJSON_free(text);
    return nj_str_take(&s);
}

/* Whether the last line lacks its newline: a crash tore it. */
static bool is_torn(const nj_manifest *m)
{
    off_t end = lseek(m->fd, 0, SEEK_END);
    char last;

    return end > 0 && pread(m->fd, &last, 1, end - 1) == 1 && last != '\n';
}

/* In one write, so that lines of several processes never mix. What a full disk
 * cuts off cannot be taken back: others may have written behind it. */
static nj_status append(const nj_manifest *m, const char *text, nj_err *err)
{
    nj_str s = {0};
    ssize_t put;

    if (is_torn(m))
        nj_str_addc(&s, '\n');
    nj_str_add(&s, text);
    if (!nj_str_ok(&s)) {
        nj_str_release(&s);
        return nj_fail(err, NJ_E_MEMORY, "no memory for the manifest");
    }
    do {
        put = write(m->fd, s.text, s.length);
    } while (put < 0 && errno == EINTR);
    if (put >= 0 && (size_t)put < s.length)
        errno = ENOSPC;
    put -= (ssize_t)s.length;
    nj_str_release(&s);
    return put == 0 ? NJ_OK : nj_file_error(err, "write", m->path);
}

nj_status nj_manifest_add(nj_manifest *m, cJSON *object, bool lasting,
                          nj_err *err)
{
    char *text = object ? line_of(object) : NULL;
    nj_status status;

    cJSON_Delete(object);
    if (!text)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the manifest");
    status = append(m, text, err);
    free(text);
    if (status == NJ_OK && lasting && fdatasync(m->fd) != 0)
        status = nj_file_error(err, "sync", m->path);
    return status;
}

static bool is_manifest(const char *name)
{
    int shard;
    int shards;
    int end = 0;

    if (strcmp(name, "nightjar.jsonl") == 0)
        return true;
    return sscanf(name, "nightjar.%9dof%9d.jsonl%n", &shard, &shards, &end) ==
               2 &&
           end > 0 && name[end] == '\0';
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

nj_status nj_manifest_find(const char *folder, nj_list *paths, nj_err *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool good = true;

    if (!dir)
        return nj_fail(err, NJ_E_IO, "cannot open '%s': %s", folder,
                       strerror(errno));
    while (good && (entry = readdir(dir))) {
        char *path;

        if (!is_manifest(entry->d_name))
            continue;
        path = nj_path_join(folder, entry->d_name);
        good = path && nj_list_add(paths, path);
        free(path);
    }
    closedir(dir);
    if (!good)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the manifests");
    if (paths->count)
        qsort(paths->items, paths->count, sizeof(*paths->items), by_text);
    return NJ_OK;
}

cJSON *nj_manifest_parse(const char *line, size_t n)
{
    const size_t tail = sizeof(mark) - 1 + 8 + 2;
    char sum[32];
    cJSON *object;

    if (n <= tail || memcmp(line + n - tail, mark, sizeof(mark) - 1) != 0)
        return NULL;
    snprintf(sum, sizeof(sum), "%08lx\"}", sum_of(line, n - tail));
    if (memcmp(line + n - 10, sum, 10) != 0 ||
        nj_json_parse(line, n, &object, NULL) != NJ_OK)
        return NULL;
    if (cJSON_IsObject(object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* What was read of a manifest and not given away yet. A run of months writes
 * more than fits into memory, so it is read piece by piece. */
struct reader {
    const char *path;
    int fd;
    char *bytes;
    size_t n;
    size_t capacity;
    size_t looked_at; /* bytes that hold no newline */
};

/* Reads a piece from `at` on behind what is there; *more: there was one. */
static nj_status read_piece(struct reader *r, uint64_t at, bool *more,
                            nj_err *err)
{
    ssize_t got;

    if (r->n > LONGEST_MAX)
        return nj_fail(err, NJ_E_FORMAT, "'%s' has a line that is too long",
                       r->path);
    if (!nj_grow(&r->bytes, &r->capacity, r->n + PIECE, 1))
        return nj_fail(err, NJ_E_MEMORY, "no memory for '%s'", r->path);
    do {
        got = pread(r->fd, r->bytes + r->n, PIECE, (off_t)at);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return nj_file_error(err, "read", r->path);
    r->n += (size_t)got;
    *more = got > 0;
    return NJ_OK;
}

static void give_line(const char *text, size_t n,
                      void (*line)(void *user, const cJSON *object), void *user,
                      size_t *torn)
{
    cJSON *object = n ? nj_manifest_parse(text, n) : NULL;

    if (object)
        line(user, object);
    else if (n)
        (*torn)++;
    cJSON_Delete(object);
}

/* Gives all lines away that have their newline; returns their bytes. */
static size_t give_lines(struct reader *r,
                         void (*line)(void *user, const cJSON *object),
                         void *user, size_t *torn)
{
    const char *from = r->bytes + r->looked_at;
    const char *end = r->bytes + r->n;
    const char *newline;
    size_t given = 0;

    while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
        size_t next = (size_t)(newline - r->bytes) + 1;

        give_line(r->bytes + given, next - 1 - given, line, user, torn);
        given = next;
        from = newline + 1;
    }
    r->n -= given;
    memmove(r->bytes, r->bytes + given, r->n);
    r->looked_at = r->n;
    return given;
}

/* `ends`: what has no newline is a line too. */
static nj_status read_lines(const char *path, uint64_t *offset, bool ends,
                            void (*line)(void *user, const cJSON *object),
                            void *user, size_t *torn, nj_err *err)
{
    struct reader r = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    nj_status status = NJ_OK;
    bool more = true;

    if (r.fd < 0)
        return errno == ENOENT ? NJ_OK : nj_file_error(err, "open", path);
    while (status == NJ_OK && more) {
        status = read_piece(&r, *offset + r.n, &more, err);
        if (status == NJ_OK)
            *offset += give_lines(&r, line, user, torn);
    }
    if (status == NJ_OK && ends)
        give_line(r.bytes, r.n, line, user, torn);
    close(r.fd);
    free(r.bytes);
    return status;
}

nj_status nj_manifest_follow(const char *path, uint64_t *offset,
                             void (*line)(void *user, const cJSON *object),
                             void *user, size_t *torn, nj_err *err)
{
    return read_lines(path, offset, false, line, user, torn, err);
}

nj_status nj_manifest_read(const char *path,
                           void (*line)(void *user, const cJSON *object),
                           void *user, size_t *torn, nj_err *err)
{
    uint64_t offset = 0;

    return read_lines(path, &offset, true, line, user, torn, err);
}
