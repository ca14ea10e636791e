/* Manifest: see manifest.h. */
#define _GNU_SOURCE /* F_OFD_SETLKW */
#include "job/manifest.h"

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
#include "base/str.h"

#define MANIFEST_MAX ((size_t)1 << 30)

static const char mark[] = ",\"crc\":\"";

static nj_status system_error(const nj_manifest *m, const char *doing,
                              nj_err *err)
{
    bool full = errno == ENOSPC || errno == EDQUOT;

    return nj_fail(err, full ? NJ_E_NO_SPACE : NJ_E_IO, "cannot %s '%s': %s",
                   doing, m->path, strerror(errno));
}

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
    return out->fd < 0 ? system_error(out, "open", err) : NJ_OK;
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
    text = cJSON_PrintUnformatted(object);
    if (!text)
        return NULL;
    n = strlen(text) - 1;
    nj_str_addn(&s, text, n);
    nj_str_addf(&s, "%s%08lx\"}\n", mark, sum_of(text, n));
    cJSON_free(text);
    return nj_str_take(&s);
}

/* Whole-file lock for the moment of an append. A file system without locks is
 * no error: one process alone needs none. */
static void lock(const nj_manifest *m, short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};

    while (fcntl(m->fd, F_OFD_SETLKW, &whole) != 0 && errno == EINTR)
        continue;
}

/* Whether the last line lacks its newline: a crash tore it. */
static bool is_torn(const nj_manifest *m)
{
    off_t end = lseek(m->fd, 0, SEEK_END);
    char last;

    return end > 0 && pread(m->fd, &last, 1, end - 1) == 1 && last != '\n';
}

static nj_status append(const nj_manifest *m, const char *text, nj_err *err)
{
    size_t n = strlen(text);

    if (is_torn(m) && write(m->fd, "\n", 1) != 1)
        return system_error(m, "write", err);
    for (size_t done = 0; done < n;) {
        ssize_t put = write(m->fd, text + done, n - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return system_error(m, "write", err);
        done += (size_t)put;
    }
    return fdatasync(m->fd) == 0 ? NJ_OK : system_error(m, "sync", err);
}

nj_status nj_manifest_add(nj_manifest *m, cJSON *object, nj_err *err)
{
    char *text = object ? line_of(object) : NULL;
    nj_status status;

    cJSON_Delete(object);
    if (!text)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the manifest");
    lock(m, F_WRLCK);
    status = append(m, text, err);
    lock(m, F_UNLCK);
    free(text);
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

nj_status nj_manifest_read(const char *path,
                           void (*line)(void *user, const cJSON *object),
                           void *user, size_t *torn, nj_err *err)
{
    char *bytes;
    size_t n;
    nj_status status = nj_file_read(path, MANIFEST_MAX, &bytes, &n, err);
    const char *end;

    if (status != NJ_OK)
        return status;
    end = bytes + n;
    for (const char *p = bytes; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t length = (size_t)((newline ? newline : end) - p);
        cJSON *object = nj_manifest_parse(p, length);

        if (object)
            line(user, object);
        else if (length)
            (*torn)++;
        cJSON_Delete(object);
        p += length + 1;
    }
    free(bytes);
    return NJ_OK;
}
