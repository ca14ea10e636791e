/* Claims: see claims.h. Open file description locks, so that two jobs within
 * one process exclude each other too. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "run/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"

#define LOOK_SECONDS .01

static const char lock_name[] = ".nightjar.lock";

nj_status nj_claims_open(const char *folder, nj_claims *out, nj_err *err)
{
    char *path = nj_path_join(folder, lock_name);
    nj_status status = NJ_OK;

    out->fd = -1;
    if (!path)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
    out->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (out->fd < 0)
        status = nj_file_error(err, "open", path);
    free(path);
    return status;
}

void nj_claims_close(nj_claims *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* The byte of a name: 62 bits of its sha256, so two names never meet. */
static struct flock place_of(const char *name, short type)
{
    struct flock place = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};

    place.l_start = (off_t)(nj_sha256_number(name, strlen(name)) >> 2);
    return place;
}

bool nj_claims_take(nj_claims *c, const char *name)
{
    struct flock place = place_of(name, F_WRLCK);

    return fcntl(c->fd, F_OFD_SETLK, &place) == 0 ||
           (errno != EAGAIN && errno != EACCES);
}

bool nj_claims_wait(nj_claims *c, const char *name, double seconds)
{
    const struct timespec pause = {0, (long)(LOOK_SECONDS * 1e9)};
    bool ours = nj_claims_take(c, name);

    for (; !ours && seconds > 0; seconds -= LOOK_SECONDS) {
        nanosleep(&pause, NULL);
        ours = nj_claims_take(c, name);
    }
    return ours;
}

void nj_claims_give(nj_claims *c, const char *name)
{
    struct flock place = place_of(name, F_UNLCK);

    fcntl(c->fd, F_OFD_SETLK, &place);
}
