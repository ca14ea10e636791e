/* Files: see file.h. Every name that goes wrong is named. Writing is in
 * file_write.c. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define FOLDER_TRIES 100

/* A page that is read brings its neighbours along (fault-around of Linux). */
#define NEIGHBOURS ((uintptr_t)1 << 16)

nj_status nj_file_error(nj_err *err, const char *doing, const char *path)
{
    bool full = errno == ENOSPC || errno == EDQUOT;

    return nj_fail(err, full ? NJ_E_NO_SPACE : NJ_E_IO, "cannot %s '%s': %s",
                   doing, path, strerror(errno));
}

/* Opens a regular file for reading; returns the descriptor or -1. */
static int open_regular(const char *path, size_t *size, nj_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        nj_file_error(err, "open", path);
        return -1;
    }
    if (fstat(fd, &st) != 0) {
        nj_file_error(err, "examine", path);
    } else if (!S_ISREG(st.st_mode)) {
        nj_fail(err, NJ_E_IO, "cannot read '%s': %s", path,
                S_ISDIR(st.st_mode) ? "it is a folder" : "not a regular file");
    } else {
        *size = (size_t)st.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

static nj_status read_all(int fd, const char *path, char *bytes, size_t n,
                          nj_err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(fd, bytes + done, n - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nj_file_error(err, "read", path);
        if (got == 0)
            return nj_fail(err, NJ_E_IO, "cannot read '%s': it became shorter",
                           path);
        done += (size_t)got;
    }
    return NJ_OK;
}

nj_status nj_file_read(const char *path, size_t limit, char **bytes, size_t *n,
                       nj_err *err)
{
    size_t size;
    char *buffer = NULL;
    nj_status status;
    int fd = open_regular(path, &size, err);

    if (fd < 0)
        return NJ_E_IO;
    if (size > limit) {
        status = nj_fail(err, NJ_E_FORMAT,
                         "'%s' is too large: %zu bytes, at most %zu expected",
                         path, size, limit);
    } else if (!(buffer = malloc(size + 1))) {
        status = nj_fail(err, NJ_E_MEMORY, "no memory to read '%s'", path);
    } else {
        status = read_all(fd, path, buffer, size, err);
    }
    close(fd);
    if (status != NJ_OK) {
        free(buffer);
        return status;
    }
    buffer[size] = '\0';
    *bytes = buffer;
    *n = size;
    return NJ_OK;
}

nj_status nj_map_open(const char *path, nj_map *map, nj_err *err)
{
    size_t size;
    void *bytes = NULL;
    int fd = open_regular(path, &size, err);

    if (fd < 0)
        return NJ_E_IO;
    if (size) {
        bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            nj_status status = nj_file_error(err, "map", path);

            close(fd);
            return status;
        }
    }
    close(fd);
    map->bytes = bytes;
    map->n = size;
    return NJ_OK;
}

void nj_map_close(nj_map *map)
{
    if (map->n)
        munmap((void *)(uintptr_t)map->bytes, map->n);
    *map = (nj_map){0};
}

void nj_map_forget(const nj_map *map, const void *start, size_t n)
{
    const uintptr_t low = (uintptr_t)map->bytes;
    uintptr_t first = (uintptr_t)start / NEIGHBOURS * NEIGHBOURS;
    uintptr_t end = ((uintptr_t)start + n) / NEIGHBOURS * NEIGHBOURS;

    first = first < low ? low : first;
    end = end + NEIGHBOURS > low + map->n ? low + map->n : end + NEIGHBOURS;
    /* Only a hint: pages that stay do no harm. */
    if (n)
        madvise((void *)first, end - first, MADV_DONTNEED);
}

nj_status nj_folder_sync(const char *folder, nj_err *err)
{
    nj_status status = NJ_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return nj_file_error(err, "open", folder);
    /* Some file systems cannot sync a folder and say EINVAL: not a loss. */
    if (fsync(fd) != 0 && errno != EINVAL)
        status = nj_file_error(err, "sync", folder);
    close(fd);
    return status;
}

/* A folder's name outlasts a loss of power once its parent is synced. One that
 * may be written but not read cannot be. */
static void sync_parent(const char *path)
{
    char *parent = nj_path_folder(path);
    nj_status tried = parent ? nj_folder_sync(parent, NULL) : NJ_E_MEMORY;

    (void)tried;
    free(parent);
}

static nj_status make_folder(const char *path, nj_list *made, nj_err *err)
{
    struct stat st;

    if (mkdir(path, 0777) == 0) {
        if (made && !nj_list_add(made, path)) {
            rmdir(path);
            return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
        }
        sync_parent(path);
        return NJ_OK;
    }
    if (errno != EEXIST)
        return nj_file_error(err, "make the folder", path);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return NJ_OK;
    return nj_fail(err, NJ_E_IO,
                   "cannot make the folder '%s': a file has that name", path);
}

/* Folders that were not there are appended to `made`, outermost first, also on
 * failure. */
static nj_status make_folders(const char *path, nj_list *made, nj_err *err)
{
    nj_status status = NJ_OK;
    char *copy = nj_strdup(path);

    if (!copy)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
    for (char *p = copy + 1; status == NJ_OK && copy[0] && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        status = make_folder(copy, made, err);
        *p = '/';
    }
    if (status == NJ_OK)
        status = make_folder(copy, made, err);
    free(copy);
    return status;
}

nj_status nj_make_folders(const char *path, nj_err *err)
{
    return make_folders(path, NULL, err);
}

nj_status nj_use_folder(const char *path, bool keep,
                        nj_status (*use)(const char *path, void *user,
                                         nj_err *err),
                        void *user, nj_err *err)
{
    nj_list made = {0};
    nj_status status = NJ_E_IO;

    for (int tries = 0; status != NJ_OK && tries < FOLDER_TRIES; tries++) {
        status = make_folders(path, &made, err);
        if (status == NJ_OK)
            status = use(path, user, err);
        if (access(path, F_OK) == 0)
            break;
    }
    for (size_t i = made.count; i > 0 && (!keep || status != NJ_OK); i--)
        rmdir(made.items[i - 1]);
    nj_list_release(&made);
    return status;
}
