/* Writing files whole: see file.h. A file is replaced by rename, so a reader
 * sees the old or the new one, never a part. A temporary file is locked by its
 * writer for as long as that lives, so that what dead writers have left can be
 * told from what others are writing. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define PREFIX ".nightjar-"
#define SUFFIX ".part"

nj_status nj_file_write_all(int fd, const char *path, const void *bytes,
                            size_t n, nj_err *err)
{
    const char *p = bytes;

    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, p + done, n - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return nj_file_error(err, "write", path);
        done += (size_t)put;
    }
    return NJ_OK;
}

/* ---- temporary files ----------------------------------------------------- */

static bool lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &whole) == 0;
}

/* Whether a new file is still there: between its making and its lock somebody
 * may have taken it for one that a dead writer left, and removed it or locked
 * it to do so. A file system without locks is no error. */
static bool kept(int fd)
{
    struct stat st;

    if (!lock(fd) && errno == EAGAIN)
        return false;
    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* A new file beside the target; the name goes to `name`. -1: see *err. */
static int open_temporary(const char *folder, nj_str *name, nj_err *err)
{
    static atomic_uint next;

    for (;;) {
        int fd;

        nj_str_release(name);
        nj_str_addf(name, "%s/" PREFIX "%ld-%u" SUFFIX, folder, (long)getpid(),
                    atomic_fetch_add(&next, 1));
        if (!nj_str_ok(name)) {
            nj_fail(err, NJ_E_MEMORY, "no memory for a path");
            return -1;
        }
        fd = open(name->text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0) {
            nj_file_error(err, "make a file in", folder);
            return -1;
        }
        if (kept(fd))
            return fd;
        close(fd);
    }
}

static bool is_temporary(const char *name)
{
    size_t n = strlen(name);

    return strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0 &&
           n >= sizeof(PREFIX SUFFIX) - 1 &&
           strcmp(name + n - (sizeof(SUFFIX) - 1), SUFFIX) == 0;
}

static void remove_left(const char *path)
{
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return;
    if (lock(fd))
        unlink(path);
    close(fd);
}

void nj_file_tidy(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char *path = is_temporary(entry->d_name)
                         ? nj_path_join(folder, entry->d_name)
                         : NULL;

        if (path)
            remove_left(path);
        free(path);
    }
    if (dir)
        closedir(dir);
}

/* It has the name of a temporary file until it is taken away: who is killed in
 * between leaves what nj_file_tidy removes. */
nj_status nj_file_open_unnamed(const char *folder, int *fd, nj_err *err)
{
    nj_str name = {0};
    nj_err why = {0};

    *fd = open_temporary(folder, &name, &why);
    if (*fd >= 0)
        unlink(name.text);
    nj_str_release(&name);
    return *fd >= 0 ? NJ_OK : nj_fail(err, why.code, "%s", why.text);
}

nj_status nj_file_probe(const char *folder, nj_err *err)
{
    int fd;
    nj_status status = nj_file_open_unnamed(folder, &fd, err);

    if (status == NJ_OK)
        close(fd);
    return status;
}

/* ---- whole files --------------------------------------------------------- */

static nj_status fill_and_rename(int fd, const char *temporary,
                                 const char *path, const void *bytes, size_t n,
                                 nj_err *err)
{
    nj_status status = nj_file_write_all(fd, path, bytes, n, err);

    if (status == NJ_OK && fsync(fd) != 0)
        status = nj_file_error(err, "sync", path);
    if (status == NJ_OK && rename(temporary, path) != 0)
        status = nj_file_error(err, "rename to", path);
    if (status != NJ_OK)
        unlink(temporary);
    /* The lock goes with the descriptor: not before the name has gone. */
    if (close(fd) != 0 && status == NJ_OK)
        status = nj_file_error(err, "close", path);
    return status;
}

nj_status nj_file_write_atomic(const char *path, const void *bytes, size_t n,
                               nj_err *err)
{
    nj_str temporary = {0};
    char *folder = nj_path_folder(path);
    nj_err why = {0};
    nj_status status;
    int fd = -1;

    if (!folder)
        return nj_fail(err, NJ_E_MEMORY, "no memory to write '%s'", path);
    fd = open_temporary(folder, &temporary, &why);
    if (fd < 0)
        status =
            nj_fail(err, why.code, "cannot write '%s': %s", path, why.text);
    else
        status = fill_and_rename(fd, temporary.text, path, bytes, n, err);
    if (status == NJ_OK)
        status = nj_folder_sync(folder, err);
    nj_str_release(&temporary);
    free(folder);
    return status;
}

struct contents {
    const char *path;
    const void *bytes;
    size_t n;
};

static nj_status write_contents(const char *folder, void *user, nj_err *err)
{
    const struct contents *c = user;

    (void)folder;
    return nj_file_write_atomic(c->path, c->bytes, c->n, err);
}

nj_status nj_file_write_in_folder(const char *path, const void *bytes, size_t n,
                                  nj_err *err)
{
    struct contents c = {path, bytes, n};
    char *folder = nj_path_folder(path);
    nj_status status;

    if (!folder)
        return nj_fail(err, NJ_E_MEMORY, "no memory to write '%s'", path);
    status = nj_use_folder(folder, true, write_contents, &c, err);
    free(folder);
    return status;
}

nj_status nj_file_keep_as(const char *path, const char *to, nj_err *err)
{
    if (link(path, to) == 0 || errno == EEXIST)
        return NJ_OK;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return nj_file_error(err, "keep the file", path);
    return rename(path, to) == 0 ? NJ_OK : nj_file_error(err, "rename to", to);
}
